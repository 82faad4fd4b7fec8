import Holdfast
import HoldfastBytes
import HoldfastEngine

/// What a recovery or a check found, and how to say it. Pure, but for ``countRecords(in:)``.
struct RecoveryStory: RecoverOutcome {
    typealias Finding = RecoveryReport.Finding

    /// What was done with the journal.
    private(set) var recovery: RecoveryReport
    private(set) var findings: [Finding]
    /// How many whole records the sessions with findings have.
    var recordCounts: [SessionID: Int] = [:]
    /// The prompts that wait for an answer, and the messages that wait for their turn.
    var pending: [Waiting] = []
    /// Why the index was made anew; `nil` when it was not.
    var rebuiltIndex: String? {
        didSet {
            let isNamed = steps.contains { $0.kind == .rebuildIndex }
            if rebuiltIndex != nil, !isNamed {
                steps.append(RecoveryStep(kind: .rebuildIndex, path: StoreLayout.indexFile))
            }
        }
    }
    /// What was done to the files, or would be.
    var steps: [RecoveryStep] = []
    /// Whether nothing was changed.
    var isDryRun = false

    init(recovery: RecoveryReport) {
        self.recovery = recovery
        findings = recovery.findings
        steps = recovery.steps
    }

    /// A story of which nothing has been done yet.
    init(check: StoreCheck.Report) {
        recovery = check.journal
        findings = check.findings
        recordCounts = check.recordCounts
        isDryRun = true
    }

    /// Whether acknowledged data is damaged or lost.
    var hasCommittedDamage: Bool { findings.contains(where: \.isDamage) }

    /// Whether something that was never acknowledged was cut off, or would be.
    var hasTornTail: Bool { findings.contains { $0.kind == .tornTail } }

    /// What the process answers the shell with.
    var exitCode: ExitCode { hasCommittedDamage ? .committedDamage : hasTornTail ? .tornTail : .success }

    /// Adds what a check found, but for what the recovery has named, of which it may know more.
    mutating func add(_ check: StoreCheck.Report) {
        for finding in check.findings {
            let known = findings.firstIndex { $0.path == finding.path && $0.offset == finding.offset }
            if let known {
                findings[known].bit = findings[known].bit ?? finding.bit
                continue
            }
            // The index has a line of its own.
            if finding.session == nil && finding.path == StoreLayout.indexFile { continue }
            findings.append(finding)
        }
        recordCounts.merge(check.recordCounts) { _, new in new }
    }

    /// Leaves out the damage of sessions that have been healed, or would be.
    mutating func forget(damageOf healed: Set<SessionID>) {
        findings.removeAll { finding in
            finding.kind == .committedDamage && finding.session.map(healed.contains) ?? false
        }
    }

    /// Asks `store` how many records the sessions with findings have.
    mutating func countRecords(in store: HoldfastStore) {
        for session in Set(findings.compactMap(\.session)) where recordCounts[session] == nil {
            // Of a damaged session these are the records before the damage.
            let state = try? store.getBlocking(session.text, Window(limit: 0))
            if let state { recordCounts[session] = Int(state.summary.sequence) }
        }
    }
}

// For people.
extension RecoveryStory {
    /// Everything, one line per session that has something to tell.
    func text() -> String {
        let now = Moment.wall()
        var lines = [Self.replayed(recovery, isDryRun)]
        lines += findings.filter { $0.session == nil }.map { "store: \(words($0))" }
        if let rebuiltIndex {
            lines.append("index: \(rebuiltIndex); it \(isDryRun ? "is going to be" : "was") made anew from the logs")
        }
        let waiting = Dictionary(pending.map { ($0.session, $0) }) { first, _ in first }
        let named = Set(findings.compactMap(\.session)).union(pending.compactMap { SessionID($0.session) })
        for session in named.sorted() {
            var parts = findings.filter { $0.session == session }.map(words)
            if let count = recordCounts[session] { parts.append("\(Human.count(count, "record")) fine") }
            parts += waiting[session.text]?.words(now) ?? []
            lines.append("session \(session): \(parts.joined(separator: "; "))")
        }
        let hasMended = steps.contains { $0.kind == .repairBit }
        if findings.isEmpty { lines.append(hasMended ? "No other damage." : "No damage.") }
        lines += stepLines
        return lines.map { DisplayText.oneLine($0) + "\n" }.joined()
    }

    /// The sum of a recovery for one line of a log; `nil` when there was nothing to do.
    static func oneLine(_ recovery: RecoveryReport) -> String? {
        if recovery.wasClosedCleanly && recovery.findings.isEmpty { return nil }
        let story = RecoveryStory(recovery: recovery)
        var line = replayed(recovery, false)
        if story.hasTornTail { line += " Something that was never acknowledged was cut off." }
        if story.hasCommittedDamage { line += " Acknowledged data is damaged: run 'holdfast recover'." }
        return line
    }

    private static func replayed(_ recovery: RecoveryReport, _ isDryRun: Bool) -> String {
        if recovery.wasClosedCleanly { return "The store was closed in order; there is nothing to replay." }
        let writes = Human.count(recovery.replayedWriteCount, "write")
        let bytes = Human.bytes(recovery.replayedByteCount)
        let sessions = Human.count(recovery.sessions.count, "session")
        if isDryRun {
            return "The store is in use or was not closed in order: \(writes) (\(bytes)) of \(sessions) to replay."
        }
        return "The store was not closed in order: \(writes) (\(bytes)) of \(sessions) replayed from the journal."
    }

