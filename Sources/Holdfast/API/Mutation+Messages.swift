// The operations on messages that are there.
extension Mutation {
    /// Keeps the first `count` visible messages, and the first `contextCount` of the context.
    ///
    /// Without `contextCount` the context is cut before the first message that the cut takes away from both lists.
    /// What is cut off is gone for good; hidden messages stay hidden. Refused with `bad_request` when there are not
    /// as many.
    public static func truncate(_ session: String, keep count: Int, context contextCount: Int? = nil) -> Mutation {
        Mutation(session, .cut(MessageCut(kind: .truncate, count: count, contextCount: contextCount)))
    }

    /// Takes the user's last visible message and all behind it away, for good; ``WriteResult/removal`` says what.
    ///
    /// The context is cut before the same message; when that is not in the context, before the context's own last
    /// message of the user; and when it was compacted there, as by `truncate`. Refused with `unknown_message`
    /// (“Nothing to undo.”). Reads messages from the end until it has found the one.
    public static func undoLast(_ session: String) -> Mutation {
        Mutation(session, .cut(MessageCut(kind: .undoLast)))
    }

    /// As ``undoLast(_:)``, and gives the message's text back, to be sent again. Refused with `unknown_message`
    /// (“No previous message to retry.”).
    public static func retryLast(_ session: String) -> Mutation {
        Mutation(session, .cut(MessageCut(kind: .retryLast)))
    }

    /// Hides all but the first `count` visible messages, and all but the first `contextCount` of the context, until
    /// a ``restore(_:)``. Without `contextCount` the context is cut as by `truncate`.
    ///
    /// Refused with `unknown_message` (“Nothing to take back.”) when that hides nothing.
    public static func takeBack(_ session: String, keep count: Int, context contextCount: Int? = nil) -> Mutation {
        Mutation(session, .cut(MessageCut(kind: .takeBack, count: count, contextCount: contextCount)))
    }

    /// Brings back what the newest ``takeBack(_:keep:context:)`` hid that was not restored yet: each message to its
    /// place, which is before those that were added since.
    ///
    /// Refused with `unknown_message` (“Nothing to restore.”).
    public static func restore(_ session: String) -> Mutation {
        Mutation(session, .restore(MessageRestore(sequence: 0, count: 0, contextCount: 0)))
    }

    /// Puts `messages`, which may be none, in the place of all that is in the lists of ``placement``. What was there
    /// is gone for good; hidden messages stay hidden.
    public static func replace(_ session: String, messages: [JSON]) -> Mutation {
        Mutation(session, .replace(MessageList(messages)))
    }

    /// Puts `messages`, such as a summary, in the place of all that is in the lists of ``placement``. What was there
    /// is kept, hidden.
    public static func compactMessages(_ session: String, messages: [JSON]) -> Mutation {
        Mutation(session, .compactMessages(MessageList(messages)))
    }

    /// Drops all messages of both lists, hidden ones too.
    public static func clear(_ session: String) -> Mutation { Mutation(session, .clear) }

    /// Puts the object `message` in the place of the one at `index` of `list`; if that stands in both lists, in both.
    ///
    /// Refused with `unknown_message` when there is none. Hidden messages cannot be edited. ``WriteResult/message``
    /// is the message.
    public static func edit(
        _ session: String, at index: Int, in list: SessionList = .visible, message: JSON
    ) -> Mutation {
        Mutation(session, .edit(MessageEdit(list: list, index: index, message: message.bytes)))
    }

    /// As ``edit(_:at:in:message:)``, with the JSON merge patch (RFC 7396) that makes the message of the present one.
    /// Reads that.
    public static func edit(
        _ session: String, at index: Int, in list: SessionList = .visible, patch: JSON
    ) -> Mutation {
        Mutation(session, .edit(MessageEdit(list: list, index: index, message: patch.bytes, isPatch: true)))
    }
}
