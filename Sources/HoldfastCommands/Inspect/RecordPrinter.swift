import Holdfast
import HoldfastBytes
import HoldfastEngine

/// Puts what a walk comes to into words, for people or for programs. Pure.
struct RecordPrinter {
    /// Whether each line names the session.
    var showsSession = false
    /// Whether payloads are shown whole; otherwise the beginning of the first message's text is.
    var showsPayload = false

    /// The width of the terminal; `nil` where there is none.
    var columns: Int?

    /// The least that is left of a line for what a record says; else that has a line of its own.
    private static let leastText = 24
    /// How much of a message's text is shown, in characters.
    private static let previewCount = 60
    /// The widest a column of ids gets.
    private static let longestID = 20

    /// The columns of ``text(_:_:)``.
    var heading: String {
        let session = showsSession ? Self.padded("SESSION", Self.longestID) + "  " : ""
        return session + "RECORD  TIME                 TYPE              BYTES   STORED  PLACE            STATE  WHAT"
    }

    /// Whether the text of an item is not to be cut where the terminal is narrow: what is damaged, and payloads.
    func isWhole(_ item: WalkItem) -> Bool {
        if case .unreadable = item { return true }
        return showsPayload
    }

    /// One line for people, or several with the payload; `nil` for what only a dump of bytes shows.
    func text(_ session: SessionID, _ item: WalkItem) -> String? {
        let name = showsSession ? Self.padded(DisplayText.oneLine(session.text), Self.longestID) + "  " : ""
        switch item {
        case .segment, .mark: return nil
        case .trimmed(let last): return "\(name)\(Self.number(last))  and those before: replaced by a snapshot"
        case .unreadable(let finding): return name + Self.text(finding)
        case .record(let record): return name + text(record)
        }
    }

    /// The same of a finding that is no item of a walk: of a snapshot, or of what all sessions share.
    func text(_ finding: RecoveryReport.Finding) -> String {
        let name = showsSession ? finding.session?.text ?? "the store" : nil
        return (name.map { Self.padded(DisplayText.oneLine($0), Self.longestID) + "  " } ?? "") + Self.text(finding)
    }

    private func text(_ record: WalkRecord) -> String {
        let shown = Shown(record)
        let cells = [
            Self.number(record.sequence), Moment.localSeconds(record.header.time), Self.padded(shown.type, 14),
            Self.number(record.header.rawByteCount, width: 8), Self.number(record.header.storedByteCount, width: 7),
            Self.padded("\(record.segment):\(record.offset)", 15), Self.padded(Self.state(record), 5),
        ]
        var line = cells.joined(separator: "  ")
        let turn = shown.outline?.turn.map { "turn \($0)" }
        let what = [turn, shown.outline?.remark, shown.preview(Self.previewCount)].compactMap(\.self)
        let words = DisplayText.oneLine(what.filter { !$0.isEmpty }.joined(separator: "; "))
        if !words.isEmpty {
            let place = DisplayText.width(of: line) + (showsSession ? Self.longestID + 2 : 0)
            let isNarrow = columns.map { $0 < place + 2 + Self.leastText } ?? false
            line += isNarrow ? "\n        " + words : "  " + words
        }
        if showsPayload, let payload = record.payload {
            line += "\n        " + DisplayText.oneLine(String(decoding: payload, as: UTF8.self))
        }
        return line
    }

    /// `ok`; `new` for what the journal alone has yet; `blind` for what cannot be decompressed.
    private static func state(_ record: WalkRecord) -> String {
        if record.content == .undecodable { return "blind" }
        return record.isOnlyInJournal ? "new" : "ok"
    }

    /// `41 to 43  unreadable: …`.
    private static func text(_ finding: RecoveryReport.Finding) -> String {
        let fate =
            switch finding.kind {
            case .tornTail: finding.byteCount == 0 ? "gone" : "torn, never acknowledged"
            case .derived: "can be made again"
            case .committedDamage, .mediaError, .restored: "unreadable"
            }
        let place = finding.byteCount == 0 ? "" : " (\(Human.bytes(finding.byteCount)) at offset \(finding.offset))"
        let bit = FlippedBit.remark(finding.bit)
        let what = DisplayText.oneLine("\(fate): '\(finding.path)'\(place): \(finding.reason)\(bit)")
        return "\(records(finding))  \(what)"
    }

