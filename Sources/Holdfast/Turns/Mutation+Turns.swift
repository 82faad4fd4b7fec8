// Bookkeeping, queue and recovery. docs/protocol.md has the rules in full.
extension Mutation {
    /// Keeps what the open turn has come to: patches the metadata with `fields` and sets the turn's counter to
    /// `activity`.
    ///
    /// Writes nothing when nothing would change; ``WriteResult/isUnchanged`` says so then.
    public static func checkpoint(
        _ turn: String, in session: String, fields: JSON? = nil, activity: UInt64? = nil
    ) -> Mutation {
        var mutation = Mutation(session, .turns(.checkpoint(Checkpoint(activity: activity))), turn: turn)
        mutation.fields = fields
        return mutation
    }

    /// Puts the object `message` at the end of the session's queue, under the id `queued`, which is made up when
    /// it is `nil`.
    ///
    /// Refused with `already_queued` for an id that was used before, and with `queue_full`: 256 messages and
    /// 16 MiB fit.
    public static func enqueue(
        in session: String, queued: String? = nil, message: JSON, attachments: JSON? = nil, source: String? = nil
    ) -> Mutation {
        let enqueue = Enqueue(
            queued: queued, message: message.bytes, attachments: attachments?.bytes, source: source)
        return Mutation(session, .turns(.enqueue(enqueue)))
    }

    /// Puts `message` in the place of the queued one; what is `nil` stays as it is. Refused with `claimed` while
    /// somebody works on it; an older claim of it is over.
    public static func editQueued(
        _ queued: String, in session: String, message: JSON, attachments: JSON? = nil, source: String? = nil
    ) -> Mutation {
        let edit = Enqueue(queued: queued, message: message.bytes, attachments: attachments?.bytes, source: source)
        return Mutation(session, .turns(.editQueued(edit)))
    }

    /// Takes a message out of the queue. Refused with `claimed` while somebody else works on it.
    public static func dropQueued(_ queued: String, in session: String, claim: String? = nil) -> Mutation {
        Mutation(session, .turns(.dropQueued(QueueStep(queued: queued, claim: claim))))
    }

    /// Takes a queued message in hand for `leaseMilliseconds` by the store's clock: the one that is named, or
    /// the first that is free.
    ///
    /// ``WriteResult/claimed`` has the message, and the `claim` under which it is completed or released. A claim
    /// that has expired can be taken over. The same `claim` again renews it. Messages that were claimed
    /// `maximumAttempts` times are left alone. Refused with `queue_empty`, `claimed`, `attempts_exhausted`.
    public static func claim(
        in session: String, queued: String? = nil, claim: String? = nil, owner: String,
        leaseMilliseconds: UInt64, maximumAttempts: UInt64? = nil
    ) -> Mutation {
        let step = ClaimQueued(
            queued: queued, claim: claim, owner: owner, leaseMilliseconds: leaseMilliseconds,
            maximumAttempts: maximumAttempts)
        return Mutation(session, .turns(.claim(step)))
    }

    /// Begins a turn with a queued message as its pending one, in one record.
    ///
    /// The turn owns the message then, whatever the time, and its end completes it. Refused as
    /// ``beginTurn(in:turn:message:attachments:fields:stream:source:)`` and
    /// ``claim(in:queued:claim:owner:leaseMilliseconds:maximumAttempts:)``.
    public static func beginQueuedTurn(
        in session: String, turn: String? = nil, queued: String? = nil, owner: String, fields: JSON? = nil,
        stream: String? = nil, maximumAttempts: UInt64? = nil
    ) -> Mutation {
        let step = ClaimQueued(
            queued: queued, owner: owner, maximumAttempts: maximumAttempts,
            begin: BeginTurn(stream: stream))
        var mutation = Mutation(session, .turns(.claim(step)), turn: turn)
        mutation.fields = fields
        return mutation
    }

    /// Takes a claimed message out of the queue because it is done; `messages` join the list in the same record.
    ///
    /// Refused with `stale_claim` when the claim was released or another has taken its place.
    public static func complete(
        _ queued: String, in session: String, claim: String, messages: [JSON] = []
    ) -> Mutation {
        let step = QueueStep(queued: queued, claim: claim, messages: MessageList(messages))
        return Mutation(session, .turns(.complete(step)))
    }

    /// Gives a claimed message back to its place in the queue. Refused with `stale_claim`, as for `complete`.
    public static func release(_ queued: String, in session: String, claim: String) -> Mutation {
        Mutation(session, .turns(.release(QueueStep(queued: queued, claim: claim))))
    }

    /// Ends the open turn, whose worker is gone: its prompt joins the list with `_recovered`, then its partial
    /// output, then a marker that names the cause, in one record.
    ///
    /// The partial output is `messages`, or when that is `nil` one message of all deltas that are strings.
    ///
    /// Refused with `turn_live` for a turn that this process has begun or resumed and not abandoned, and for one
    /// that began less than `minimumAge` milliseconds ago; with `no_turn` when none is open. `turn` is the open
    /// one when it is `nil`. `notice` is what the marker says to people.
    public static func materialise(
        in session: String, turn: String? = nil, cause: InterruptionCause, messages: [JSON]? = nil,
        notice: String? = nil, minimumAge: UInt64 = 0
    ) -> Mutation {
        let materialise = Materialise(
            cause: cause, messages: messages.map { MessageList($0) }, notice: notice, minimumAge: minimumAge)
        return Mutation(session, .turns(.materialise(materialise)), turn: turn)
    }

    /// Says that nobody of this process works on the open turn any more, so that it may be materialised.
    public static func abandonTurn(_ turn: String, in session: String) -> Mutation {
        Mutation(session, .turns(.abandonTurn), turn: turn)
    }
}

/// Why a turn was interrupted.
public enum InterruptionCause: String, Sendable {
    /// The process that ran it has ended.
    case processRestart = "process_restart"
    /// The stream and the run that fed it no longer knew of each other.
    case streamRunSplitBrain = "stream_run_split_brain"
    /// The process is there, and has lost track of the worker.
    case lostWorkerBookkeeping = "lost_worker_bookkeeping"
    /// Nobody knows.
    case unknown
}
