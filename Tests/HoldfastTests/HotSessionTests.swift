import Glibc
import Holdfast
import HoldfastBytes
import HoldfastLog
import HoldfastSimulation
import Testing

@Suite struct HotSessionTests {
    let log = MemoryLog()

    @Test func manySessionsThroughAFewPlaces() throws {
        let store = try HoldfastStore.testing(log, hotSessions: 10)
        let client = try Client(store)
        for n in 0..<1_000 { client.send(#"{"id":\#(n),"op":"create","session":"s\#(n)"}"#) }
        for n in 0..<1_000 {
            client.send(#"{"id":\#(n),"op":"append","session":"s\#(n)","messages":[{"n":\#(n)}]}"#)
        }
        let replies = client.finish()
        #expect(replies.count == 2_000 && replies.allSatisfy(\.isOK))
        try store.writeBlocking(.append(to: "s0", ["{}"]))
        #expect(log.claimedCount <= 10)
        #expect(try store.getBlocking("s500").messages == [#"{"n":500}"#])
        #expect(try store.listBlocking(limit: 10_000).rows.allSatisfy { $0.summary.messageCount >= 1 })
        try store.close()
        #expect(log.claimedCount == 0)
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func theFolderOfANewSessionIsLookedForOnce(commit: CommitMode) throws {
        let machine = SimulatedMachine(commit: commit, clock: TestClock())
        let store = try machine.open().store
        try store.writeBlocking(.create("before"))
        let before = machine.storage.operations.count
        try store.writeBlocking(.create("s"))
        let folder = StoreLayout.sessionFolder(try #require(SessionID("s")))
        #expect(machine.storage.operations[before...].count { $0.kind == .list && $0.path == folder } == 1)
        try store.close()
    }

    /// A claim without records is a new session only if there is nothing else of it either.
    @Test(arguments: [false, true])
    func aSessionOfWhichOnlyASnapshotIsLeftIsNotBegunAnew(withoutIndex: Bool) throws {
        let machine = SimulatedMachine(clock: TestClock())
        let store = try machine.open().store
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.append(to: "s", ["{\"n\":1}"]))
        try store.compactBlocking("s")
        try store.close()
        for path in machine.storage.contents.keys
        where path.hasSuffix(".segment") || (withoutIndex && path.hasPrefix("index")) {
            try machine.storage.remove(path)
        }
        let again = try machine.open().store
        #expect(throws: HoldfastError.self) { try again.writeBlocking(.append(to: "s", ["{\"n\":2}"])) }
        #expect(throws: HoldfastError.self) { try again.writeBlocking(.create("s")) }
        try again.close()
    }

    @Test func aSessionInFlightIsNotLetGo() throws {
        let store = try HoldfastStore.testing(log, hotSessions: 1)
        for id in ["a", "b", "c"] { try store.writeBlocking(.create(id)) }
        log.holdingCommits {
            for id in ["a", "b", "c"] { store.submit(.append(to: id, ["{}"])) { _ in } }
            #expect(log.claimedCount == 3)
        }
        try store.flushBlocking()
        try store.writeBlocking(.append(to: "a", ["{}"]))
        #expect(log.claimedCount == 1)
        #expect(try store.getBlocking("b").summary.messageCount == 1)
    }

    @Test func deletedSessionsAreLetGoWhenTheyAreCompacted() throws {
        let store = try HoldfastStore(log: log)
        try store.writeBlocking(.create("live"))
        for n in 0..<20 {
            try store.writeBlocking(.create("s\(n)"))
            try store.writeBlocking(.delete("s\(n)"))
        }
        for _ in 0..<10_000 where log.claimedCount > 1 {
            usleep(1_000)
            _ = try store.getBlocking("live")
        }
        #expect(log.claimedCount == 1)
        #expect { try store.writeBlocking(.append(to: "s0", ["{}"])) } throws: {
            ($0 as? HoldfastError)?.code == .sessionDeleted
        }
        try store.close()
    }

    @Test func writersOfOneSessionFromManyThreads() async throws {
        let store = try HoldfastStore.testing(log, hotSessions: 2)
        for n in 0..<4 { try await store.write(.create("s\(n)")) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<400 {
                group.addTask { try await store.write(.append(to: "s\(n % 4)", [JSON("{\"n\":\(n)}")])) }
            }
            try await group.waitForAll()
        }
        for n in 0..<4 {
            let state = try await store.get("s\(n)", Window(limit: 1_000))
            #expect(Set(state.messages).count == 100 && state.summary.sequence == 101)
        }
    }
}
