#if HOLDFAST_SCHEDULES
import HoldfastThreads

/// What was asked for, and what was answered: the oracle of a run with several writers.
final class ScheduleBook: Sendable {
    struct Session: Sendable {
        /// The texts that may stand at each sequence, from 1; at 0 those that may stand anywhere.
        var candidates: [UInt64: Set<String>] = [:]
        /// Those of them that failed: they may be there until the session is claimed anew.
        var failed: [UInt64: Set<String>] = [:]
        /// What was acknowledged must stand there.
        var acknowledged: [UInt64: String] = [:]
        /// Records up to here may have been trimmed.
        var snapshot: UInt64 = 0

        var lastAcknowledged: UInt64 { acknowledged.keys.max() ?? 0 }
    }

    private struct State {
        var sessions: [String: Session] = [:]
        var violations: [String] = []
        var acknowledgedCount = 0
        var refusedCount = 0
        var isClosed = false
        /// Completions that have not come.
        var awaitedCount = 0
    }

    private let state = Lock(State())

    var sessions: [String: Session] { state.withLock { $0.sessions } }

    /// What broke a promise; empty when all is well.
    var violations: [String] { state.withLock { $0.violations } }

    func count(in result: inout ScheduleResult) {
        (result.acknowledgedCount, result.refusedCount) = state.withLock { ($0.acknowledgedCount, $0.refusedCount) }
    }

    func blame(_ text: String) { state.withLock { $0.violations.append(text) } }

    /// A record is about to be queued.
    func submit(_ session: String, _ sequence: UInt64, _ text: String) {
        state.withLock { state in
            state.sessions[session, default: Session()].candidates[sequence, default: []].insert(text)
            state.awaitedCount += 1
        }
    }

    /// It was not, and no completion will come.
    func withdraw(_ session: String, _ sequence: UInt64, _ text: String) {
        state.withLock { state in
            state.sessions[session]?.candidates[sequence]?.remove(text)
            state.awaitedCount -= 1
            state.refusedCount += 1
        }
    }

    /// Its completion has come.
    func complete(_ session: String, _ sequence: UInt64, _ text: String, isDurable: Bool) {
        state.withLock { state in
            state.awaitedCount -= 1
            guard isDurable else {
                state.refusedCount += 1
                state.sessions[session]?.failed[sequence, default: []].insert(text)
                return
            }
            if state.isClosed { state.violations.append("\(session): acknowledged after the end of close") }
            state.acknowledgedCount += 1
            if let other = state.sessions[session]?.acknowledged.updateValue(text, forKey: sequence) {
                state.violations.append("\(session): record \(sequence) acknowledged twice: \(other), \(text)")
            }
        }
    }

    /// Somebody is going to claim the session. Answers what ``claimed(_:last:since:)`` compares with.
    func claiming(_ session: String) -> Session { sessions[session] ?? Session() }

    /// A new owner has been told where the session ends: what had failed `before` and lies behind that never happened.
    func claimed(_ session: String, last: UInt64, since before: Session) {
        state.withLock { state in
            if last < before.lastAcknowledged {
                state.violations.append("\(session): claimed at \(last), acknowledged up to \(before.lastAcknowledged)")
            }
            for (sequence, texts) in before.failed where sequence > last {
                state.sessions[session]?.candidates[sequence]?.subtract(texts)
            }
        }
    }

    /// A snapshot through `sequence` is going to be taken.
    func snapshot(_ session: String, _ sequence: UInt64) {
        state.withLock { $0.sessions[session]?.snapshot = sequence }
    }

    /// Closing has returned: nothing may be acknowledged any more.
    func close() { state.withLock { $0.isClosed = true } }

    /// All who wrote have ended: every answer must have come.
    func end() {
        state.withLock { state in
            if state.awaitedCount != 0 { state.violations.append("\(state.awaitedCount) answers never came") }
        }
    }
}

extension ScheduleBook.Session {
    /// What is wrong with `texts`, the records after `start`; `least` records must be there.
    func judge(_ name: String, _ texts: [String], after start: UInt64, least: UInt64) -> [String] {
        var wrong: [String] = []
        if start + UInt64(texts.count) < least {
            wrong.append("\(name): \(least) acknowledged, \(texts.count) kept")
        }
        for (sequence, text) in zip((start + 1)..., texts) {
            let possible = candidates[sequence, default: []].union(candidates[0, default: []])
            let wanted = acknowledged[sequence].map { [$0] } ?? possible
            if !wanted.contains(text) { wrong.append("\(name): record \(sequence) is '\(text)', not of \(wanted)") }
        }
        if Set(texts).count != texts.count { wrong.append("\(name): a record is there twice") }
        return wrong
    }
}
#endif
