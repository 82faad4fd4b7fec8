import HoldfastBytes
package import HoldfastLog
import HoldfastThreads
import Synchronization

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
    let lifetime: Label
    /// `nil` when snapshots are taken on demand only.
    let background: BackgroundCompaction?
    /// Uses of sessions that a router has noted and not written.
    let touches = RouterTouchTable()
    /// When the store was opened.
    let openedAt: Milliseconds
    /// Twice the number of operations in progress, and one more once the store is closed. No lock, for all writers
    /// would want it twice.
    private let entrance = Atomic(0)
    /// Whether the last operation has left after that.
    private let isEmpty = Monitor(false)
    /// What lists show.
    let listEntries: ListEntries
    /// Which sessions have which titles.
    let titles = SessionTitles()
    /// Forks of which the second record may be missing.
    let forks = UnfinishedForks()
    private let closeLog: @Sendable (_ inOrder: Bool) throws(LogError) -> Void

    /// Opens the sessions that `log` keeps. `closeLog` is called at the end of ``close()``, and told when there is work
    /// left that the next opening must find. `hasOtherWriters` says that others may write to the log's sessions.
    ///
    /// - Throws: `failed` when the system has no room for the store's threads.
    package init(
        log: any SessionLog, options: StoreOptions = StoreOptions(), hasOtherWriters: Bool = false,
        closingWith closeLog: @escaping @Sendable (_ inOrder: Bool) throws(LogError) -> Void = { _ in }
    ) throws(HoldfastError) {
        self.log = log
        self.options = options
        listEntries = ListEntries(hasOtherWriters: hasOtherWriters)
        self.closeLog = closeLog
        openedAt = options.now()
        lifetime = options.opening.flatMap { Label($0) } ?? .random()
        sessions = HotSessions(log: log, capacity: options.hotSessions, keptFrom: options.keptHeadByteCount)
        workers = try WorkQueue(name: "holdfast-reads", threads: 2)
        checkpoints = CheckpointThread(clock: options.clock)
        compactor = Compactor(log: log, sessions: sessions)
        background =
            options.compactsInBackground ? BackgroundCompaction(compactor, sessions, options) : nil
        log.setSummaryProvider(sessions)
        try background?.start()
    }

    /// Waits for the operations in progress and until all that was written is durable, lets every session go and closes
    /// the log. When it throws, the store is closed all the same, and nothing keeps it from being opened again.
    ///
    /// Operations that come later are refused with `closed`. A second call does nothing.
    public func close() throws(HoldfastError) {
        let before = entrance.bitwiseOr(1, ordering: .sequentiallyConsistent).oldValue
        if before & 1 == 1 { return }
        if before > 0 { isEmpty.wait(until: { $0 }) { _ in } }
        settleTouches()
        checkpoints.stop()
        background?.stop()
        workers.stop()
        let unfinished = finishAllForks()
        let flushed = Result { () throws(LogError) in try log.flush() }
        sessions.releaseAll()
        try translated { () throws(LogError) in
            try closeLog(unfinished == nil)
            try flushed.get()
        }
        if let unfinished { throw unfinished }
    }

    /// Runs one operation, for which ``close()`` waits; refused after it.
    func operate<Result>(_ body: () throws(HoldfastError) -> Result) throws(HoldfastError) -> Result {
        let wasClosed = entrance.add(2, ordering: .sequentiallyConsistent).oldValue & 1 == 1
        defer { leave() }
        if wasClosed { throw Self.closed }
        return try body()
    }

    private func leave() {
        guard entrance.subtract(2, ordering: .sequentiallyConsistent).newValue == 1 else { return }
        isEmpty.withLock { $0 = true }
        isEmpty.broadcast()
    }

    private static let closed = HoldfastError(.closed, "the store was closed")

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
