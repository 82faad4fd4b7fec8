package import HoldfastLog

/// Why a store refused or failed. The one error of this module.
public struct HoldfastError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of refusal, for programs. More kinds may come.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The name in the protocol, such as `unknown_session`.
        public let rawValue: String

        /// Takes the name of a kind.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The request is not what the operation wants; nothing was tried.
        public static let badRequest = Code(rawValue: "bad_request")
        /// There is no such operation.
        public static let unknownOperation = Code(rawValue: "unknown_operation")
        /// No session has this id.
        public static let unknownSession = Code(rawValue: "unknown_session")
        /// `create` of a session that is there.
        public static let sessionExists = Code(rawValue: "session_exists")
        /// The session was deleted; its id stays taken.
        public static let sessionDeleted = Code(rawValue: "session_deleted")
        /// The session goes on under another id, which ``HoldfastError/newSession`` names.
        public static let rotated = Code(rawValue: "rotated")
        /// Another conversation has this title; ``HoldfastError/session`` names its session.
        public static let titleTaken = Code(rawValue: "title_taken")
        /// There are as many of something as the store takes; `message` says of what.
        public static let limitReached = Code(rawValue: "limit_reached")
        /// The session is not at the sequence that the caller expects; ``HoldfastError/sequence`` says where
        /// it is.
        public static let conflict = Code(rawValue: "conflict")
        /// The turn has ended, or another one has taken its place.
        public static let staleTurn = Code(rawValue: "stale_turn")
        /// A turn is open, so that no other can begin.
        public static let turnOpen = Code(rawValue: "turn_open")
        /// No turn is open, and none of this id is known to have been.
        public static let noTurn = Code(rawValue: "no_turn")
        /// The turn was begun or resumed by this process, which has not abandoned it, or is younger than asked.
        public static let turnLive = Code(rawValue: "turn_live")
        /// The turn is older than the caller is willing to resume.
        public static let turnExpired = Code(rawValue: "turn_expired")
        /// The turn or queued message was tried as often as the caller allows.
        public static let attemptsExhausted = Code(rawValue: "attempts_exhausted")
        /// A message of this id is or was in the queue.
        public static let alreadyQueued = Code(rawValue: "already_queued")
        /// The queue has no room for the message.
        public static let queueFull = Code(rawValue: "queue_full")
        /// No queued message can be claimed now.
        public static let queueEmpty = Code(rawValue: "queue_empty")
        /// No message of this id waits in the queue.
        public static let notQueued = Code(rawValue: "not_queued")
        /// Somebody else has a good claim on the message.
        public static let claimed = Code(rawValue: "claimed")
        /// The claim was released, or another has taken its place.
        public static let staleClaim = Code(rawValue: "stale_claim")
        /// There is no such message: none at that place, none of the user's, or none that was taken back.
        public static let unknownMessage = Code(rawValue: "unknown_message")
        /// The request or its record is longer than the store takes.
        public static let tooLarge = Code(rawValue: "too_large")
        /// The disk is full. Reads go on, and writes as soon as there is room.
        public static let diskFull = Code(rawValue: "disk_full")
        /// What was read is not what was written; `message` names what to do.
        public static let damaged = Code(rawValue: "damaged")
        /// The store was opened for reading only.
        public static let readOnly = Code(rawValue: "read_only")
        /// Another owner has taken the session over.
        public static let fenced = Code(rawValue: "fenced")
        /// Another process has the store open.
        public static let busy = Code(rawValue: "busy")
        /// The directory holds no store.
        public static let notAStore = Code(rawValue: "not_a_store")
        /// The store was written by a later version.
        public static let newerFormat = Code(rawValue: "newer_format")
        /// The store was written by an earlier version; `message` says how to bring its sessions over.
        public static let olderFormat = Code(rawValue: "older_format")
        /// The store was closed.
        public static let closed = Code(rawValue: "closed")
        /// The log failed; whether the record was kept is known after the next open.
        public static let failed = Code(rawValue: "failed")
    }

    /// What kind of refusal, for programs.
    public var code: Code
    /// What went wrong and what to do next, for people.
    public var message: String
    /// For `conflict`: the last record that the session has.
    public var sequence: UInt64?
    /// For `rotated`, and for `session_deleted` of a session that had been rotated: the id under which it goes on.
    public var newSession: String?
    /// For `title_taken`: the session that has the title.
    public var session: String?

    /// Makes an error from its parts.
    public init(
        _ code: Code, _ message: String, sequence: UInt64? = nil, newSession: String? = nil, session: String? = nil
    ) {
        self.code = code
        self.message = message
        self.sequence = sequence
        self.newSession = newSession
        self.session = session
    }

    /// Code and message in one line.
    public var description: String { "\(code.rawValue): \(message)" }
}

extension HoldfastError {
    /// What the log says, for the user. The two use the same words for the same things, but for `trimmed`:
    /// the session layer reads on from a snapshot then, and a caller sees it only when there is none.
    package init(_ error: LogError) {
        let code = error.code == .trimmed ? Code.damaged : Code(rawValue: error.code.rawValue)
        self.init(code, error.message, sequence: error.sequence)
    }
}
