import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

/// Searches what there is of one session: records, and before them the messages of the snapshot that has replaced
/// others.
struct SessionSearch {
    /// A message, or a record without messages, with the pattern in it.
    struct Match {
        var session: SessionID
        var sequence: UInt64
        /// Of the record; of a message in a snapshot that is not known.
        var time: UInt64?
        var type: String?
        var isInSnapshot = false
        var role: String?
        /// The searched strings, and where the pattern is.
        var text: [UInt8]
        var place: Range<Int>
        /// The message as it is spelled, or the payload.
        var spelling: [UInt8]
    }

    let session: SessionID
    let matcher: TextMatcher
    /// Only messages of this role.
    var role: String?
    /// How many more matches are wanted.
    var left = Int.max
    private(set) var matchCount = 0
    /// Tells what the session shows; `nil` when everything that its records say is wanted.
    private let reader: ShownMessageReader?
    /// What it shows, once there was a match; `nil` inside when nobody can say.
    private var shown: ShownMessages??

    init(session: SessionID, matcher: TextMatcher, role: String?, left: Int, reader: ShownMessageReader?) {
        self.session = session
        self.matcher = matcher
        self.role = role
        self.left = left
        self.reader = reader
    }

    /// Calls `body` with each match in order, and answers what could not be searched, for people.
    mutating func run(
        _ inspector: StoreInspector, _ filter: RecordFilter, _ body: (Match) throws(CommandError) -> Void
    ) throws(CommandError) -> String? {
        var damage: String?
        if left == 0 { return nil }
        try inspector.forEachItem(of: session) { (item) throws(CommandError) in
            switch item {
            case .trimmed(let last):
                // What is in a snapshot has no time and no type.
                guard filter.takesAll else { break }
                if let problem = try searchSnapshot(inspector, after: last, body) { damage = damage ?? problem }
            case .record(let record):
                guard filter.matches(item, nil) else { break }
                guard let payload = record.payload else {
                    damage =
                        damage ?? "record \(record.sequence) cannot be decompressed; the block is damaged further up"
                    break
                }
                try search(record, payload, body)
            case .unreadable(let finding):
                let records = RecordPrinter.records(finding).drop { $0 == " " }
                let isDamage = finding.isDamage || finding.byteCount > 0
                if isDamage { damage = damage ?? "not searched: record \(records): \(finding.reason)" }
            case .segment, .mark: break
            }
            return left > 0
        }
        return damage
    }

    private mutating func search(
        _ record: WalkRecord, _ payload: [UInt8], _ body: (Match) throws(CommandError) -> Void
    ) throws(CommandError) {
        let outline = try? RecordOutline(kind: record.header.kind, payload: payload)
        let match = Match(
            session: session, sequence: record.sequence, time: record.header.time, type: outline?.name, text: [],
            place: 0..<0, spelling: [])
        guard let messages = outline?.messages, !messages.isEmpty else {
            if role == nil { try look(payload, outline, nil, match, body) }
            return
        }
        for message in messages { try look(message.bytes, nil, MessagePreview.whole(message.bytes).role, match, body) }
    }

    /// Searches the messages of the oldest snapshot, but for those that are in records behind `last` too.
    private mutating func searchSnapshot(
        _ inspector: StoreInspector, after last: UInt64, _ body: (Match) throws(CommandError) -> Void
    ) throws(CommandError) -> String? {
        let source = try inspecting { () throws(LogError) in
            try inspector.oldestSnapshot(of: session, including: last)
        }
        guard let source else { return "not searched: records up to \(last), of which no snapshot is whole" }
        let messages = try inspecting { () throws(LogError) in try SnapshotMessages(source) }
        let known = try matches(inspector, in: last + 1...max(last + 1, messages.sequence))
        while let message = try inspecting({ () throws(LogError) in try messages.next() }) {
            guard !known.contains(MessageDigest(message)) else { continue }
            let match = Match(
                session: session, sequence: messages.sequence, isInSnapshot: true, text: [], place: 0..<0, spelling: [])
            try look(message, nil, MessagePreview.whole(message).role, match, body)
        }
        return nil
    }

