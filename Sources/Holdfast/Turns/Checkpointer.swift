import HoldfastThreads

/// Keeps what a running turn has come to, now and then, without its worker waiting for the disk.
///
/// Looks at the worker's counter once per interval, and when it is nudged; when the counter has grown since the last
/// checkpoint it makes another one, else it writes nothing. Make one when the turn begins and stop it before the
/// turn ends: after ``stopBlocking()`` no checkpoint of it can come in between. All checkpointers of a store share
/// one thread.
public final class Checkpointer: Sendable {
    private struct State {
        /// The counter of the last checkpoint.
        var kept: UInt64 = 0
        var isWriting = false
        /// Whether it was to look while a checkpoint was on its way.
        var isDueAgain = false
        var isStopped = false
    }

    /// The turn that is kept.
    public let turn: String
    private let session: String
    private let attempt: UInt64?
    private let store: HoldfastStore
    private let activity: @Sendable () -> UInt64
    private let fields: @Sendable () -> JSON?
    private let report: @Sendable (HoldfastError) -> Void
    private let state = Monitor(State())

    /// Begins to keep the open turn `turn`.
    ///
    /// - Parameters:
    ///   - attempt: the worker's attempt; when the turn has been resumed by another, the checkpoints are refused.
    ///   - intervalMilliseconds: how often to look, from 1.
    ///   - activity: the worker's counter, such as the tools that have completed. Called from the store's thread; must
    ///     not block.
    ///   - fields: a merge patch of the session's metadata to keep with it. Called in the same way.
    ///   - report: called with each error, from a thread of the store; must not block, and must not stop the
    ///     checkpointer. After `stale_turn` and other errors that mean that the turn is over there are no more
    ///     checkpoints; after any other the next interval tries again.
    /// - Throws: `failed` when the system has no room for the store's thread; `closed`.
    public init(
        _ store: HoldfastStore, session: String, turn: String, attempt: UInt64? = nil,
        intervalMilliseconds: UInt64 = 15_000, activity: @escaping @Sendable () -> UInt64,
        fields: @escaping @Sendable () -> JSON? = { nil }, report: @escaping @Sendable (HoldfastError) -> Void
    ) throws(HoldfastError) {
        self.store = store
        self.session = session
        self.turn = turn
        self.attempt = attempt
        self.activity = activity
        self.fields = fields
        self.report = report
        try store.operate { () throws(HoldfastError) in
            try store.checkpoints.add(self, intervalMilliseconds: max(1, intervalMilliseconds))
        }
    }

    /// Looks at the counter soon, and not at the end of the interval only. Never blocks.
    public func nudge() { store.checkpoints.nudge(self) }

    /// Ends the checkpoints: when it returns, none is on its way, none will come, and every error was reported.
    public func stopBlocking() {
        state.withLock { $0.isStopped = true }
        store.checkpoints.remove(self)
        state.wait(until: { !$0.isWriting }) { _ in }
    }

    /// As ``stopBlocking()``.
    public func stop() async {
        await withCheckedContinuation { continuation in
            store.workers.run {
                self.stopBlocking()
                continuation.resume()
            }
        }
    }
}

extension Checkpointer {
    /// Makes a checkpoint if the counter has grown.
    func look() {
        let counter = activity()
        let mayWrite = state.withLock { state in
            guard !state.isStopped, counter > state.kept else { return false }
            defer { state.isWriting = true }
            state.isDueAgain = state.isWriting
            return !state.isWriting
        }
        guard mayWrite else { return }
        var checkpoint = Mutation.checkpoint(turn, in: session, fields: fields(), activity: counter)
        checkpoint.attempt = attempt
        store.submit(checkpoint) { self.finish(counter, $0) }
    }

    private func finish(_ counter: UInt64, _ result: Result<WriteResult, HoldfastError>) {
        var failure: HoldfastError?
        if case .failure(let error) = result { failure = error }
        if let failure { report(failure) }
        let isDueAgain = state.withLock { state in
            state.isWriting = false
            if let failure {
                state.isStopped = state.isStopped || failure.endsTurn
            } else {
                state.kept = counter
            }
            defer { state.isDueAgain = false }
            return state.isDueAgain && failure == nil
        }
        state.broadcast()
        if isDueAgain { nudge() }
    }
}

extension HoldfastError {
    /// Whether no later write of the same turn can succeed either.
    fileprivate var endsTurn: Bool {
        let codes: Set<Code> = [
            .staleTurn, .noTurn, .unknownSession, .sessionDeleted, .badRequest, .tooLarge, .readOnly, .closed,
        ]
        return codes.contains(code)
    }
}
