import Holdfast
import HoldfastBytes
import HoldfastEngine

/// What a salvage found and made, and how to say it. Pure.
struct SalvageStory: RecoverOutcome {
    let report: SalvageReport
    /// The new store, as the user named it.
    let target: String
    /// What waits in the new store.
    var pending: [Waiting] = []
    /// What was done about that.
    var steps: [RecoveryStep] = []
    /// What branches lack of the messages that they share with others, for people.
    var incomplete: [String: [String]] = [:]
    var isDryRun = false

    init(report: SalvageReport, target: String) {
        self.report = report
        self.target = target
    }

    /// Losses first, then what was cut off.
    var exitCode: ExitCode {
        if report.hasLosses { return .committedDamage }
        return report.hasTornTail ? .tornTail : .success
    }
}

// For people.
extension SalvageStory {
    func text() -> String {
        let now = Moment.wall()
        var lines = [sum]
        if report.absentCount > 0 {
            lines.append("Nothing is kept from before that point of \(Human.count(report.absentCount, "session")).")
        }
        lines += report.findings.map { "store: '\($0.path)': \($0.reason)\(Self.hint($0.bit))" }
        let waiting = Dictionary(pending.map { ($0.session, $0) }) { first, _ in first }
        var named = Set(pending.compactMap { SessionID($0.session) })
        named.formUnion(report.sessions.map(\.session))
        named.formUnion(incomplete.keys.compactMap { SessionID($0) })
        for id in named.sorted() {
            var parts = report.sessions.first { $0.session == id }.map(words) ?? []
            parts += incomplete[id.text] ?? []
            parts += waiting[id.text]?.words(now) ?? []
            lines.append("session \(id): \(parts.joined(separator: "; "))")
        }
        if report.sessions.isEmpty && report.findings.isEmpty { lines.append("No damage.") }
        if !steps.isEmpty {
            let fate = isDryRun ? "to be carried out" : "carried out"
            lines.append("Prompts: \(Human.count(steps.count, "step")) \(fate) in the new store.")
        }
        return lines.map { DisplayText.oneLine($0) + "\n" }.joined()
    }

    private var sum: String {
        let what = [
            Human.count(report.sessionCount, "session"), Human.count(report.recordCount, "record"),
            "\(Human.count(report.snapshotCount, "snapshot")) (\(Human.bytes(report.byteCount)))",
        ].joined(separator: ", ")
        if isDryRun { return "A salvage would make a store of \(what)." }
        return "Made '\(target)' with \(what); all \(Human.count(report.provedRecordCount)) were read back and proved."
    }

    private func words(_ session: SalvagedSession) -> [String] {
        var parts: [String] = []
        if session.last == 0, session.hasLosses {
            parts.append("nothing of it can be proved from its beginning on")
        } else if session.last == 0 {
            parts.append("nothing of it is there")
        } else if session.recordCount == 0 {
            parts.append("its snapshot at record \(session.last) saved")
        } else {
            parts.append("records \(session.first) to \(session.last): \(Human.count(session.recordCount)) saved")
        }
        parts += session.losses.map(words)
        if session.fillerCount > 0 {
            parts.append("\(Human.count(session.fillerCount, "empty record")) in their place")
        }
        if session.leftOutCount > 0 {
            let hint = session.fillerCount > 0 ? "they count what is lost" : "'--on-damage skip' takes them"
            parts.append("\(Human.count(session.leftOutCount, "record")) behind that left out (\(hint))")
        }
        if session.fromJournal > 0 { parts.append("\(Human.count(session.fromJournal, "record")) from the journal") }
        if session.fromQuarantine > 0 {
            parts.append("\(Human.count(session.fromQuarantine, "record")) from quarantine")
        }
        parts += session.repairedBits.map { "bit \($0.bit) of byte \(Human.count($0.offset)) had flipped, turned back" }
        parts += session.findings.map { finding in
            finding.kind == .tornTail && finding.byteCount > 0
                ? "a torn end of \(Human.bytes(finding.byteCount)), never acknowledged, left out" : finding.reason
        }
        return parts
    }

    private static func hint(_ bit: FlippedBit?) -> String {
        FlippedBit.remark(bit, hint: "'--repair-bits' turns it back")
    }

    private func words(_ loss: SalvagedSession.Loss) -> String {
        let which = loss.first == loss.last ? "record \(loss.first)" : "records \(loss.first) to \(loss.last)"
        var text = "\(which) lost: \(loss.reason)"
        if let path = loss.path, let offset = loss.offset, let count = loss.byteCount {
            text += ", \(Human.bytes(count)) at offset \(Human.count(offset)) of '\(path)'"
        }
        text += Self.hint(loss.bit)
        if loss.isInSnapshot { text += "; a snapshot includes what they did" }
        return text
    }
}

// For programs.
extension SalvageStory {
    /// One object on one line.
    func json() -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        writer.member("dry_run", isDryRun)
        writer.member("store_id", report.storeID)
        let counts: [(StaticString, UInt64)] = [
            ("sessions", UInt64(report.sessionCount)), ("records", UInt64(report.recordCount)),
            ("snapshots", UInt64(report.snapshotCount)), ("segment_bytes", report.byteCount),
            ("absent_sessions", UInt64(report.absentCount)), ("proved_records", UInt64(report.provedRecordCount)),
        ]
        for (name, value) in counts {
            writer.key(name)
            writer.integer(value)
        }
        writer.member("committed_damage", report.hasLosses)
        writer.member("torn_tail", report.hasTornTail)
        writer.objects("findings", report.findings) { $0.writeMembers(to: &$1) }
        writer.objects("damaged", report.sessions, Self.writeMembers)
        writer.objects("incomplete", incomplete.sorted { $0.key < $1.key }) { branch, writer in
            writer.member("session", branch.key)
            writer.member("reason", branch.value.joined(separator: " "))
        }
        writer.objects("steps", steps) { $0.writeMembers(to: &$1) }
        RecoveryStory.write(pending, to: &writer)
        writer.endObject()
        return writer.finish() + [10]
    }

    private static func writeMembers(_ session: SalvagedSession, to writer: inout JSONWriter) {
        writer.member("session", session.session.text)
        let counts: [(StaticString, UInt64)] = [
            ("first_sequence", session.first), ("last_sequence", session.last),
            ("records", UInt64(session.recordCount)), ("snapshots", UInt64(session.snapshotCount)),
            ("from_journal", UInt64(session.fromJournal)), ("from_quarantine", UInt64(session.fromQuarantine)),
            ("empty_records", UInt64(session.fillerCount)), ("left_out", UInt64(session.leftOutCount)),
        ]
        for (name, value) in counts {
            writer.key(name)
            writer.integer(value)
        }
        writer.objects("lost", session.losses, writeMembers)
        writer.objects("repaired_bits", session.repairedBits) { $0.writeMembers(to: &$1) }
        writer.objects("findings", session.findings) { $0.writeMembers(to: &$1) }
    }

    private static func writeMembers(_ loss: SalvagedSession.Loss, to writer: inout JSONWriter) {
        writer.member("first_sequence", loss.first)
        writer.member("last_sequence", loss.last)
        writer.member("reason", loss.reason)
        writer.member("in_snapshot", loss.isInSnapshot)
        if let path = loss.path, let offset = loss.offset, let count = loss.byteCount {
            writer.member("file", path)
            writer.member("offset", offset)
            writer.member("bytes", count)
        }
        if let bit = loss.bit {
            writer.object("flipped_bit") { writer in
                bit.writeMembers(to: &writer)
            }
        }
    }
}
