import HoldfastBytes

extension Request {
    /// What the line asks for.
    init(line: [UInt8]) throws(RequestRefusal) {
        let root = try Self.tree(line)
        id = Self.id(of: root)
        var session: String?
        do throws(HoldfastError) {
            var fields = try RequestFields(root)
            try Self.checkID(fields.value("id"))
            session = try fields.string("session")
            operation = try Self.operation(&fields, session)
            try fields.finish()
        } catch {
            throw RequestRefusal(id: id, session: session, error: error)
        }
    }

    private static func operation(
        _ fields: inout RequestFields, _ session: String?
    ) throws(HoldfastError) -> Operation {
        do throws(HoldfastError) {
            return try Operation(&fields, session)
        } catch {
            throw fields.explained(error)
        }
    }

    /// What is echoed when a request has no id.
    static let noID = Array("null".utf8)

    private static func tree(_ line: [UInt8]) throws(RequestRefusal) -> JSONRef {
        do throws(JSONError) {
            // As far as the members of single messages, and not into them.
            return try JSONTree.parse(line, detail: 3, depthLimit: SessionLimits.depth).root
        } catch {
            throw RequestRefusal(id: noID, error: HoldfastError(.badRequest, error.description))
        }
    }

    /// The id to echo, of requests too that are refused.
    private static func id(of root: JSONRef) -> [UInt8] {
        guard let id = root["id"], id.kind == .number || id.kind == .string else { return noID }
        return Array(id.raw)
    }

    private static func checkID(_ id: JSONRef?) throws(HoldfastError) {
        guard let id, !id.isNull, id.kind != .number, id.kind != .string else { return }
        throw HoldfastError(.badRequest, "'id' must be a number or a string")
    }
}

extension Operation {
    /// Takes the operation and what belongs to it out of `fields`.
    fileprivate init(_ fields: inout RequestFields, _ session: String?) throws(HoldfastError) {
        let name = try fields.string("op").required("op")
        switch name {
        case "get": self = .get(session: try session.required("session"), try Window(&fields))
        case "list":
            self = .list(try SessionQuery(&fields), after: try fields.string("after"), limit: try fields.limit())
        case "next_title": self = .nextTitle(after: try fields.string("title").required("title"))
        case "find_title": self = .findTitle(try fields.string("title").required("title"))
        case "archive", "pin", "draft", "rename", "set_title":
            self = .write(try Mutation(setting: name, &fields, try session.required("session")))
        case "pending": self = .pending(after: try fields.string("after"), limit: try fields.limit())
        case "queue": self = .queue(session: try session.required("session"))
        case "runs": self = .runs(session: try session.required("session"))
        case "run_events":
            self = .runEvents(
                session: try session.required("session"), try RunCursor(&fields), try ReplayLimits(&fields))
        case "compact": self = .compact(session: session)
        case "flush": self = .flush
        case "router_get": self = .routerGet(session: try session.required("session"))
        case "router_stats": self = .routerStats
        default:
            guard let kind = RecordKind(name: name) else {
                throw HoldfastError(.unknownOperation, "there is no operation '\(name)'")
            }
            self = .write(try Mutation(kind, &fields, session))
        }
        if self.session == nil, session != nil {
            throw HoldfastError(.badRequest, "the operation has no field 'session'")
        }
    }
}

extension RecordKind {
    /// The kind of the record that the operation `name` writes.
    fileprivate init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.name == name && $0.isOperation }) else { return nil }
        self = kind
    }
}

extension Mutation {
    fileprivate init(
        _ kind: RecordKind, _ fields: inout RequestFields, _ session: String?
    ) throws(HoldfastError) {
        // `create` makes an id up when it is given none.
        let session = try kind == .create ? session ?? Label.random().text : session.required("session")
        self.init(session, try Change(kind, &fields))
        (placement, placements) = try fields.placement() ?? (.both, nil)
        if kind.takesPatch { self.fields = try fields.object("fields") }
        turn = try fields.string("turn")
        attempt = try fields.unsigned("attempt")
        ifSequence = try fields.unsigned("if_sequence")
        key = try fields.string("key")
        touches = try fields.bool("touch") ?? true
        let words = "\"durable\" or \"soon\""
        durability = try fields.word("durability", words) ?? (change.isBrief ? .soon : .durable)
    }
}

