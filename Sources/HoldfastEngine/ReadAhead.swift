import HoldfastLog
import HoldfastThreads

/// Makes the parts of something that is read from front to back, ahead of the thread that takes them.
///
/// They are made on a thread of its own, which ends behind the last part, at an error, or when this object goes, which
/// waits for it. Memory: the parts that were not taken yet, up to some bytes of them; of parts that are longer, one.
final class ReadAhead<Part: Sendable>: Sendable {
    private struct State {
        var parts: [(part: Part, byteCount: Int)] = []
        var byteCount = 0
        var isDone = false
        var failure: LogError?
        /// Until half of what is ready was taken the maker waits: to wake it for each part takes longer than a part.
        var isFull = false
        /// Nobody takes parts any more.
        var isLeft = false
    }

    private let state: Monitor<State>
    private let thread: Thread
    private let limit: Int

    /// Runs `make`, which hands over each part and how many bytes it has. It is to end when `give` answers false.
    ///
    /// - Parameter limit: when so many bytes were not taken yet, `give` waits before it answers.
    init(
        limit: Int, _ make: @escaping @Sendable (_ give: (Part, Int) -> Bool) throws(LogError) -> Void
    ) throws(ThreadError) {
        let state = Monitor(State())
        self.state = state
        self.limit = limit
        thread = try Thread.start(name: "holdfast-ahead") {
            var failure: LogError?
            do throws(LogError) {
                try make { part, byteCount in Self.give(part, byteCount, state, limit) }
            } catch {
                failure = error
            }
            state.withLock { state in
                state.isDone = true
                state.failure = failure
            }
            state.signal()
        }
    }

    deinit {
        state.withLock { $0.isLeft = true }
        state.signal()
        thread.join()
    }

    /// The next part, for which it waits; `nil` behind the last one. Throws what `make` threw, behind its parts.
    func next() throws(LogError) -> Part? {
        let (part, makesRoom) = try state.wait(until: { !$0.parts.isEmpty || $0.isDone }) {
            (state) throws(LogError) -> (Part?, Bool) in
            guard !state.parts.isEmpty else {
                if let failure = state.failure { throw failure }
                return (nil, false)
            }
            let (part, byteCount) = state.parts.removeFirst()
            state.byteCount -= byteCount
            let makesRoom = state.isFull && state.byteCount <= limit / 2
            if makesRoom { state.isFull = false }
            return (part, makesRoom)
        }
        // There are never two who wait: the one for room, the other for parts.
        if makesRoom { state.signal() }
        return part
    }

    private static func give(_ part: Part, _ byteCount: Int, _ state: Monitor<State>, _ limit: Int) -> Bool {
        let isFirst = state.withLock { state in
            state.parts.append((part, byteCount))
            state.byteCount += byteCount
            state.isFull = state.byteCount >= limit
            return state.parts.count == 1
        }
        if isFirst { state.signal() }
        // Here and not before: what is waited for must not be held besides what is ready.
        return state.wait(until: { !$0.isFull || $0.isLeft }) { !$0.isLeft }
    }
}
