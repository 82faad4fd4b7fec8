import HoldfastThreads

/// Counts the judged cases of a running campaign. Any thread may add to it.
package final class CampaignProgress: Sendable {
    private let state: Lock<(done: Int, total: Int?)>
    private let show: @Sendable (_ done: Int, _ total: Int?) -> Void

    /// `show` is called after each thousand cases, by one thread at a time.
    package init(_ show: @escaping @Sendable (_ done: Int, _ total: Int?) -> Void) {
        state = Lock((0, nil))
        self.show = show
    }

    /// Says how many cases there are going to be.
    package func expect(_ total: Int) { state.withLock { $0.total = total } }

    /// Counts judged cases.
    package func add(_ count: Int = 1) {
        state.withLock { state in
            let before = state.done
            state.done += count
            if state.done / 1_000 != before / 1_000 { show(state.done, state.total) }
        }
    }
}
