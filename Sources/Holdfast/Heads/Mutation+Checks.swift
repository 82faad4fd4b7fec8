import HoldfastBytes

// What can be said about a mutation without its session.
extension Mutation {
    /// The names that the store itself uses in a session's document.
    static let reservedFields = ["session_id", "holdfast", "message_count", "messages", "deltas", "check"]

    /// The mutation with each value checked, and without the whitespace around it.
    func checked() throws(HoldfastError) -> Mutation {
        var change = change
        switch change {
        case .create(let fields): change = .create(fields: try Self.fields(fields))
        case .set(let patch): change = .set(patch: try Self.fields(patch))
        case .append(let messages):
            guard !messages.isEmpty else { throw HoldfastError(.badRequest, "'messages' is empty") }
            change = .append(try Self.objects(messages))
        case .replace(let messages): change = .replace(try Self.objects(messages))
        case .truncate(let count):
            if count < 0 { throw HoldfastError(.badRequest, "'count' is negative") }
        case .beginTurn(var begin):
            begin.message = try begin.message.map { (message) throws(HoldfastError) in
                Array(try Self.value(message[...], "message", mustBeObject: true))
            }
            change = .beginTurn(try Self.checked(begin))
        case .delta(let data): change = .delta(data: Array(try Self.value(data[...], "data")))
        case .endTurn(var end):
            end.messages = try Self.objects(end.messages)
            end.fields = try end.fields.map { (fields) throws(HoldfastError) in try Self.fields(fields) }
            if end.status == .interrupted {
                throw HoldfastError(.badRequest, "'interrupted' is how materialise ends a turn")
            }
            try Self.checkNotes(("reason", end.reason))
            change = .endTurn(end)
        case .delete: break
        case .router(let router): change = .router(try router.checked())
        case .turns(let turns): change = .turns(try turns.checked())
        }
        var checked = self
        checked.change = change
        return checked
    }

    /// The notes of the beginning of a turn, checked.
    static func checked(_ begin: BeginTurn) throws(HoldfastError) -> BeginTurn {
        var begin = begin
        begin.fields = try begin.fields.map { (fields) throws(HoldfastError) in try Self.fields(fields) }
        begin.attachments = try begin.attachments.map { (list) throws(HoldfastError) in
            try array(list, "attachments")
        }
        try checkNotes(("stream", begin.stream), ("source", begin.source))
        return begin
    }

    /// The one array that `bytes` spell.
    static func array(_ bytes: [UInt8], _ name: String) throws(HoldfastError) -> [UInt8] {
        let root = try tree(bytes[...], name, detail: 0)
        guard root.kind == .array else { throw HoldfastError(.badRequest, "'\(name)' must be an array") }
        return Array(root.raw)
    }

    static func objects(_ messages: MessageList) throws(HoldfastError) -> MessageList {
        if messages.isChecked { return messages }
        var checked: [ArraySlice<UInt8>] = []
        checked.reserveCapacity(messages.count)
        for message in messages.messages {
            checked.append(try value(message, "messages", mustBeObject: true))
        }
        return MessageList(checked: checked)
    }

    /// The one value that `bytes` spell.
    static func value(
        _ bytes: ArraySlice<UInt8>, _ name: String, mustBeObject: Bool = false
    ) throws(HoldfastError) -> ArraySlice<UInt8> {
        let root = try tree(bytes, name, detail: 0)
        if mustBeObject, root.kind != .object {
            throw HoldfastError(.badRequest, "'\(name)' must hold an object")
        }
        return root.raw
    }

    static func fields(_ bytes: [UInt8]) throws(HoldfastError) -> [UInt8] {
        let root = try tree(bytes[...], "fields", detail: 1)
        guard root.kind == .object else { throw HoldfastError(.badRequest, "'fields' must be an object") }
        for (name, _) in root.members {
            if let reserved = reservedFields.first(where: { name.isString($0) }) {
                throw HoldfastError(.badRequest, "the field name '\(reserved)' is the store's own")
            }
        }
        return Array(root.raw)
    }

    private static func tree(
        _ bytes: ArraySlice<UInt8>, _ name: String, detail: Int
    ) throws(HoldfastError) -> JSONRef {
        do throws(JSONError) {
            return try JSONTree.parse(bytes, detail: detail, depthLimit: SessionLimits.depth - 2).root
        } catch {
            throw HoldfastError(.badRequest, "'\(name)': \(error)")
        }
    }

    static func checkNotes(_ notes: (name: String, text: String?)...) throws(HoldfastError) {
        for note in notes where note.text?.utf8.count ?? 0 > SessionLimits.noteByteCount {
            throw HoldfastError(
                .badRequest, "'\(note.name)' is longer than \(SessionLimits.noteByteCount) bytes")
        }
    }
}
