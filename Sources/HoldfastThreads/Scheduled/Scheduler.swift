#if HOLDFAST_SCHEDULES
import Glibc

/// Runs a program of several threads one thread at a time, in an order that a generator of random numbers decides.
///
/// Wherever a thread could be interrupted with effect (it takes a lock, waits, wakes others, starts or joins a
/// thread) the scheduler chooses who goes on. Nothing else happens at the same time, and time itself is simulated,
/// so the same numbers lead to the same run.
///
/// Every thread that ``Thread`` starts belongs to the run of the thread that starts it. No lock may be shared with a
/// thread outside.
package final class Scheduler: @unchecked Sendable {  // only the thread whose turn it is touches anything
    /// How the next thread is chosen.
    package enum Strategy: Sendable, Hashable {
        /// Any that can run, but in so many of 100 cases the one that is running.
        case random(stay: Int)
        /// Each thread has a random rank and the first that can run does; at so many random steps the running thread
        /// becomes the last. Finds what takes few, but unlikely, changes of threads.
        case ranked(changes: Int)
    }

    /// How a run ended.
    package struct Outcome: Sendable {
        /// Why it could not go on, with what each thread was waiting for; `nil` when all threads have ended.
        package var failure: String?
        /// How many choices were made.
        package var stepCount: Int
        /// How much time has passed for the threads.
        package var nanoseconds: UInt64
        /// Differs, as good as always, between two runs that took different choices.
        package var trace: UInt64
    }

    /// A run of more steps than this goes round in circles.
    package static let stepLimit = 400_000
    /// A thread that goes on for so long while others could is waiting for them in a loop.
    private static let patience = 5_000

    private let strategy: Strategy
    private let slowness: UInt64?
    private var generator: any RandomNumberGenerator
    private(set) var nanoseconds: UInt64 = 0
    private var threads: [ScheduledThread] = []
    private var stepCount = 0
    private var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    private var failure: String?
    private let ended = Baton()
    /// For `.ranked`: when the running thread becomes the last, and the rank that it gets.
    private var changeSteps: Set<Int> = []
    private var lastRank = 0
    private var stepsInARow = 0

    private init(_ strategy: Strategy, _ slowness: UInt64?, _ generator: any RandomNumberGenerator) {
        self.strategy = strategy
        self.slowness = slowness
        self.generator = generator
        guard case .ranked(let changes) = strategy else { return }
        // Runs differ in length by orders of magnitude, and early steps matter as much as late ones.
        for _ in 0..<changes { changeSteps.insert(Int(random(below: 1 << (4 + random(below: 12))))) }
    }

    /// Runs `body` and every thread that it starts until the last has ended, or until they cannot go on.
    ///
    /// Threads that cannot go on stay as they are for the rest of the process's life.
    ///
    /// - Parameter slowness: at one choice in so many a timer runs out although threads could go on: they were slow.
    ///   With `nil` time passes only when nobody can go on.
    /// - Throws: when the system has no room for a thread.
    package static func run(
        _ strategy: Strategy, slowness: UInt64?, _ generator: any RandomNumberGenerator,
        _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) -> Outcome {
        let scheduler = Scheduler(strategy, slowness, generator)
        let first = scheduler.add("main")
        let thread = try Thread.start(first, body)
        first.baton.pass()
        scheduler.ended.take()
        if scheduler.failure == nil {
            thread.join()
            scheduler.threads = []
        }
        return Outcome(
            failure: scheduler.failure, stepCount: scheduler.stepCount, nanoseconds: scheduler.nanoseconds,
            trace: scheduler.trace)
    }

    // MARK: Threads

    /// A new thread, which runs when it is chosen.
    func add(_ name: String) -> ScheduledThread {
        let thread = ScheduledThread(self, name, number: threads.count, rank: Int(random(below: 1 << 30)) + 1)
        threads.append(thread)
        return thread
    }

    /// Forgets a thread that could not be started: always the last.
    func withdraw(_ thread: ScheduledThread) {
        precondition(threads.last === thread)
        threads.removeLast()
    }

    /// Ends `thread`, which is running, and lets another go on.
    func end(_ thread: ScheduledThread) {
        thread.condition = .ended
        for joining in threads where joining.condition == .end(of: thread.number) { joining.condition = .ready }
        if threads.allSatisfy({ $0.condition == .ended }) { return ended.pass() }
        guard let next = choose(after: thread) else { return fail("a deadlock") }
        next.baton.pass()
    }

    // MARK: Choices

    /// Lets whoever is chosen go on; returns when `thread` is.
    func step(_ thread: ScheduledThread) {
        stepCount += 1
        if stepCount > Self.stepLimit {
            fail("no end after \(Self.stepLimit) steps")
            Baton().take()
        }
        guard let next = choose(after: thread) else {
            fail("a deadlock")
            return Baton().take()
        }
        if next === thread { return }
        next.baton.pass()
        thread.baton.take()
    }

    private func choose(after running: ScheduledThread) -> ScheduledThread? {
        if let slowness, random(below: slowness) == 0 { passTime() }
        var ready = threads.filter { $0.condition == .ready }
        if ready.isEmpty {
            passTime()
            ready = threads.filter { $0.condition == .ready }
        }
        guard !ready.isEmpty else { return nil }
        let next = pick(from: ready, after: running)
        stepsInARow = next === running ? stepsInARow + 1 : 0
        trace = (trace ^ UInt64(next.number)) &* 0x100_0000_01B3
        return next
    }

    private func pick(from ready: [ScheduledThread], after running: ScheduledThread) -> ScheduledThread {
        switch strategy {
        case .random(let stay):
            if running.condition == .ready, random(below: 100) < UInt64(stay) { return running }
            return ready[Int(random(below: UInt64(ready.count)))]
        case .ranked:
            if changeSteps.contains(stepCount) || stepsInARow > Self.patience {
                lastRank -= 1
                running.rank = lastRank
                stepsInARow = 0
            }
            return ready.max { $0.rank < $1.rank } ?? running
        }
    }

    private func random(below bound: UInt64) -> UInt64 { generator.next() % bound }

    // MARK: Time and changes

    /// Goes on to the next moment for which a thread is waiting, if there is one.
    private func passTime() {
        guard let next = threads.compactMap(\.deadline).min() else { return }
        nanoseconds = max(nanoseconds, next)
        for thread in threads {
            guard let deadline = thread.deadline, deadline <= nanoseconds else { continue }
            thread.wake(inTime: false)
        }
    }

    /// Any of the waiting threads: the system does not promise an order.
    func wakeOne(_ changed: UnsafeRawPointer) {
        let waiting = threads.filter { $0.condition == .change(of: changed) }
        if !waiting.isEmpty { waiting[Int(random(below: UInt64(waiting.count)))].wake(inTime: true) }
    }

    func wakeAll(_ changed: UnsafeRawPointer) {
        for thread in threads where thread.condition == .change(of: changed) { thread.wake(inTime: true) }
    }

    func wakeAll(waitingFor lock: UnsafeRawPointer) {
        for thread in threads where thread.condition == .lock(lock) { thread.condition = .ready }
    }

    private func fail(_ reason: String) {
        let states = threads.filter { $0.condition != .ended }.map { "\($0.name) (\($0.number)) \($0.state)" }
        failure = "\(reason): \(states.joined(separator: "; "))"
        ended.pass()
    }
}
#endif
