import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Keeps the index in step with what is committed: collects which sessions changed, and writes their rows.
final class IndexKeeper: Sendable {
    private struct State {
        /// Sessions with commits that the index does not show yet; they stay here until their rows are durable.
        var changed: [SessionID: Change] = [:]
        /// Counts what was noted, so that a change during a write is not taken for written.
        var noteCount: UInt64 = 0
        /// Rows of sessions that were given up since.
        var released: [SessionID: IndexRow] = [:]
        var provider: (any SummaryProvider)?
        var content: IndexFile.Content?
        /// What was wrong with the index when it was read.
        var foundDamage: String?
        /// Waits until everything queued so far is durable.
        var barrier: (@Sendable () throws(LogError) -> Void)?
    }

    private struct Change {
        var writer: SessionWriter
        var note: UInt64
        /// The last record that was committed. Who appended it may not have told the provider of the rows yet.
        var sequence: Sequence
    }

    private let storage: any Storage
    private let file: IndexFile
    /// What the journal said of the index when the store was opened.
    private let knownMark: IndexMark?
    /// See ``EngineOptions/toleratedIndexLogByteCount``.
    private let toleratedLogByteCount: UInt64
    private let state = Lock(State())
    /// Held while rows are written, so that no older row follows a newer one.
    private let writing = Lock(false)
    /// Held while the index is read for the first time.
    private let loading = Lock(false)

    init(
        storage: any Storage, mark: IndexMark?, toleratedLogByteCount: UInt64 = Limits.toleratedIndexLogByteCount
    ) {
        self.toleratedLogByteCount = toleratedLogByteCount
        self.storage = storage
        file = IndexFile(storage: storage)
        knownMark = mark
    }

    /// What is on stable storage of the index; `nil` when that is not known.
    var mark: IndexMark? {
        state.withLock { state in
            guard let content = state.content else { return knownMark }
            return content.damage == nil ? content.mark : nil
        }
    }

    func setProvider(_ provider: any SummaryProvider) { state.withLock { $0.provider = provider } }

    /// Lets go of whom rows come from and of whom they wait for, both of whom hold this.
    func detach() {
        state.withLock { state in
            state.provider = nil
            state.barrier = nil
        }
    }

    func setBarrier(_ barrier: @escaping @Sendable () throws(LogError) -> Void) {
        state.withLock { $0.barrier = barrier }
    }

    /// Notes that the sessions of `commits` have changed.
    func note(_ commits: [Commit]) {
        state.withLock { state in
            for index in commits.indices {
                Self.note(commits[index].writer, through: commits[index].tail.sequence, in: &state)
            }
        }
    }

    /// Notes that the row of `writer`'s session should be written although nothing was appended.
    func note(_ writer: SessionWriter) { state.withLock { Self.note(writer, through: 0, in: &$0) } }

    private static func note(_ writer: SessionWriter, through sequence: Sequence, in state: inout State) {
        state.noteCount += 1
        state.changed[writer.session] = Change(writer: writer, note: state.noteCount, sequence: sequence)
    }

    /// Takes the row of a session that is about to be given up, if it has changed.
    func release(_ writer: SessionWriter) {
        let provider = state.withLock { $0.changed[writer.session] == nil ? nil : $0.provider }
        guard let row = provider?.summaryRow(of: writer.session) else { return }
        let indexRow = IndexRow(summary: row, tail: writer.state.withLock { $0.durable })
        state.withLock { state in
            state.changed[writer.session] = nil
            state.released[writer.session] = indexRow
        }
    }

    /// Has rows without content written for `sessions` with the next rows, before the journal forgets them.
    func markUnknownLater(_ sessions: [SessionID]) {
        state.withLock { state in
            for session in sessions { state.released[session] = Self.unknown(session, in: state) }
        }
    }

    /// Writes rows without content for `sessions`: whoever lists them must look into the sessions. Durable on
    /// return.
    ///
    /// - Parameter witnesses: what is known better than by the index of where the logs of some have been.
    func markUnknown(_ sessions: [SessionID], witnesses: [SessionID: IndexRow] = [:]) throws(LogError) {
        guard !sessions.isEmpty else { return }
        try load()
        let rows = state.withLock { state in sessions.map { witnesses[$0] ?? Self.unknown($0, in: state) } }
        try writing.withLock { (_) throws(LogError) in try append(rows) }
    }

    /// A row without content, which still knows where the session's log has been.
    private static func unknown(_ session: SessionID, in state: State) -> IndexRow {
        IndexRow(unknown: session, witness: state.content?.rows[session])
    }

