import HoldfastBytes
import HoldfastLog

/// What a session's record says about a session that is made from it: by a rotation of its id, a branch or a copy.
///
/// The record is the commit point: the new session's first record, ``Begin``, follows from it and from the session as
/// it was before it.
struct Fork: Sendable, Equatable {
    enum Kind: String, Sendable {
        /// The session goes on under the new id, with its open turn.
        case rotate
        case branch
        case duplicate
    }

    var kind: Kind
    /// The new session's id; `nil` in a request that leaves it to the store.
    var newSession: String?
    /// Of a request: how many of the visible messages the new session begins with; `nil` for all.
    var count: Int?
    /// Of a record: what the new session shares of this one's messages.
    var shared: [SharedRun] = []
    /// Of a record: how many of those that stand in its visible list are the user's; `nil` when that is not known.
    var users: Int?
    /// A merge patch on the fields that the new session takes over.
    var fields: [UInt8] = Array("{}".utf8)
    /// A merge patch on the fields of this session; of a rotation only.
    var oldFields: [UInt8] = Array("{}".utf8)
    /// What the new session begins with instead; of a rotation only.
    var messages: MessageList?
}

extension Fork.Kind {
    /// The kind of the record.
    var record: RecordKind {
        switch self {
        case .rotate: .rotate
        case .branch: .branch
        case .duplicate: .duplicate
        }
    }

    init?(_ record: RecordKind) {
        switch record {
        case .rotate: self = .rotate
        case .branch: self = .branch
        case .duplicate: self = .duplicate
        default: return nil
        }
    }
}

/// The first record of a session that was made from another one.
struct Begin: Sendable, Equatable {
    var lineage: Lineage
    /// The parent's messages with which the session begins.
    var shared: [SharedRun] = []
    /// How many of those that stand in its visible list are the user's; `nil` when that is not known.
    var users: Int?
    /// All fields, as an object.
    var fields: [UInt8]
    /// When a message was last added to what the session begins with.
    var lastMessageAt: Milliseconds?
    /// Of a rotation: all that the session was besides, as in the member `holdfast` of a snapshot.
    var state: [UInt8]?
    /// Messages that follow those that are shared.
    var messages = MessageList()
}

extension Fork {
    func writeMembers(to writer: inout JSONWriter) {
        if let newSession { writer.member("new_session", newSession) }
        writer.member("shared", shared)
        if let users { writer.member("users", users) }
        writer.member("fields", raw: fields)
        if kind == .rotate { writer.member("old_fields", raw: oldFields) }
        messages?.writeMembers(to: &writer)
    }

    init(_ kind: Kind, _ root: JSONRef) throws(ContentError) {
        self.kind = kind
        newSession = try root.session("new_session").text
        shared = try root.sharedRuns()
        users = try root.change("users")
        fields = try root.object("fields")
        if kind == .rotate { oldFields = try root.object("old_fields") }
        if root["messages"] != nil { messages = try root.messages() }
    }

    /// About how many bytes of the caller's the record holds.
    var byteCount: Int { fields.count + oldFields.count + (messages?.byteCount ?? 0) }
}

extension Begin {
    func writeMembers(to writer: inout JSONWriter) {
        writer.key("lineage")
        lineage.write(to: &writer)
        writer.member("shared", shared)
        if let users { writer.member("users", users) }
        if let lastMessageAt { writer.member("last_message_at", lastMessageAt) }
        writer.member("fields", raw: fields)
        if let state { writer.member("state", raw: state) }
        if !messages.isEmpty { messages.writeMembers(to: &writer) }
    }

    init(_ root: JSONRef) throws(ContentError) {
        lineage = try Lineage(try root.required("lineage"))
        shared = try root.sharedRuns()
        users = try root.change("users")
        fields = try root.object("fields")
        if root["last_message_at"] != nil { lastMessageAt = try root.unsigned("last_message_at") }
        if root["state"] != nil { state = try root.object("state") }
        if root["messages"] != nil { messages = try root.messages() }
    }

    var byteCount: Int { fields.count + (state?.count ?? 0) + messages.byteCount }
}

extension JSONRef {
    /// The member `name`, the id of a session.
    func session(_ name: String) throws(ContentError) -> SessionID {
        guard let id = self[name]?.text.flatMap(SessionID.init) else {
            throw ContentError("the member '\(name)' is not the id of a session")
        }
        return id
    }
}
