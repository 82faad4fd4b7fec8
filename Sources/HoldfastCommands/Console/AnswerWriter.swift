import HoldfastThreads

/// Writes lines to standard output on a thread of its own: all that gather during one write go out with the next.
///
/// A lone line is written at once; under load many share a system call, without anybody having to wait for more.
final class AnswerWriter: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var isEnding = false
        var failure: CommandError?
    }

    /// The bytes that may wait before ``add(_:)`` blocks.
    private static let limit = 1 << 20

    private let state = Monitor(State())
    private let thread: Thread

    /// Starts the thread.
    init(to console: any Console) throws(CommandError) {
        do {
            thread = try Thread.start(name: "holdfast-output") { [state] in Self.write(state, console) }
        } catch {
            throw CommandError(.unavailable, "Cannot start a thread: \(error)")
        }
    }

    /// Whether output has come to an end.
    var hasFailed: Bool { state.withLock { $0.failure != nil } }

    /// Queues `line`; blocks while too much waits. Dropped when output has come to an end.
    func add(_ line: [UInt8]) {
        state.wait(until: { $0.waiting.count < Self.limit || $0.failure != nil }) { state in
            if state.failure == nil { state.waiting += line }
        }
        state.broadcast()
    }

    /// Waits until everything is written, ends the thread, and throws what went wrong.
    func finish() throws(CommandError) {
        state.withLock { $0.isEnding = true }
        state.broadcast()
        thread.join()
        guard let failure = state.withLock({ $0.failure }) else { return }
        throw failure == .outputClosed
            ? CommandError(.inputOutput, "The reader of the answers has left.") : failure
    }

    private static func write(_ state: Monitor<State>, _ console: any Console) {
        while true {
            let bytes = state.wait(until: { !$0.waiting.isEmpty || $0.isEnding }) { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            state.broadcast()
            if bytes.isEmpty { return }
            do throws(CommandError) {
                try console.write(bytes)
            } catch {
                state.withLock { $0.failure = error }
                return state.broadcast()
            }
        }
    }
}
