import Holdfast
import HoldfastBytes
import HoldfastEngine

extension Command {
    /// `holdfast diff`.
    static let diff = Command(
        name: "diff",
        summary: "Show how two points of a session differ, or two sessions.",
        operands: [
            .store, .session, OperandRule("OTHER", .any, "a second session, such as a branch; else the same one"),
        ],
        options: [
            SessionPoint.option("from", "the point of SESSION"),
            SessionPoint.option("to", "the point of OTHER, or the second point of SESSION"), MessageChoice.listOption,
            .json,
            OptionRule("payload", "show messages whole, and not only how their text begins"),
        ],
        details: [
            "First the fields that differ, then the messages: '-' for those that only the first side has, '+' for "
                + "those "
                + "that only the second has, each with its place. Messages are the same when their bytes are. Without "
                + "--from and --to both sides are as they are now. The store may be in use."
        ],
        examples: [
            ("holdfast diff ./store s1 --from 120", "what has changed since record 120"),
            ("holdfast diff ./store s1 s1-branch", "where a branch went another way"),
        ],
        exitCodes: [
            (.success, "the two are the same"), (.different, "they differ"),
            (.data, "a point cannot be had, or a session is damaged"),
            (.noInput, "the store or a session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            guard arguments.rest.count <= 2 else {
                throw CommandError(.usage, "Name one SESSION or two, not \(arguments.rest.count).")
            }
            guard arguments.rest.count == 2 || arguments.text("from") != nil || arguments.text("to") != nil else {
                throw CommandError(.usage, "Name a second session, or a point with --from or --to.")
            }
            StoreAccess.tellOfStoreFile(arguments, console)
            return try SessionDiff(arguments, console).run()
        })
}

/// Compares two sessions, each as of a point. Memory: 16 bytes per message, and what differs as it is shown.
private struct SessionDiff {
    /// One of the two.
    private struct Side {
        var session: String
        var sequence: UInt64
        var state: SessionState
        /// A digest of each message.
        var digests: [MessageDigest] = []
    }

    private let arguments: Arguments
    private let console: any Console
    private let store: HoldfastStore
    private let inspector: StoreInspector
    private let choice: MessageChoice

    init(_ arguments: Arguments, _ console: any Console) throws(CommandError) {
        choice = MessageChoice(list: MessageChoice(arguments).list)
        self.arguments = arguments
        self.console = console
        inspector = try StoreAccess.inspect(arguments.store)
        store = try StoreAccess.openReadOnly(arguments.store)
    }

    func run() throws(CommandError) -> ExitCode {
        defer { try? store.close() }
        let sessions = Array(arguments.rest)
        let old = try side(sessions[0], arguments.text("from"))
        let new = try side(sessions.last ?? sessions[0], arguments.text("to"))
        let removed = MessageEdits(old.digests, new.digests)
        let fields = Self.differences(old.state.fields, new.state.fields)
        try begin(old, new, same: removed.sameCount)
        for field in fields { try show(field) }
        try show(removed, try shown(old, removed.removed), try shown(new, removed.inserted))
        return fields.isEmpty && removed.isEmpty ? .success : .different
    }

    private func side(_ session: String, _ point: String?) throws(CommandError) -> Side {
        let id = try sessionID(session)
        let sequence = try SessionPoint(inspector: inspector, session: id).sequence(point)
        for _ in 0..<4 where sequence == nil {
            // A compaction may replace the newest state while it is read; then the one that is the newest now.
            if let side = try? side(session, state: try store.state(of: session, at: nil)) { return side }
        }
        return try side(session, state: try store.state(of: session, at: sequence))
    }

    /// The session as of `state`, whatever a writer does meanwhile.
    private func side(_ session: String, state: SessionState) throws(CommandError) -> Side {
        if let damage = state.damage { throw CommandError(.data, damage.sentence(session)) }
        var side = Side(session: session, sequence: state.summary.sequence, state: state)
        try store.forEachMessage(of: session, at: side.sequence, choice) { message, _ in
            side.digests.append(MessageDigest(message))
            return true
        }
        return side
    }

