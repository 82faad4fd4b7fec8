import HoldfastThreads

/// Does many pieces of work on several threads, and puts what they write in the order of the pieces.
///
/// The piece whose turn it is writes at once, the others wait with a few mebibytes in hand: memory is bounded.
final class OrderedWork: Sendable {
    private struct State {
        var next = 0
        var turn = 0
        var waiting: [Int: [UInt8]] = [:]
        var finished: Set<Int> = []
        var failure: CommandError?
        var bar: ProgressBar?
    }

    /// How much a piece may hold back before it waits for its turn, in bytes.
    private static let holdByteCount = 4 << 20
    /// As many as the machines that this is for have processors to spare.
    static let threadCount = 2

    private let state: Monitor<State>
    private let count: Int
    private let console: any Console

    /// `count` pieces. With a `title` a bar shows how far the work has come, which is for work that writes nothing.
    init(_ count: Int, on console: any Console, showing title: String? = nil) {
        self.count = count
        self.console = console
        state = Monitor(State(bar: title.map { ProgressBar($0, total: count, on: console) }))
    }

    /// What one piece of work writes to.
    struct Output {
        fileprivate let work: OrderedWork
        fileprivate let piece: Int

        /// Writes `bytes` when all pieces before have written theirs.
        func write(_ bytes: [UInt8]) throws(CommandError) { try work.write(bytes, for: piece) }
    }

    /// Calls `body` once for each piece, side by side, and returns when all are done.
    ///
    /// - Throws: the first failure; no further pieces are begun then.
    func run(_ body: @escaping @Sendable (Int, Output) throws(CommandError) -> Void) throws(CommandError) {
        let work = { @Sendable [self] in
            while let piece = takePiece() {
                do throws(CommandError) {
                    try body(piece, Output(work: self, piece: piece))
                    try finish(piece)
                } catch {
                    state.withLock { if $0.failure == nil { $0.failure = error } }
                    state.broadcast()
                }
            }
        }
        var threads: [Thread] = []
        for _ in 1..<max(1, min(Self.threadCount, count)) {
            // With fewer threads it takes longer, and nothing else.
            if let thread = try? Thread.start(name: "holdfast-inspect", work) { threads.append(thread) }
        }
        work()
        for thread in threads { thread.join() }
        state.withLock { $0.bar?.finish() }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func takePiece() -> Int? {
        state.withLock { state in
            guard state.failure == nil, state.next < count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func write(_ bytes: [UInt8], for piece: Int) throws(CommandError) {
        let isFull = try state.withLock { (state) throws(CommandError) in
            if let failure = state.failure { throw failure }
            guard state.turn != piece else {
                try console.write(bytes)
                return false
            }
            state.waiting[piece, default: []] += bytes
            return (state.waiting[piece]?.count ?? 0) >= Self.holdByteCount
        }
        if isFull { state.wait(until: { $0.turn == piece || $0.failure != nil }) { _ in } }
    }

    /// Gives the turn to the next piece, and to those behind it as far as they are done.
    private func finish(_ piece: Int) throws(CommandError) {
        try state.withLock { (state) throws(CommandError) in
            state.finished.insert(piece)
            state.bar?.advance(by: 1)
            while state.finished.remove(state.turn) != nil {
                state.turn += 1
                if let held = state.waiting.removeValue(forKey: state.turn) { try console.write(held) }
            }
        }
        state.broadcast()
    }
}
