import HoldfastBytes

// The operations that make a session from another one. Both are durable when the answer comes, and after a crash both
// are there or neither is. They cost the same however long the session is.
extension Mutation {
    /// Gives the session a new id, under which it goes on: with its fields, its open turn, its ended turns and its
    /// idempotency keys. Under the old id it stays readable, and writes are refused with `rotated`, naming the new one.
    ///
    /// - Parameters:
    ///   - newSession: the new id; made up when it is `nil`. Refused with `session_exists` or `session_deleted` when it
    ///     was ever used.
    ///   - messages: the list of the new session, as after a compression; `nil` to go on with the old one's, which is
    ///     shared, not copied.
    ///   - fields: a merge patch on the fields of the new session.
    ///   - oldFields: a merge patch on those of the old one.
    public static func rotate(
        _ session: String, to newSession: String? = nil, messages: [JSON]? = nil, fields: JSON = "{}",
        oldFields: JSON = "{}"
    ) -> Mutation {
        let fork = Fork(
            kind: .rotate, newSession: newSession, fields: fields.bytes, oldFields: oldFields.bytes,
            messages: messages.map { MessageList($0) })
        return Mutation(session, .fork(fork))
    }

    /// Makes a session that begins with the first `count` messages of this one, or with all of them.
    ///
    /// It gets this one's fields, `" (fork)"` behind its title, `parent_session_id`, `session_source`, and is neither
    /// pinned nor archived; `fields`, a merge patch, comes last. The messages are shared, not copied.
    public static func branch(
        _ session: String, to newSession: String? = nil, keep count: Int? = nil, fields: JSON = "{}"
    ) -> Mutation {
        let fork = Fork(kind: .branch, newSession: newSession, count: count, fields: fields.bytes)
        return Mutation(session, .fork(fork))
    }

    /// Makes a session with all messages and fields of this one, `" (copy)"` behind its title, that is not pinned.
    public static func duplicate(
        _ session: String, to newSession: String? = nil, fields: JSON = "{}"
    ) -> Mutation {
        Mutation(session, .fork(Fork(kind: .duplicate, newSession: newSession, fields: fields.bytes)))
    }
}

extension Mutation {
    /// The fork with its values checked and the new session named.
    static func checked(_ fork: Fork, of session: String) throws(HoldfastError) -> Fork {
        var fork = fork
        let name = try HoldfastStore.sessionID(fork.newSession ?? Label.random().text)
        if name == SessionID(session) {
            throw HoldfastError(.badRequest, "'new_session' is the session itself")
        }
        fork.newSession = name.text
        if let count = fork.count, count < 0 { throw HoldfastError(.badRequest, "'count' is negative") }
        fork.fields = try fields(fork.fields)
        fork.oldFields = try fields(fork.oldFields)
        fork.messages = try fork.messages.map { (list) throws(HoldfastError) in try objects(list) }
        return fork
    }
}
