import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Counts what a store does and writes it once a second into the file `meter`, for other processes.
///
/// The committer counts each batch: two looks at the clock and a few additions a record, no allocation, no call of the
/// disk. The flusher, which wakes up once a second anyway, writes. Nothing is ever synced, and a write that fails is
/// tried again the next time: nothing but the counters depends on it.
final class Meter: Sendable {
    private struct State {
        var sample: MeterSample
        var commit = LogHistogram()
        var batch = LogHistogram()
        var queue = LogHistogram()
        var busiest = BusiestSessions()
        /// When the stretch began, in monotonic nanoseconds.
        var begunAt: UInt64
        /// Whether the file does not say yet what is known, or that nothing happens any more.
        var isStale = true
    }

    /// The shortest time between two writes.
    private static let interval: UInt64 = 1_000_000_000

    private let storage: any Storage
    private let clock: any Clock
    private let state: Lock<State>
    private let file = Lock<(any StorageFile)?>(nil)

    init(in storage: any Storage, options: EngineOptions) {
        self.storage = storage
        clock = options.clock
        let process = MeterSample.Process(id: UInt64(ProcessMark.ownID), mark: ProcessMark.own ?? "")
        let sample = MeterSample(
            process: process, commitMode: options.commitMode == .journal ? "journal" : "segment",
            openedAt: options.clock.wallMilliseconds())
        state = Lock(State(sample: sample, begunAt: options.clock.monotonicNanoseconds()))
    }

    /// The time at which a batch is begun, for ``count(_:failed:queued:since:)``.
    func now() -> UInt64 { clock.monotonicNanoseconds() }

    /// Counts a batch of which `commits` became durable and `failed` records did not, and that was begun at `begun`
    /// when `queued` records were waiting.
    func count(_ commits: [Commit], failed: Int, queued: Int, since begun: UInt64) {
        let microseconds = (clock.monotonicNanoseconds() - begun) / 1_000
        state.withLock { state in
            var recent = MeterSample.Totals(batches: 1, failures: UInt64(failed))
            for index in commits.indices where !commits[index].sealsSegment {
                let (byteCount, writer) = (commits[index].output.bytes.count, commits[index].writer)
                recent.records += 1
                recent.bytes += UInt64(byteCount)
                state.busiest.add(writer.session, key: writer.key, byteCount: byteCount)
            }
            // After a quiet time the stretch begins here, or the quiet would count.
            if !state.isStale { state.begunAt = begun }
            state.sample.recent += recent
            state.sample.totals += recent
            state.commit.add(microseconds)
            state.batch.add(recent.records)
            state.queue.add(UInt64(queued))
            state.isStale = true
        }
    }

    /// Writes what was counted, if there is anything new and the last time is a second ago. Called by one thread.
    func writeIfDue(unflushed byteCount: Int) {
        // With the lock held: a batch that is counted meanwhile would begin its stretch after a time taken before.
        let isDue = state.withLock { $0.isStale && clock.monotonicNanoseconds() - $0.begunAt >= Self.interval }
        if isDue { write(unflushed: byteCount) }
    }

    /// Writes what was counted and begins a new stretch. Called by one thread.
    func write(unflushed byteCount: Int, isClosed: Bool = false) {
        let sample = takeSample(unflushed: byteCount, isClosed: isClosed)
        do throws(StorageError) {
            let file = try file.withLock { (open) throws(StorageError) -> any StorageFile in
                if let open { return open }
                let created = try storage.open(StoreLayout.meterFile, .create)
                open = created
                return created
            }
            try file.write(sample.line, at: 0)
        } catch {
            // A full disk, most likely; there is nobody who could be told.
            file.withLock { $0 = nil }
            state.withLock { $0.isStale = true }
        }
    }

    private func takeSample(unflushed byteCount: Int, isClosed: Bool) -> MeterSample {
        let wall = clock.wallMilliseconds()
        return state.withLock { state in
            let now = clock.monotonicNanoseconds()
            state.sample.writtenAt = wall
            state.sample.isClosed = isClosed
            state.sample.milliseconds = (now - state.begunAt) / 1_000_000
            state.sample.commit = .init(state.commit)
            state.sample.batch = .init(state.batch)
            state.sample.queue = .init(state.queue)
            state.sample.unflushedBytes = UInt64(byteCount)
            state.sample.busiest = state.busiest.first(MeterSample.busiestLimit)
            defer {
                // Once more when nothing happens any more: the file must not go on telling of a busy store.
                state.isStale = state.sample.recent != .init()
                state.sample.recent = .init()
                state.commit.reset()
                state.batch.reset()
                state.queue.reset()
                state.busiest.reset()
                state.begunAt = now
            }
            return state.sample
        }
    }
}

extension MeterSample.Totals {
    fileprivate static func += (totals: inout Self, more: Self) {
        totals.records += more.records
        totals.bytes += more.bytes
        totals.batches += more.batches
        totals.failures += more.failures
    }
}
