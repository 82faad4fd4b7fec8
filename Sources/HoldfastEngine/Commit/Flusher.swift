import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Brings committed bytes from the journal to the segments, off the append path, and then lets the journal
/// forget them.
final class Flusher: Sendable {
    private struct State {
        /// Committed and not yet on the way to the segments.
        var pending = Backlog()
        /// On the way; still needed by readers until it is synced.
        var flushing = Backlog()
        /// The last batch that is in `pending`.
        var lastBatch: UInt64 = 0
        /// Counts passes, so that a caller can wait for one that begins after its call.
        var wanted = 0
        var finished = 0
        var failure: LogError?
        /// While rows wait for the committer, the committer must not wait for the flusher.
        var isWritingRows = false
        var isStopping = false

        var byteCount: Int { pending.byteCount + flushing.byteCount }
    }

    private let storage: any Storage
    private let options: EngineOptions
    private let files: SegmentFiles
    private let index: IndexKeeper
    private let meter: Meter?
    private let state = Monitor(State())
    private let thread = Lock<Thread?>(nil)
    /// Called when everything up to a batch is in the segments and the index.
    private let advance: Lock<@Sendable (UInt64) -> Void> = Lock({ _ in })

    init(storage: any Storage, files: SegmentFiles, index: IndexKeeper, options: EngineOptions, meter: Meter?) {
        self.storage = storage
        self.files = files
        self.index = index
        self.meter = meter
        self.options = options
    }

    func start(advance: @escaping @Sendable (UInt64) -> Void) throws(ThreadError) {
        self.advance.withLock { $0 = advance }
        let started = try Thread.start(name: "holdfast-flush") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Takes over a batch that is durable in the journal.
    func add(_ commits: [Commit], batch: UInt64) {
        // Before the bytes: a pass that takes these bytes must find the sessions noted.
        index.note(commits)
        let extents = commits.gatheredExtents()
        let isDue = state.withLock { state in
            for index in commits.indices { state.pending.add(extents[index], to: commits[index].key) }
            if !commits.isEmpty { state.lastBatch = batch }
            return state.pending.byteCount >= options.flushByteCount
        }
        if isDue { state.broadcast() }
    }

    /// Takes over what a recovery could not write for lack of space: committed, and up to `batch` in the journal only.
    func add(_ backlog: Backlog, batch: UInt64) {
        state.withLock { state in
            state.pending = backlog
            state.lastBatch = batch
        }
    }

    /// The committed bytes of `session` that may not be in its files yet, by segment number.
    func unflushed(_ session: SessionID) -> [UInt32: [Extent]] {
        state.withLock { state in
            state.flushing.extents(of: session).merging(state.pending.extents(of: session), uniquingKeysWith: +)
        }
    }

    /// Waits while too many bytes are unflushed.
    ///
    /// - Throws: the reason why the flusher cannot go on, such as a full disk.
    func waitForRoom() throws(LogError) {
        let limit = options.unflushedByteLimit
        try state.wait {
            $0.byteCount < limit || $0.failure != nil || $0.isWritingRows
        } _: { (state) throws(LogError) in
            if let failure = state.failure, state.byteCount >= limit / 2 { throw failure }
        }
    }

    /// Flushes what is committed now and waits for it.
    func flush() throws(LogError) {
        let target = state.withLock { state in
            state.wanted += 1
            return state.wanted
        }
        state.broadcast()
        try state.wait(until: { $0.finished >= target }) { (state) throws(LogError) in
            if let failure = state.failure { throw failure }
        }
    }

    /// Ends the thread; call ``flush()`` before.
    func stop() {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        thread.withLock { $0 }?.join()
        advance.withLock { $0 = { _ in } }  // it holds the committer, which holds this
    }

    // MARK: The thread

    private func run() {
        meter?.write(unflushed: unflushedByteCount)
        while true {
            let limit = options.flushByteCount
            let isDue: (State) -> Bool = {
                $0.isStopping || $0.wanted > $0.finished || ($0.pending.byteCount >= limit && $0.failure == nil)
            }
            let isStopping = state.wait(until: isDue, milliseconds: options.flushInterval) { state, _ in
                state.isStopping
            }
            if isStopping { break }
            pass()
            meter?.writeIfDue(unflushed: unflushedByteCount)
        }
        meter?.write(unflushed: unflushedByteCount, isClosed: true)
    }

    private var unflushedByteCount: Int { state.withLock { $0.byteCount } }

    private func pass() {
        let (backlog, batch, target) = state.withLock { state in
            // What failed last time is still in `flushing` and goes first: the newer bytes lie behind it.
            state.flushing.add(state.pending)
            state.pending = Backlog()
            return (state.flushing, state.lastBatch, state.wanted)
        }
        let failure = backlog.isEmpty ? writeRows() : write(backlog.work, through: batch)
        state.withLock { state in
            state.failure = failure
            state.finished = max(state.finished, target)
            if failure == nil { state.flushing = Backlog() }
        }
        state.broadcast()
    }

    private func write(_ work: [(key: SegmentKey, extents: [Extent])], through batch: UInt64) -> LogError? {
        do throws(LogError) {
            try files.persist(work, orElse: SegmentRewrite(storage: storage, clock: options.clock))
        } catch {
            return error
        }
        if let failure = writeRows() { return failure }
        let advance = advance.withLock { $0 }
        advance(batch)
        return nil
    }

    private func writeRows() -> LogError? {
        state.withLock { $0.isWritingRows = true }
        state.broadcast()
        defer { state.withLock { $0.isWritingRows = false } }
        if let failure = index.writeRows() { return failure }
        do throws(LogError) {
            try index.compactIfGrown()
            return nil
        } catch {
            return error
        }
    }
}
