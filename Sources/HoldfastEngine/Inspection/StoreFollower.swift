package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

/// Gives out the records of a store as they are written by another process: of one session or of all, each once, in the
/// order of its session.
///
/// What is committed is in the journal until the flusher has brought it into the segments and the index; only then may
/// the journal forget it. So a look at the journal first, and then at the index, finds every session that has something
/// new, and its walk finds what. Takes no lock and writes nothing. For one thread. Memory: a number per session, and
/// ``walkLimit`` walks.
package final class StoreFollower {
    /// The most sessions that are held open between two looks. Others are found again by their sequences.
    private static let walkLimit = 32

    private let inspector: StoreInspector
    private let watch: JournalWatch
    /// The only session that is followed; `nil` for all.
    private let only: SessionID?
    /// The last record of each session that was given out, or was there before.
    private var told: [SessionID: Sequence] = [:]
    private var walks: [SessionID: SessionWalk] = [:]
    /// Who was visited, the one longest ago first.
    private var visited: [SessionID] = []
    /// How long the segments were that are written directly.
    private var directByteCounts: [SegmentKey: UInt64] = [:]
    /// Where the journal ended, and what there was of the index, when every session was last looked at.
    private var seenPosition: JournalPosition?
    private var seenIndex: IndexMark?
    /// Sessions of which the index knew more than was found. They are looked at once more.
    private var behind: Set<SessionID> = []
    /// Where the damage begins that ends a session, as it was told.
    private var toldDamage: [SessionID: Sequence] = [:]

    /// Begins behind what is there now.
    ///
    /// - Throws: `.notAStore`, `.newerFormat`, `.olderFormat`, `.damaged` (the store file), `.failed`;
    ///   `.unknownSession`.
    package init(_ inspector: StoreInspector, only session: SessionID? = nil) throws(LogError) {
        self.inspector = inspector
        watch = JournalWatch(storage: inspector.storage, storeTag: inspector.store.tag)
        only = session
        told = Dictionary(
            uniqueKeysWithValues: inspector.index.rows.all.map { ($0.summary.session, $0.lastSequence) })
        seenPosition = inspector.view.position
        seenIndex = inspector.index.mark
        for session in try sessionsToBegin() { try skip(session) }
    }

    /// The last `count` records of these sessions that were there at the beginning, the oldest first.
    package func last(_ count: Int, of sessions: [SessionID]) throws(LogError) -> [(session: SessionID, item: WalkItem)]
    {
        var found: [(session: SessionID, item: WalkItem)] = []
        for session in sessions {
            let end = told[session] ?? 0
            var kept: [WalkItem] = []
            try visit(session, from: end < UInt64(count) ? 1 : end - UInt64(count) + 1) { (item) throws(LogError) in
                if case .record(let record) = item, record.sequence > end { return }
                if case .segment = item { return }
                if case .mark = item { return }
                kept.append(item)
                if kept.count > count { kept.removeFirst() }
            }
            found += kept.map { (session, $0) }
        }
        if sessions.count > 1 { found.sort { time(of: $0.item) < time(of: $1.item) } }
        return found.suffix(count)
    }

    /// Gives `body` what has come since the last call; false when nothing has.
    ///
    /// Besides records these are stretches that cannot be read, and records that a compaction dropped before they could
    /// be shown, and that the journal does not have any more either. What is being written just now is not: it comes
    /// when it is whole.
    package func poll(_ body: (SessionID, WalkItem) throws(LogError) -> Void) throws(LogError) -> Bool {
        let grown = try grownDirectly()
        let hasMoved = try hasJournalMoved()
        guard hasMoved || !grown.isEmpty || !behind.isEmpty else { return false }
        if hasMoved { try inspector.lookAgain() }
        let view = inspector.view
        var sessions = grown.union(behind)
        behind = []
        if hasMoved {
            sessions.formUnion(view.overlay.sessions)
            if let only { sessions.insert(only) } else { sessions.formUnion(try ahead(in: view)) }
        }
        var hasCome = false
        for session in sessions.sorted() where only == nil || session == only {
            try visit(session, from: (told[session] ?? 0) + 1) { (item) throws(LogError) in
                for item in dropped(before: item, in: session) + [item] where isNew(item, in: session) {
                    hasCome = true
                    try body(session, item)
                }
            }
        }
        seenPosition = view.position
        return hasCome
    }

    private func hasJournalMoved() throws(LogError) -> Bool {
        // A walk in doubt may have had the inspector look again since.
        if inspector.view.position != seenPosition { return true }
        return try watch.hasMoved(since: inspector.view.overlay.summary)
    }

    /// What the journal still has of records that were dropped before they were given out, in their order; between
    /// them, what it does not have any more.
    private func dropped(before item: WalkItem, in session: SessionID) -> [WalkItem] {
        guard case .trimmed(let last) = item, last > told[session] ?? 0 else { return [] }
        var next = (told[session] ?? 0) + 1
        var found: [WalkItem] = []
        // What cannot be had is told as dropped.
        let overlay = try? JournalOverlay.read(
            from: inspector.storage, storeTag: inspector.store.tag, notesOlder: true)
        guard let older = try? overlay?.older.missing(in: inspector.storage)[session],
            let walk = try? inspector.walk(session, WalkOptions(from: next, older: older))
        else { return [] }
        while let item = try? walk.next() {
            guard case .record(let record) = item else { continue }
            if record.sequence > last { break }
            if record.sequence > next { found.append(.trimmed(through: record.sequence - 1)) }
            found.append(item)
            next = record.sequence + 1
        }
        return found
    }

    // MARK: Which sessions

    /// Sessions whose ends the index may not know.
    private func sessionsToBegin() throws(LogError) -> [SessionID] {
        if let only { return [only] }
        let unknown = told.filter { $0.value == 0 }.map(\.key)
        return Set(inspector.view.overlay.sessions).union(unknown).sorted()
    }

    /// Goes to the end of a session without giving anything out.
    private func skip(_ session: SessionID) throws(LogError) {
        try visit(session, from: (told[session] ?? 0) + 1) { (item) throws(LogError) in _ = isNew(item, in: session) }
    }

    /// The sessions of which the index knows more than was given out.
    private func ahead(in view: StoreInspector.View) throws(LogError) -> [SessionID] {
        if view.overlay.index == seenIndex { return [] }
        let content = try IndexFile(storage: inspector.storage).read(view.overlay.index)
        // While it is being replaced it looks damaged; then it says nothing, and every session is looked at.
        if content.damage != nil { return inspector.sessions() }
        seenIndex = content.mark
        let ahead = content.rows.all.filter { $0.lastSequence > told[$0.summary.session] ?? 0 }
        behind = Set(ahead.map(\.summary.session))
        return Array(behind)
    }

    /// The sessions whose segments are written without the journal, and have grown.
    private func grownDirectly() throws(LogError) -> Set<SessionID> {
        var grown: Set<SessionID> = []
        var byteCounts: [SegmentKey: UInt64] = [:]
        for key in inspector.view.overlay.direct where only == nil || key.session == only {
            let path = StoreLayout.segmentFile(key.session, key.number)
            let attributes = try storing { () throws(StorageError) in try inspector.storage.attributes(path) }
            byteCounts[key] = attributes?.byteCount
            if byteCounts[key] != directByteCounts[key] { grown.insert(key.session) }
        }
        directByteCounts = byteCounts
        return grown
    }

    // MARK: One session

    private func visit(
        _ session: SessionID, from first: Sequence, _ body: (WalkItem) throws(LogError) -> Void
    ) throws(LogError) {
        do throws(LogError) {
            let walk = try walk(session, from: first)
            while let item = try walk.next() { try body(item) }
        } catch {
            guard only == nil else { throw error }
            // Or named by the journal, and nothing of it is there yet.
            if error.code != .unknownSession { try body(.unreadable(.unreadable(session, error))) }
        }
    }

    /// The session's walk, taken up where it has ended, or a new one.
    private func walk(_ session: SessionID, from first: Sequence) throws(LogError) -> SessionWalk {
        visited.removeAll { $0 == session }
        visited.append(session)
        if let walk = walks[session], first > told[session] ?? 0 {
            try walk.takeView()
            return walk
        }
        if visited.count > Self.walkLimit { walks[visited.removeFirst()] = nil }
        let walk = try inspector.walk(session, WalkOptions(from: first))
        walks[session] = walk
        return walk
    }

    /// Whether `item` has not been given out; it has after this.
    private func isNew(_ item: WalkItem, in session: SessionID) -> Bool {
        let last = told[session] ?? 0
        switch item {
        case .segment, .mark: return false
        case .record(let record):
            told[session] = max(last, record.sequence)
            return record.sequence > last
        case .trimmed(let through):
            told[session] = max(last, through)
            return through > last
        case .unreadable(let finding):
            // Never acknowledged: the writer is at it.
            if finding.kind == .tornTail { return false }
            guard let end = finding.lastSequence else {
                defer { toldDamage[session] = finding.firstSequence }
                return toldDamage[session] != finding.firstSequence
            }
            told[session] = max(last, end)
            return end > last
        }
    }

    private func time(of item: WalkItem) -> Milliseconds {
        if case .record(let record) = item { record.header.time } else { 0 }
    }
}
