import HoldfastLog
import HoldfastThreads

/// Makes the parts of something that is read from front to back, on two threads: the one that reads, and one of its
/// own, which is ahead of it.
///
/// The thread that reads says what parts are made of and lets the other make them. It makes one itself when the next
/// is not ready and there is one that nobody has begun. The other thread has ended when this object goes, which waits
/// for it. Memory: the parts that were not taken yet, and what they are made of, up to some bytes of parts and one
/// more.
///
/// For one thread at a time.
final class ReadAhead<Part: Sendable> {
    /// What a part is made of.
    struct Job: Sendable {
        /// How long the part will be.
        var byteCount: Int
        /// Whether the part before must have been made.
        var continues = false
        /// Makes the part, on either thread, while others are made.
        var make: @Sendable () throws(LogError) -> Part
    }

    private enum Stage {
        case untouched(Job)
        case begun
        case made(Result<Part, LogError>)
    }

    private struct State {
        /// Of the parts that were not taken, in order.
        var stages: [Stage] = []
        var takenCount = 0
        /// Nobody takes parts any more.
        var isLeft = false

        var isFirstMade: Bool { if case .made? = stages.first { true } else { false } }

        /// The first part that can be begun.
        var next: Int? {
            stages.indices.first { index in
                guard case .untouched(let job) = stages[index] else { return false }
                guard job.continues, index > 0 else { return true }
                if case .made = stages[index - 1] { return true }
                return false
            }
        }

        /// Takes out what the part at `index` is made of; answers also its number.
        mutating func begin(_ index: Int) -> (Job, Int)? {
            guard case .untouched(let job) = stages[index] else { return nil }
            stages[index] = .begun
            return (job, takenCount + index)
        }
    }

    private enum Turn {
        case take(Result<Part, LogError>?)
        case make(Job, Int)
    }

    private let state: Monitor<State>
    private let thread: Thread
    private let limit: Int
    private let nextJob: () throws(LogError) -> Job?
    /// The lengths of the parts that were not taken.
    private var byteCounts: [Int] = []
    private var byteCount = 0
    /// Set when there are no more jobs: why, or `nil` behind the last one.
    private var end: LogError??

    /// - Parameters:
    ///   - limit: no more is begun while so many bytes were not taken.
    ///   - nextJob: what the next part is made of, `nil` behind the last one. Called by ``next()``.
    init(limit: Int, nextJob: @escaping () throws(LogError) -> Job?) throws(ThreadError) {
        let state = Monitor(State())
        self.state = state
        self.limit = limit
        self.nextJob = nextJob
        thread = try Thread.start(name: "holdfast-ahead") {
            while let (job, number) = state.wait(
                until: { $0.isLeft || $0.next != nil },
                { state in
                    state.isLeft ? nil : state.next.flatMap { state.begin($0) }
                })
            {
                Self.make(job, number, state)
            }
        }
    }

    deinit {
        state.withLock { $0.isLeft = true }
        state.signal()
        thread.join()
    }

    /// The next part; `nil` behind the last one. Throws what making it threw, or, behind all parts, what `nextJob`
    /// threw.
    func next() throws(LogError) -> Part? {
        fill()
        if byteCounts.isEmpty {
            if let failure = end ?? nil { throw failure }
            return nil
        }
        while true {
            switch state.wait(until: { $0.isFirstMade || $0.next != nil }, Self.turn) {
            case .make(let job, let number): Self.make(job, number, state)
            case .take(let part):
                byteCount -= byteCounts.removeFirst()
                return try part?.get()
            }
        }
    }

    /// Has the other thread go on when a quarter of what there may be was taken: to wake it for each part takes longer
    /// than a part.
    private func fill() {
        guard byteCount <= limit / 4 * 3 else { return }
        while byteCount < limit, end == nil {
            do throws(LogError) {
                guard let job = try nextJob() else {
                    end = .some(nil)
                    return
                }
                byteCounts.append(job.byteCount)
                byteCount += job.byteCount
                state.withLock { $0.stages.append(.untouched(job)) }
                state.signal()
            } catch {
                end = error
            }
        }
    }

    private static func turn(_ state: inout State) -> Turn {
        guard !state.isFirstMade, let next = state.next, let (job, number) = state.begin(next) else {
            state.takenCount += 1
            if case .made(let part) = state.stages.removeFirst() { return .take(part) }
            return .take(nil)
        }
        return .make(job, number)
    }

    private static func make(_ job: Job, _ number: Int, _ state: Monitor<State>) {
        let part = Result { () throws(LogError) in try job.make() }
        state.withLock { $0.stages[number - $0.takenCount] = .made(part) }
        // There are never two who wait: the one for something to do, the other for the first part.
        state.signal()
    }
}
