import Holdfast
import HoldfastBytes
import HoldfastSimulation
import HoldfastStorage
import Testing

/// What has gone wrong in stores of this kind, tried on this one: rotation, deletion, lists, the index.
@Suite struct LineageProblemTests {
    @Test func `D compression or id rotation loses no messages`() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("a"))
        try opened.store.writeBlocking(.append(to: "a", (0..<20).map { JSON("{\"n\":\($0)}") }))
        try opened.store.writeBlocking(.beginTurn(in: "a", turn: "t", message: #"{"q":1}"#))
        // The tail that nobody has flushed, and the prompt in flight, go along.
        try opened.store.writeBlocking(.rotate("a", to: "b"))
        try opened.store.writeBlocking(.delete("a"))
        opened = try machine.crash(opened, .dropAll)
        #expect(try opened.store.pendingBlocking().turns.map(\.session) == ["b"])
        try opened.store.writeBlocking(.endTurn("t", in: "b", status: .completed))
        #expect(try opened.store.getBlocking("b").messages.count == 21)
        try opened.store.close()
    }

    /// Whoever rotates late, as with a summary that took a minute, brings no deleted conversation back.
    @Test func `D a rotation after a deletion makes nothing`() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("a"))
        try opened.store.writeBlocking(.beginTurn(in: "a", turn: "t", message: #"{"q":1}"#))
        try opened.store.writeBlocking(.delete("a"))
        for _ in 0..<2 {
            let late = #expect(throws: HoldfastError.self) { try opened.store.writeBlocking(.rotate("a", to: "b")) }
            #expect(late?.code == .sessionDeleted)
            let made = #expect(throws: HoldfastError.self) { try opened.store.getBlocking("b") }
            #expect(made?.code == .unknownSession)
            #expect(try opened.store.pendingBlocking().turns.isEmpty)
            opened = try machine.crash(opened, .dropAll)
        }
        try opened.store.close()
    }

    /// A1.6: there, the table of locks may have dropped the old id before the new one takes its lock over.
    @Test func `D the turn moves along although nobody kept the session ready`() throws {
        let machine = SimulatedMachine()
        let opened = try machine.open()
        try opened.store.writeBlocking(.create("a"))
        try opened.store.writeBlocking(.enqueue(in: "a", queued: "q", message: "{}"))
        try opened.store.writeBlocking(.beginTurn(in: "a", turn: "t", message: #"{"q":1}"#))
        for n in 0..<8 { try opened.store.writeBlocking(.create("other \(n)")) }
        try opened.store.writeBlocking(.rotate("a", to: "b"))
        let late = #expect(throws: HoldfastError.self) {
            try opened.store.writeBlocking(.endTurn("t", in: "a", status: .completed))
        }
        #expect(late?.code == .rotated && late?.newSession == "b")
        let second = #expect(throws: HoldfastError.self) {
            try opened.store.writeBlocking(.beginTurn(in: "b", message: "{}"))
        }
        #expect(second?.code == .turnOpen)
        #expect(try opened.store.queueBlocking(of: "b").map(\.message.queued) == ["q"])
        try opened.store.writeBlocking(.endTurn("t", in: "b", status: .completed))
        try opened.store.close()
    }

    @Test func `D deleted sessions do not come back`() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("gone"))
        try opened.store.writeBlocking(.beginTurn(in: "gone", turn: "t", message: "{}"))
        try opened.store.writeBlocking(.create("other"))
        try opened.store.writeBlocking(.delete("gone"))
        for _ in 0..<2 {
            let attempts: [Mutation] = [
                .create("gone"), .append(to: "gone", ["{}"]), .endTurn("t", in: "gone", status: .completed),
                .rotate("other", to: "gone"), .branch("other", to: "gone"), .duplicate("gone", to: "new"),
                .replace("gone", messages: []), .set("gone", fields: "{}"),
            ]
            for attempt in attempts {
                let error = #expect(throws: HoldfastError.self) { try opened.store.writeBlocking(attempt) }
                #expect(error?.code == .sessionDeleted)
            }
            try opened.store.compactBlocking()
            #expect(try opened.store.listBlocking().rows.map(\.summary.session) == ["other"])
            opened = try machine.crash(opened, .keepAll)
        }
        try opened.store.close()
    }

    @Test func `D the list is never behind what was acknowledged`() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        for n in 1...6 {
            if n == 1 { try opened.store.writeBlocking(.create("s")) }
            try opened.store.writeBlocking(.append(to: "s", ["{}"]))
            var title = Mutation.rename("s", to: "title \(n)")
            title.touches = false
            try opened.store.writeBlocking(title)
            let row = try #require(try opened.store.listBlocking().rows.first)
            #expect(row.summary.messageCount == n && row.json.description.contains("title \(n)"))
            opened = try machine.crash(opened, .dropAll)
            #expect(try opened.store.listBlocking().rows.first?.json == row.json)
        }
        try opened.store.close()
    }

    @Test func `D a damaged index blocks no writes`() throws {
        let machine = SimulatedMachine()
        let first = try machine.open().store
        try first.writeBlocking(.create("s"))
        try first.close()
        try machine.flipBit(StoreLayout.indexFile, at: 20)
        let store = try machine.open().store
        #expect(try store.writeBlocking(.append(to: "s", ["{}"])).messageCount == 1)
        try store.writeBlocking(.branch("s", to: "c"))
        #expect(try store.listBlocking().rows.map(\.summary.session) == ["c", "s"])
        try store.close()
    }

    @Test func `D the conversation keeps one identity across rotations`() throws {
        let store = try HoldfastStore.testing(MemoryLog())
        try store.writeBlocking(.create("a"))
        try store.writeBlocking(.rotate("a", to: "b"))
        try store.writeBlocking(.delete("a"))
        try store.writeBlocking(.rotate("b", to: "c"))
        // What a lock of the conversation is to be named by, whatever became of the older ids.
        #expect(try store.getBlocking("c").lineage?.root == "a")
        let late = #expect(throws: HoldfastError.self) { try store.writeBlocking(.append(to: "b", ["{}"])) }
        #expect(late?.code == .rotated && late?.newSession == "c")
    }
}
