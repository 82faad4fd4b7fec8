import HoldfastBytes

// What can be said about a mutation without its session.
extension Mutation {
    /// The names that the store itself uses in a session's document.
    static let reservedFields = [
        "session_id", "holdfast", "message_count", "messages", "deltas", "check", "message_states", "hidden_messages",
    ]

    /// The mutation with each value checked, and without the whitespace around it.
    func checked() throws(HoldfastError) -> Mutation {
        // A condition that is passed over in silence is worse than none.
        if attempt != nil, turn == nil { throw HoldfastError(.badRequest, "'attempt' needs 'turn'") }
        var change = change
        switch change {
        case .create(let fields): change = .create(fields: try Self.fields(fields))
        case .set(let patch): change = .set(patch: try Self.fields(patch))
        case .append(let messages):
            guard !messages.isEmpty else { throw HoldfastError(.badRequest, "'messages' is empty") }
            change = .append(try Self.objects(messages))
        case .replace(let messages): change = .replace(try Self.objects(messages))
        case .compactMessages(let messages): change = .compactMessages(try Self.objects(messages))
        case .cut(let cut):
            if min(cut.count ?? 0, cut.contextCount ?? 0) < 0 {
                throw HoldfastError(.badRequest, "a count is negative")
            }
        case .edit(var edit):
            if edit.index < 0 { throw HoldfastError(.badRequest, "'index' is negative") }
            let name = edit.isPatch ? "patch" : "message"
            edit.message = Array(try Self.value(edit.message[...], name, mustBeObject: true))
            change = .edit(edit)
        case .beginTurn(var begin):
            begin.message = try begin.message.map { (message) throws(HoldfastError) in
                Array(try Self.value(message[...], "message", mustBeObject: true))
            }
            change = .beginTurn(try Self.checked(begin))
        case .delta(let data): change = .delta(data: Array(try Self.value(data[...], "data")))
        case .endTurn(var end):
            end.messages = try Self.objects(end.messages)
            if end.status == .interrupted {
                throw HoldfastError(.badRequest, "'interrupted' is how materialise ends a turn")
            }
            try Self.checkNotes(("reason", end.reason))
            change = .endTurn(end)
        case .fork(let fork): change = .fork(try Self.checked(fork, of: session))
        case .router(let router): change = .router(try router.checked())
        case .turns(let turns): change = .turns(try turns.checked())
        case .clear, .restore, .delete, .begin, .unpin: break
        }
        var checked = self
        checked.change = try placed(change)
        checked.fields = try checkedPatch()
        return checked
    }

    /// The notes of the beginning of a turn, checked.
    static func checked(_ begin: BeginTurn) throws(HoldfastError) -> BeginTurn {
        var begin = begin
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

    private func checkedPatch() throws(HoldfastError) -> JSON? {
        guard let fields else { return nil }
        guard change.kind.takesPatch else {
            throw HoldfastError(.badRequest, "no patch of the metadata goes with '\(change.kind.name)'")
        }
        return JSON(try Self.fields(fields.bytes))
    }

    /// The change with its messages where the mutation wants them.
    private func placed(_ change: Change) throws(HoldfastError) -> Change {
        if placement == .both, placements == nil { return change }
        func placed(_ messages: MessageList) throws(HoldfastError) -> MessageList {
            guard let placements else { return messages.placed(placement) }
            guard let placed = messages.placed(placements) else {
                throw HoldfastError(
                    .badRequest, "'list' has \(placements.count) words for \(messages.count) messages")
            }
            return placed
        }
        switch change {
        case .append(let messages): return .append(try placed(messages))
        case .replace(let messages): return .replace(try placed(messages))
        case .compactMessages(let messages): return .compactMessages(try placed(messages))
        case .endTurn(var end):
            end.messages = try placed(end.messages)
            return .endTurn(end)
        case .turns(.complete(var step)):
            step.messages = try placed(step.messages)
            return .turns(.complete(step))
        case .turns(.materialise(var materialise)):
            materialise.messages = try placed(materialise.messages ?? MessageList())
            return .turns(.materialise(materialise))
        case .fork(var fork) where fork.messages != nil:
            fork.messages = try fork.messages.map { (list) throws(HoldfastError) in try placed(list) }
            return .fork(fork)
        default: throw HoldfastError(.badRequest, "'list' goes with messages only")
        }
    }

    static func objects(_ messages: MessageList) throws(HoldfastError) -> MessageList {
        try messages.checked { (message) throws(HoldfastError) in
            try object(message, "messages", detail: 1)
        }
    }

    /// The one value that `bytes` spell.
    static func value(
        _ bytes: ArraySlice<UInt8>, _ name: String, mustBeObject: Bool = false
    ) throws(HoldfastError) -> ArraySlice<UInt8> {
        try (mustBeObject ? object(bytes, name, detail: 0) : tree(bytes, name, detail: 0)).raw
    }

    private static func object(
        _ bytes: ArraySlice<UInt8>, _ name: String, detail: Int
    ) throws(HoldfastError) -> JSONRef {
        let root = try tree(bytes, name, detail: detail)
        guard root.kind == .object else { throw HoldfastError(.badRequest, "'\(name)' must hold an object") }
        return root
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
