import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// After a crash, the disk does not give the bytes of one session.
@Suite struct BadSectorTests {
    private let storage: SimulatedStorage
    private let segment: String

    /// A crashed store: of each of two sessions a part is in its segment, the rest in the journal only.
    init() throws {
        segment = StoreLayout.segmentFile(try #require(SessionID("s")), 1)
        let storage = SimulatedStorage()
        let first = try HoldfastStore.opened(in: storage).store
        for session in ["s", "other"] {
            try first.writeBlocking(.create(session, fields: #"{"title":"T"}"#))
            try first.writeBlocking(.append(to: session, [#"{"n":1}"#]))
        }
        try first.close()  // or the journal would have that still, and write it again
        let opened = try HoldfastStore.opened(in: storage)
        for session in ["s", "other"] {
            try opened.store.writeBlocking(.append(to: session, [#"{"n":2}"#]))
            try opened.store.writeBlocking(.beginTurn(in: session, turn: "t", message: #"{"n":3}"#))
        }
        opened.log.abandon()
        self.storage = storage.crash(.keepAll)
    }

    private func listed(_ store: HoldfastStore) throws -> [String] {
        try store.listBlocking(limit: 10).rows.map(\.summary.session).sorted()
    }

    private func expectWhole(_ store: HoldfastStore) throws {
        #expect(try listed(store) == ["other", "s"])
        #expect(try store.getBlocking("s").messages == [#"{"n":1}"#, #"{"n":2}"#])
        #expect(try store.pendingBlocking().turns.map(\.session).sorted() == ["other", "s"])
    }

    @Test func theOtherSessionsGoOn() throws {
        storage.inject(Fault(.io, on: .read, path: segment, isLasting: true))
        let opened = try HoldfastStore.opened(in: storage)
        let store = opened.store
        #expect(opened.recovery.findings.filter(\.isDamage).map(\.session) == [SessionID("s")])
        for _ in 0..<2 { #expect(try listed(store) == ["other"]) }
        #expect(try store.writeBlocking(.append(to: "other", ["{}"])).messageCount == 3)
        let read = #expect(throws: HoldfastError.self) { try store.getBlocking("s") }
        let write = #expect(throws: HoldfastError.self) { try store.writeBlocking(.append(to: "s", ["{}"])) }
        for refusal in [read, write] {
            let message = refusal?.message ?? ""
            #expect(refusal?.code == .failed && message.contains("EIO") && message.contains("'holdfast inspect log'"))
        }
        storage.clearFaults()
        try expectWhole(store)
        #expect(try store.writeBlocking(.append(to: "s", ["{}"])).messageCount == 3)
        try store.close()
    }

    /// Whatever it is that the disk refuses, once: nothing of a session is shown that is not all of it.
    @Test(arguments: 1...24) func anErrorThatComesOnceIsForgotten(occurrence: Int) throws {
        storage.inject(Fault(.io, on: .read, path: segment, occurrence: occurrence))
        let store = try HoldfastStore.opened(in: storage).store
        for _ in 0..<3 {
            _ = try listed(store)
            if let state = try? store.getBlocking("s") { #expect(state.damage == nil && state.messages.count == 2) }
        }
        storage.clearFaults()
        try expectWhole(store)
        try store.close()
        try expectWhole(try HoldfastStore.opened(in: storage).store)
    }

    /// Power cuts while a session is made from another one, of which the disk then does not give one or the other.
    @Test(arguments: ["p", "c"]) func aBranchIsMadeWhenItsSessionsCanBeReadAgain(unread: String) throws {
        let machine = SimulatedMachine()
        let opened = try machine.open()
        var branch = Mutation.branch("p", to: "c", keep: 1)
        branch.key = "k"
        try opened.store.writeBlocking(.create("p"))
        try opened.store.writeBlocking(.append(to: "p", [#"{"n":1}"#, #"{"n":2}"#]))
        try opened.log.flushToSegments()
        let images = Lock<[SimulatedStorage]>([])
        machine.storage.onOperation { operation, disk in
            if operation.kind.changesDisk { images.withLock { $0.append(disk.clone()) } }
        }
        try opened.store.writeBlocking(branch)
        try opened.log.flushToSegments()
        machine.storage.onOperation(nil)
        opened.log.abandon()
        for image in images.withLock(\.self) {
            let machine = SimulatedMachine(image.crash(.dropAll))
            let folder = StoreLayout.sessionFolder(try #require(SessionID(unread)))
            machine.storage.inject(Fault(.io, on: .read, path: folder, isLasting: true))
            guard let beside = try? machine.open().store else { continue }  // some of it had to be written
            if unread == "c" {
                #expect(try beside.getBlocking("p").messages.count == 2)
                #expect(try beside.writeBlocking(.append(to: "p", ["{}"])).messageCount == 3)
            }
            // It says so when a session could not be made.
            try? beside.close()
            machine.storage.clearFaults()
            let store = try machine.open().store
            #expect(try store.writeBlocking(branch).newSession == "c")
            #expect(try store.getBlocking("c").messages == [#"{"n":1}"#])
            try store.close()
        }
    }
}