    /// Which records a stretch had: `41`, `41 to 43`, `from 41 on`, `none`.
    static func records(_ finding: RecoveryReport.Finding) -> String {
        guard let first = finding.firstSequence else { return "  none" }
        guard let last = finding.lastSequence else { return "from \(first) on" }
        return first == last ? number(first) : "\(number(first)) to \(last)"
    }

    private static func number(_ value: some BinaryInteger, width: Int = 6) -> String {
        let digits = String(value)
        return String(repeating: " ", count: max(0, width - digits.utf8.count)) + digits
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let text = DisplayText.fitted(text, to: width)
        return text + String(repeating: " ", count: width - DisplayText.width(of: text))
    }
}

// For programs.
extension RecordPrinter {
    /// One object on one line; `nil` for what only a dump of bytes shows.
    func json(_ session: SessionID, _ item: WalkItem) -> [UInt8]? {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        if showsSession {
            writer.member("session", session.text)
        }
        switch item {
        case .segment, .mark: return nil
        case .trimmed(let last):
            writer.member("trimmed_through", last)
        case .unreadable(let finding):
            writer.object("unreadable") { writer in
                finding.writeMembers(to: &writer)
            }
        case .record(let record): write(record, to: &writer)
        }
        writer.endObject()
        return writer.finish() + [10]
    }

    /// One object on one line, for a finding that is no item of a walk.
    func json(_ finding: RecoveryReport.Finding) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        if showsSession { writer.member("session", finding.session?.text) }
        writer.object("unreadable") { writer in
            finding.writeMembers(to: &writer)
        }
        writer.endObject()
        return writer.finish() + [10]
    }

    private func write(_ record: WalkRecord, to writer: inout JSONWriter) {
        let shown = Shown(record)
        writer.member("sequence", record.sequence)
        writer.member("time", record.header.time)
        writer.member("type", shown.type)
        if let turn = shown.outline?.turn { writer.member("turn", turn) }
        if let key = shown.outline?.key { writer.member("key", key) }
        if let outline = shown.outline, !outline.messages.isEmpty {
            writer.member("messages", outline.messages.count)
            writer.key("roles")
            writer.beginArray()
            for role in shown.roles { writer.string(role) }
            writer.endArray()
        }
        writer.member("bytes", record.header.rawByteCount)
        writer.member("header_bytes", record.header.byteCount)
        writer.member("stored_bytes", record.header.storedByteCount)
        writer.member("file", record.path)
        writer.member("offset", record.offset)
        if let block = record.block { writer.member("block", block) }
        writer.member("promise", record.header.promisesAllBefore)
        writer.member("check", Hex64.text(record.check))
        writer.member("state", record.content == .undecodable ? "undecodable" : "ok")
        writer.member("only_in_journal", record.isOnlyInJournal)
        if let outline = shown.outline, !outline.remark.isEmpty { writer.member("remark", outline.remark) }
        if showsPayload, let payload = record.payload {
            writer.member("payload", raw: payload)
        } else if let preview = shown.preview(Self.previewCount) {
            writer.member("preview", preview)
        }
    }
}

/// What of a record is shown, as far as its payload can be had.
private struct Shown {
    let type: String
    let outline: RecordOutline?

    init(_ record: WalkRecord) {
        type = RecordOutline.name(ofKind: record.header.kind) ?? "kind \(record.header.kind)"
        outline = record.payload.flatMap { try? RecordOutline(kind: record.header.kind, payload: $0) }
    }

    var roles: [String] { outline?.messages.map { MessagePreview($0.bytes).role } ?? [] }

    /// `user: hello there`, or how many messages there are besides.
    func preview(_ count: Int) -> String? {
        guard let outline, let first = outline.messages.first else { return nil }
        let preview = MessagePreview(first.bytes)
        let more = outline.messages.count - 1
        let text = DisplayText.fitted(preview.text, to: count)
        return "\(preview.role): \(text)" + (more > 0 ? " (and \(more) more)" : "")
    }
}
