import HoldfastBytes
import HoldfastThreads
import Synchronization

/// Sessions that another one's record says were made, and whose own first record may be missing: after a crash or a
/// full disk between the two.
final class UnfinishedForks: Sendable {
    private let parents = Lock<[SessionID: SessionID]>([:])
    /// So that nothing is locked as long as there are none, which is always.
    private let count = Atomic(0)
    /// Sessions that could not be read when the store was opened, and may be such a parent.
    private let unread = Lock<Set<SessionID>>([])
    private let hasUnread = Atomic(false)

    /// Notes that `session` could not be read.
    func addUnread(_ session: SessionID) {
        unread.withLock { unread in
            unread.insert(session)
            hasUnread.store(true, ordering: .releasing)
        }
    }

    /// Whether `session` could not be read, as far as was noted; the caller reads it now.
    func takeUnread(_ session: SessionID) -> Bool {
        guard hasUnread.load(ordering: .acquiring) else { return false }
        return unread.withLock { unread in
            defer { hasUnread.store(!unread.isEmpty, ordering: .releasing) }
            return unread.remove(session) != nil
        }
    }

    /// Notes that `child` may have to be made from `parent`.
    func add(_ child: SessionID, from parent: SessionID) {
        parents.withLock { parents in
            parents[child] = parent
            count.store(parents.count, ordering: .releasing)
        }
    }

    /// Notes that `child` is there, or will never be.
    func remove(_ child: SessionID) {
        parents.withLock { parents in
            parents[child] = nil
            count.store(parents.count, ordering: .releasing)
        }
    }

    var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }

    /// All of them.
    var all: [(child: SessionID, parent: SessionID)] {
        if isEmpty { return [] }
        return parents.withLock { $0.map { (child: $0.key, parent: $0.value) } }
    }
}
