import HoldfastBytes
import HoldfastLog

/// A cut of both lists: what is behind the first so many active messages goes, or is hidden.
struct MessageCut: Sendable, Equatable {
    /// `truncate`, `undoLast`, `retryLast` or `takeBack`.
    var kind: RecordKind
    /// How many visible messages stay; `nil` only in a request that leaves it to the store.
    var count: Int?
    /// How many context messages stay; `nil` only in a request that leaves it to the store.
    var contextCount: Int?
    /// How many more of the visible messages are the user's afterwards: none, or a negative number; `nil` when that is
    /// not known.
    var users: Int?
    /// What the caller is told.
    var removal: Removal?
}

/// What a cut took away, as its caller is told.
public struct Removal: Hashable, Sendable {
    /// How many visible messages are gone.
    public var count: Int
    /// Of `undo_last`: the beginning of the prompt's text, at most 40 Unicode scalars and then `...`.
    public var preview: String?
    /// Of `retry_last`: the prompt's text, the text parts of a list of parts joined.
    public var lastUserText: String?

    /// Makes one from its parts.
    public init(count: Int, preview: String? = nil, lastUserText: String? = nil) {
        self.count = count
        self.preview = preview
        self.lastUserText = lastUserText
    }
}

/// A new text for one message.
struct MessageEdit: Sendable, Equatable {
    /// The list in which `index` counts. The message changes wherever it stands.
    var list: SessionList
    var index: Int
    /// The message, an object; of a request with `isPatch` the JSON merge patch that makes it of the present one.
    var message: [UInt8]
    /// Of the request only: a record has the message as it is from then on.
    var isPatch = false
    /// How many more of the visible messages are the user's afterwards: -1, 0 or 1; `nil` when that is not known.
    var users: Int?
}

/// The end of a `take_back`.
struct MessageRestore: Sendable, Equatable {
    /// The record that took the messages back; 0 in a request, which is about the newest.
    var sequence: Sequence
    /// How many visible messages return.
    var count: Int
    /// How many context messages return.
    var contextCount: Int
    /// How many of the visible messages that return are the user's; `nil` when that is not known.
    var users: Int?
}

extension MessageCut {
    func writeMembers(to writer: inout JSONWriter) {
        if let count { writer.member("count", count) }
        if let contextCount { writer.member("context_count", contextCount) }
        if let users { writer.member("users", users) }
        if let removal { removal.writeMembers(to: &writer) }
    }

    init(_ kind: RecordKind, _ root: JSONRef) throws(ContentError) {
        self.init(
            kind: kind, count: try root.count("count"), contextCount: try root.count("context_count"),
            users: try root.change("users"), removal: try Removal(members: root))
    }
}

extension Removal {
    /// Writes the members of an open object.
    func writeMembers(to writer: inout JSONWriter) {
        writer.member("removed_count", count)
        if let preview { writer.member("removed_preview", preview) }
        if let lastUserText { writer.member("last_user_text", lastUserText) }
    }

    /// Reads the members of `root`; `nil` when it has none.
    init?(members root: JSONRef) throws(ContentError) {
        guard root["removed_count"] != nil else { return nil }
        self.init(
            count: try root.count("removed_count"), preview: root["removed_preview"]?.string,
            lastUserText: root["last_user_text"]?.string)
    }
}

extension MessageEdit {
    func writeMembers(to writer: inout JSONWriter) {
        if list != .visible { writer.member("list", list.rawValue) }
        writer.member("index", index)
        writer.member("message", raw: message)
        if let users { writer.member("users", users) }
    }

    init(_ root: JSONRef) throws(ContentError) {
        guard let list = SessionList(rawValue: root["list"]?.string ?? SessionList.visible.rawValue) else {
            throw ContentError("'list' is neither \"visible\" nor \"context\"")
        }
        self.init(
            list: list, index: try root.count("index"), message: try root.object("message"),
            users: try root.change("users"))
    }
}

extension MessageRestore {
    func writeMembers(to writer: inout JSONWriter) {
        writer.member("taken_back", sequence)
        writer.member("count", count)
        writer.member("context_count", contextCount)
        if let users { writer.member("users", users) }
    }

    init(_ root: JSONRef) throws(ContentError) {
        self.init(
            sequence: try root.unsigned("taken_back"), count: try root.count("count"),
            contextCount: try root.count("context_count"), users: try root.change("users"))
    }
}
