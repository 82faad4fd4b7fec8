#if HOLDFAST_SCHEDULES
import HoldfastSimulation
import HoldfastThreads

/// Small programs with known faults, which only some orders of their threads bring to light: a scheduler that does not
/// find them proves nothing about the store.
enum ScheduleSelfCheck {
    private struct Program {
        var name: String
        /// Runs the program; what it returns says whether the fault showed.
        var run: @Sendable (Lock<Bool>) -> Void
        /// Whether the fault keeps the threads from ending.
        var isStuck = false
    }

    private static let seedLimit: UInt64 = 2_000

    /// Answers which faults were not found.
    static func run() throws -> [String] {
        var missed: [String] = []
        for program in [lostUpdate, lostWakeUp, lockOrder] {
            for strategy in [Scheduler.Strategy.random(stay: 50), .ranked(changes: 2)] {
                let found = try (1...seedLimit).contains { try shows(program, strategy, seed: $0) }
                if !found { missed.append("self-check: \(program.name) was not found with \(strategy)") }
            }
        }
        return missed
    }

    private static func shows(_ program: Program, _ strategy: Scheduler.Strategy, seed: UInt64) throws -> Bool {
        let wasSeen = Lock(false)
        let outcome = try Scheduler.run(strategy, slowness: nil, SplitMix64(seed: seed)) { program.run(wasSeen) }
        return program.isStuck ? outcome.failure != nil : wasSeen.withLock { $0 }
    }

    private static let lostUpdate = Program(name: "a lost update") { wasSeen in
        let value = Lock(0)
        both {
            let old = value.withLock { $0 }
            value.withLock { $0 = old + 1 }
        }
        wasSeen.withLock { $0 = value.withLock { $0 } == 1 }
    }

    /// Looks and waits in two steps: a signal between them is lost.
    private static let lostWakeUp = Program(
        name: "a lost wake-up",
        run: { _ in
            let isReady = Lock(false)
            let signal = Monitor(0)
            let waiter = try? Thread.start(name: "waiter") {
                if isReady.withLock({ $0 }) { return }
                let before = signal.withLock { $0 }
                signal.wait(until: { $0 > before }) { _ in }
            }
            isReady.withLock { $0 = true }
            signal.withLock { $0 += 1 }
            signal.broadcast()
            waiter?.join()
        }, isStuck: true)

    private static let lockOrder = Program(
        name: "two locks in both orders",
        run: { _ in
            let (a, b) = (Lock(0), Lock(0))
            let other = try? Thread.start(name: "other") { a.withLock { _ in b.withLock { _ in } } }
            b.withLock { _ in a.withLock { _ in } }
            other?.join()
        }, isStuck: true)

    private static func both(_ body: @escaping @Sendable () -> Void) {
        let other = try? Thread.start(name: "other", body)
        body()
        other?.join()
    }
}
#endif