    /// What is shown of the messages at `places`.
    private func shown(_ side: Side, _ places: [Int]) throws(CommandError) -> [Int: [UInt8]] {
        let wanted = Set(places)
        var shown: [Int: [UInt8]] = [:]
        var place = 0
        try store.forEachMessage(of: side.session, at: side.sequence, choice) { message, _ in
            if wanted.contains(place) { shown[place] = text(of: message) }
            place += 1
            return shown.count < wanted.count
        }
        return shown
    }

    /// The message, or a line about it.
    private func text(of message: [UInt8]) -> [UInt8] {
        if arguments.has("payload") { return message }
        let preview = MessagePreview(message)
        return Array("\(preview.role): \(DisplayText.fitted(preview.text, to: 100))".utf8)
    }

    // MARK: Output

    private func begin(_ old: Side, _ new: Side, same: Int) throws(CommandError) {
        guard arguments.has("json") else {
            try console.row(DisplayText.oneLine("--- \(old.session) at record \(old.state.summary.sequence)"))
            return try console.row(DisplayText.oneLine("+++ \(new.session) at record \(new.state.summary.sequence)"))
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("from", old.session)
        writer.member("from_sequence", old.state.summary.sequence)
        writer.member("to", new.session)
        writer.member("to_sequence", new.state.summary.sequence)
        writer.member("same_messages", same)
        writer.endObject()
        try console.write(writer.finish() + [10])
    }

    private func show(_ field: FieldDifference) throws(CommandError) {
        guard arguments.has("json") else {
            let name = DisplayText.oneLine(field.name)
            if let old = field.old { try show("- .\(name)  \(Self.line(old))") }
            if let new = field.new { try show("+ .\(name)  \(Self.line(new))") }
            return
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("field", field.name)
        if let old = field.old { writer.member("from", raw: old) }
        if let new = field.new { writer.member("to", raw: new) }
        writer.endObject()
        try console.write(writer.finish() + [10])
    }

    private func show(
        _ edits: MessageEdits, _ old: [Int: [UInt8]], _ new: [Int: [UInt8]]
    ) throws(CommandError) {
        for step in edits.steps {
            switch step {
            case .same(let count):
                if !arguments.has("json") { try console.line("  \(Human.count(count, "message")) the same") }
            case .removed(let place): try show("-", "removed", place, old[place] ?? [])
            case .inserted(let place): try show("+", "added", place, new[place] ?? [])
            }
        }
    }

    private func show(
        _ sign: String, _ word: String, _ place: Int, _ shown: [UInt8]
    ) throws(CommandError) {
        guard arguments.has("json") else { return try show("\(sign) \(place)  \(Self.line(shown))") }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(word)
        writer.integer(place)
        if arguments.has("payload") {
            writer.member("message", raw: shown)
        } else {
            writer.member("preview", String(decoding: shown, as: UTF8.self))
        }
        writer.endObject()
        try console.write(writer.finish() + [10])
    }

    /// Whole where payloads are asked for.
    private func show(_ line: String) throws(CommandError) {
        try arguments.has("payload") ? console.line(line) : console.row(line)
    }

    private static func line(_ bytes: [UInt8]) -> String { DisplayText.oneLine(String(decoding: bytes, as: UTF8.self)) }
}

/// A member that is not the same on both sides.
private struct FieldDifference {
    var name: String
    var old: [UInt8]?
    var new: [UInt8]?
}

extension SessionDiff {
    private static func differences(_ old: JSON, _ new: JSON) -> [FieldDifference] {
        let (old, new) = (members(old), members(new))
        let names = old.map(\.name) + new.map(\.name).filter { name in !old.contains { $0.name == name } }
        return names.compactMap { name in
            let left = old.first { $0.name == name }?.value
            let right = new.first { $0.name == name }?.value
            return left == right ? nil : FieldDifference(name: name, old: left, new: right)
        }
    }

    private static func members(_ fields: JSON) -> [(name: String, value: [UInt8])] {
        guard let root = try? JSONTree.parse(fields.bytes, detail: 1, depthLimit: .max).root, root.kind == .object
        else { return [] }
        return root.members.map { ($0.key.string ?? "", Array($0.value.raw)) }
    }
}