    /// Writes the rows of all changed sessions to the change log; durable on return. Answers why not, if not.
    ///
    /// - Parameter mayWait: whether to wait for commits that are still under way. Without, which the committer's
    ///   own thread must not do, the rows of their sessions are left for the next time.
    func writeRows(mayWait: Bool = true) -> LogError? {
        var taken = state.withLock { $0 }
        // A copy of the rows that lives on would make every change of them copy the whole index.
        taken.content = nil
        guard !taken.changed.isEmpty || !taken.released.isEmpty else { return nil }
        do throws(LogError) {
            // No lock is held while this waits: the committer may be writing rows itself.
            var rows = taken.released
            let waiting = addRows(of: taken, to: &rows)
            if mayWait && !waiting.isEmpty { try taken.barrier?() }
            let unsettled = settle(waiting, taken.changed, &rows)
            try writing.withLock { (_) throws(LogError) in try append(Array(rows.values)) }
            forget(taken, but: unsettled)
            return nil
        } catch {
            return error
        }
    }

    /// Adds the rows of the changed sessions; answers those that tell of records that are not durable yet, or do not
    /// tell of the last one that was committed.
    private func addRows(of taken: State, to rows: inout [SessionID: IndexRow]) -> Set<SessionID> {
        var waiting: Set<SessionID> = []
        for (session, change) in taken.changed {
            let durable = change.writer.state.withLock { $0.durable }
            guard let provider = taken.provider else {
                // The row is only a witness.
                let bare = SummaryRow(session: session, sequence: durable.sequence, row: Array("{}".utf8))
                rows[session] = IndexRow(summary: bare, tail: durable)
                continue
            }
            guard let summary = provider.summaryRow(of: session) else {
                // The session was let go after a failure; its log knows.
                rows[session] = state.withLock { Self.unknown(session, in: $0) }
                continue
            }
            rows[session] = IndexRow(summary: summary, tail: durable)
            if summary.sequence > durable.sequence || summary.sequence < change.sequence { waiting.insert(session) }
        }
        return waiting
    }

    /// Looks again at rows that told of records under way. One that still does is replaced by a row without
    /// content: a row must not outlive records that a crash may take back or that have failed. So is one that is
    /// behind the records that `changed` names. Answers the sessions of those.
    private func settle(
        _ waiting: Set<SessionID>, _ changed: [SessionID: Change], _ rows: inout [SessionID: IndexRow]
    ) -> Set<SessionID> {
        var unsettled: Set<SessionID> = []
        for session in waiting {
            // The session may have been claimed anew since: the newest writer knows.
            let writer = state.withLock { $0.changed[session]?.writer }
            let durable = writer?.state.withLock { $0.durable } ?? SegmentTail()
            if let summary = rows[session]?.summary, summary.sequence <= durable.sequence,
                summary.sequence >= changed[session]?.sequence ?? 0
            {
                rows[session] = IndexRow(summary: summary, tail: durable)
            } else {
                rows[session] = state.withLock { Self.unknown(session, in: $0) }
                unsettled.insert(session)
            }
        }
        return unsettled
    }

    /// Ends what `taken` held and nobody has noted again since.
    private func forget(_ taken: State, but unsettled: Set<SessionID>) {
        state.withLock { state in
            for (session, change) in taken.changed
            where state.changed[session]?.note == change.note && !unsettled.contains(session) {
                state.changed[session] = nil
            }
            for (session, row) in taken.released where state.released[session] == row {
                state.released[session] = nil
            }
        }
    }

    /// Appends those of `all` that are not older than what the index has, and once more what is not proved to be on
    /// stable storage. Called with the lock for writing.
    ///
    /// Holds no copy of the rows while it changes them: that would copy the whole index, whatever its size.
    private func append(_ all: [IndexRow]) throws(LogError) {
        try load()
        try rebuildIfDamagedLocked()
        let (rows, unproved, mark) = state.withLock { state in
            let rows = all.filter { row in
                guard let known = state.content?.rows[row.summary.session], row.summary.sequence > 0 else {
                    return true
                }
                return row.summary.sequence >= known.summary.sequence
            }
            return (rows, state.content?.unproved ?? [:], state.content?.mark ?? IndexMark(generation: 0))
        }
        guard !rows.isEmpty else { return }
        let newer = Dictionary(rows.map { ($0.summary.session, $0) }) { _, last in last }
        let end = try file.append(Array(unproved.merging(newer) { _, newer in newer }.values), at: mark)
        state.withLock { state in
            for row in rows { state.content?.rows.set(row) }
            state.content?.unproved = [:]
            state.content?.mark = end
        }
    }

    // MARK: Reading

    /// The rows, from memory after the first call.
    func rows() throws(LogError) -> IndexRows { try loaded().rows }

    /// The rows, with those that have not been written yet laid over.
    func currentRows() throws(LogError) -> IndexRows {
        var rows = try loaded().rows
        let (changed, released, provider) = state.withLock { ($0.changed, $0.released, $0.provider) }
        for row in released.values { rows.set(row) }
        for (session, change) in changed {
            if let row = Self.row(of: change, from: provider) ?? newestRow(of: session) { rows.set(row) }
        }
        return rows
    }

