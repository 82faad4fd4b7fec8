import HoldfastEngine
import HoldfastLog
package import HoldfastSimulation
import HoldfastThreads

/// What was submitted and what was acknowledged: the oracle for every crash.
package final class Ledger: Sendable {
    package struct Entry: Sendable {
        package var submitted: [String] = []
        package var acknowledged = 0
        /// Records up to here may have been trimmed.
        package var snapshot: UInt64 = 0
    }

    package init() {}

    private let entries = Lock<[String: Entry]>([:])

    package func submit(_ session: String, _ text: String) {
        entries.withLock { $0[session, default: Entry()].submitted.append(text) }
    }

    package func acknowledge(_ session: String) { entries.withLock { $0[session, default: Entry()].acknowledged += 1 } }

    package func snapshot(_ session: String, _ sequence: UInt64) {
        entries.withLock { $0[session, default: Entry()].snapshot = sequence }
    }

    package var state: [String: Entry] { entries.withLock { $0 } }
}

/// Recovers `image`, checks it against what the ledger held at the moment of the crash, goes on appending, reopens.
///
/// Answers what is wrong, or an empty list.
package func verdict(on image: SimulatedStorage, _ ledger: [String: Ledger.Entry], seed: UInt64) -> [String] {
    do {
        let log = try LocalLog(in: image, options: seededOptions(seed: seed), creating: true)
        var wrong: [String] = []
        if log.recovery.hasCommittedDamage { wrong.append("reports damage: \(log.recovery.findings)") }
        for (session, entry) in ledger {
            wrong += try check(log, session, entry)
            var appender = try Appender(log, session)
            try appender.append("after the crash")
        }
        let before = try ledger.keys.map { try kept(log, $0, ledger[$0]?.snapshot ?? 0) }
        log.abandon()
        let again = try LocalLog(in: image.crash(.dropAll), options: seededOptions(seed: seed + 1))
        if again.recovery.hasCommittedDamage { wrong.append("damage after going on: \(again.recovery.findings)") }
        let after = try ledger.keys.map { try kept(again, $0, ledger[$0]?.snapshot ?? 0) }
        if before != after { wrong.append("what was appended after the recovery is not all there") }
        try again.close()
        return wrong
    } catch {
        return ["\(error)"]
    }
}

private func check(_ log: LocalLog, _ session: String, _ entry: Ledger.Entry) throws -> [String] {
    let first = Int(entry.snapshot)
    let texts = try kept(log, session, entry.snapshot)
    let expected = Array(entry.submitted.dropFirst(first))
    var wrong: [String] = []
    if first + texts.count < entry.acknowledged {
        wrong.append("\(session): \(entry.acknowledged) acknowledged, \(first + texts.count) kept")
    }
    if texts != Array(expected.prefix(texts.count)) { wrong.append("\(session): not a prefix of what was submitted") }
    return wrong
}

/// The payloads after record `snapshot`; none when the session does not exist.
private func kept(_ log: LocalLog, _ session: String, _ snapshot: UInt64) throws -> [String] {
    do {
        return try payloads(log, session, from: snapshot + 1)
    } catch let error as LogError where error.code == .unknownSession {
        return []
    }
}
