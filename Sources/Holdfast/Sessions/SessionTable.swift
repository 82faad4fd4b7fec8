import HoldfastBytes

/// Which sessions are ready, who uses them, and in what order the idle ones are to go. All in constant time
/// on average.
struct SessionTable {
    /// What the table knows of a session, kept in the session: each use would look it up several times.
    struct Use {
        fileprivate var pins = 0
        /// When the session was last used, in uses of any session.
        fileprivate var lastUse: UInt64 = 0
        /// Whether the session is the one object of its id that may be used.
        fileprivate var isCurrent = false
        /// Whether the session is to be let go as soon as nobody uses it.
        fileprivate var isOver = false
    }

    /// The one object of each id that may be used; others of the id have failed or are being let go.
    private(set) var current: [SessionID: HotSession] = [:]
    /// Sessions that were taken out and whose claims are not released yet.
    private var leaving: [SessionID: HotSession] = [:]
    /// Sessions that became idle, oldest first. One that was used again since stands there in vain.
    private var idle: ArraySlice<(session: HotSession, lastUse: UInt64)> = []
    /// Sessions that were dropped or are over, are in use no more and whose claims are not released yet.
    private var dropped: [HotSession] = []
    private var clock: UInt64 = 0

    /// The session `id`, pinned.
    mutating func pin(_ id: SessionID) -> HotSession {
        let session: HotSession
        if let known = current[id] {
            session = known
        } else {
            session = HotSession(id)
            session.use.isCurrent = true
            current[id] = session
        }
        session.use.pins += 1
        return session
    }

    /// Pins a session that is pinned already.
    mutating func pin(_ session: HotSession) {
        precondition(session.use.pins > 0, "pins a session that nobody holds")
        session.use.pins += 1
    }

    /// Ends one use.
    mutating func unpin(_ session: HotSession) {
        precondition(session.use.pins > 0, "unpins a session twice")
        clock += 1
        session.use.pins -= 1
        session.use.lastUse = clock
        guard session.use.pins == 0 else { return }
        if session.use.isCurrent, !session.use.isOver {
            idle.append((session, clock))
            forgetVainIdle()
        } else {
            if session.use.isCurrent { leave(session) }
            dropped.append(session)
        }
    }

    /// Makes the next user of the id begin anew.
    mutating func drop(_ session: HotSession) {
        guard session.use.isCurrent else { return }
        session.use.isCurrent = false
        current[session.id] = nil
    }

    /// Takes out the sessions that were dropped or are over and not in use any more, and those that have been idle
    /// longest, until `capacity` are left or all are in use.
    mutating func takeOut(beyond capacity: Int) -> [HotSession] {
        if dropped.isEmpty, current.count <= capacity { return [] }
        var taken = dropped
        dropped = []
        while current.count > capacity, let (session, lastUse) = idle.popFirst() {
            guard isIdle(session, since: lastUse) else { continue }
            leave(session)
            taken.append(session)
        }
        return taken
    }

    /// Has the session `id` taken out next, or when it is not in use any more.
    mutating func end(_ id: SessionID) {
        guard let session = current[id] else { return }
        session.use.isOver = true
        guard session.use.pins == 0 else { return }
        leave(session)
        dropped.append(session)
    }

    private mutating func leave(_ session: HotSession) {
        drop(session)
        leaving[session.id] = session
    }

    /// Forgets a session whose claim has been released.
    mutating func forget(_ session: HotSession) {
        if leaving[session.id] === session { leaving[session.id] = nil }
    }

    /// Every object that may know the row of `id`, the likelier one first.
    func candidates(_ id: SessionID) -> [HotSession] { [current[id], leaving[id]].compactMap(\.self) }

    private func isIdle(_ session: HotSession, since lastUse: UInt64) -> Bool {
        session.use.isCurrent && session.use.pins == 0 && session.use.lastUse == lastUse
    }

    private mutating func forgetVainIdle() {
        guard idle.count > 2 * current.count + 64 else { return }
        idle = ArraySlice(idle.filter { isIdle($0.session, since: $0.lastUse) })
    }
}
