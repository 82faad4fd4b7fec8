import HoldfastBytes
import HoldfastLog

/// Which part of a session to read.
public struct Window: Hashable, Sendable {
    /// Where a window begins. Places count from 0.
    public enum Start: Hashable, Sendable {
        /// At this place. Beyond the end there are no messages.
        case place(Int)
        /// So that it has the list's last messages.
        case last
        /// So that the message at this place, which must be there, is in the middle, as far as the list allows.
        case around(Int)
    }

    /// Which of the session's lists.
    public var list = SessionList.visible
    /// Whether the list's hidden messages are shown too, each with its state. Places count them then.
    public var showsHidden = false
    /// Where the window begins.
    public var start = Start.place(0)
    /// How many messages at most, up to 10,000. An answer also ends once it has 16 MiB of messages.
    public var limit = 100
    /// The number of the delta after which the open turn's deltas are wanted, 0 for all; `nil` for none.
    public var deltasAfter: UInt64?

    /// A window on the messages from `from` on.
    public init(from: Int = 0, limit: Int = 100, deltasAfter: UInt64? = nil) {
        self.init(.place(from), limit: limit)
        self.deltasAfter = deltasAfter
    }

    /// A window on `limit` messages of `list`.
    public init(_ start: Start, limit: Int = 100, of list: SessionList = .visible, showsHidden: Bool = false) {
        self.start = start
        self.limit = limit
        self.list = list
        self.showsHidden = showsHidden
    }
}

// Each of these exists twice: blocking, and `async` on the store's own threads.
extension HoldfastStore {
    /// Reads a session: its metadata, its open turn and the messages in `window`, all as of one sequence.
    ///
    /// Sees every write that was submitted before, and waits for those to be durable. Reads the records since
    /// the last snapshot; memory is bounded by the answer. Of a damaged session it reads what comes before the
    /// damage, and says so in ``SessionState/damage``.
    public func getBlocking(_ session: String, _ window: Window = Window()) throws(HoldfastError)
        -> SessionState
    {
        try operate { () throws(HoldfastError) in
            try state(in: try view(of: try Self.sessionID(session)), window)
        }
    }

    /// As ``getBlocking(_:_:)``.
    public func get(_ session: String, _ window: Window = Window()) async throws(HoldfastError)
        -> SessionState
    {
        try await onWorker { (store) throws(HoldfastError) in try store.getBlocking(session, window) }
    }

    /// Lists the sessions that `query` asks for, from behind `after` on, with what was durable at the call.
    ///
    /// `after` is the ``Page/next`` of the page before; in the order of ids it is a session's id, which need not be
    /// there.
    /// A page may have fewer rows than `limit`, at most 10,000, and still have a `next`. A session that is used between
    /// two pages of an order by time may be on both, or on none. The first page reads every row of the
    /// index; the others look at what is in memory since, of every session.
    public func listBlocking(
        _ query: SessionQuery, after: String? = nil, limit: Int = 100
    ) throws(HoldfastError) -> Page<SessionRow> {
        try operate { () throws(HoldfastError) in try page(query, after: after, limit: limit) }
    }

    /// As ``listBlocking(_:after:limit:)``.
    public func list(
        _ query: SessionQuery, after: String? = nil, limit: Int = 100
    ) async throws(HoldfastError) -> Page<SessionRow> {
        try await onWorker { (store) throws(HoldfastError) in
            try store.listBlocking(query, after: after, limit: limit)
        }
    }

    /// Lists all sessions, or those with an open turn or queued messages, in the byte order of their ids.
    public func listBlocking(
        after: String? = nil, limit: Int = 100, pendingOnly: Bool = false
    ) throws(HoldfastError) -> Page<SessionRow> {
        var query = SessionQuery()
        query.pendingOnly = pendingOnly
        return try listBlocking(query, after: after, limit: limit)
    }

    /// As ``listBlocking(after:limit:pendingOnly:)``.
    public func list(
        after: String? = nil, limit: Int = 100, pendingOnly: Bool = false
    ) async throws(HoldfastError) -> Page<SessionRow> {
        var query = SessionQuery()
        query.pendingOnly = pendingOnly
        return try await list(query, after: after, limit: limit)
    }

    /// The open turns, with their pending messages, and the messages that are queued, in the byte order of
    /// their sessions' ids.
    ///
    /// After a crash these are the prompts that wait for an answer. `limit` counts sessions. Paged as
    /// ``listBlocking(after:limit:pendingOnly:)``; a page also ends once it has 16 MiB of messages.
    public func pendingBlocking(
        after: String? = nil, limit: Int = 100
    ) throws(HoldfastError) -> PendingPage {
        try operate { () throws(HoldfastError) in try pendingPage(after: after, limit: limit) }
    }

    /// As ``pendingBlocking(after:limit:)``.
    public func pending(
        after: String? = nil, limit: Int = 100
    ) async throws(HoldfastError) -> PendingPage {
        try await onWorker { (store) throws(HoldfastError) in
            try store.pendingBlocking(after: after, limit: limit)
        }
    }

    /// Waits until every write that was submitted before the call is durable or has failed.
    public func flushBlocking() throws(HoldfastError) {
        try operate { () throws(HoldfastError) in try translated { () throws(LogError) in try log.flush() } }
    }

    /// As ``flushBlocking()``.
    public func flush() async throws(HoldfastError) {
        try await onWorker { (store) throws(HoldfastError) in try store.flushBlocking() }
    }

    /// Writes a snapshot of the session, or of every session that has records since its last one, and lets
    /// the log drop what the snapshot replaces, one generation before it kept; of a deleted session nothing but
    /// the tombstone is left. Answers how many were written. When all are compacted, damaged sessions are passed over,
    /// and one that the device does not give is told of when all others are done.
    @discardableResult
    public func compactBlocking(_ session: String? = nil) throws(HoldfastError) -> Int {
        try operate { () throws(HoldfastError) in
            guard let session else { return try compactor.compactAll() }
            return try compactor.compact(try Self.sessionID(session)) ? 1 : 0
        }
    }

    /// Every session that has a record or a snapshot, deleted ones too; in the byte order of ids.
    package func everySessionBlocking() throws(HoldfastError) -> [String] {
        try operate { () throws(HoldfastError) in try compactor.everySession().sorted().map(\.text) }
    }

    /// As ``compactBlocking(_:)``.
    @discardableResult
    public func compact(_ session: String? = nil) async throws(HoldfastError) -> Int {
        try await onWorker { (store) throws(HoldfastError) in try store.compactBlocking(session) }
    }

    /// Runs a blocking operation on a thread that may block.
    func onWorker<Value: Sendable>(
        _ body: @escaping @Sendable (HoldfastStore) throws(HoldfastError) -> Value
    ) async throws(HoldfastError) -> Value {
        let result: Result<Value, HoldfastError> = await withCheckedContinuation { continuation in
            workers.run {
                do throws(HoldfastError) {
                    continuation.resume(returning: .success(try body(self)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