    /// The messages with a match in these records.
    private func matches(
        _ inspector: StoreInspector, in sequences: ClosedRange<UInt64>
    ) throws(CommandError) -> Set<MessageDigest> {
        var found: Set<MessageDigest> = []
        let options = WalkOptions(from: sequences.lowerBound)
        let walk = try inspecting { () throws(LogError) in try inspector.walk(session, options) }
        while let item = try inspecting({ () throws(LogError) in try walk.next() }) {
            guard case .record(let record) = item else { continue }
            guard sequences.contains(record.sequence) else { break }
            let outline = record.payload.flatMap { try? RecordOutline(kind: record.header.kind, payload: $0) }
            for message in outline?.messages ?? []
            where matcher.firstMatch(in: SearchText(message.bytes).bytes) != nil {
                found.insert(MessageDigest(message.bytes))
            }
        }
        return found
    }

    /// Whether what matched is wanted. The session is read for its first match only.
    private mutating func isShown(_ json: [UInt8], _ record: RecordOutline?) throws(CommandError) -> Bool {
        guard let reader else { return true }
        if shown == nil { shown = .some(try reader.messages(of: session.text)) }
        guard let known = shown ?? nil else { return true }
        return record.map(known.shows) ?? known.shows(json)
    }

    /// Looks into a message, or into the payload of the `record` without messages.
    private mutating func look(
        _ json: [UInt8], _ record: RecordOutline?, _ role: String?, _ match: Match,
        _ body: (Match) throws(CommandError) -> Void
    ) throws(CommandError) {
        guard left > 0, self.role == nil || role == self.role else { return }
        let text = SearchText(json).bytes
        guard let place = matcher.firstMatch(in: text), try isShown(json, record) else { return }
        left -= 1
        matchCount += 1
        var match = match
        (match.role, match.text, match.place, match.spelling) = (role, text, place, json)
        try body(match)
    }
}

extension SessionSearch.Match {
    /// How much of the text stands before and behind the match, in bytes.
    private static let context = 60

    /// `session:record:role: … the words around it …`.
    func line(isWhole: Bool) -> String {
        let record = (isInSnapshot ? "≤" : "") + String(sequence)
        let text = isWhole ? String(decoding: spelling, as: UTF8.self) : excerpt
        let place = "\(DisplayText.oneLine(session.text)):\(record):\(DisplayText.oneLine(role ?? type ?? "")): "
        return place + DisplayText.oneLine(text)
    }

    /// One object on one line.
    func json(isWhole: Bool) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        writer.member("session", session.text)
        writer.member("sequence", sequence)
        writer.member("in_snapshot", isInSnapshot)
        if let time { writer.member("time", time) }
        if let type { writer.member("type", type) }
        if let role { writer.member("role", role) }
        if isWhole { writer.member("message", raw: spelling) } else { writer.member("excerpt", excerpt) }
        writer.endObject()
        return writer.finish() + [10]
    }

    private var excerpt: String {
        let before = max(0, place.lowerBound - Self.context)
        let after = min(text.count, place.upperBound + Self.context)
        let shown = String(decoding: text[before..<after], as: UTF8.self)
        let line = DisplayText.oneLine(shown.trimming { $0 == "\u{FFFD}" || $0.isNewline })
        return (before > 0 ? "…" : "") + line + (after < text.count - 1 ? "…" : "")
    }
}

extension String {
    /// Without the characters at both ends that `isUnwanted` takes.
    fileprivate func trimming(_ isUnwanted: (Character) -> Bool) -> String {
        String(String(drop(while: isUnwanted).reversed()).drop(while: isUnwanted).reversed())
    }
}
