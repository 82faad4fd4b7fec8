import HoldfastBytes
import HoldfastLog
import HoldfastThreads

/// The sessions that are ready to append to: the ones in use, and the idle ones used last.
///
/// A session is in use while an operation runs on it and while a record of it is in flight; whoever uses it
/// has pinned it. Idle ones beyond the capacity are let go, the one used longest ago first.
final class HotSessions: Sendable {
    let log: any SessionLog
    let lastRuns = LastRuns()
    private let capacity: Int
    /// Bytes of records or snapshot from which on the head of a session is kept.
    let keptFrom: Int
    /// Locked for moments only, never during a call of the log.
    private let table = Lock(SessionTable())

    init(log: any SessionLog, capacity: Int, keptFrom: Int) {
        self.log = log
        self.keptFrom = keptFrom
        self.capacity = max(1, capacity)
    }

    /// The session `id`, pinned. The caller unpins it.
    func pin(_ id: SessionID) -> HotSession { table.withLock { $0.pin(id) } }

    /// Pins a pinned session once more, for a record in flight.
    func pin(_ session: HotSession) { table.withLock { $0.pin(session) } }

    /// Ends one use of the session, and lets sessions go that are too many.
    func unpin(_ session: HotSession) {
        letGo(
            table.withLock { table in
                table.unpin(session)
                return table.takeOut(beyond: capacity)
            })
    }

    /// Ends one use from a thread of the log, which must not call the log: the next operation lets sessions
    /// go.
    func unpinInCompletion(_ session: HotSession) { table.withLock { $0.unpin(session) } }

    /// Makes the next user of the id read the session anew, because the log has failed this object.
    func drop(_ session: HotSession) { table.withLock { $0.drop(session) } }

    /// Lets the session `id` go, as soon as nobody uses it.
    func letGo(_ id: SessionID) {
        letGo(
            table.withLock { table in
                table.end(id)
                return table.takeOut(beyond: capacity)
            })
    }

    /// Lets every session go. Only when none is in use any more.
    func releaseAll() { letGo(table.withLock { $0.takeOut(beyond: 0) }) }

    /// Whether the session can be used without reading anything.
    func isReady(_ id: String) -> Bool {
        guard let id = SessionID(id), let session = table.withLock({ $0.current[id] }) else { return false }
        return session.progress.withLock { $0.appendedHead != nil }
    }

    /// The sessions that are ready now, or about to be.
    var all: [HotSession] { table.withLock { Array($0.current.values) } }

    /// What a session that is ready was made from.
    func lineage(of id: SessionID) -> Lineage? {
        table.withLock { $0.current[id] }?.progress.withLock { $0.appendedHead?.value.lineage }
    }

    /// The fold of a session's durable records, if it is ready.
    func durableHead(of id: SessionID) -> SessionHead? {
        table.withLock { $0.current[id] }?.progress.withLock { $0.durableHead?.value }
    }

    /// Releases the claims, and only then forgets the sessions: the log may ask for their rows meanwhile.
    private func letGo(_ leaving: [HotSession]) {
        for session in leaving {
            session.release(to: log, keepingFrom: keptFrom)
            table.withLock { $0.forget(session) }
        }
    }
}

extension HotSessions: SummaryProvider {
    /// The row of a session that is ready or is being let go. Takes two short locks.
    func summaryRow(of id: SessionID) -> SummaryRow? {
        for session in table.withLock({ $0.candidates(id) }) {
            guard let head = session.progress.withLock({ $0.appendedHead?.value }) else { continue }
            return head.sequence == 0 ? nil : head.row(id)
        }
        return nil
    }
}
