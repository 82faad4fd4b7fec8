/// What a write did.
public struct WriteResult: Hashable, Sendable {
    /// The session that was changed.
    public var session: String
    /// The number of the write's record.
    public var sequence: UInt64
    /// How many messages the session had after the write.
    public var messageCount: Int
    /// The turn that was begun, resumed, ended or given a delta.
    public var turn: String?
    /// The number of the delta within its turn, from 1.
    public var delta: UInt64?
    /// How often the turn that was begun or resumed, or the message that was claimed, has been tried, from 1.
    public var attempts: UInt64?
    /// For an event of the router: how many strikes the session has.
    public var strikes: Int?
    /// The queued message that was added, changed or claimed.
    public var queued: String?
    /// The claim under which the message may be completed or released.
    public var claim: String?
    /// The message that was claimed. For a retry of a claim it is `nil` when the message has gone meanwhile.
    public var claimed: QueuedMessage?
    /// What an `undo_last`, a `retry_last` or a `take_back` took away.
    public var removal: Removal?
    /// How many visible messages a `restore` brought back.
    public var restoredCount: Int?
    /// The message as an `edit` left it.
    public var message: JSON?
    /// The session that was made by a rotation, a branch or a copy.
    public var newSession: String?
    /// Whether the record is on stable storage; false only for ``Mutation/Durability/soon``.
    public var isDurable = true
    /// Whether nothing was written, because all was as the write wants it already.
    public var isUnchanged = false
}

/// A session as it was at one sequence, with a window of its messages.
public struct SessionState: Hashable, Sendable {
    /// What is known without the messages.
    public var summary: SessionSummary
    /// The metadata, one object.
    public var fields: JSON
    /// The open turn with its pending message.
    public var turn: OpenTurn?
    /// The place of the first message of the window, from 0.
    public var from: Int
    /// The window.
    public var messages: [JSON]
    /// The state of each of those messages in the list, when hidden ones were asked for.
    public var states: [MessageState]?
    /// How many active messages the list has before the window: with ``states``, what numbers the active ones.
    public var activeBefore = 0
    /// Where the next window begins; `nil` at the end of the list.
    public var next: Int?
    /// The open turn's deltas, when they were asked for.
    public var deltas: [Delta]?
    /// Whether the turn has more deltas than fit; ask again after the last one's number.
    public var hasMoreDeltas = false
    /// What the session was made from.
    public var lineage: SessionLineage?
    /// The id under which the session goes on, when it was rotated.
    public var rotatedTo: String?
    /// What of the session cannot be read; `nil` when it is whole. All else here is as of the last record
    /// before the damage, and writes are refused with `damaged`.
    public var damage: SessionDamage?
}

/// Where a session stops being readable.
public struct SessionDamage: Hashable, Sendable {
    /// The last record that can be read.
    public var afterSequence: UInt64
    /// What is wrong and what to do next, for people.
    public var message: String
}

/// What a session is known by without its messages.
public struct SessionSummary: Hashable, Sendable {
    /// The session's id.
    public var session: String
    /// The last record.
    public var sequence: UInt64
    /// How many visible messages there are, hidden ones left out: it grows with each append of visible messages, and
    /// shrinks only with an operation that takes messages away or hides them.
    public var messageCount: Int
    /// How many of those have the `role` `user`; `nil` when that is not known, because the session has changes by a
    /// version that did not count them, or lost records.
    public var userMessageCount: Int?
    /// How many context messages there are, hidden ones left out.
    public var contextCount: Int
    /// When the first record was written, in milliseconds since 1970.
    public var createdAt: UInt64
    /// When the last record was written.
    public var updatedAt: UInt64
    /// When a message was last added; `nil` when none ever was.
    public var lastMessageAt: UInt64?
    /// That visible messages were taken away on purpose; not in rows of lists.
    package var shrinking: Shrinking?
    /// What the session was imported from; not in rows of lists.
    package var imported: Imported?
}

/// One output piece of a turn.
public struct Delta: Hashable, Sendable {
    /// Its number within the turn, from 1.
    public var number: UInt64
    /// What the caller gave.
    public var data: JSON
}

