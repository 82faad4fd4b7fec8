import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastStorage

/// Puts an overview into words: bars in a terminal, plain numbers elsewhere. Pure.
struct OverviewText {
    private static let barWidth = 30

    let overview: StoreOverview
    /// The width of the terminal; `nil` when there is none.
    let columns: Int?
    /// How many sessions the tables have.
    let limit: Int
    let now: UInt64

    var text: String {
        var lines = head
        lines += section("Last written to", overview.ages(now: now).map { ($0.name, $0.count) })
        lines += section("Records by type", overview.kinds)
        lines += section(
            "Records by size", overview.sizes.map { ("up to \(Human.bytes(UInt64($0.limit)))", $0.count) })
        lines += table("Largest sessions", overview.sessions.sorted { $0.byteCount > $1.byteCount })
        lines += table("Most active sessions", overview.sessions.sorted { $0.recordCount > $1.recordCount })
        return lines.map { DisplayText.fitted($0, to: columns ?? .max) + "\n" }.joined()
    }

    private var head: [String] {
        let info = overview.inspector.info
        var table = TextTable([.init(heading: "store"), .init(heading: DisplayText.oneLine(overview.path))])
        let made = info.createdAt == 0 ? "at an unknown time" : Moment.local(info.createdAt)
        table.add(["made", "\(made), id \(info.storeID)"])
        table.add(["sessions", sessions])
        table.add(["records", records])
        table.add(["on disk", onDisk])
        table.add(["journal", journal])
        table.add(["damage", damage])
        return table.lines(width: columns ?? .max)
    }

    private var sessions: String {
        var parts = [Human.count(overview.sessions.count)]
        parts.append("\(Human.count(overview.openTurnCount)) with an open turn")
        if overview.queuedCount > 0 { parts.append("\(Human.count(overview.queuedCount, "message")) queued") }
        if overview.unlistedCount > 0 { parts.append("\(Human.count(overview.unlistedCount)) deleted or unreadable") }
        return parts.joined(separator: ", ")
    }

    private var records: String {
        let ratio = Self.ratio(overview.rawByteCount, overview.storedByteCount)
        var line = "\(Human.count(overview.recordCount)), \(Human.bytes(overview.rawByteCount)) of payloads "
        line += "compressed to \(Human.bytes(overview.storedByteCount)) (\(ratio))"
        if overview.trimmedCount > 0 { line += ", \(Human.count(overview.trimmedCount)) replaced by snapshots" }
        return line
    }

    private var onDisk: String {
        let segments = overview.sessions.reduce(0) { $0 + $1.files.segments.count }
        return "\(Human.count(segments, "segment")) (\(Human.bytes(overview.segmentByteCount))), "
            + "\(Human.count(overview.snapshotCount, "snapshot")) (\(Human.bytes(overview.snapshotByteCount))), "
            + "journal \(Human.bytes(overview.journal.byteCount))"
    }

    private var journal: String {
        let journal = overview.journal
        let fill = Self.percent(journal.usedByteCount, journal.byteCount)
        return "\(bar(Double(fill) / 100, width: 10))\(fill) % used; \(journal.summary)"
    }

    private var damage: String {
        let gaps = overview.damaged
        let journal = overview.journal.findings.filter { $0.kind != .derived }
        var parts: [String] = []
        if !gaps.isEmpty {
            let names = gaps.prefix(limit).map { DisplayText.oneLine($0.session.text) }.joined(separator: ", ")
            parts.append("\(Human.count(gaps.count, "session")): \(names)\(gaps.count > limit ? ", …" : "")")
        }
        if !journal.isEmpty { parts.append("\(Human.count(journal.count, "place")) in the journal") }
        parts += overview.sharedDamage.map { "'\(DisplayText.oneLine($0.path))': \(DisplayText.oneLine($0.reason))" }
        if parts.isEmpty { return "none" }
        return parts.joined(separator: "; ") + " ('holdfast inspect gaps' has the places)"
    }

    /// A title, and a bar for each row.
    private func section(_ title: String, _ rows: [(name: String, count: Int)]) -> [String] {
        guard let most = rows.map(\.count).max(), most > 0 else { return [] }
        let width = rows.map { $0.name.count }.max() ?? 0
        let room = (columns ?? .max) - width - Human.count(most).count - 5
        return ["", title]
            + rows.map { name, count in
                let padding = String(repeating: " ", count: width - name.count)
                let bar = bar(Double(count) / Double(most), width: max(1, min(Self.barWidth, room)))
                return "  \(name)\(padding)  \(bar)\(Human.count(count))"
            }
    }

