import HoldfastBytes
import HoldfastThreads
import Synchronization

/// What lists show of each session: read from all rows when it is first asked for, then kept up to date from the
/// sessions that were written to since.
final class ListEntries: Sendable {
    private let table = Lock<ListTable?>(nil)
    /// The sessions that have new durable records.
    private let changed = Lock<Set<SessionID>>([])
    /// The sessions that could not be read.
    private let unread = Lock<Set<SessionID>>([])
    private let isWanted = Atomic(false)
    /// Whether others may change the sessions too, who tell of nothing: then all rows are read each time.
    let hasOtherWriters: Bool

    init(hasOtherWriters: Bool) { self.hasOtherWriters = hasOtherWriters }

    /// Notes that a record of `session` is durable, which the session must know by now.
    func noteCompleted(_ session: SessionID) {
        guard isWanted.load(ordering: .sequentiallyConsistent) else { return }
        changed.withLock { _ = $0.insert(session) }
    }

    /// Has the next list look at `session` again, which could not be read for this one.
    func noteUnread(_ session: SessionID) { unread.withLock { _ = $0.insert(session) } }

    /// Runs `body` on the entries of all sessions that are not deleted.
    ///
    /// - Parameters:
    ///   - update: puts the entry of a session that was changed into the table; answers false when all must be read.
    ///   - reread: the same for one that could not be read.
    ///   - read: reads all; given what is known already, of which what did not change is taken over.
    func with<Result>(
        update: (SessionID, inout ListTable) -> Bool,
        reread: (SessionID, inout ListTable) throws(HoldfastError) -> Void,
        read: (ListTable) throws(HoldfastError) -> ListTable, _ body: (ListTable) -> Result
    ) throws(HoldfastError) -> Result {
        try table.withLock { (table) throws(HoldfastError) in
            let isFirst = table == nil
            isWanted.store(true, ordering: .sequentiallyConsistent)
            // Taken out, so that it is changed in place; an error leaves nothing behind, and the next call reads all.
            var known = table.take() ?? ListTable()
            let changed = changed.withLock { changed in
                defer { changed = [] }
                return changed
            }
            if isFirst || hasOtherWriters || !changed.allSatisfy({ update($0, &known) }) {
                known = try read(known)
            } else {
                for session in unread.withLock({ $0.take() }) { try reread(session, &known) }
            }
            table = known
            return body(known)
        }
    }
}

extension Set {
    /// All members; the set is empty afterwards.
    fileprivate mutating func take() -> Self {
        defer { self = [] }
        return self
    }
}
