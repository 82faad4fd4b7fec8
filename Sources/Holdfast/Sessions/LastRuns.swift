import HoldfastLog
import HoldfastThreads

/// Where the messages of the session that was read last are: who reads it page by page, or follows it, has the
/// store read what is new only. And where in its snapshot the message stands that is read next.
///
/// Safe to use from any thread. Memory: a run for each record with messages, at most ``mostRuns``, and a place.
final class LastRuns: Sendable {
    private struct Known: Sendable {
        /// The records of two such objects of one session may differ: those of one whose appends failed.
        let origin: HotSession
        let snapshot: Sequence
        let sequence: Sequence
        let runs: MessageRuns
    }

    private struct Reached: Sendable {
        let origin: HotSession
        let snapshot: Sequence
        let snapshotByteCount: Int
        let start: SnapshotElements.Start
    }

    /// About 6 MB.
    private static let mostRuns = 1 << 16

    private let known = Lock<Known?>(nil)
    private let reached = Lock<Reached?>(nil)

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

    /// Where the visible message in `snapshot` begins that comes after the last one read of this session; `nil` when
    /// that is not known.
    func start(in snapshot: any SnapshotSource, of view: SessionView) -> SnapshotElements.Start? {
        reached.withLock { reached in
            guard let reached, reached.origin === view.origin, reached.snapshot == snapshot.sequence,
                reached.snapshotByteCount == snapshot.byteCount
            else { return nil }
            return reached.start
        }
    }

    /// Keeps that a visible message begins at `start` of `snapshot`.
    func keep(_ start: SnapshotElements.Start, in snapshot: any SnapshotSource, of view: SessionView) {
        // With messages of a parent, the snapshot may be replaced by one of the same sequence that has them too.
        guard view.head.lineage?.shared ?? 0 == 0 else { return }
        reached.withLock {
            $0 = Reached(
                origin: view.origin, snapshot: snapshot.sequence, snapshotByteCount: snapshot.byteCount, start: start)
        }
    }
}
