import HoldfastThreads

/// The thread that looks at the checkpointers of a store when their intervals are over.
final class CheckpointThread: Sendable {
    private struct Entry {
        let checkpointer: Checkpointer
        let interval: UInt64
        /// When to look next, in nanoseconds of the clock.
        var dueAt: UInt64
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        /// Whether an entry has come or become due since the thread looked.
        var hasChanged = false
        var isStopping = false
        var thread: Thread?
    }

    private let clock: any Clock
    private let state = Monitor(State())

    init(clock: any Clock) { self.clock = clock }

    /// Takes the checkpointer in; the first one starts the thread.
    func add(_ checkpointer: Checkpointer, intervalMilliseconds: UInt64) throws(HoldfastError) {
        let interval = min(intervalMilliseconds, 1 << 40) * 1_000_000
        let entry = Entry(
            checkpointer: checkpointer, interval: interval, dueAt: clock.monotonicNanoseconds() + interval)
        try state.withLock { (state) throws(HoldfastError) in
            if state.isStopping { throw HoldfastError(.closed, "the store was closed") }
            if state.thread == nil {
                do throws(ThreadError) {
                    state.thread = try Thread.start(name: "holdfast-checkp") { self.run() }
                } catch {
                    throw HoldfastError(.failed, error.description)
                }
            }
            state.entries[ObjectIdentifier(checkpointer)] = entry
            state.hasChanged = true
        }
        state.signal()
    }

    /// Makes the checkpointer due now.
    func nudge(_ checkpointer: Checkpointer) {
        state.withLock { state in
            state.entries[ObjectIdentifier(checkpointer)]?.dueAt = 0
            state.hasChanged = true
        }
        state.signal()
    }

    /// Forgets the checkpointer.
    func remove(_ checkpointer: Checkpointer) {
        state.withLock { $0.entries[ObjectIdentifier(checkpointer)] = nil }
    }

    /// Ends the thread. Checkpointers that are left make no checkpoints any more.
    func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            // They hold their store, which holds this.
            state.entries = [:]
            return state.thread.take()
        }
        state.signal()
        thread?.join()
    }

    /// Looks at the checkpointers that are due. For the thread, and for tests that set the clock.
    func lookAtDue() {
        let now = clock.monotonicNanoseconds()
        let due = state.withLock { state in
            state.hasChanged = false
            let due = state.entries.filter { $0.value.dueAt <= now }
            for (key, entry) in due { state.entries[key]?.dueAt = now + entry.interval }
            return due.values.map(\.checkpointer)
        }
        for checkpointer in due { checkpointer.look() }
    }

    private func run() {
        while true {
            let isStopping = state.wait(
                until: { $0.hasChanged || $0.isStopping }, milliseconds: millisecondsUntilDue()
            ) { state, _ in state.isStopping }
            if isStopping { return }
            lookAtDue()
        }
    }

    private func millisecondsUntilDue() -> UInt64 {
        let now = clock.monotonicNanoseconds()
        let next = state.withLock { $0.entries.values.map(\.dueAt).min() } ?? .max
        return (next - min(now, next)) / 1_000_000 + 1
    }
}
