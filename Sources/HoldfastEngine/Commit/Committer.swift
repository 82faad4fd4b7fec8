import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads
import Synchronization

/// Group commit: whoever commits takes everything that is queued, makes it durable with one sync and acknowledges
/// everyone.
///
/// A lone writer is never delayed; batches form by themselves while a sync is in flight. One thread at a time commits:
/// the committer's own, or a caller that waits for its append and finds nobody else at work. That saves waking the
/// committer and then the caller, which takes longer than all else but the sync; with more than one writer the
/// committer's thread is better, for it syncs while they prepare what comes next.
final class Committer: Sendable {
    private struct Queue {
        var commits: [Commit] = []
        /// How many of them somebody waits for; the others may wait for company.
        var urgentCount = 0
        /// What the next batch must say although nothing may be queued.
        var lowWaterMark: UInt64?
        var barriers: [Barrier] = []
        /// Whether a batch is being committed. Who does that looks at the queue again when it is done.
        var isCommitting = false
        /// For how many batches in a row at most one commit was waited for, in the batch and behind it.
        var loneCount = 0
        var isStopping = false
        var failure: LogError?
        /// Why an append that nobody waits for has failed since this was last asked for.
        var softFailure: LogError?

        var hasWork: Bool { !isCommitting && (!commits.isEmpty || isUrgent) }
        var isUrgent: Bool { urgentCount > 0 || lowWaterMark != nil || !barriers.isEmpty || isStopping }
        var isEmpty: Bool { commits.isEmpty && lowWaterMark == nil && barriers.isEmpty }
        /// Whether whoever queues an append and waits for it may commit it too.
        var isForCaller: Bool { !isCommitting && !isUrgent && loneCount >= Committer.loneBatches }
    }

    /// Who waits until all that was queued before is done.
    private struct Barrier {
        /// Whether the low-water mark counts: only who wants the journal to forget something waits for that. To others,
        /// readers among them, a disk that has no room for it is nothing.
        var isForMark: Bool
        var pass: @Sendable (LogError?) -> Void
    }

    private struct Batch {
        var commits: [Commit]
        var lowWaterMark: UInt64?
        var barriers: [Barrier]
        /// How many commits were in the queue when it was taken, its own among them.
        var queuedCount: Int
        /// How many of them somebody waited for.
        var urgentCount: Int
    }

    /// After so many batches for one writer there probably is no other. See docs/decisions/0011-who-commits.md.
    private static let loneBatches = 2

    private let queue = Monitor(Queue())
    /// Whether a caller has queued what it is to commit: asked without the lock, which all writers want.
    private let isLeftToCaller = Atomic(false)
    /// Whether the queue has a failure: asked without the lock too.
    private let hasFailed = Atomic(false)
    private let softWindow: Milliseconds
    private let path: any CommitPath
    private let meter: Meter?
    private let thread = Lock<Thread?>(nil)

    init(path: any CommitPath, options: EngineOptions, meter: Meter?) {
        self.path = path
        self.meter = meter
        softWindow = options.softWindow
    }

