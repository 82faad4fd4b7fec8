import HoldfastBytes
import HoldfastLog

/// What an append needs to know of its session: everything but the messages.
///
/// A session's head is a pure fold over its records, so that two readers of the same records cannot differ.
/// Its size depends on the metadata and on the pending message, never on the length of the session.
struct SessionHead: Sendable, Equatable {
    /// The metadata, in order.
    var fields = JSONFields()
    /// How many visible messages there are, hidden ones left out.
    var messageCount = 0
    /// How many of the visible messages are the user's; `nil` when records do not say, which are older than this number
    /// or lost.
    var userCount: Int? = 0
    /// How many context messages there are, hidden ones left out.
    var contextCount = 0
    /// Whether the two lists may hold different messages. When they do not, a cut of one is a cut of both.
    var listsDiffer = false
    /// The last record that is folded in; 0 when the session has none, which is to say that there is no
    /// session.
    var sequence: Sequence = 0
    var createdAt: Milliseconds = 0
    var updatedAt: Milliseconds = 0
    var lastMessageAt: Milliseconds?
    /// The open turn.
    var turn: TurnHead?
    /// How the newest of the other turns ended.
    var endedTurns = NewestEntries<TurnStatus>(capacity: SessionLimits.endedTurns)
    /// The newest ended turns, oldest first, whose output can still be read.
    var runs: [RunHead] = []
    /// The messages that wait for their turn, in order.
    var queue: [QueuedHead] = []
    /// What became of the newest messages that waited.
    var settledMessages = NewestEntries<QueueOutcome>(capacity: SessionLimits.settledMessages)
    /// What the newest writes that had a key were answered.
    var keys = NewestEntries<KeyedAnswer>(capacity: SessionLimits.keys, byteLimit: SessionLimits.keyedByteCount)
    /// What a router of model requests knows of the session.
    var router = RouterState()
    /// Whether a record of the session is its tombstone.
    var isDeleted = false
    /// When the last record was written, if that is not when the session was last used.
    var recordedAt: Milliseconds?
    /// That visible messages were taken away on purpose.
    var shrinking: Shrinking?
    /// What the session was imported from.
    var imported: Imported?
    /// What the session was made from.
    var lineage: Lineage?
    /// The id under which the session goes on.
    var rotatedTo: SessionID?
    /// The sessions that were made from this one, oldest first, as far as they may have to read it.
    var pins: [Pin] = []

    /// When the last record was written: no later one may be older.
    var lastRecordAt: Milliseconds { recordedAt ?? updatedAt }

    /// The time of the next record, written when the clock says `now`, which may have been ahead before.
    func timeOfNext(at now: Milliseconds) -> Milliseconds { max(now, lastRecordAt) }
}

/// What a write under an idempotency key was answered, so that a retry gets the same.
struct KeyedAnswer: Sendable, Equatable {
    var kind: RecordKind
    var sequence: Sequence
    var messageCount: Int
    var turn: Label?
    var delta: UInt64?
    var attempts: UInt64?
    var strikes: Int?
    var queued: Label?
    var claim: Label?
    /// The session that was made.
    var newSession: SessionID?
    var removal: Removal?
    var restoredCount: Int?
    /// The message as an edit left it.
    var message: [UInt8]?

    /// About how many bytes of the caller's it holds.
    var byteCount: Int {
        (message?.count ?? 0) + (removal?.preview?.utf8.count ?? 0) + (removal?.lastUserText?.utf8.count ?? 0)
    }
}