    /// The row of one session, as ``currentRows()`` has it. Cost: that of the one row.
    func currentRow(of session: SessionID) throws(LogError) -> IndexRow? {
        if let newest = newestRow(of: session) { return newest }
        return try row(of: session)
    }

    /// The row that has not been written yet, or `nil`.
    private func newestRow(of session: SessionID) -> IndexRow? {
        // A session that is given up between both looks has left its row among those released before it was forgotten.
        for _ in 0..<2 {
            let (change, released, provider) = state.withLock {
                ($0.changed[session], $0.released[session], $0.provider)
            }
            if let newest = change.flatMap({ Self.row(of: $0, from: provider) }) ?? released { return newest }
            if change == nil { return nil }
        }
        return nil
    }

    private static func row(of change: Change, from provider: (any SummaryProvider)?) -> IndexRow? {
        let summary = provider?.summaryRow(of: change.writer.session)
        return summary.map { IndexRow(summary: $0, tail: change.writer.state.withLock { $0.durable }) }
    }

    /// The row of one session as it is on disk, or `nil`.
    func row(of session: SessionID) throws(LogError) -> IndexRow? {
        try load()
        return state.withLock { $0.content?.rows[session] }
    }

    /// Why the index on disk lacked rows, or `nil`.
    func damage() throws(LogError) -> String? {
        try load()
        return state.withLock { $0.foundDamage }
    }

    private func loaded() throws(LogError) -> IndexFile.Content {
        try load()
        return state.withLock { $0.content ?? IndexFile.Content() }
    }

    /// Reads the index, once, whoever asks for it at the same time.
    private func load() throws(LogError) {
        if state.withLock({ $0.content != nil }) { return }
        try loading.withLock { (_) throws(LogError) in
            if state.withLock({ $0.content != nil }) { return }
            let content = try file.read(knownMark)
            state.withLock { state in
                state.content = content
                state.foundDamage = content.damage
            }
        }
    }

    /// Rewrites the index when its change log has outgrown it. A damaged index has to be made again instead.
    func compactIfGrown() throws(LogError) {
        try writing.withLock { (_) throws(LogError) in
            guard var content = state.withLock({ $0.content }) else { return }
            guard content.damage == nil,
                content.mark.logByteCount > max(toleratedLogByteCount, content.baseByteCount / 2)
            else { return }
            content.mark = IndexMark(generation: try file.unusedGeneration(after: content.mark.generation))
            do throws(LogError) {
                content.baseByteCount = try file.replace(content.rows.all, generation: content.mark.generation)
            } catch {
                // The new one may be there, beside which rows in the old one's change log would be lost: what is
                // there is read again.
                state.withLock { $0.content = nil }
                throw error
            }
            content.unproved = [:]
            // As it was written, all rows are text again; those in memory stay if it cannot be read now.
            let fresh = (try? file.read(content.mark)).flatMap { $0.damage == nil ? $0 : nil } ?? content
            state.withLock { $0.content = fresh }
        }
    }

    // MARK: Damage

    /// Writes a new index when the old one is damaged; durable on return. Looks at it only if somebody has, unless
    /// `loading`.
    func rebuildIfDamaged(loading: Bool = true) throws(LogError) {
        if !loading, state.withLock({ $0.content == nil }) { return }
        try load()
        try writing.withLock { (_) throws(LogError) in try rebuildIfDamagedLocked() }
    }

    /// Takes no row for new any more, for `reason`, and writes a new index without what they said. Durable on return.
    func distrust(_ reason: String) throws(LogError) {
        try load()
        state.withLock { state in
            guard var content = state.content else { return }
            content.rows = IndexRows(content.rows.all.map { IndexRow(unknown: $0.summary.session, witness: $0) })
            content.damage = content.damage ?? reason
            state.foundDamage = content.damage
            state.content = content
        }
        try rebuildIfDamaged()
    }

    /// Makes a new index from what is believed of the old one and the sessions' folders. A row without a sequence has
    /// to be filled in by whoever knows what records mean. Called with the lock for writing.
    private func rebuildIfDamagedLocked() throws(LogError) {
        guard var content = state.withLock({ $0.content }), content.damage != nil else { return }
        try SessionFolders(storage: storage).forEach { (session) throws(LogError) in
            if content.rows[session] == nil { content.rows.set(IndexRow(unknown: session)) }
            return true
        }
        let last = max(content.mark.generation, knownMark?.generation ?? 0)
        content.mark = IndexMark(generation: try file.unusedGeneration(after: last))
        content.baseByteCount = try file.replace(content.rows.all, generation: content.mark.generation)
        content.unproved = [:]
        content.damage = nil
        let fresh = content
        state.withLock { $0.content = fresh }
    }
}
