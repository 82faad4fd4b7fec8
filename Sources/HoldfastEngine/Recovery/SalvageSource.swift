import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// A store that may be damaged in any way, read for all that can be had of it. Nothing of it is ever written.
struct SalvageSource: Sendable {
    let storage: any Storage
    let storeTag: UInt64
    /// What the journal holds above its low-water mark; nothing when it cannot be read in order.
    let overlay: JournalOverlay
    /// What the index has seen of each session.
    let rows: [SessionID: IndexRow]
    /// Every session that any file names.
    let sessions: [SessionID]
    /// Collected beforehand when the journal is damaged: only other batches say then what is missing.
    let evidence: EvidenceCollection?
    /// Sessions of which the journal still has records that the segments have lost.
    private let lacking: Set<SessionID>
    /// Damage outside of sessions.
    let findings: [RecoveryReport.Finding]

    init(_ storage: any Storage) throws(LogError) {
        var findings: [RecoveryReport.Finding] = []
        self.storage = storage
        storeTag = try Self.tag(of: storage, &findings)
        let overlay = Self.overlay(of: storage, storeTag, &findings)
        let content = try? IndexFile(storage: storage).read(overlay?.index)
        if let damage = content.map({ $0.damage }) ?? "the index cannot be read" {
            findings.append(Self.finding(.derived, StoreLayout.indexFile, damage))
        }
        rows = content?.rows ?? [:]
        self.overlay = overlay ?? JournalOverlay()
        let isWhole = overlay?.summary.damage.isEmpty ?? false
        evidence = isWhole ? nil : EvidenceCollection.collect(from: storage, storeTag: storeTag)
        lacking = Self.lacking(self.overlay, storage, storeTag, rows)
        var sessions = Set(rows.keys).union(self.overlay.sessions).union(evidence?.sessions ?? []).union(lacking)
        try? SessionFolders(storage: storage).forEach { (session) throws(LogError) in
            sessions.insert(session)
            return true
        }
        self.sessions = sessions.sorted()
        self.findings = findings
    }

    /// How to walk `session` when nothing is wrong with it.
    func scan(_ session: SessionID, newestSnapshot: UInt64?) -> SessionScan {
        SessionScan(
            of: session, in: storage, storeTag: storeTag, overlay,
            witness: SessionWitness(row: rows[session], newestSnapshot: newestSnapshot))
    }

    /// Whether a batch that cannot be read whole names `session`, all batches are in doubt, or the journal has more of
    /// it than the segments.
    func isInDoubt(_ session: SessionID) -> Bool {
        lacking.contains(session) || evidence?.inDamagedBatches.contains(session) ?? false
    }

    private static func lacking(
        _ overlay: JournalOverlay, _ storage: any Storage, _ storeTag: UInt64, _ rows: [SessionID: IndexRow]
    ) -> Set<SessionID> {
        let missing = (try? overlay.older.missing(in: storage)) ?? [:]
        let lacking = missing.filter { session, extents in
            let newest = (try? SessionFolder(session, in: storage))?.snapshots.last
            let scan = SessionScan(
                of: session, in: storage, storeTag: storeTag, overlay,
                witness: SessionWitness(row: rows[session], newestSnapshot: newest))
            return (try? LostWrites(extents, of: scan))?.fate != .unneeded
        }
        return Set(lacking.keys)
    }

    private static func overlay(
        of storage: any Storage, _ storeTag: UInt64, _ findings: inout [RecoveryReport.Finding]
    ) -> JournalOverlay? {
        do throws(LogError) {
            let overlay = try JournalOverlay.read(from: storage, storeTag: storeTag, notesOlder: true)
            for stretch in overlay.summary.damage { findings.append(stretch.finding(.committedDamage)) }
            if let tail = overlay.summary.tornTail { findings.append(tail.finding(.tornTail)) }
            return overlay
        } catch {
            findings.append(finding(.committedDamage, StoreLayout.journalFolder, error.message))
            return nil
        }
    }

    private static func finding(
        _ kind: RecoveryReport.Finding.Kind, _ path: String, _ reason: String
    ) -> RecoveryReport.Finding {
        RecoveryReport.Finding(kind: kind, session: nil, path: path, offset: 0, byteCount: 0, reason: reason)
    }

    // MARK: Which store

    /// The store's tag, from `store.json`; from the segments when that is damaged or missing, or of another store.
    private static func tag(
        of storage: any Storage, _ findings: inout [RecoveryReport.Finding]
    ) throws(LogError) -> UInt64 {
        let votes = votesOfSegments(storage).merging(votesOfJournal(storage), uniquingKeysWith: +)
        let winner = votes.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
        do throws(LogError) {
            let tag = try StoreFile.read(from: storage).tag
            guard let winner, votes[tag] == nil else { return tag }
            findings.append(finding(.committedDamage, StoreLayout.storeFile, "of another store than the other files"))
            return winner
        } catch {
            guard error.code == .damaged || error.code == .notAStore, let winner else { throw error }
            findings.append(
                finding(
                    .committedDamage, StoreLayout.storeFile, "damaged or missing; the segments say which store it is"))
            return winner
        }
    }

    /// How many of the journal's files bear each tag.
    private static func votesOfJournal(_ storage: any Storage) -> [UInt64: Int] {
        let entries = (try? storage.list(StoreLayout.journalFolder)) ?? []
        let tags = entries.compactMap { entry -> UInt64? in
            let head = try? storage.open("\(StoreLayout.journalFolder)/\(entry.name)", .read)
                .read(count: JournalHeader.sectorByteCount, at: 0)
            return head?.withUnsafeBytes { try? JournalHeader(decoding: $0) }?.storeTag
        }
        return Dictionary(tags.map { ($0, 1) }, uniquingKeysWith: +)
    }

    private static let askedSessionCount = 100

    /// How many of the first segments bear each tag, every file having been made with the store's.
    private static func votesOfSegments(_ storage: any Storage) -> [UInt64: Int] {
        var votes: [UInt64: Int] = [:]
        var asked = 0
        try? SessionFolders(storage: storage).forEach { (session) throws(LogError) in
            for number in try SessionFolder(session, in: storage).segments.prefix(4) {
                let head = try storing { () throws(StorageError) in
                    try storage.open(StoreLayout.segmentFile(session, number), .read)
                        .read(count: SegmentHeader.longestByteCount, at: 0)
                }
                let header = head.withUnsafeBytes { try? SegmentHeader(decoding: $0) }
                if let header, header.session == session { votes[header.storeTag, default: 0] += 1 }
            }
            asked += 1
            return asked < askedSessionCount
        }
        return votes
    }
}
