import Holdfast
import HoldfastThreads

/// Writes that were submitted and are not answered yet, bounded by their bytes.
final class WritesInFlight: Sendable {
    private struct State {
        var byteCount = 0
        var writes = 0
        /// The first failure of each session.
        var failures: [String: HoldfastError] = [:]
        /// A failure that no other session will be spared.
        var end: HoldfastError?
    }

    private let store: HoldfastStore
    private let state = Monitor(State())

    init(to store: HoldfastStore) { self.store = store }

    /// Submits `mutation`, which holds `byteCount` bytes, as soon as there is room.
    ///
    /// - Throws: what makes going on pointless, such as a full disk. Whatever concerns one session only is kept for
    ///   ``failures``.
    func submit(_ mutation: Mutation, byteCount: Int) throws(CommandError) {
        let limit = ImportLimits.inFlightByteCount
        let end = state.wait(until: { $0.writes == 0 || $0.byteCount + byteCount <= limit }) { state in
            state.byteCount += byteCount
            state.writes += 1
            return state.end
        }
        if let end {
            finish(mutation.session, byteCount, nil)
            throw CommandError(end)
        }
        store.submit(mutation) { [self] result in
            if case .failure(let error) = result {
                finish(mutation.session, byteCount, error)
            } else {
                finish(mutation.session, byteCount, nil)
            }
        }
    }

    /// Waits until every write has been answered, and says which sessions had a failure.
    func failures() throws(CommandError) -> [String: HoldfastError] {
        let state = state.wait(until: { $0.writes == 0 }) { $0 }
        if let end = state.end { throw CommandError(end) }
        return state.failures
    }

    private func finish(_ session: String, _ byteCount: Int, _ error: HoldfastError?) {
        state.withLock { state in
            state.byteCount -= byteCount
            state.writes -= 1
            guard let error else { return }
            if state.failures[session] == nil { state.failures[session] = error }
            if [.diskFull, .failed, .closed, .readOnly].contains(error.code) { state.end = state.end ?? error }
        }
        state.signal()
    }
}
