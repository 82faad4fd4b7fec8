import HoldfastBytes

/// Which sessions are ready, who uses them, and in what order the idle ones are to go. All in constant time
/// on average.
struct SessionTable {
    private struct Entry {
        var pins = 0
        /// When the session was last used, in uses of any session.
        var lastUse: UInt64 = 0
    }

    /// The one object of each id that may be used; others of the id have failed or are being let go.
    private(set) var current: [SessionID: HotSession] = [:]
    /// Sessions that were taken out and whose claims are not released yet.
    private var leaving: [SessionID: HotSession] = [:]
    private var entries: [ObjectIdentifier: Entry] = [:]
    /// Sessions that became idle, oldest first. One that was used again since stands there in vain.
    private var idle: ArraySlice<(session: HotSession, lastUse: UInt64)> = []
    /// Sessions that were dropped, are in use no more and whose claims are not released yet.
    private var dropped: [HotSession] = []
    private var clock: UInt64 = 0

    /// The session `id`, pinned.
    mutating func pin(_ id: SessionID) -> HotSession {
        if let session = current[id] {
            addPin(to: session)
            return session
        }
        let session = HotSession(id)
        current[id] = session
        addPin(to: session)
        return session
    }

    /// Pins a session that is pinned already.
    mutating func pin(_ session: HotSession) {
        precondition(entries[ObjectIdentifier(session)]?.pins ?? 0 > 0, "pins a session that nobody holds")
        addPin(to: session)
    }

    private mutating func addPin(to session: HotSession) {
        let key = ObjectIdentifier(session)
        var entry = entries[key] ?? Entry()
        entry.pins += 1
        entries[key] = entry
    }

    /// Ends one use.
    mutating func unpin(_ session: HotSession) {
        let key = ObjectIdentifier(session)
        guard var entry = entries[key], entry.pins > 0 else { preconditionFailure("unpins a session twice") }
        clock += 1
        entry.pins -= 1
        entry.lastUse = clock
        entries[key] = entry
        guard entry.pins == 0 else { return }
        if current[session.id] === session {
            idle.append((session, clock))
            forgetVainIdle()
        } else {
            entries[key] = nil
            dropped.append(session)
        }
    }

    /// Makes the next user of the id begin anew.
    mutating func drop(_ session: HotSession) {
        if current[session.id] === session { current[session.id] = nil }
    }

    /// Takes out the sessions that were dropped and are not in use any more, and those that have been idle
    /// longest, until `capacity` are left or all are in use.
    mutating func takeOut(beyond capacity: Int) -> [HotSession] {
        if dropped.isEmpty, current.count <= capacity { return [] }
        var taken = dropped
        dropped = []
        while current.count > capacity, let (session, lastUse) = idle.popFirst() {
            guard isIdle(session, since: lastUse) else { continue }
            current[session.id] = nil
            leaving[session.id] = session
            entries[ObjectIdentifier(session)] = nil
            taken.append(session)
        }
        return taken
    }

    /// Forgets a session whose claim has been released.
    mutating func forget(_ session: HotSession) {
        if leaving[session.id] === session { leaving[session.id] = nil }
    }

    /// Every object that may know the row of `id`, the likelier one first.
    func candidates(_ id: SessionID) -> [HotSession] { [current[id], leaving[id]].compactMap(\.self) }

    private func isIdle(_ session: HotSession, since lastUse: UInt64) -> Bool {
        guard current[session.id] === session, let entry = entries[ObjectIdentifier(session)] else {
            return false
        }
        return entry.pins == 0 && entry.lastUse == lastUse
    }

    private mutating func forgetVainIdle() {
        guard idle.count > 2 * current.count + 64 else { return }
        idle = ArraySlice(idle.filter { isIdle($0.session, since: $0.lastUse) })
    }
}
