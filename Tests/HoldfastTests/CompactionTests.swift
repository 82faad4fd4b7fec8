import Holdfast
import HoldfastLog
import HoldfastThreads
import Testing

@Suite struct CompactionTests {
    @Test func thePolicyBoundsWhatSnapshotsWrite() {
        let policy = CompactionPolicy()
        let mebibyte = 1 << 20
        func isDue(_ payload: Int, after snapshot: Int, idle: UInt64 = 0) -> Bool {
            policy.shouldSnapshot(CompactionLoad(payloadBytes: payload, snapshotBytes: snapshot), idle: idle)
        }
        #expect(!isDue(mebibyte - 1, after: 0) && isDue(mebibyte, after: 0))
        #expect(!isDue(10 * mebibyte, after: 20 * mebibyte) && isDue(20 * mebibyte, after: 20 * mebibyte))
        #expect(!isDue(64 << 10, after: 0, idle: 599_999) && isDue(64 << 10, after: 0, idle: 600_000))
        #expect(!isDue(mebibyte, after: 20 * mebibyte, idle: 1 << 40))
        #expect(isDue(3 * mebibyte, after: 20 * mebibyte, idle: 600_000))
    }

    @Test func busySessionsAreCompactedInTheBackground() throws {
        let log = MemoryLog()
        var options = StoreOptions()
        options.compaction.busyByteCount = 1_000
        let store = try HoldfastStore(log: log, options: options)
        try store.writeBlocking(.create("s"))
        let message = JSON("{\"t\":\"" + String(repeating: "x", count: 200) + "\"}")
        for _ in 0..<40 { try store.writeBlocking(.append(to: "s", [message])) }
        log.awaitSnapshot(of: "s")
        #expect(try store.getBlocking("s").messages == Array(repeating: message, count: 40))
        try store.close()
        #expect(log.snapshotText(of: "s") != nil)
    }

    @Test func readersAndWritersGoOnDuringCompactions() async throws {
        let log = MemoryLog()
        let store = try HoldfastStore.testing(log, hotSessions: 1)
        try await store.write(.create("s"))
        try await store.write(.create("other"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for _ in 0..<100 { try await store.write(.append(to: "s", ["{}"])) } }
            group.addTask { for _ in 0..<50 { try await store.compact("s") } }
            group.addTask { for _ in 0..<50 { try await store.write(.append(to: "other", ["{}"])) } }
            group.addTask {
                for _ in 0..<50 {
                    let state = try await store.get("s", Window(limit: 1_000))
                    #expect(state.messages.count == state.summary.messageCount)
                    #expect(state.summary.sequence == UInt64(state.messages.count) + 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.get("s").summary.messageCount == 100)
    }

    @Test func aDeletedSessionCompactsToItsTombstone() throws {
        let log = MemoryLog()
        let store = try HoldfastStore.testing(log)
        try store.writeBlocking(.create("s", fields: #"{"secret":1}"#))
        try store.writeBlocking(.append(to: "s", [#"{"secret":2}"#]))
        try store.writeBlocking(.delete("s"))
        #expect(try store.compactBlocking() == 1)
        #expect(log.snapshotText(of: "s")?.contains("secret") == false)
        let reopened = try HoldfastStore.testing(log.afterCrash())
        #expect(throws: HoldfastError(.sessionDeleted, "the session was deleted; its id stays taken")) {
            try reopened.writeBlocking(.create("s"))
        }
        #expect(try reopened.listBlocking().rows.isEmpty)
    }

    @Test func thereIsNothingToCompactTwice() throws {
        let store = try HoldfastStore.testing(MemoryLog())
        try store.writeBlocking(.create("s"))
        #expect(try store.compactBlocking("s") == 1)
        #expect(try store.compactBlocking("s") == 0)
        #expect(throws: HoldfastError.self) { try store.compactBlocking("none") }
    }
}