    /// Begins to take from the queue.
    func start() throws(ThreadError) {
        let started = try Thread.start(name: "holdfast-commit") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Queues one append. Must be called in the order of the session's records; an awaited one is to be followed by
    /// ``commitAwaited()``.
    func enqueue(_ commit: Commit, _ durability: Durability) throws(LogError) {
        let isSeenTo = try queue.withLock { (queue) throws(LogError) in
            if let failure = queue.failure { throw failure }
            if queue.isStopping { throw LogError(.closed, "The store has been closed.") }
            let isForCaller = durability == .awaited && queue.isForCaller
            if isForCaller { isLeftToCaller.store(true, ordering: .relaxed) }
            queue.commits.append(commit)
            if durability != .soon { queue.urgentCount += 1 }
            return isForCaller || queue.isCommitting
        }
        if !isSeenTo { queue.signal() }
    }

    /// Commits what is queued on this thread, unless another one is committing: that one goes on with it.
    func commitAwaited() {
        guard isLeftToCaller.exchange(false, ordering: .relaxed) else { return }
        let batch = queue.withLock { queue in
            queue.isCommitting || queue.urgentCount == 0 ? nil : Self.takeBatch(from: &queue)
        }
        guard let batch else { return }
        if commitAlone(batch) { queue.signal() }
    }

    /// Why nothing can be committed any more, or `nil`.
    var failure: LogError? { hasFailed.load(ordering: .acquiring) ? queue.withLock { $0.failure } : nil }

    /// Waits until everything that was queued before the call is durable or has failed; with `andMark` also the
    /// low-water mark that was asked for last.
    func waitForAll(andMark: Bool = false) throws(LogError) {
        let done = Monitor<(isDone: Bool, error: LogError?)>((false, nil))
        try queue.withLock { (queue) throws(LogError) in
            if let failure = queue.failure { throw failure }
            if queue.isStopping { throw LogError(.closed, "The store has been closed.") }
            let barrier = Barrier(isForMark: andMark) { error in
                done.withLock { $0 = (true, error) }
                done.broadcast()
            }
            queue.barriers.append(barrier)
        }
        queue.signal()
        let error = done.wait(until: { $0.isDone }) { $0.error }
        if let error { throw error }
    }

    /// Why an append that nobody waited for has failed since the last call, or `nil`.
    func takeSoftFailure() -> LogError? {
        queue.withLock { queue in
            defer { queue.softFailure = nil }
            return queue.softFailure
        }
    }

    /// Has the next batch say that every batch up to `mark` is in the segments.
    func advance(lowWaterMark mark: UInt64) {
        queue.withLock { $0.lowWaterMark = mark }
        queue.signal()
    }

    /// Stops for good: everything queued and everything later fails with `error`.
    func poison(_ error: LogError) {
        queue.withLock { queue in
            queue.failure = queue.failure ?? error
            hasFailed.store(true, ordering: .releasing)
        }
        queue.signal()
    }

    /// Commits what is queued and ends the thread.
    func stop() {
        queue.withLock { $0.isStopping = true }
        queue.signal()
        thread.withLock { $0 }?.join()
    }

    // MARK: The thread

    private func run() {
        while let batch = nextBatch() { _ = commitAlone(batch) }
    }

    /// Waits for work; `nil` when the queue is empty and the committer is to stop.
    private func nextBatch() -> Batch? {
        while true {
            queue.wait(until: \.hasWork) { _ in }
            let (batch, isOver) = queue.wait(
                until: { $0.isUrgent && !$0.isCommitting }, milliseconds: softWindow
            ) { queue, _ -> (Batch?, Bool) in
                // A caller may have taken what was there.
                guard queue.hasWork else { return (nil, false) }
                return queue.isEmpty && queue.isStopping ? (nil, true) : (Self.takeBatch(from: &queue), false)
            }
            if batch != nil || isOver { return batch }
        }
    }

    /// Commits `batch`, as whose owner this thread is the one that commits, and lets others commit. Answers whether
    /// there is more to do.
    private func commitAlone(_ batch: Batch) -> Bool {
        if let failure {
            fail(batch.commits, failure)
            for barrier in batch.barriers { barrier.pass(failure) }
        } else {
            commit(batch)
        }
        return queue.withLock { queue in
            queue.isCommitting = false
            queue.loneCount = max(batch.urgentCount, queue.urgentCount) <= 1 ? queue.loneCount + 1 : 0
            return queue.hasWork
        }
    }

    /// Makes the calling thread the one that commits.
    private static func takeBatch(from queue: inout Queue) -> Batch {
        precondition(!queue.isCommitting, "two commit at the same time")
        queue.isCommitting = true
        var byteCount = 0
        var count = 0
        while count < queue.commits.count, count == 0 || byteCount < Limits.batchByteCount {
            byteCount += queue.commits[count].output.bytes.count
            count += 1
        }
        var batch = Batch(
            commits: queue.commits, lowWaterMark: queue.lowWaterMark, barriers: queue.barriers,
            queuedCount: queue.commits.count, urgentCount: queue.urgentCount)
        queue.lowWaterMark = nil
        if count == queue.commits.count {
            (queue.commits, queue.barriers, queue.urgentCount) = ([], [], 0)
        } else {
            batch.commits.removeSubrange(count...)
            batch.barriers = []
            queue.commits.removeFirst(count)
            // What is left has waited for a whole batch already.
            queue.urgentCount = queue.commits.count
        }
        return batch
    }

    private func commit(_ batch: Batch) {
        let owesMark = batch.barriers.contains(where: \.isForMark) && path.owesMark
        let saysNothing = batch.commits.isEmpty && batch.lowWaterMark == nil && !owesMark
        let begun = meter?.now() ?? 0
        let outcome = saysNothing ? .durable : path.commit(batch.commits, lowWaterMark: batch.lowWaterMark)
        let durable = outcome.durable(of: batch.commits)
        acknowledge(durable)
        if !batch.commits.isEmpty {
            meter?.count(
                durable, failed: batch.commits.count - durable.count, queued: batch.queuedCount, since: begun)
        }
        var refusal: LogError?
        switch outcome {
        case .durable: break
        case .partly(let failures):
            for (key, error) in failures { fail(batch.commits.filter { $0.key == key }, error) }
        case .refused(let error):
            refusal = error
            fail(batch.commits, error)
        case .poisoned(let error):
            poison(error)
            fail(batch.commits, error)
        }
        if batch.barriers.isEmpty { return }
        let failure = failure
        let failureOfMark = failure ?? (path.owesMark ? refusal : nil)
        for barrier in batch.barriers { barrier.pass(barrier.isForMark ? failureOfMark : failure) }
    }

    private func acknowledge(_ commits: [Commit]) {
        for index in commits.indices {
            commits[index].writer.acknowledge(commits[index].tail)
            commits[index].completion(nil)
        }
    }

    /// Fails `commits` and whatever the same sessions have queued behind them: it continues what was lost.
    private func fail(_ commits: [Commit], _ error: LogError) {
        for commit in commits {
            commit.writer.fail(error)
            commit.completion(error)
        }
        let writers = Set(commits.map { ObjectIdentifier($0.writer) })
        guard !writers.isEmpty else { return }
        // From here on the writers refuse; what they queued before that is taken out.
        let followers = queue.withLock { queue in
            let followers = queue.commits.filter { writers.contains(ObjectIdentifier($0.writer)) }
            queue.commits.removeAll { writers.contains(ObjectIdentifier($0.writer)) }
            queue.urgentCount = min(queue.urgentCount, queue.commits.count)
            return followers
        }
        for commit in followers {
            commit.writer.fail(error)
            commit.completion(error)
        }
        if (commits + followers).contains(where: \.isSoft) { queue.withLock { $0.softFailure = error } }
    }
}

/// How a batch becomes durable: the two commit modes.
protocol CommitPath: AnyObject, Sendable {
    /// Makes `commits` durable, in order. Called by one thread at a time.
    func commit(_ commits: [Commit], lowWaterMark: UInt64?) -> CommitOutcome

    /// Whether a low-water mark that was asked for is not durable yet, for a commit was refused. Asked as ``commit``
    /// is called.
    var owesMark: Bool { get }

    /// Closes the journal in order, after a last flush. Nobody commits any more.
    func closeCleanly() throws(StorageError)

    /// Ends what works beside the commits; on return nothing does. Nobody commits any more.
    func stop()
}

/// What became of a batch.
enum CommitOutcome {
    case durable
    /// These segments failed and nothing of theirs counts; the rest is durable.
    case partly([SegmentKey: LogError])
    /// Nothing was made durable and nothing is in doubt; a later batch may succeed.
    case refused(LogError)
    /// A write or sync failed: what reached the disk is not known, and no later sync can prove anything.
    case poisoned(LogError)

    /// Those of `commits` that are durable.
    func durable(of commits: [Commit]) -> [Commit] {
        switch self {
        case .durable: commits
        case .partly(let failures): commits.filter { failures[$0.key] == nil }
        case .refused, .poisoned: []
        }
    }
}
