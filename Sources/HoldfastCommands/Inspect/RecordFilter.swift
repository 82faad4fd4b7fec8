import Holdfast
import HoldfastBytes
import HoldfastEngine

/// Which records are wanted.
struct RecordFilter: Sendable {
    var sequences: ClosedRange<UInt64> = 1...UInt64.max
    /// Milliseconds since 1970.
    var times: ClosedRange<UInt64> = 0...UInt64.max
    /// Sizes of payloads before compression, in bytes.
    var sizes: ClosedRange<Int> = 0...Int.max
    /// Names of kinds; empty for all.
    var types: Set<String> = []
    /// Records with a message of this role.
    var role: String?
    /// Records with this in their text.
    var pattern: TextPattern?

    /// The options that ``init(_:)`` reads.
    static let options = [
        OptionRule("from", .count("SEQUENCE"), "the first record"),
        OptionRule("to", .count("SEQUENCE"), "the last record"),
        OptionRule(
            "since", .text("TIME"), "records of this time and later: '2026-08-22 14:03', '2h' for two hours ago"),
        OptionRule("until", .text("TIME"), "records of this time and earlier"),
        OptionRule("type", .text("NAME"), "records of this type, such as append; several with commas between them"),
        OptionRule("role", .text("ROLE"), "records with a message of this role, such as user"),
        OptionRule("text", .text("TEXT"), "records with this in a string of theirs"),
        OptionRule("regex", .text("PATTERN"), "records in which a string fits this extended regular expression"),
        OptionRule("min-bytes", .count("N"), "records with at least so many bytes before compression"),
        OptionRule("max-bytes", .count("N"), "records with at most so many bytes before compression"),
    ]

    /// What `--since`, `--until` and `--type` ask for.
    init(envelope arguments: Arguments) throws(CommandError) {
        let since = try arguments.text("since").map { (text) throws(CommandError) in try PointInTime.time(text) }
        let until = try arguments.text("until").map { (text) throws(CommandError) in try PointInTime.time(text) }
        times = try Self.range(since, until, 0, "since", "until")
        types = try Self.types(arguments.text("type"))
    }

    /// What the options of a command line ask for.
    init(_ arguments: Arguments) throws(CommandError) {
        try self.init(envelope: arguments)
        sequences = try Self.range(arguments.count("from"), arguments.count("to"), 1, "from", "to")
        sizes = try Self.range(arguments.count("min-bytes"), arguments.count("max-bytes"), 0, "min-bytes", "max-bytes")
        role = arguments.text("role")
        guard arguments.text("text") == nil || arguments.text("regex") == nil else {
            throw CommandError(.usage, "Give --text or --regex, not both.")
        }
        if let text = arguments.text("text") { pattern = try TextPattern(text, isExpression: false) }
        if let text = arguments.text("regex") { pattern = try TextPattern(text, isExpression: true) }
    }

    /// Whether neither times nor types matter.
    var takesAll: Bool { times == 0...UInt64.max && types.isEmpty }

    /// Whether the payload must be looked into.
    var needsPayload: Bool { role != nil || pattern != nil }

    /// Whether `item` is wanted; what cannot be read is, when it may have had a record that is.
    func matches(_ item: WalkItem, _ matcher: TextMatcher?) -> Bool {
        switch item {
        case .segment, .mark: return true
        case .trimmed(let last): return last >= sequences.lowerBound
        case .unreadable(let finding):
            guard let first = finding.firstSequence else { return sequences == 1...UInt64.max }
            return sequences.overlaps(first...max(first, finding.lastSequence ?? .max))
        case .record(let record): return matches(record, matcher)
        }
    }

    private func matches(_ record: WalkRecord, _ matcher: TextMatcher?) -> Bool {
        let name = RecordOutline.name(ofKind: record.header.kind) ?? ""
        guard sequences.contains(record.sequence), times.contains(record.header.time),
            sizes.contains(Int(record.header.rawByteCount)), types.isEmpty || types.contains(name)
        else { return false }
        guard needsPayload else { return true }
        guard let payload = record.payload else { return false }
        if let matcher, matcher.firstMatch(in: SearchText(payload).bytes) == nil { return false }
        guard let role else { return true }
        let outline = try? RecordOutline(kind: record.header.kind, payload: payload)
        return outline?.messages.contains { MessagePreview($0.bytes).role == role } ?? false
    }

    private static func types(_ text: String?) throws(CommandError) -> Set<String> {
        let names = text?.split(separator: ",").map(String.init) ?? []
        for name in names where !RecordOutline.names.contains(name) {
            let hint = Suggestion.text(for: name, among: RecordOutline.names)
            throw CommandError(.usage, "There is no type '\(name)' of records.\(hint)")
        }
        return Set(names)
    }

    private static func range<Value: FixedWidthInteger, Given: FixedWidthInteger>(
        _ first: Given?, _ last: Given?, _ smallest: Value, _ firstName: String, _ lastName: String
    ) throws(CommandError) -> ClosedRange<Value> {
        let first = max(smallest, first.map { Value($0) } ?? smallest)
        let last = last.map { Value($0) } ?? .max
        guard first <= last else {
            throw CommandError(.usage, "'--\(firstName)' is beyond '--\(lastName)'.")
        }
        return first...last
    }
}

/// The strings in a JSON value, decoded, one per line: what a person who searches has in mind.
struct SearchText {
    private(set) var bytes: [UInt8] = []

    /// Takes a whole payload or a message.
    init(_ json: [UInt8]) {
        guard let root = try? JSONTree.parse(json, depthLimit: 1024).root else { return }
        add(root)
    }

    private mutating func add(_ value: JSONRef) {
        switch value.kind {
        case .string:
            bytes += value.stringBytes ?? []
            bytes.append(10)
        case .array: for element in value.elements { add(element) }
        case .object:
            // Whose a message is and of what kind its parts are is no text of it.
            for member in value.members where !member.key.isString("role") && !member.key.isString("type") {
                add(member.value)
            }
        default: break
        }
    }
}