extension Change {
    fileprivate init(_ kind: RecordKind, _ fields: inout RequestFields) throws(HoldfastError) {
        switch kind {
        case .create: self = .create(fields: try fields.object("fields")?.bytes ?? Array("{}".utf8))
        case .set: self = .set(patch: try fields.object("fields").required("fields").bytes)
        case .append: self = .append(try fields.messages().required("messages"))
        case .truncate, .takeBack:
            let count = try fields.count("count").required("count")
            self = .cut(MessageCut(kind: kind, count: count, contextCount: try fields.count("context_count")))
        case .undoLast, .retryLast: self = .cut(MessageCut(kind: kind))
        case .replace: self = .replace(try fields.messages().required("messages"))
        case .compactMessages: self = .compactMessages(try fields.messages().required("messages"))
        case .restore: self = .restore(MessageRestore(sequence: 0, count: 0, contextCount: 0))
        case .clear: self = .clear
        case .edit: self = .edit(try MessageEdit(&fields))
        case .beginTurn: self = .beginTurn(try BeginTurn(&fields))
        case .delta: self = .delta(data: Array(try fields.value("data").required("data").raw))
        case .endTurn: self = .endTurn(try EndTurn(&fields))
        case .delete: self = .delete
        case .rotate: self = .fork(try Fork(.rotate, &fields))
        case .branch: self = .fork(try Fork(.branch, &fields))
        case .duplicate: self = .fork(try Fork(.duplicate, &fields))
        case .begin, .unpin: throw HoldfastError(.unknownOperation, "there is no such operation")
        case .router: self = .router(RouterChange(RouterRequest(event: try RouterEvent(&fields))))
        default:
            guard let change = try TurnChange(kind, &fields) else {
                preconditionFailure("an operation that nobody reads")
            }
            self = .turns(change)
        }
    }
}

extension MessageEdit {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        list = try fields.word("list", "\"visible\" or \"context\"") ?? .visible
        index = try fields.count("index").required("index")
        let patch = try fields.object("patch")
        let text = try fields.object("message")
        guard let message = text ?? patch, text == nil || patch == nil else {
            throw HoldfastError(.badRequest, "the operation needs either 'message' or 'patch'")
        }
        self.message = message.bytes
        isPatch = patch != nil
    }
}

extension BeginTurn {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        try self.init(notes: &fields)
        isResume = try fields.bool("resume") ?? false
        if isResume {
            maximumAttempts = try fields.unsigned("max_attempts")
            maximumAge = try fields.unsigned("max_age_ms")
        } else {
            message = try fields.object("message").required("message").bytes
            attachments = try fields.array("attachments")?.bytes
        }
    }

    /// What begins any turn, whatever its message.
    init(notes fields: inout RequestFields) throws(HoldfastError) {
        stream = try fields.string("stream")
        source = try fields.string("source")
    }
}

extension EndTurn {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        let words = "\"completed\", \"cancelled\" or \"failed\""
        let status: TurnStatus? = try fields.word("status", words)
        self.status = try status.required("status")
        reason = try fields.string("reason")
        keepsMessage = try fields.bool("keep_message") ?? true
        messages = try fields.messages() ?? MessageList(checked: [])
    }
}

extension Fork {
    fileprivate init(_ kind: Kind, _ fields: inout RequestFields) throws(HoldfastError) {
        self.kind = kind
        newSession = try fields.string("new_session")
        if kind == .branch { count = try fields.count("count") }
        if let patch = try fields.object("fields") { self.fields = patch.bytes }
        guard kind == .rotate else { return }
        if let patch = try fields.object("old_fields") { oldFields = patch.bytes }
        messages = try fields.messages()
    }
}

extension Window {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        let wantsDeltas = try fields.bool("deltas") ?? false
        let after = try fields.unsigned("after_delta")
        self.init(try Start(&fields), limit: try fields.limit())
        list = try fields.word("list", "\"visible\" or \"context\"") ?? .visible
        showsHidden = try fields.bool("hidden") ?? false
        deltasAfter = after ?? (wantsDeltas ? 0 : nil)
    }
}

extension Window.Start {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        let from = try fields.count("from")
        let around = try fields.count("around")
        let isLast = try fields.bool("last") ?? false
        guard [from != nil, around != nil, isLast].count(where: \.self) <= 1 else {
            throw HoldfastError(.badRequest, "only one of 'from', 'around' and 'last' says where to begin")
        }
        self = isLast ? .last : around.map(Self.around) ?? .place(from ?? 0)
    }
}

extension RequestFields {
    fileprivate mutating func limit() throws(HoldfastError) -> Int {
        try count("limit") ?? SessionLimits.defaultPage
    }
}
