import HoldfastBytes
import HoldfastLog
import HoldfastThreads

/// Takes snapshots: one session at a time, off the append path, with memory for one record and the list's
/// runs.
final class Compactor: Sendable {
    private let log: any SessionLog
    private let sessions: HotSessions
    /// Held while a snapshot is taken. Its value says nothing: the thread sanitizer wants one that takes room.
    private let oneAtATime = Lock(false)

    init(log: any SessionLog, sessions: HotSessions) {
        self.log = log
        self.sessions = sessions
    }

    /// Writes a snapshot of all that is durable of the session and lets the log drop what it replaces.
    /// Answers whether there was anything that the last snapshot does not have.
    func compact(_ id: SessionID) throws(HoldfastError) -> Bool {
        try oneAtATime.withLock { (_) throws(HoldfastError) in
            let view = try sessions.view(of: id)
            if view.head.sequence == 0 { throw HoldfastError(.unknownSession, "there is no such session") }
            let gathered = load(of: view.origin)?.payloadBytes ?? 0
            let isNew = try sessions.reading(view) { (reader) throws(LogError) in try reader.putSnapshot() }
            try settle(view.origin, gathered: gathered, isNew: isNew)
            view.origin.keepHead(in: log, from: sessions.keptFrom)
            // What is left of a deleted session is read again by the few who still ask for it.
            if view.head.isDeleted { sessions.letGo(id) }
            return isNew
        }
    }

    /// Writes a snapshot of the session that has all of its messages, those too that it shares with others.
    func detach(_ id: SessionID) throws(HoldfastError) {
        try oneAtATime.withLock { (_) throws(HoldfastError) in
            let view = try sessions.view(of: id)
            guard view.head.lineage?.depth ?? 0 > 0 else { return }
            _ = try sessions.reading(view) { (reader) throws(LogError) in
                // A snapshot of the same record would not be written again.
                try reader.putSnapshot(alone: true)
            }
            try settle(view.origin, gathered: 0, isNew: true)
            view.origin.state.withLock { state in
                state?.head.lineage?.shared = 0
                state?.head.lineage?.sharedVisible = 0
                state?.head.lineage?.depth = 0
            }
        }
    }

    /// Compacts every session. Answers how many snapshots were written; sessions that are damaged are passed over.
    ///
    /// - Throws: what failed first of what could not be read or written, when all others have been compacted.
    func compactAll() throws(HoldfastError) -> Int {
        var written = 0
        var failure: HoldfastError?
        for id in try everySession() {
            do throws(HoldfastError) {
                if try compact(id) { written += 1 }
            } catch {
                // What has to do with this session alone must not keep the others from being compacted.
                let isItsOwn: Set<HoldfastError.Code> = [.damaged, .unknownSession, .fenced]
                if isItsOwn.contains(error.code) { continue }
                guard error.code == .failed, (try? log.flush()) != nil else { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return written
    }

    /// Every session that has a record or a snapshot, deleted ones too, which have space to give back; in no order.
    func everySession() throws(HoldfastError) -> [SessionID] {
        var ids: [SessionID] = []
        try translated { () throws(LogError) in
            try log.list { (row) throws(LogError) in
                ids.append(row.session)
                return true
            }
        }
        return ids
    }

    /// What the session has gathered since its last snapshot; `nil` when it is not ready.
    func load(of session: HotSession) -> CompactionLoad? { session.state.withLock { $0?.load } }

    /// Begins to count anew after a snapshot of the `gathered` bytes.
    private func settle(_ session: HotSession, gathered: Int, isNew: Bool) throws(HoldfastError) {
        let bytes = try translated { () throws(LogError) in try log.snapshot(session.id)?.byteCount ?? 0 }
        session.state.withLock { state in
            guard var load = state?.load else { return }
            load.payloadBytes -= min(gathered, load.payloadBytes)
            load.snapshotBytes = bytes
            state?.load = load
            // The head that was kept before is not used any more.
            if isNew { state?.unkeptBytes = load.payloadBytes + bytes }
        }
    }

    /// Begins to count anew after a snapshot that failed, so that it is tried again after as much again and
    /// not with every append.
    func giveUp(_ id: SessionID) {
        let session = sessions.pin(id)
        session.state.withLock { $0?.load.payloadBytes = 0 }
        sessions.unpin(session)
    }
}

extension ViewReader {
    /// Writes the view's snapshot, unless it is there, and trims the log. Answers whether it was written.
    fileprivate func putSnapshot(alone: Bool = false) throws(LogError) -> Bool {
        let sequence = view.head.sequence
        let isNew = try log.snapshot(view.session).map { $0.sequence < sequence } ?? true
        if isNew || alone {
            try log.putSnapshot(view.session, through: sequence) { (sink) throws(LogError) in
                try writeDocument(to: sink, alone: alone)
            }
        }
        let pinned = view.head.pins.first { log.isNeeded($0, of: view.session) }?.sequence
        try log.trim(view.session, keeping: pinned, isFinal: view.head.isDeleted)
        return isNew
    }
}
