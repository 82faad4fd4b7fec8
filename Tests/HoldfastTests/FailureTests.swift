import Holdfast
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

@Suite struct FailureTests {
    let log = MemoryLog(payloadLimit: 1_000)
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log)
        client = try Client(store)
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
        _ = client.call(#"{"id":0,"op":"create","session":"other"}"#)
    }

    func append(_ session: String = "s") -> Reply {
        client.call(#"{"id":1,"op":"append","session":"\#(session)","messages":[{"n":1}]}"#)
    }

    @Test func afterAFailedCommitTheSessionIsWhatTheLogKept() {
        _ = append()
        log.setHeld(true)
        for n in 1...3 { client.send(#"{"id":\#(n),"op":"append","session":"s","messages":[{}]}"#) }
        log.failNextCommit(LogError(.failed, "the disk is broken"))
        log.setHeld(false)
        let replies = client.wait(for: 6).suffix(3)
        #expect(replies.allSatisfy { $0.code == "failed" }, "\(replies)")
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#)["message_count"] == "1")
        #expect(append()["message_count"] == "2", "the session works again")
        #expect(append("other")["message_count"] == "1")
    }

    @Test func aReadBehindAWriteThatFailsFailsToo() {
        log.setHeld(true)
        client.send(#"{"id":1,"op":"append","session":"s","messages":[{}]}"#)
        client.send(#"{"id":2,"op":"get","session":"s"}"#)
        log.failNextCommit(LogError(.failed, "the disk is broken"))
        log.setHeld(false)
        #expect(client.wait(for: 4).suffix(2).map(\.code) == ["failed", "failed"])
    }

    @Test func aFullDiskRefusesWritesAndServesReads() {
        _ = append()
        log.setAppendError(LogError(.diskFull, "no room"))
        #expect(append().code == "disk_full")
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#)["message_count"] == "1")
        log.setAppendError(nil)
        #expect(append()["message_count"] == "2")
    }

    @Test func aRecordTooLongIsRefused() {
        let text = String(repeating: "x", count: 1_000)
        let reply = client.call(#"{"id":1,"op":"append","session":"s","messages":[{"t":"\#(text)"}]}"#)
        #expect(reply.code == "too_large")
        #expect(append()["message_count"] == "1")
        client.send(String(repeating: " ", count: client.lineLimit) + "{}")
        #expect(client.wait(for: 5).last?.code == "too_large")
    }

    @Test func aReadOnlyStoreReadsAndRefusesWrites() throws {
        _ = append()
        let survivor = log.afterCrash()
        survivor.setReadOnly()
        let reader = try Client(.testing(survivor))
        #expect(reader.call(#"{"id":1,"op":"get","session":"s"}"#).list("messages") == [#"{"n":1}"#])
        #expect(reader.call(#"{"id":1,"op":"delete","session":"s"}"#).code == "read_only")
    }

    @Test func aClaimTakenByAnotherIsSaid() throws {
        _ = append()
        try log.claimForAnother("s")
        #expect(append().code == "fenced")
        #expect(append()["message_count"] == "2", "the next operation claims the session anew")
    }

    @Test func aClosedStoreRefusesEverything() throws {
        try store.close()
        try store.close()
        #expect(append().code == "closed")
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#).code == "closed")
        #expect(client.call(#"{"id":1,"op":"list"}"#).code == "closed")
        #expect(log.claimedCount == 0)
    }

    @Test func aRecordOfALaterVersionIsDamageOfItsSessionOnly() throws {
        let survivor = log.afterCrash()
        survivor.addRecord(to: "s", kind: 200, payload: [1])
        let reopened = try Client(.testing(survivor))
        let read = reopened.call(#"{"id":1,"op":"get","session":"s"}"#)
        #expect(read.isOK && read["damaged", "after_sequence"] == "1", "\(read)")
        #expect(reopened.call(#"{"id":1,"op":"append","session":"s","messages":[{}]}"#).code == "damaged")
        #expect(reopened.call(#"{"id":1,"op":"append","session":"other","messages":[{}]}"#).isOK)
        #expect(reopened.call(#"{"id":1,"op":"list"}"#).list("sessions").count == 2)
    }

    /// The log is opened, for its replay can wait for room; the index, of which nothing is left, cannot.
    @Test func anOpeningThatFailsLetsGoOfTheStore() throws {
        let storage = SimulatedStorage()
        let first = try HoldfastStore.opened(in: storage)
        try first.store.writeBlocking(.create("a"))
        first.log.abandon()
        let image = storage.processCrash()
        try? image.remove("index.json")
        image.setAvailableBytes(0)
        // There is room again when the failed opening lets go: it could close the store in order.
        let hasTried = Lock(false)
        image.onOperation { operation, image in
            if operation.path == "index.json.tmp" { return hasTried.withLock { $0 = true } }
            if hasTried.withLock({ $0 }) { image.setAvailableBytes(nil) }
        }
        let error = #expect(throws: HoldfastError.self) {
            try HoldfastStore.opened(in: image)
        }
        #expect(error?.code == .diskFull)
        image.onOperation(nil)
        image.setAvailableBytes(nil)
        let again = try HoldfastStore.opened(in: image)
        #expect(!again.recovery.wasClosedCleanly, "the one that failed has not found what the crash left")
        #expect(try again.store.getBlocking("a").messages.isEmpty)
        try again.store.close()
    }
}
