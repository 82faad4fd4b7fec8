import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Keeps the index in step with what is committed: collects which sessions changed, and writes their rows.
final class IndexKeeper: Sendable {
    private struct State {
        /// Sessions with commits that the index does not show yet.
        var changed: [SessionID: SessionWriter] = [:]
        /// Rows of sessions that were given up since.
        var released: [SessionID: IndexRow] = [:]
        var provider: (any SummaryProvider)?
        var content: IndexFile.Content?
        /// Waits until everything queued so far is durable.
        var barrier: (@Sendable () throws(LogError) -> Void)?
    }

    private let file: IndexFile
    private let state = Lock(State())
    /// Held while rows are written, so that no older row follows a newer one.
    private let writing = Lock(false)

    init(storage: any Storage) { file = IndexFile(storage: storage) }

    func setProvider(_ provider: any SummaryProvider) { state.withLock { $0.provider = provider } }

    func setBarrier(_ barrier: @escaping @Sendable () throws(LogError) -> Void) {
        state.withLock { $0.barrier = barrier }
    }

    /// Notes that the sessions of `commits` have changed.
    func note(_ commits: [Commit]) {
        state.withLock { state in
            for commit in commits { state.changed[commit.writer.session] = commit.writer }
        }
    }

    /// Notes that the row of `writer`'s session should be written although nothing was appended.
    func note(_ writer: SessionWriter) { state.withLock { $0.changed[writer.session] = writer } }

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

    /// Writes rows without content for `sessions`: whoever lists them must look into the sessions. Durable on return.
    func markUnknown(_ sessions: [SessionID]) throws(LogError) {
        guard !sessions.isEmpty else { return }
        try writing.withLock { (_) throws(LogError) in try append(sessions.map { IndexRow(unknown: $0) }) }
    }

    /// Writes the rows of all changed sessions to the change log; durable on return. Answers why not, if not.
    ///
    /// - Parameter mayWait: whether to wait for commits that are still under way. Without waiting, which the committer's
    ///   own thread must not do, the rows of their sessions are left for the next time.
    func writeRows(mayWait: Bool = true) -> LogError? {
        let taken = take()
        guard !taken.changed.isEmpty || !taken.released.isEmpty else { return nil }
        do throws(LogError) {
            // No lock is held while this waits: the committer may be writing rows itself.
            let rows = try rows(of: taken, mayWait: mayWait)
            try writing.withLock { (_) throws(LogError) in try append(rows) }
            return nil
        } catch {
            put(taken.changed, taken.released)
            return error
        }
    }

    private struct Taken {
        var changed: [SessionID: SessionWriter]
        var released: [SessionID: IndexRow]
        var provider: (any SummaryProvider)?
        var barrier: (@Sendable () throws(LogError) -> Void)?
    }

    private func take() -> Taken {
        state.withLock { state in
            defer {
                state.changed = [:]
                state.released = [:]
            }
            return Taken(
                changed: state.changed, released: state.released, provider: state.provider, barrier: state.barrier)
        }
    }

    private func rows(of taken: Taken, mayWait: Bool) throws(LogError) -> [IndexRow] {
        var rows = taken.released
        var waiting: [SessionID: SessionWriter] = [:]
        for (session, writer) in taken.changed {
            let durable = writer.state.withLock { $0.durable }
            // Without a provider the row is only a witness.
            guard
                let summary = taken.provider.map({ $0.summaryRow(of: session) })
                    ?? SummaryRow(session: session, sequence: durable.sequence, row: Array("{}".utf8))
            else { continue }
            rows[session] = IndexRow(summary: summary, tail: durable)
            if summary.sequence > durable.sequence { waiting[session] = writer }
        }
        guard !waiting.isEmpty else { return Array(rows.values) }
        // A row must not outlive records that a crash may still take back, nor tell of records that have failed.
        if mayWait { try taken.barrier?() }
        for (session, writer) in waiting {
            let durable = writer.state.withLock { $0.durable }
            let isDurable = rows[session].map { $0.summary.sequence <= durable.sequence } ?? false
            rows[session] = isDurable ? rows[session].map { IndexRow(summary: $0.summary, tail: durable) } : nil
            if isDurable { waiting[session] = nil }
        }
        put(waiting, [:])
        return Array(rows.values)
    }

    private func put(_ changed: [SessionID: SessionWriter], _ released: [SessionID: IndexRow]) {
        state.withLock { state in
            state.changed.merge(changed) { newer, _ in newer }
            state.released.merge(released) { newer, _ in newer }
        }
    }

    /// Appends those of `rows` that are not older than what the index has. Called with the lock for writing.
    private func append(_ all: [IndexRow]) throws(LogError) {
        let content = try loaded()
        let rows = all.filter { row in
            guard let known = content.rows[row.summary.session], row.summary.sequence > 0 else { return true }
            return row.summary.sequence >= known.summary.sequence
        }
        guard !rows.isEmpty else { return }
        let end = try file.append(rows, generation: content.generation, at: content.logByteCount)
        state.withLock { state in
            for row in rows { state.content?.rows[row.summary.session] = row }
            state.content?.logByteCount = end
        }
    }

    // MARK: Reading

    /// The rows, from memory after the first call.
    func rows() throws(LogError) -> [SessionID: IndexRow] { try loaded().rows }

    /// The rows, with those that have not been written yet laid over.
    func currentRows() throws(LogError) -> [SessionID: IndexRow] {
        var rows = try loaded().rows
        let (changed, released, provider) = state.withLock { ($0.changed, $0.released, $0.provider) }
        rows.merge(released) { _, newer in newer }
        for (session, writer) in changed {
            guard let summary = provider?.summaryRow(of: session) else { continue }
            rows[session] = IndexRow(summary: summary, tail: writer.state.withLock { $0.durable })
        }
        return rows
    }

    /// Why the index on disk may lack rows, or `nil`.
    func damage() throws(LogError) -> String? { try loaded().damage }

    /// Why the index may lack rows, if it has been looked at.
    func damageIfLoaded() throws(LogError) -> String? { state.withLock { $0.content?.damage } }

    private func loaded() throws(LogError) -> IndexFile.Content {
        if let content = state.withLock({ $0.content }) { return content }
        let content = try file.read()
        return state.withLock { state in
            // Somebody else may have loaded it meanwhile, and added to it since.
            if let newer = state.content { return newer }
            state.content = content
            return content
        }
    }

    /// Rewrites the index when its change log has outgrown it. A damaged index has to be made again instead.
    func compactIfGrown() throws(LogError) {
        try writing.withLock { (_) throws(LogError) in
            guard var content = state.withLock({ $0.content }) else { return }
            guard content.damage == nil, content.logByteCount > max(1 << 20, content.baseByteCount / 2) else { return }
            content.generation += 1
            content.baseByteCount = try file.replace(Array(content.rows.values), generation: content.generation)
            content.logByteCount = 0
            let fresh = content
            state.withLock { $0.content = fresh }
        }
    }

    /// Replaces all rows, as after a rebuild from the sessions' folders; durable on return.
    func replaceAll(_ rows: [IndexRow]) throws(LogError) {
        try writing.withLock { (_) throws(LogError) in
            let generation = try loaded().generation + 1
            var content = IndexFile.Content(generation: generation)
            content.baseByteCount = try file.replace(rows, generation: generation)
            content.rows = Dictionary(rows.map { ($0.summary.session, $0) }) { first, _ in first }
            let fresh = content
            state.withLock { $0.content = fresh }
        }
    }
}
