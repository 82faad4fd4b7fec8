package import HoldfastBytes

/// A record's number in its session: 1, 2, 3 … without gaps; 0 stands for "before the first".
package typealias Sequence = UInt64

/// Milliseconds since 1970-01-01 00:00 UTC.
package typealias Milliseconds = UInt64

/// When an append is acknowledged.
package enum Durability: Sendable, Equatable {
    /// After the record is on stable storage.
    case durable
    /// As ``durable``, for a caller that is going to block until then and calls ``SessionLog/commitAwaited()`` next.
    case awaited
    /// At once; the record follows with the next batch, or within ``SessionLog/softWindow``.
    case soon
}

/// One durable mutation of one session, as the log keeps it. The log does not look into `payload`.
package struct LogRecord: Sendable, Equatable {
    package var sequence: Sequence
    /// What kind of mutation, 1 to 239; the session layer gives it meaning.
    package var kind: UInt8
    /// When it was appended; never smaller than the record before.
    package var time: Milliseconds
    /// The payload as a part of what was read along with it, which stays in memory as long as this does.
    package var payloadSlice: ArraySlice<UInt8>

    /// The payload; a copy, unless it has memory to itself.
    package var payload: [UInt8] {
        get { Array(payloadSlice) }
        set { payloadSlice = newValue[...] }
    }

    package init(sequence: Sequence, kind: UInt8, time: Milliseconds, payload: [UInt8]) {
        self.init(sequence: sequence, kind: kind, time: time, payloadSlice: payload[...])
    }

    package init(sequence: Sequence, kind: UInt8, time: Milliseconds, payloadSlice: ArraySlice<UInt8>) {
        self.sequence = sequence
        self.kind = kind
        self.time = time
        self.payloadSlice = payloadSlice
    }
}

/// The right to append to one session. A later claim of the same session makes this one stale.
package struct LogClaim: Sendable, Equatable {
    package let session: SessionID
    /// Grows with each claim of the session by any owner.
    package let epoch: UInt64
    /// The last record at the time of the claim, 0 when the session has none.
    package let lastSequence: Sequence

    package init(session: SessionID, epoch: UInt64, lastSequence: Sequence) {
        self.session = session
        self.epoch = epoch
        self.lastSequence = lastSequence
    }
}

/// What is needed to list a session without opening it. `row` is a JSON object the log does not interpret.
package struct SummaryRow: Sendable, Equatable {
    package var session: SessionID
    /// The record that the row reflects.
    package var sequence: Sequence
    package var row: [UInt8]

    package init(session: SessionID, sequence: Sequence, row: [UInt8]) {
        self.session = session
        self.sequence = sequence
        self.row = row
    }
}

/// Where the snapshot of a session is written to, front to back.
package protocol SnapshotSink: AnyObject {
    /// Adds `bytes` to the document.
    func write(_ bytes: [UInt8]) throws(LogError)
}

/// A stored snapshot: one JSON document, read by position.
package protocol SnapshotSource: AnyObject, Sendable {
    /// The last record that the document includes.
    var sequence: Sequence { get }
    /// The document's length in bytes.
    var byteCount: Int { get }
    /// Up to `count` bytes from `offset`; fewer only at the end.
    func read(at offset: Int, count: Int) throws(LogError) -> [UInt8]
}

/// What a session's records fold to up to one of them, as the session layer has put it:
/// ``SessionLog/putHead(_:through:_:)``.
package struct KeptHead: Sendable, Equatable {
    /// The last record that is folded in.
    package var sequence: Sequence
    /// A JSON object that the log does not interpret.
    package var content: [UInt8]

    package init(sequence: Sequence, content: [UInt8]) {
        self.sequence = sequence
        self.content = content
    }
}

