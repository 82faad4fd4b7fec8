package import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage
import HoldfastThreads

#if canImport(Glibc)
import Glibc
#endif

/// A store opened for reading only: another process may be writing to it, or nobody may.
///
/// Takes no lock, writes nothing, and works on a read-only disk. Each call sees what was durable when the store
/// was opened or later. Every call that would write throws `.readOnly`.
package final class ReadOnlyLog: SessionLog {
    private let storage: any Storage
    private let store: StoreFile
    private let bits: JournalBits
    private let state: Lock<State>

    private struct State {
        var overlay: JournalOverlay
        /// The index as it was read first since; its rows are witnesses of the sessions' ends.
        var rows: IndexRows?
        /// What segments have lost and the journal still has; `nil` before anything looked damaged.
        var restored: [(key: SegmentKey, extents: [Extent])]?
        /// Where the head stood that was asked for last.
        var place: (session: SessionID, place: LogPlace)?
    }

    private let lastPlaces = LastPlaces()

    /// How often a reader looks again when a writer's half-finished write looks like damage, and the pause between.
    private static let attempts = 5
    private static let pauseMicroseconds: UInt32 = 20_000

    package let payloadLimit = Limits.payloadByteCount
    package let softWindow: Milliseconds = 0

    /// Reads the store file and the journal. Memory: what the journal holds above its low-water mark.
    ///
    /// - Parameter bits: what is done about flipped bits in batches of the journal.
    /// - Throws: `.notAStore`, `.newerFormat`, `.olderFormat`, `.damaged` (the store file), `.failed`.
    package init(in storage: any Storage, bits: JournalBits = .ignored) throws(LogError) {
        self.storage = storage
        self.bits = bits
        store = try StoreFile.readOrInferred(from: storage).store
        state = Lock(State(overlay: try JournalOverlay.read(from: storage, storeTag: store.tag, bits: bits)))
    }

    package func read(
        _ session: SessionID, from first: Sequence, _ body: (LogRecord) throws(LogError) -> Bool
    ) throws(LogError) {
        var next = first
        for attempt in 1... {
            var reader = try reader(session)
            reader.place = state.withLock { $0.place.flatMap { $0.session == session ? $0.place : nil } }
            do throws(LogError) {
                try reader.read(from: next) { (record) throws(LogError) in
                    next = record.sequence + 1
                    return try body(record)
                }
                return
            } catch {
                let told = reader.explained(error)
                // Once: what is wanted may be in segments that the trim has left.
                if told.code == .trimmed, attempt == 1 { continue }
                guard told.code == .damaged || told.code == .failed, attempt < Self.attempts else { throw told }
            }
            if attempt <= 2 { try askJournal() }
            if attempt > 1 { usleep(Self.pauseMicroseconds) }
            try refresh()
        }
    }

    /// Reads the journal again, to see what was committed since.
    package func refresh() throws(LogError) {
        let fresh = try JournalOverlay.read(from: storage, storeTag: store.tag, bits: bits)
        state.withLock { state in
            state = State(
                overlay: fresh.adding(state.restored ?? []), restored: state.restored, place: state.place)
        }
    }

    /// Looks, once, whether the journal still has what segments have lost.
    private func askJournal() throws(LogError) {
        guard state.withLock({ $0.restored == nil && !$0.overlay.summary.closedCleanly }) else { return }
        let rows = try IndexFile(storage: storage).read(state.withLock { $0.overlay.index }).rows
        let found = try LostWrites.restorable(in: storage, storeTag: store.tag, rows: rows)
        state.withLock { $0.restored = found }
    }

    package func snapshot(
        _ session: SessionID, through limit: Sequence
    ) throws(LogError) -> (any SnapshotSource)? {
        let folder = try SessionFolder(session, in: storage)
        return try SnapshotFiles(storage: storage, storeTag: store.tag).newest(session, in: folder, through: limit)
    }

    package func head(_ session: SessionID) throws(LogError) -> KeptHead? {
        guard let head = try reader(session).scan.fittingHead() else { return nil }
        state.withLock { $0.place = (session, head.place) }
        return KeptHead(sequence: head.place.sequence, content: head.head)
    }

    package func list(_ body: (SummaryRow) throws(LogError) -> Bool) throws(LogError) {
        for row in try rows().all {
            guard try body(row.summary) else { return }
        }
    }

    package func summary(_ session: SessionID) throws(LogError) -> SummaryRow? {
        try rows()[session]?.summary
    }

    /// The index, completed by what the journal names. A row without a sequence is one that the index lacks or
    /// has behind the journal: whoever knows what records mean fills it in.
    private func rows() throws(LogError) -> IndexRows {
        let overlay = state.withLock { $0.overlay }
        let content = try IndexFile(storage: storage).read(overlay.index)
        var rows = content.rows
        for session in overlay.sessions { rows.set(IndexRow(unknown: session)) }
        guard content.damage != nil else { return rows }
        for session in SessionFolders(storage: storage).survey().sessions where rows[session] == nil {
            rows.set(IndexRow(unknown: session))
        }
        return rows
    }

    private func reader(_ session: SessionID) throws(LogError) -> SessionReader {
        let overlay = state.withLock { $0.overlay }
        return SessionReader(
            scan: SessionScan(
                of: session, in: storage, storeTag: store.tag, overlay,
                witness: SessionWitness(row: try witness(of: session)), judgesDevice: false), lastPlaces: lastPlaces)
    }

    /// The row of `session`, from an index that is read once for all sessions.
    private func witness(of session: SessionID) throws(LogError) -> IndexRow? {
        let (mark, known) = state.withLock { ($0.overlay.index, $0.rows) }
        if let known { return known[session] }
        let rows = try IndexFile(storage: storage).read(mark).rows
        state.withLock { $0.rows = rows }
        return rows[session]
    }

    // MARK: What a reader may not do

    private static var refusal: LogError { LogError(.readOnly, "The store is open for reading only.") }

    package func claim(_ session: SessionID) throws(LogError) -> LogClaim { throw Self.refusal }

    package func release(_ claim: LogClaim) {}

    package func beginSegment(_ claim: LogClaim) throws(LogError) { throw Self.refusal }

    package func append(
        _ claim: LogClaim, expected: Sequence, kind: UInt8, time: Milliseconds, payload: [UInt8],
        durability: Durability, completion: @escaping @Sendable (LogError?) -> Void
    ) throws(LogError) -> Sequence { throw Self.refusal }

    package func flush() throws(LogError) {}

    package func putSnapshot(
        _ session: SessionID, through sequence: Sequence,
        _ write: (any SnapshotSink) throws(LogError) -> Void
    ) throws(LogError) { throw Self.refusal }

    package func trim(_ session: SessionID, keeping pinned: Sequence?, isFinal: Bool) throws(LogError) {
        throw Self.refusal
    }

    package func setSummaryProvider(_ provider: any SummaryProvider) {}
}
