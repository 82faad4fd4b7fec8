/// One change of one session, with the conditions under which it may be made.
///
/// Made by the functions that bear the operations' names and given to ``HoldfastStore/write(_:)`` or one of
/// its siblings:
///
///     var prompt = Mutation.append(to: "s1", [#"{"role":"user","content":"hello"}"#])
///     prompt.key = "request-17"
///     let result = try await store.write(prompt)
public struct Mutation: Sendable {
    /// When a write is answered.
    public enum Durability: String, Sendable {
        /// When its record is on stable storage.
        case durable
        /// At once; the record follows within the store's soft window. A crash in between loses it.
        case soon
    }

    /// The session to change.
    public var session: String
    var change: Change

    /// The turn that the change belongs to. When that turn is not the open one, the change is refused with
    /// `stale_turn` or `no_turn`. `nil` for changes that belong to none.
    public var turn: String?
    /// With ``turn``: the attempt that the change belongs to, as the answer to the turn's beginning or resumption
    /// told it. Refused with `stale_turn` when the turn has been resumed since.
    public var attempt: UInt64?
    /// The sequence at which the session must be, else the change is refused with `conflict`.
    public var ifSequence: UInt64?
    /// An idempotency key, 1 to 255 bytes. A second write with the same key changes nothing and gets the
    /// first one's result, as long as the key is among the newest 256 of its session.
    public var key: String?
    /// When the write is answered; `.durable` except for ``delta(of:in:_:)``.
    public var durability: Durability = .durable
    /// Whether the thread that submits the write calls ``SessionLog/commitAwaited()`` next.
    var isAwaited = false
    /// The lists in which the change's messages are to stand, and for `replace` and `compactMessages` the lists
    /// whose messages they take the place of. For changes with messages only.
    public var placement: Placement = .both
    /// Where each message is to stand, when that is not the same for all; as many as there are messages.
    public var placements: [Placement]?
    /// A JSON merge patch (RFC 7396) of the session's metadata that is applied in the same record. Not for
    /// changes that have nothing to do with messages and turns.
    public var fields: JSON?
    /// Whether the change counts as use of the session: when it does not, ``SessionSummary/updatedAt`` stays as it is.
    public var touches = true
    /// What the change brings from elsewhere, with the times that it had there.
    package var imported: Imported?
    /// Whether the title that it sets must be no other conversation's.
    var claimsTitle = false
    /// Whether a title that is there already stays.
    var keepsTitle = false

    init(_ session: String, _ change: Change, turn: String? = nil) {
        self.session = session
        self.change = change
        self.turn = turn
    }
}

// The operations that write. Each says what it changes; docs/protocol.md has the rules in full.
extension Mutation {
    /// Makes the session `session` with the metadata `fields`, an object.
    ///
    /// Refused with `session_exists`, and with `session_deleted` for an id that was used before.
    public static func create(_ session: String, fields: JSON = "{}") -> Mutation {
        Mutation(session, .create(fields: fields.bytes))
    }

    /// Applies the JSON merge patch (RFC 7396) `fields` to the session's metadata.
    public static func set(_ session: String, fields: JSON) -> Mutation {
        Mutation(session, .set(patch: fields.bytes))
    }

    /// Adds `messages`, at least one object, to the end of the lists.
    public static func append(to session: String, _ messages: [JSON]) -> Mutation {
        Mutation(session, .append(MessageList(messages)))
    }

    /// Opens a turn whose pending message is the object `message`. Answered when the message is durable.
    ///
    /// `turn` is made up when it is `nil`. `stream` and `source` are the caller's notes, at most 1024 bytes
    /// each; `attachments`, an array, is kept with the message; `fields` is a merge patch of the session's
    /// metadata that takes effect with the same record. Refused with `turn_open` while another turn is open.
    public static func beginTurn(
        in session: String, turn: String? = nil, message: JSON, attachments: JSON? = nil, fields: JSON? = nil,
        stream: String? = nil, source: String? = nil
    ) -> Mutation {
        let begin = BeginTurn(
            message: message.bytes, attachments: attachments?.bytes, stream: stream, source: source)
        var mutation = Mutation(session, .beginTurn(begin), turn: turn)
        mutation.fields = fields
        return mutation
    }

    /// Takes up the open turn `turn` again after a crash: counts one more attempt.
    ///
    /// Refused with `attempts_exhausted` when the turn was tried `maximumAttempts` times already, and with
    /// `turn_expired` when it began more than `maximumAge` milliseconds ago, so that a prompt which crashes its
    /// worker does not do so for ever and an old one is not answered out of the blue.
    public static func resumeTurn(
        _ turn: String, in session: String, stream: String? = nil, source: String? = nil,
        maximumAttempts: UInt64? = nil, maximumAge: UInt64? = nil
    ) -> Mutation {
        let begin = BeginTurn(
            stream: stream, source: source, isResume: true, maximumAttempts: maximumAttempts,
            maximumAge: maximumAge)
        return Mutation(session, .beginTurn(begin), turn: turn)
    }

    /// Adds a piece of output, any JSON value, to the open turn. Answered at once unless told otherwise.
    public static func delta(of turn: String, in session: String, _ data: JSON) -> Mutation {
        var mutation = Mutation(session, .delta(data: data.bytes), turn: turn)
        mutation.durability = .soon
        return mutation
    }

    /// Ends the open turn: its pending message joins the list, unless it is there already or `keepsMessage`
    /// is false, `messages` follow it, and the metadata is patched with `fields`, all in one record. Nothing
    /// of what was in flight is left then: message, attachments, source, start time, stream.
    public static func endTurn(
        _ turn: String, in session: String, status: TurnStatus, messages: [JSON] = [],
        keepsMessage: Bool = true, reason: String? = nil, fields: JSON? = nil
    ) -> Mutation {
        let end = EndTurn(
            status: status, reason: reason, keepsMessage: keepsMessage, messages: MessageList(messages))
        var mutation = Mutation(session, .endTurn(end), turn: turn)
        mutation.fields = fields
        return mutation
    }

    /// Deletes the session. Its id stays taken: every later operation on it is refused with
    /// `session_deleted`.
    public static func delete(_ session: String) -> Mutation { Mutation(session, .delete) }
}

/// How a turn ended.
public enum TurnStatus: String, Sendable {
    case completed, cancelled, failed
    /// Its worker was gone, and it was materialised.
    case interrupted
}