/// What the session layer needs of a store of logs, whether its bytes are local files or rows elsewhere.
///
/// All calls block and may be made from any thread. Calls for different sessions run side by side; the caller
/// makes the calls of one claim one after the other.
package protocol SessionLog: AnyObject, Sendable {
    /// The longest payload that ``append`` takes, in bytes.
    var payloadLimit: Int { get }

    /// How long an append with ``Durability/soon`` may stay volatile.
    var softWindow: Milliseconds { get }

    /// Takes the right to append to `session`, which need not exist. Fences every earlier claim.
    func claim(_ session: SessionID) throws(LogError) -> LogClaim

    /// Gives the claim up, so that nothing of the session stays in memory. Ignored when it is stale.
    func release(_ claim: LogClaim)

    /// Has the claim's next record begin a new segment, so that a later trim can drop all that stands before it.
    ///
    /// - Throws: `.fenced` when the claim is stale.
    func beginSegment(_ claim: LogClaim) throws(LogError)

    /// Queues one record and returns its sequence, which is `expected` + 1.
    ///
    /// `completion` is called exactly once, from a thread of the log or one that is in ``commitAwaited()``, in the
    /// order of the appends of a session: with `nil` when the record is durable (for ``Durability/soon`` too), else
    /// with the reason. After a failure every later append of the claim fails as well; claim again and read what was
    /// kept.
    ///
    /// - Throws: ``LogError`` with code `.conflict` when the session's last record is not `expected`,
    ///   `.fenced` when the claim is stale, `.tooLarge`, `.diskFull`, `.damaged`, `.failed`. Nothing was queued
    ///   then and `completion` will not be called.
    func append(
        _ claim: LogClaim, expected: Sequence, kind: UInt8, time: Milliseconds, payload: [UInt8],
        durability: Durability, completion: @escaping @Sendable (LogError?) -> Void
    ) throws(LogError) -> Sequence

    /// Commits, on this thread, what was appended with ``Durability/awaited``, unless another thread sees to it. Blocks
    /// for a sync at most; completions may be called by it.
    func commitAwaited()

    /// Calls `body` with each record of the session from `first` on that is durable, until it answers `false`.
    ///
    /// - Throws: `.unknownSession`; `.trimmed` when records from `first` on have been trimmed; `.damaged`
    ///   after `body` has seen every record before the damage.
    func read(_ session: SessionID, from first: Sequence, _ body: (LogRecord) throws(LogError) -> Bool)
        throws(LogError)

    /// Waits until every append that was queued before the call is durable or has failed.
    func flush() throws(LogError)

    /// The newest snapshot that is whole and includes no record after `limit`, or `nil`.
    func snapshot(_ session: SessionID, through limit: Sequence) throws(LogError) -> (any SnapshotSource)?

    /// Writes the snapshot that includes every record up to `sequence`. Durable, read back and verified when
    /// the call returns; visible whole or not at all.
    func putSnapshot(
        _ session: SessionID, through sequence: Sequence,
        _ write: (any SnapshotSink) throws(LogError) -> Void) throws(LogError)

    /// Prepares for ``putHead(_:through:_:)``: what is appended from now on can be read without the records before.
    /// Answers the claimed session's last record, durable or not; `nil` when there is none, the claim is stale or has
    /// failed, or the log keeps no heads. Waits for nothing.
    func beginHead(_ claim: LogClaim) -> Sequence?

    /// Keeps what the records of the claimed session fold to up to `sequence`, which ``beginHead(_:)`` has answered
    /// last, so that whoever uses the session next need not read them. `content` is a JSON object. The newer one takes
    /// the place of the older.
    ///
    /// What is kept is derived: it may be gone after a crash, and nothing is synced for it.
    ///
    /// - Returns: whether it was kept. Nothing is when the claim is stale or has failed, or the record is not durable.
    func putHead(_ claim: LogClaim, through sequence: Sequence, _ content: [UInt8]) -> Bool

    /// What was put last, if it is whole and was made of the records that the session has now, as far as it goes; and
    /// no snapshot is newer. Else `nil`.
    func head(_ session: SessionID) throws(LogError) -> KeptHead?

    /// Allows the log to drop records and snapshots older than the retention option keeps.
    ///
    /// - Parameters:
    ///   - pinned: what must stay readable besides: the session as its record `pinned` left it, which is to say the
    ///     newest snapshot that is not newer than it and every record since, or all records.
    ///   - isFinal: whether the session is over and nobody asks for what it was: the newest snapshot is enough then,
    ///     and none before it is kept, unless the retention option keeps all.
    func trim(_ session: SessionID, keeping pinned: Sequence?, isFinal: Bool) throws(LogError)

    /// Every session that has a record or a snapshot, with its newest summary row; in no order.
    ///
    /// A row may lag behind the session (`SummaryRow.sequence` tells), after a crash only until
    /// the session layer has answered ``SummaryProvider`` for what recovery named.
    func list(_ body: (SummaryRow) throws(LogError) -> Bool) throws(LogError)

    /// The newest summary row of one session without reading the others' files, or `nil`.
    func summary(_ session: SessionID) throws(LogError) -> SummaryRow?

    /// Where the log gets summary rows from. Set once, before the first append.
    func setSummaryProvider(_ provider: any SummaryProvider)
}

extension SessionLog {
    /// Nothing, in a log whose own threads see to all of it.
    package func commitAwaited() {}

    /// No heads are kept.
    package func beginHead(_ claim: LogClaim) -> Sequence? { nil }

    /// Keeps nothing.
    package func putHead(_ claim: LogClaim, through sequence: Sequence, _ content: [UInt8]) -> Bool { false }

    /// Nothing was kept.
    package func head(_ session: SessionID) throws(LogError) -> KeptHead? { nil }

    /// As ``trim(_:keeping:isFinal:)``, of a session that goes on.
    package func trim(_ session: SessionID, keeping pinned: Sequence?) throws(LogError) {
        try trim(session, keeping: pinned, isFinal: false)
    }

    /// The newest snapshot that is whole, or `nil`.
    package func snapshot(_ session: SessionID) throws(LogError) -> (any SnapshotSource)? {
        try snapshot(session, through: .max)
    }
}

/// Tells the log what to list for a session.
package protocol SummaryProvider: AnyObject, Sendable {
    /// The row of a claimed session, reflecting every record that was appended so far; `nil` when unknown.
    ///
    /// Called from a thread of the log: must not block on a call to the log.
    func summaryRow(of session: SessionID) -> SummaryRow?
}
