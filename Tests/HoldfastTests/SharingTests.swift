import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import Testing

/// What goes along when a session is made from another one, what stays, and what it costs.
@Suite struct SharingTests {
    let log = MemoryLog()
    let clock = TestClock()
    let store: HoldfastStore

    init() throws {
        store = try .testing(log, clock: clock)
        try store.writeBlocking(.create("p"))
        try store.writeBlocking(.append(to: "p", (0..<10).map { "\($0)".asMessage }))
    }

    private func numbers(
        _ session: String, _ list: SessionList = .visible, hidden: Bool = false
    ) throws -> [String] {
        let window = Window(.place(0), limit: 100, of: list, showsHidden: hidden)
        return try store.getBlocking(session, window).messages.map { $0.description.filter(\.isNumber) }
    }

    private func refusal(_ mutation: Mutation, by store: HoldfastStore? = nil) -> HoldfastError? {
        #expect(throws: HoldfastError.self) { try (store ?? self.store).writeBlocking(mutation) }
    }

    private func places(_ range: Range<Int>) -> [String] { range.map(String.init) }

    // MARK: Hidden messages

    @Test func whatIsTakenBackStaysWithTheParent() throws {
        try store.writeBlocking(.takeBack("p", keep: 6))
        for fork in [Mutation.branch("p", to: "b"), .duplicate("p", to: "d"), .branch("p", to: "short", keep: 4)] {
            try store.writeBlocking(fork)
        }
        for child in ["b", "d"] {
            #expect(try numbers(child, hidden: true) == places(0..<6))
            #expect(refusal(.restore(child))?.message == "Nothing to restore.")
        }
        // Restoring in one does not disturb the others, whatever is compacted or read anew in between.
        for round in 0..<3 {
            if round == 0 { #expect(try store.writeBlocking(.restore("p")).restoredCount == 4) }
            #expect(try numbers("p") == places(0..<10) && numbers("b") == places(0..<6))
            #expect(try store.writeBlocking(.takeBack("b", keep: 3)).removal?.count == 3)
            #expect(try numbers("b") == places(0..<3) && numbers("b", hidden: true) == places(0..<6))
            #expect(try numbers("p") == places(0..<10) && numbers("d") == places(0..<6))
            #expect(try numbers("short") == places(0..<4))
            if round == 1 { try store.compactBlocking() }
            #expect(try store.writeBlocking(.restore("b")).restoredCount == 3)
        }
        try store.writeBlocking(.takeBack("p", keep: 1))
        #expect(try numbers("b") == places(0..<6) && numbers("d") == places(0..<6))
        let reopened = try HoldfastStore.testing(log.afterCrash(), clock: clock)
        #expect(try reopened.getBlocking("b").messages.count == 6)
        #expect(try reopened.writeBlocking(.restore("p")).restoredCount == 9)
    }

    @Test func whatIsCompactedAwayInOneListIsSharedInTheOther() throws {
        var compact = Mutation.compactMessages("p", messages: ["11".asMessage])
        compact.placement = .context
        try store.writeBlocking(compact)
        try store.writeBlocking(.branch("p", to: "b", keep: 7))
        #expect(try numbers("b") == places(0..<7) && numbers("b", .context) == ["11"])
        #expect(try numbers("b", .context, hidden: true) == ["11"], "the hidden ones stay with the parent")
        #expect(try numbers("p", .context, hidden: true) == places(0..<10) + ["11"])
        #expect(refusal(.restore("b"))?.code == .unknownMessage)
    }

    @Test func underTheOldIDARotationKeepsWhatWasHidden() throws {
        try store.writeBlocking(.takeBack("p", keep: 6))
        try store.writeBlocking(.rotate("p", to: "q"))
        #expect(refusal(.restore("q"))?.message == "Nothing to restore.")
        #expect(refusal(.restore("p"))?.newSession == "q")
        #expect(try numbers("p", hidden: true) == places(0..<10) && numbers("q", hidden: true) == places(0..<6))
    }

    // MARK: The queue

    /// W2223: the lock, the pending turn and what is queued move along, even if the old id is deleted meanwhile.
    @Test(arguments: [false, true])
    func theQueueAndItsClaimsMoveAlongWithARotation(isOldDeleted: Bool) throws {
        for id in ["a", "b", "c"] {
            try store.writeBlocking(.enqueue(in: "p", queued: id, message: id.asMessage))
        }
        try store.writeBlocking(.beginQueuedTurn(in: "p", turn: "t", owner: "w"))
        try store.writeBlocking(.claim(in: "p", claim: "mine", owner: "w", leaseMilliseconds: 1_000))
        try store.writeBlocking(.rotate("p", to: "q", messages: []))
        if isOldDeleted { try store.writeBlocking(.delete("p")) }
        let store = try HoldfastStore.testing(log.afterCrash(), clock: clock)
        let late = refusal(.complete("b", in: "p", claim: "mine"), by: store)
        #expect(late?.code == (isOldDeleted ? .sessionDeleted : .rotated) && late?.newSession == "q")
        let pending = try store.pendingBlocking()
        #expect(pending.turns.map(\.session) == ["q"] && pending.queued.map(\.session) == ["q", "q"])
        let queue = try store.queueBlocking(of: "q")
        #expect(queue.map(\.message.queued) == ["a", "b", "c"])
        #expect(queue.map(\.state) == [.inFlight, .claimed, .queued])
        let other = refusal(.claim(in: "q", queued: "b", owner: "other", leaseMilliseconds: 1), by: store)
        #expect(other?.code == .claimed)
        #expect(refusal(.enqueue(in: "q", queued: "a", message: "{}"), by: store)?.code == .alreadyQueued)
        try store.writeBlocking(.complete("b", in: "q", claim: "mine", messages: ["{}"]))
        try store.writeBlocking(.resumeTurn("t", in: "q"))
        try store.writeBlocking(.endTurn("t", in: "q", status: .completed))
        #expect(try store.queueBlocking(of: "q").map(\.message.queued) == ["c"])
        #expect(try store.getBlocking("q").messages == ["{}", "a".asMessage])
        // Done is done, under the new id too.
        #expect(refusal(.complete("b", in: "q", claim: "mine"), by: store)?.code == .notQueued)
        #expect(refusal(.enqueue(in: "q", queued: "a", message: "{}"), by: store)?.code == .alreadyQueued)
        clock.now += 1_000
        #expect(try store.writeBlocking(.beginQueuedTurn(in: "q", owner: "w")).queued == "c")
    }

    // MARK: The cost

    /// Branches, copies and rotations of a session of 5 KB and of one of 2 MB write the same bytes, to the last one.
    @Test(arguments: [CommitMode.journal, .segment])
    func aForkWritesTheSameHoweverLongTheSessionIs(commit: CommitMode) throws {
        let costs = try [50, 20_000].map { length in
            let storage = CountingStorage(SimulatedStorage())
            var engine = EngineOptions()
            engine.commitMode = commit == .journal ? .journal : .segment
            var options = StoreOptions()
            options.compactsInBackground = false
            options.now = { 1_000 }
            var store = try HoldfastStore.opened(in: storage, engine: engine, options: options).store
            try store.writeBlocking(.create("p"))
            var random = SeededGenerator(seed: 1)
            for n in 0..<100 {
                let text = (0..<length).map { _ in UInt8.random(in: 97...122, using: &random) }
                try store.writeBlocking(
                    .append(to: "p", [JSON(Array("{\"n\":\(n),\"text\":\"".utf8) + text + Array("\"}".utf8))]))
            }
            try store.close()
            store = try HoldfastStore.opened(in: storage, engine: engine, options: options).store
            try store.writeBlocking(.create("other"))
            storage.counters.reset()
            try store.writeBlocking(.branch("p", to: "b1", keep: 50))
            try store.writeBlocking(.duplicate("p", to: "d1"))
            try store.writeBlocking(.rotate("p", to: "r1"))
            try store.writeBlocking(.append(to: "b1", ["{}"]))
            try store.flushBlocking()
            let cost = storage.counters.counts.bytesWritten
            #expect(try store.getBlocking("r1", Window(.last, limit: 1)).summary.messageCount == 100)
            try store.close()
            return cost
        }
        #expect(costs[0] == costs[1] && costs[0] < 32 << 10, "\(costs)")
    }
}

extension String {
    /// A message of the user with this text.
    fileprivate var asMessage: JSON { JSON("{\"role\":\"user\",\"content\":\"\(self)\"}") }
}