/// A turn that has begun and not ended.
public struct OpenTurn: Hashable, Sendable {
    /// The turn's id.
    public var turn: String
    /// The prompt.
    public var message: JSON
    /// What came with the prompt: an array.
    public var attachments: JSON?
    /// Whether the prompt has joined the message list already, with the turn's first append.
    public var isMessageListed: Bool
    /// When the turn began, in milliseconds since 1970.
    public var begunAt: UInt64
    /// How often it was begun or resumed, from 1.
    public var attempts: UInt64
    /// How many deltas it has.
    public var deltas: UInt64
    /// The bytes of those deltas.
    public var deltaBytes: UInt64
    /// The record of the newest delta; 0 when there is none.
    public var lastDelta: UInt64
    /// The counter of the newest checkpoint.
    public var activity: UInt64
    /// The caller's name of the stream that shows the turn.
    public var stream: String?
    /// The caller's note of where the prompt came from.
    public var source: String?
    /// The id that the prompt had in the queue, if it came from there.
    public var queued: String?
}

/// A session that waits for the end of a turn.
public struct PendingTurn: Hashable, Sendable {
    /// The session's id.
    public var session: String
    /// The open turn.
    public var turn: OpenTurn
    /// How long ago the turn began, in milliseconds.
    public var age: UInt64
    /// Whether the store that was asked has begun or resumed the turn itself and not abandoned it.
    public var isLive: Bool
}

/// A message in a session's queue.
public struct QueuedMessage: Hashable, Sendable {
    /// What is being done about it.
    public enum State: String, Sendable {
        /// It waits, and can be claimed.
        case queued
        /// Somebody works on it.
        case claimed
        /// It is the pending message of the open turn.
        case inFlight = "in_flight"
    }

    /// Its id in the queue.
    public var queued: String
    /// The message.
    public var message: JSON
    /// What came with it: an array.
    public var attachments: JSON?
    /// The caller's note of where it came from.
    public var source: String?
    /// When it was queued, in milliseconds since 1970; when its turn began, if it is in flight.
    public var queuedAt: UInt64
    /// How often it was claimed.
    public var attempts: UInt64
    /// The newest claim, who made it, and when it expires or has expired.
    public var claim: String?
    /// See ``claim``.
    public var owner: String?
    /// See ``claim``; in milliseconds since 1970.
    public var expiresAt: UInt64?
    /// The turn, if the message is in flight.
    public var turn: String?

    /// What is being done about the message at the time `now`, in milliseconds since 1970.
    public func state(at now: UInt64) -> State {
        if turn != nil { return .inFlight }
        return expiresAt.map { QueuedHead.Lease.isGood(until: $0, at: now) } ?? false ? .claimed : .queued
    }
}

/// A session's queued message that waits to be done.
public struct PendingMessage: Hashable, Sendable {
    /// The session's id.
    public var session: String
    /// The message.
    public var message: QueuedMessage
    /// What is being done about it.
    public var state: QueuedMessage.State
    /// How long ago it was queued, in milliseconds.
    public var age: UInt64
}

/// What waits to be done in part of the sessions, in the byte order of their ids.
public struct PendingPage: Sendable {
    /// The open turns.
    public var turns: [PendingTurn]
    /// The messages in the queues, but for those in flight, which are the prompts of ``turns``.
    public var queued: [PendingMessage]
    /// The session after which the next page begins; `nil` on the last page.
    public var next: String?
}

/// One row of a list.
public struct SessionRow: Hashable, Sendable {
    /// Counts and times. While a turn is open there is at least one message, and the newest is as old as the turn: the
    /// prompt is one.
    public var summary: SessionSummary
    /// The open turn's id.
    public var turn: String?
    /// How many messages are queued.
    public var queued: Int
    /// The whole row as the protocol shows it, one object; with the short metadata fields in `fields`.
    public var json: JSON
}

/// Part of a list in the byte order of session ids.
public struct Page<Row: Sendable>: Sendable {
    /// The rows.
    public var rows: [Row]
    /// The session after which the next page begins; `nil` on the last page.
    public var next: String?
}
