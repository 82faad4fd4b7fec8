import HoldfastBytes
import HoldfastLog

// How sessions are read: a view is taken in an instant, and what it refers to is read without locks.
extension HotSessions {
    /// The session as it is now; at sequence 0 when there is none. Its last record may not be durable yet,
    /// for which ``reading(_:_:)`` waits.
    func view(of id: SessionID) throws(HoldfastError) -> SessionView {
        while true {
            let session = pin(id)
            defer { unpin(session) }
            let head = try session.withState(from: log) { state -> SessionHead? in
                // Without a claim nothing tells of other writers, so the next reader must look again.
                if state.claim == nil { drop(session) }
                return session.hasFailed ? nil : state.head
            }
            if let head { return SessionView(head: head, origin: session) }
        }
    }

    /// What can be read of a session that turned out to be damaged: the session as its last record before the
    /// damage left it. For readers only; nothing may be written on top of it. Throws `error` again when that
    /// is no damage, or when there is nothing before it.
    func viewBeforeDamage(of id: SessionID, _ error: HoldfastError) throws(HoldfastError) -> SessionView {
        guard error.code == .damaged else { throw error }
        let head = try translated { () throws(LogError) in try log.loadHead(of: id, upToDamage: true).head }
        guard head.sequence > 0 else { throw error }
        let origin = HotSession(id)
        origin.noteCompleted(PublishedHead(head), nil)
        let damage = SessionDamage(afterSequence: head.sequence, message: error.message)
        return SessionView(head: head, origin: origin, damage: damage)
    }

    /// Runs `body` on what `view` refers to, once all of it is durable.
    ///
    /// When a compaction drops what the view stands on, `body` is run again on a newer view, so it must begin
    /// from scratch each time.
    func reading<Result>(
        _ view: SessionView, _ body: (ViewReader) throws(LogError) -> Result
    ) throws(HoldfastError) -> Result {
        var view = view
        for _ in 0..<8 {
            try waitUntilDurable(view)
            do throws(LogError) {
                return try body(ViewReader(log: log, view: view, lastRuns: lastRuns))
            } catch {
                guard error.code == .trimmed else { throw HoldfastError(error) }
            }
            view = try self.view(of: view.session)
        }
        throw HoldfastError(.failed, "the session was compacted again and again while it was read; try again")
    }

    /// Blocks until the view's last record is durable, and hastens that.
    func waitUntilDurable(_ view: SessionView) throws(HoldfastError) {
        let sequence = view.head.sequence
        if view.origin.isDurable(sequence) { return }
        try translated { () throws(LogError) in
            try log.flush()
            try view.origin.waitUntilDurable(sequence)
        }
    }
}

extension HoldfastStore {
    /// The session `id` as it is now, for reading, or as far as it can be read; refused when there is none.
    func view(of id: SessionID) throws(HoldfastError) -> SessionView {
        try finishForks(concerning: id)
        let view: SessionView
        do throws(HoldfastError) {
            view = try sessions.view(of: id)
        } catch {
            view = try sessions.viewBeforeDamage(of: id, error)
        }
        if view.head.isDeleted { throw HoldfastError(.sessionDeleted, "the session was deleted") }
        if view.head.sequence == 0 { throw HoldfastError(.unknownSession, "there is no such session") }
        return view
    }
}
