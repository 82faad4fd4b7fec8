import Holdfast
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

@Suite struct ClosingTests {
    @Test func aStoreThatFailedIsClosedAllTheSameAndCanBeOpenedAgain() throws {
        let storage = SimulatedStorage()
        let opened = try HoldfastStore.opened(in: storage)
        try opened.store.writeBlocking(.create("s"))
        storage.inject(Fault(.io, on: .sync, path: "journal"))
        #expect(throws: HoldfastError.self) { try opened.store.writeBlocking(.append(to: "s", ["{}"])) }
        #expect(throws: HoldfastError.self) { try opened.store.close() }
        let again = try HoldfastStore.opened(in: storage)
        #expect(try again.store.getBlocking("s").summary.sequence >= 1)
        try again.store.close()
    }

    @Test func closingWaitsForOperationsInProgress() throws {
        let storage = SimulatedStorage()
        let store = try HoldfastStore.opened(in: storage).store
        try store.writeBlocking(.create("s"))
        for _ in 0..<20 { try store.writeBlocking(.append(to: "s", ["{}"])) }
        let isCompacting = Monitor(false)
        storage.onOperation { operation, _ in
            guard operation.path.contains("snapshot-") else { return }
            isCompacting.withLock { $0 = true }
            isCompacting.broadcast()
        }
        let compaction = try Thread.start(name: "compact") { _ = try? store.compactBlocking("s") }
        isCompacting.wait(until: { $0 }) { _ in }
        try store.close()
        let count = storage.operations.count
        compaction.join()
        #expect(storage.operations.count == count)
    }

    @Test func aConversationWithAClosedStoreReadsNothing() throws {
        let storage = SimulatedStorage()
        let store = try HoldfastStore.opened(in: storage).store
        try store.writeBlocking(.create("s"))
        let client = try Client(store)
        try store.close()
        let count = storage.operations.count
        for op in ["get", "queue", "runs", "run_events"] {
            #expect(client.call("{\"id\":1,\"op\":\"\(op)\",\"session\":\"s\"}").code == "closed")
        }
        for op in ["list", "pending", "flush", "router_stats"] {
            #expect(client.call("{\"id\":1,\"op\":\"\(op)\"}").code == "closed")
        }
        #expect(client.call(#"{"id":1,"op":"next_title","title":"t"}"#).code == "closed")
        #expect(client.call(#"{"id":1,"op":"router_get","session":"s"}"#).code == "closed")
        #expect(storage.operations.count == count)
    }

    @Test func aClosedStoreLeavesNothingInMemory() throws {
        weak var store: HoldfastStore?
        weak var log: LocalLog?
        do {
            let opened = try HoldfastStore.opened(in: SimulatedStorage())
            (store, log) = (opened.store, opened.log)
            try opened.store.writeBlocking(.create("s"))
            _ = try opened.store.getBlocking("s")
            try opened.store.compactBlocking("s")
            try opened.store.close()
        }
        #expect(store == nil && log == nil)
    }
}