    /// Filled to `fraction`; nothing where there is no terminal.
    private func bar(_ fraction: Double, width: Int) -> String {
        guard columns != nil else { return "" }
        let eighths = Int((fraction * Double(width) * 8).rounded(.up))
        let whole = String(repeating: "█", count: eighths / 8)
        let rest = eighths % 8 == 0 ? "" : String(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8])
        let padding = String(repeating: " ", count: width - whole.count - rest.count)
        return whole + rest + padding + " "
    }

    private func table(_ title: String, _ sessions: [StoreOverview.Session]) -> [String] {
        guard !sessions.isEmpty, limit > 0 else { return [] }
        var table = TextTable([
            .init(heading: "  SESSION", limit: 48), .init(heading: "ON DISK", isNumber: true),
            .init(heading: "RECORDS", isNumber: true), .init(heading: "RATIO", isNumber: true),
            .init(heading: "WRITTEN"),
        ])
        for session in sessions.prefix(limit) {
            table.add([
                "  " + DisplayText.oneLine(session.session.text), Human.bytes(session.byteCount),
                Human.count(session.recordCount), Self.ratio(session.rawByteCount, session.storedByteCount),
                Human.time(session.lastTime, now: now),
            ])
        }
        return ["", title] + table.lines(width: columns ?? .max)
    }

    private static func ratio(_ raw: UInt64, _ stored: UInt64) -> String {
        stored == 0 ? "-" : "\(Human.decimal(Double(raw) / Double(stored), digits: 1))x"
    }

    private static func percent(_ part: UInt64, _ whole: UInt64) -> Int {
        whole == 0 ? 0 : Int((Double(part) / Double(whole) * 100).rounded())
    }
}

extension StoreOverview {
    /// One object on one line. Sessions come in the order of their ids.
    func json(now: UInt64) -> [UInt8] {
        var writer = JSONWriter(capacity: 4096)
        writer.beginObject()
        writer.member("store_id", inspector.info.storeID)
        writer.member("created_at", inspector.info.createdAt)
        writer.member("session_count", sessions.count)
        writer.member("open_turns", openTurnCount)
        writer.member("queued_messages", queuedCount)
        writer.member("records", recordCount)
        writer.member("trimmed_records", trimmedCount)
        writer.member("payload_bytes", rawByteCount)
        writer.member("stored_payload_bytes", storedByteCount)
        writer.member("segment_bytes", segmentByteCount)
        writer.member("snapshots", snapshotCount)
        writer.member("snapshot_bytes", snapshotByteCount)
        writer.member("damaged", hasDamage)
        if let damage = inspector.info.indexDamage { writer.member("index_damage", damage) }
        writer.member("journal", raw: journal.json)
        writer.object("types") { writer in
            for kind in kinds {
                writer.key(kind.name)
                writer.integer(kind.count)
            }
        }
        writer.objects("sizes", sizes) { size, writer in
            writer.member("up_to_bytes", size.limit)
            writer.member("records", size.count)
        }
        writer.objects("last_written", ages(now: now)) { age, writer in
            if let milliseconds = age.milliseconds { writer.member("within_milliseconds", milliseconds) }
            writer.member("sessions", age.count)
        }
        writer.key("sessions")
        writer.beginArray()
        for session in sessions { session.write(to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.finish() + [10]
    }
}

extension StoreOverview.Session {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("session", session.text)
        writer.member("records", recordCount)
        writer.member("trimmed_records", trimmedCount)
        writer.member("payload_bytes", rawByteCount)
        writer.member("stored_payload_bytes", storedByteCount)
        writer.member("segments", files.segments.count)
        writer.member("segment_bytes", segmentByteCount)
        writer.member("snapshots", files.snapshots.count)
        writer.member("snapshot_bytes", snapshotByteCount)
        writer.member("last_written_at", lastTime)
        writer.member("in_journal", files.isInJournal)
        writer.objects("gaps", gaps) { gap, writer in
            gap.writeMembers(to: &writer)
        }
        writer.endObject()
    }
}
