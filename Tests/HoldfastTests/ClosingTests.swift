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
        let gate = Monitor(Gate.open)
        storage.onOperation { operation, _ in
            guard operation.path.contains("snapshot-") else { return }
            gate.withLock { if $0 == .open { $0 = .reached } }
            gate.broadcast()
            gate.wait(until: { $0 == .passed }) { _ in }
        }
        let compaction = try Thread.start(name: "compact") { _ = try? store.compactBlocking("s") }
        gate.wait(until: { $0 == .reached }) { _ in }
        let isClosed = Monitor(false)
        let closing = try Thread.start(name: "close") {
            try? store.close()
            isClosed.withLock { $0 = true }
            isClosed.broadcast()
        }
        // While the compaction stands at the gate, closing cannot come to its end.
        #expect(!isClosed.wait(until: { $0 }, milliseconds: 300) { isClosed, _ in isClosed })
        gate.withLock { $0 = .passed }
        gate.broadcast()
        closing.join()
        let count = storage.operations.count
        compaction.join()
        #expect(storage.operations.count == count)
        #expect(try HoldfastStore.opened(in: storage).store.getBlocking("s").messages.count == 20)
    }

    private enum Gate {
        case open, reached, passed
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
