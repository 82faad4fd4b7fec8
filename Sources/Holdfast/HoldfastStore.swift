import HoldfastBytes
package import HoldfastLog
import HoldfastThreads

/// A durable store of conversations.
///
/// Every operation can be used in three ways that differ only in how the answer comes: `async`, blocking, and
/// with a completion. Calls may be made from any thread. Writes of one session take effect in the order of
/// the calls; writes of different sessions share the log's syncs and do not wait for each other. A write
/// costs the same however many messages its session and sessions its store has.
///
/// One process at a time has a store open. Call ``close()`` when done.
public final class HoldfastStore: Sendable {
    let log: any SessionLog
    let options: StoreOptions
    let sessions: HotSessions
    let workers: WorkQueue
    let compactor: Compactor
    let checkpoints: CheckpointThread
    /// Names this opening of the store, which owns the turns that it begins.
    let lifetime = Label.random()
    /// `nil` when snapshots are taken on demand only.
    let background: BackgroundCompaction?
    /// Uses of sessions that a router has noted and not written.
    let touches = RouterTouchTable()
    /// When the store was opened.
    let openedAt: Milliseconds
    private let closeLog: @Sendable () throws(LogError) -> Void
    private let isClosed = Lock(false)

    /// Opens the sessions that `log` keeps. `closeLog` is called at the end of ``close()``.
    ///
    /// - Throws: `failed` when the system has no room for the store's threads.
    package init(
        log: any SessionLog, options: StoreOptions = StoreOptions(),
        closingWith closeLog: @escaping @Sendable () throws(LogError) -> Void = {}
    ) throws(HoldfastError) {
        self.log = log
        self.options = options
        self.closeLog = closeLog
        openedAt = options.now()
        sessions = HotSessions(log: log, capacity: options.hotSessions)
        workers = try WorkQueue(name: "holdfast-reads", threads: 2)
        checkpoints = CheckpointThread(clock: options.clock)
        compactor = Compactor(log: log, sessions: sessions)
        background =
            options.compactsInBackground ? BackgroundCompaction(compactor, sessions, options) : nil
        log.setSummaryProvider(sessions)
        try background?.start()
    }

    /// Waits until all that was written is durable, lets every session go and closes the log.
    ///
    /// Operations that come later are refused with `closed`. A second call does nothing.
    public func close() throws(HoldfastError) {
        let wasClosed = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return isClosed
        }
        if wasClosed { return }
        settleTouches()
        checkpoints.stop()
        background?.stop()
        workers.stop()
        try translated { () throws(LogError) in
            try log.flush()
            sessions.releaseAll()
            try closeLog()
        }
    }

    /// Refuses work after ``close()``.
    func checkOpen() throws(HoldfastError) {
        if isClosed.withLock({ $0 }) { throw HoldfastError(.closed, "the store was closed") }
    }

    /// Makes the index right again for `session`, which a recovery named: folds it and hands its row to the
    /// log.
    package func refreshSummary(of session: String) throws(HoldfastError) {
        _ = try sessions.view(of: try Self.sessionID(session))
    }
}

/// Runs `body` and puts what the log throws into the user's terms.
func translated<Result>(_ body: () throws(LogError) -> Result) throws(HoldfastError) -> Result {
    do { return try body() } catch { throw HoldfastError(error) }
}
