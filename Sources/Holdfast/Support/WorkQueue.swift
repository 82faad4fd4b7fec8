import HoldfastThreads

/// A queue of blocking jobs and the threads that do them, first come, first served.
final class WorkQueue: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isStopping = false
    }

    private let state = Monitor(State())
    private let threads = Lock<[Thread]>([])

    /// Starts `count` threads. Throws `failed` when the system has no room for them.
    init(name: String, threads count: Int) throws(HoldfastError) {
        for _ in 0..<count {
            do {
                let thread = try Thread.start(name: name) { [state] in Self.work(state) }
                threads.withLock { $0.append(thread) }
            } catch {
                stop()
                throw HoldfastError(.failed, "cannot start a thread: \(error)")
            }
        }
    }

    /// Queues `job`; after ``stop()`` it is run at once by the caller instead, so that none is ever lost.
    func run(_ job: @escaping @Sendable () -> Void) {
        let isQueued = state.withLock { state in
            if !state.isStopping { state.jobs.append(job) }
            return !state.isStopping
        }
        if isQueued { state.signal() } else { job() }
    }

    /// Finishes the jobs that are queued and ends the threads. Must not be called by a job.
    func stop() {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        let joining = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in joining { thread.join() }
    }

    private static func work(_ state: Monitor<State>) {
        while let job = nextJob(state) { job() }
    }

    private static func nextJob(_ state: Monitor<State>) -> (@Sendable () -> Void)? {
        state.wait(until: { !$0.jobs.isEmpty || $0.isStopping }) { state in
            state.jobs.isEmpty ? nil : state.jobs.removeFirst()
        }
    }
}
