import HoldfastBytes
import HoldfastThreads
import Synchronization

/// What lists show of each session: read from all rows when it is first asked for, then kept up to date from the
/// sessions that were written to since.
final class ListEntries: Sendable {
    private let entries = Lock<[SessionID: ListEntry]?>(nil)
    /// The sessions that have new durable records.
    private let changed = Lock<Set<SessionID>>([])
    private let isWanted = Atomic(false)
    /// Whether others may change the sessions too, who tell of nothing: then all rows are read each time.
    private let hasOtherWriters: Bool

    init(hasOtherWriters: Bool) { self.hasOtherWriters = hasOtherWriters }

    /// Notes that a record of `session` is durable, which the session must know by now.
    func noteCompleted(_ session: SessionID) {
        guard isWanted.load(ordering: .sequentiallyConsistent) else { return }
        changed.withLock { _ = $0.insert(session) }
    }

    /// Runs `body` on the entries of all sessions that are not deleted.
    ///
    /// - Parameters:
    ///   - update: makes the entry of a session that was changed; answers `nil` when all must be read.
    ///   - read: reads all; given what is known already, of which what did not change is taken over.
    func with<Result>(
        update: (SessionID) -> Update?, read: ([SessionID: ListEntry]) throws(HoldfastError) -> [SessionID: ListEntry],
        _ body: (Dictionary<SessionID, ListEntry>.Values) -> Result
    ) throws(HoldfastError) -> Result {
        try entries.withLock { (entries) throws(HoldfastError) in
            let isFirst = entries == nil
            isWanted.store(true, ordering: .sequentiallyConsistent)
            // Taken out, so that it is changed in place; an error leaves nothing behind, and the next call reads all.
            var known = entries.take() ?? [:]
            let changed = changed.withLock { changed in
                defer { changed = [] }
                return changed
            }
            if isFirst || hasOtherWriters || !Self.apply(changed, to: &known, update) { known = try read(known) }
            entries = known
            return body(known.values)
        }
    }

    /// What became of a session's entry.
    struct Update {
        /// `nil` when it is not listed.
        var entry: ListEntry?
    }

    private static func apply(
        _ changed: Set<SessionID>, to entries: inout [SessionID: ListEntry], _ update: (SessionID) -> Update?
    ) -> Bool {
        for session in changed {
            guard let update = update(session) else { return false }
            entries[session] = update.entry
        }
        return true
    }
}
