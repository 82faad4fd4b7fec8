package import Holdfast
import HoldfastEngine
package import HoldfastSimulation

/// The oracle for a store of sessions, ``HoldfastStore``: what a session has come to, and the pending messages.
package struct SessionOracle: Oracle {
    package let commit: CommitMode

    package init(commit: CommitMode) { self.commit = commit }

    package func judge(_ image: SimulatedStorage, _ ledger: [String: Ledger.Entry], seed: UInt64) -> [String] {
        do {
            var course = Course(commit: commit, ledger: ledger, seed: seed)
            try course.run(image)
            return course.wrong
        } catch {
            return ["\(error)"]
        }
    }

    package func recover(_ image: SimulatedStorage, seed: UInt64) {
        (try? openSmall(image, commit, seed: seed))?.abandon()
    }
}

/// One judgement on its way.
private struct Course {
    let commit: CommitMode
    var ledger: [String: Ledger.Entry]
    var seed: UInt64
    var wrong: [String] = []

    init(commit: CommitMode, ledger: [String: Ledger.Entry], seed: UInt64) {
        self.commit = commit
        self.ledger = ledger
        self.seed = seed
    }

    mutating func run(_ image: SimulatedStorage) throws {
        // After a crash of the process alone, what that has left unsynced may be lost later; it was never promised.
        let wasSettled = image.unsynced.isEmpty
        let first = try open(image)
        if wasSettled && !image.isSettled { wrong.append("what the recovery did is not all durable") }
        try check(first, "after the recovery")
        first.abandon()

        let recovered = image.crash(.dropAll)
        let second = try open(recovered)
        if !second.recovery.findings.isEmpty { wrong.append("the second recovery: \(second.recovery.findings)") }
        try check(second, "after the second recovery")
        try goOn(second.store)
        let closes = seed % 3 == 0
        if closes { try second.store.close() } else { second.abandon() }

        let last = try open(recovered.crash(closes ? .dropAll : .random(seed: seed)))
        if last.recovery.wasClosedCleanly != closes { wrong.append("closed in order: \(!closes)") }
        try check(last, "after going on")
        last.abandon()
    }

    private mutating func open(_ image: SimulatedStorage) throws -> HoldfastStore.Opened {
        seed += 1
        return try openSmall(image, commit, seed: seed)
    }

    /// Adds a message to every session that is left, and makes a new one.
    private mutating func goOn(_ store: HoldfastStore) throws {
        for (session, entry) in ledger.sorted(by: { $0.key < $1.key }) {
            if entry.submitted.isEmpty || entry.submitted.last == SessionModel.deleted { continue }
            let before = try store.getBlocking(session, Window(limit: 0)).summary
            let result = try store.writeBlocking(.append(to: session, [JSON("{\"after\":\"the crash\"}")]))
            let (count, text) = try read(session, in: store, 0)
            if result.messageCount != before.messageCount + 1 || count != entry.submitted.count + 1 {
                wrong.append("\(session): an append after the crash made \(before) to \(result)")
            }
            ledger[session]?.settle([text], from: entry.submitted.count)
        }
        try store.writeBlocking(.create("new"))
        ledger["new"] = Ledger.Entry()
        ledger["new"]?.settle([try read("new", in: store, 0).text], from: 0)
    }

    /// Compares everything that the store holds with the ledger; what is there is durable from now on.
    private mutating func check(_ opened: HoldfastStore.Opened, _ when: String) throws {
        if opened.recovery.hasCommittedDamage { wrong.append("\(when): reports \(opened.recovery.findings)") }
        var pending: [String: String] = [:]
        var live: Set<String> = []
        for (session, entry) in ledger {
            let (count, text) = try read(session, in: opened.store, entry.submitted.count)
            if count < entry.acknowledged {
                wrong.append("\(when): \(session): \(entry.acknowledged) acknowledged, \(count) kept")
            }
            if count > 0, !entry.allows(text, at: count - 1) {
                wrong.append("\(when): \(session) after record \(count) is not what it was: \(text.prefix(500))")
            }
            ledger[session]?.settle(count > 0 ? [text] : [], from: max(0, count - 1))
            guard count > 0, text != SessionModel.deleted else { continue }
            live.insert(session)
            pending[session] = try opened.store.getBlocking(session, Window(limit: 0)).turn.map { "\($0)" }
        }
        let listed = try opened.store.listBlocking(limit: 10_000).rows
        if Set(listed.map(\.summary.session)) != live || listed.count != live.count {
            wrong.append("\(when): lists \(listed.map(\.summary.session)), not \(live)")
        }
        let turns = try opened.store.pendingBlocking(limit: 10_000).turns.map { ($0.session, "\($0.turn)") }
        if turns.count != pending.count || turns.contains(where: { pending[$0.0] != $0.1 }) {
            wrong.append("\(when): the pending messages are \(turns), not \(pending)")
        }
    }
}
