#if HOLDFAST_SCHEDULES
import HoldfastBytes
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads

/// Keeps the disk and the book as they were at one random moment of a run.
final class ScheduleImages: Sendable {
    struct Image: Sendable {
        var operation: String
        var disk: SimulatedStorage
        var sessions: [String: ScheduleBook.Session]
    }

    private struct State {
        var generator: SplitMix64
        var seenCount: UInt64 = 0
        var image: Image?
    }

    private let state: Lock<State>

    init(seed: UInt64) { state = Lock(State(generator: SplitMix64(seed: seed))) }

    /// Watches `storage`; each moment has the same chance of being the one that is kept.
    func watch(_ storage: SimulatedStorage, _ book: ScheduleBook) {
        storage.onOperation { [self] operation, disk in
            guard operation.kind.changesDisk else { return }
            let isChosen = state.withLock { state in
                state.seenCount += 1
                return state.generator.next() % state.seenCount == 0
            }
            guard isChosen else { return }
            // Other threads may go on meanwhile. What was acknowledged before must be in the image; what was
            // submitted until after it may be.
            let before = book.sessions
            let image = disk.clone()
            var sessions = book.sessions
            for (name, after) in sessions {
                // A session that has begun meanwhile had nothing acknowledged before.
                let earlier = before[name] ?? ScheduleBook.Session()
                sessions[name] = after.seen(from: earlier)
                if !image.hasSnapshot(after.snapshot, of: name) { sessions[name]?.snapshot = earlier.snapshot }
            }
            state.withLock { $0.image = Image(operation: "\(operation)", disk: image, sessions: sessions) }
        }
    }

    var image: Image? { state.withLock { $0.image } }
}

extension SimulatedStorage {
    fileprivate func hasSnapshot(_ sequence: UInt64, of session: String) -> Bool {
        let path = StoreLayout.snapshotFile(sessionID(session), sequence)
        return (try? attributes(path)).flatMap { $0 } != nil
    }
}

extension ScheduleBook.Session {
    /// What may be on a disk that was copied after `before` and before this.
    fileprivate func seen(from before: Self) -> Self {
        var seen = self
        seen.acknowledged = before.acknowledged
        seen.candidates.merge(before.candidates) { $0.union($1) }
        return seen
    }
}
#endif
