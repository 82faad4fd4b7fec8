import Holdfast
import HoldfastBytes
import Testing

/// What is left of a session of which a disk has lost a bit.
@Suite struct DamageTests {
    private let machine = SimulatedMachine()
    private let segment: String

    init() throws {
        segment = StoreLayout.segmentFile(try #require(SessionID("s")), 1)
        let store = try machine.open().store
        try store.writeBlocking(.create("s", fields: #"{"title":"T"}"#))
        try store.writeBlocking(.create("other"))
        for n in 1...10 { try store.writeBlocking(.append(to: "s", [JSON("{\"n\":\(n)}")])) }
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"n":11}"#))
        try store.close()
    }

    /// Checks that `store` reads a beginning of the session, says so, and writes nothing to it.
    private func check(_ store: HoldfastStore) throws -> Int {
        let state = try store.getBlocking("s")
        let damage = try #require(state.damage)
        #expect(damage.afterSequence == state.summary.sequence && !damage.message.isEmpty)
        #expect(state.summary.messageCount == state.messages.count && state.next == nil)
        #expect(state.messages == (1...10).prefix(state.messages.count).map { JSON("{\"n\":\($0)}") })
        #expect(state.fields == #"{"title":"T"}"#)
        #expect(try store.pendingBlocking().turns.isEmpty)
        let refusal = #expect(throws: HoldfastError.self) {
            try store.writeBlocking(.append(to: "s", ["{}"]))
        }
        #expect(refusal?.code == .damaged)
        let compaction = #expect(throws: HoldfastError.self) { try store.compactBlocking("s") }
        #expect(compaction?.code == .damaged)
        #expect(try store.writeBlocking(.append(to: "other", ["{}"])).messageCount > 0)
        return state.messages.count
    }

    @Test func whatComesBeforeTheDamageIsRead() throws {
        let end = try machine.byteCount(segment)
        var counts: Set<Int> = []
        for offset in stride(from: end / 2, to: end, by: 37) {
            try machine.flipBit(segment, at: offset)
            let store = try machine.open().store
            counts.insert(try check(store))
            try store.close()
            try machine.flipBit(segment, at: offset)
        }
        #expect(counts.count > 3, "\(counts)")
        let store = try machine.open().store
        #expect(try store.getBlocking("s").damage == nil)
        #expect(try store.writeBlocking(.append(to: "s", ["{}"])).messageCount == 11)
        try store.close()
    }

    @Test func damageThatComesWhileTheSessionIsReadyIsFoundByTheNextRead() throws {
        let store = try machine.open().store
        #expect(try store.getBlocking("s").damage == nil)
        try machine.flipBit(segment, at: try machine.byteCount(segment) / 2)
        let state = try store.getBlocking("s")
        #expect((1..<10).contains(state.messages.count) && state.damage != nil)
        let compaction = #expect(throws: HoldfastError.self) { try store.compactBlocking("s") }
        #expect(compaction?.code == .damaged)
        try store.close()
    }

    @Test func aSessionOfWhichNothingIsLeftIsRefused() throws {
        try machine.flipBit(segment, at: 3)
        let store = try machine.open().store
        let refusal = #expect(throws: HoldfastError.self) { try store.getBlocking("s") }
        #expect(refusal?.code == .damaged)
        try store.close()
    }
}