    private func words(_ finding: Finding) -> String {
        let bytes = "\(Human.bytes(finding.byteCount)) at offset \(Human.count(finding.offset)) of "
        let place = (finding.byteCount == 0 ? "" : bytes) + "'\(finding.path)'"
        switch finding.kind {
        case .tornTail:
            let aside = isDryRun ? "to be set aside" : "set aside"
            let fate = finding.quarantine.map { "\(aside) in '\($0)'" } ?? (isDryRun ? "to be cut off" : "cut off")
            if finding.byteCount == 0 { return "\(place): \(finding.reason)" }
            return "a torn end of \(place), never acknowledged, \(fate)\(flipped(finding))"
        case .committedDamage:
            let damage = "acknowledged data is damaged: \(records(finding))\(place): \(finding.reason)"
            return damage + flipped(finding) + copied(finding)
        case .mediaError:
            return "what was acknowledged cannot be read: \(records(finding))\(place): \(finding.reason)"
        case .restored:
            let fate = isDryRun ? "to be written" : "written"
            return "\(records(finding))\(place): \(finding.reason), \(fate) again from there\(copied(finding))"
        case .derived: return "'\(finding.path)': \(finding.reason); the log has all that it says"
        }
    }

    /// Of the journal nothing is left to repair once a recovery is through with it.
    private func flipped(_ finding: Finding) -> String {
        let isTooLate = finding.session == nil && !isDryRun
        let repair = isTooLate ? "would have turned it back" : "turns it back"
        return FlippedBit.remark(finding.bit, hint: "'holdfast recover --repair-bits' \(repair)")
    }

    private func copied(_ finding: Finding) -> String {
        finding.quarantine.map { ", \(isDryRun ? "to be copied" : "copied") to '\($0)'" } ?? ""
    }

    private func records(_ finding: Finding) -> String {
        guard let first = finding.firstSequence else { return "" }
        guard let last = finding.lastSequence else { return "from record \(first) on, " }
        return first == last ? "record \(first), " : "records \(first) to \(last), "
    }
}

extension Waiting {
    /// The prompt with what there is of its answer, and the queue; for people.
    func words(_ now: UInt64) -> [String] {
        var words: [String] = []
        if let turn {
            var parts = ["begun \(Human.time(turn.begunAt, now: now))", "attempt \(turn.attempts)"]
            if turn.deltas > 0 {
                let pieces = Human.count(Int(clamping: turn.deltas), "piece")
                parts.append("\(pieces) of output, \(Human.bytes(turn.deltaBytes)), durable")
            }
            words.append("1 pending user message kept (\(parts.joined(separator: ", ")))")
        }
        if queued > 0 { words.append("\(Human.count(queued, "queued message")) kept") }
        return words
    }
}

// For programs.
extension RecoveryStory {
    /// One object on one line.
    func json() -> [UInt8] { json(nil) }

    /// The same; of a check, with its counts.
    func json(_ check: StoreCheck.Report?) -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        writeCounts(to: &writer)
        if let check { write(check, to: &writer) }
        writer.objects("findings", findings) { finding, writer in
            finding.writeMembers(to: &writer)
        }
        if check == nil {
            writer.objects("steps", steps) { step, writer in
                step.writeMembers(to: &writer)
            }
            Self.write(pending, to: &writer)
        }
        writer.endObject()
        return writer.finish() + [10]
    }

    private func writeCounts(to writer: inout JSONWriter) {
        writer.member("dry_run", isDryRun)
        writer.member("closed_cleanly", recovery.wasClosedCleanly)
        writer.member("committed_damage", hasCommittedDamage)
        writer.member("torn_tail", hasTornTail)
        writer.member("journal_batches", recovery.journalBatchCount)
        writer.member("journal_bytes", recovery.journalByteCount)
        writer.member("replayed_writes", recovery.replayedWriteCount)
        writer.member("replayed_bytes", recovery.replayedByteCount)
        if let rebuiltIndex {
            writer.member("index_rebuilt", rebuiltIndex)
        }
    }

    /// Writes the member `pending`.
    static func write(_ pending: [Waiting], to writer: inout JSONWriter, now: UInt64 = Moment.wall()) {
        writer.objects("pending", pending) { waiting, writer in
            writer.member("session", waiting.session)
            waiting.turn?.writeMembers(to: &writer)
            if let turn = waiting.turn {
                writer.member("age", now - min(now, turn.begunAt))
                writer.member("deltas", turn.deltas)
                writer.member("delta_bytes", turn.deltaBytes)
            }
            writer.member("queued", waiting.queued)
        }
    }

    private func write(_ check: StoreCheck.Report, to writer: inout JSONWriter) {
        let counts: [(StaticString, UInt64)] = [
            ("sessions", UInt64(check.sessionCount)), ("segments", UInt64(check.segmentCount)),
            ("records", UInt64(check.recordCount)), ("snapshots", UInt64(check.snapshotCount)),
            ("segment_bytes", check.segmentByteCount), ("payload_bytes", check.payloadByteCount),
            ("snapshot_bytes", check.snapshotByteCount),
        ]
        for (name, value) in counts {
            writer.key(name)
            writer.integer(value)
        }
    }

    /// What a check of everything has to tell.
    func text(_ check: StoreCheck.Report) -> String {
        let counts = [
            Human.count(check.sessionCount, "session"),
            "\(Human.count(check.recordCount, "record")) in \(Human.count(check.segmentCount, "segment"))"
                + " (\(Human.bytes(check.segmentByteCount)), \(Human.bytes(check.payloadByteCount)) uncompressed)",
            "\(Human.count(check.snapshotCount, "snapshot")) (\(Human.bytes(check.snapshotByteCount)))",
        ]
        return "Checked \(counts.joined(separator: ", ")).\n" + text()
    }
}
