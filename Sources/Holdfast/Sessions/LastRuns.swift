import HoldfastLog
import HoldfastThreads

/// Where the messages of the session that was read last are: who reads it page by page, or follows it, has the
/// store read what is new only.
///
/// Safe to use from any thread. Memory: a run for each record with messages, at most ``mostRuns``.
final class LastRuns: Sendable {
    private struct Known: Sendable {
        /// The records of two such objects of one session may differ: those of one whose appends failed.
        let origin: HotSession
        let snapshot: Sequence
        let sequence: Sequence
        let runs: MessageRuns
    }

    /// About 6 MB.
    private static let mostRuns = 1 << 16

    private let known = Lock<Known?>(nil)

    /// The runs of `view` as far as they are known, and through which record; `nil` when nothing is known that builds
    /// on the snapshot at `snapshot` (0 for none).
    func runs(of view: SessionView, from snapshot: Sequence) -> (runs: MessageRuns, sequence: Sequence)? {
        known.withLock { known in
            guard let known, known.origin === view.origin, known.snapshot == snapshot,
                known.sequence <= view.head.sequence
            else { return nil }
            return (known.runs, known.sequence)
        }
    }

    /// Keeps the runs of `view`.
    func keep(_ runs: MessageRuns, of view: SessionView, from snapshot: Sequence) {
        guard runs.runs.count <= Self.mostRuns else { return }
        // A session that gets its parent's messages for its own has a snapshot that is replaced by one with more in it.
        guard snapshot == 0 || !runs.runs.contains(where: { $0.source == .parent }) else { return }
        known.withLock {
            $0 = Known(origin: view.origin, snapshot: snapshot, sequence: view.head.sequence, runs: runs)
        }
    }
}
