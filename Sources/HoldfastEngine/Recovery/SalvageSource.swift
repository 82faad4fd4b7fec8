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
    let rows: IndexRows
    /// Every session that any file names.
    let sessions: [SessionID]
    /// Collected beforehand when the journal is damaged: only other batches say then what is missing.
    let evidence: EvidenceCollection?
    /// Sessions of which the journal still has records that the segments have lost.
    private let lacking: Set<SessionID>
    /// Folders that are in no session's place.
    let strayFolders: [String]
    /// Damage outside of sessions.
    let findings: [RecoveryReport.Finding]

    /// - Parameter repairsBits: whether a flipped bit in a batch of the journal is turned back, or only told.
    init(_ storage: any Storage, repairsBits: Bool) throws(LogError) {
        var findings: [RecoveryReport.Finding] = []
        self.storage = storage
        let (store, doubt) = try StoreFile.readOrInferred(from: storage, checking: true)
        storeTag = store.tag
        if let doubt { findings.append(doubt) }
        let overlay = Self.overlay(of: storage, storeTag, repairsBits ? .turnedBack : .told, &findings)
        let content = try? IndexFile(storage: storage).read(overlay?.index)
        if let damage = content.map({ $0.damage }) ?? "the index cannot be read" {
            findings.append(Self.finding(.derived, StoreLayout.indexFile, damage))
        }
        rows = content?.rows ?? IndexRows()
        self.overlay = overlay ?? JournalOverlay()
        let isWhole = overlay?.summary.damage.isEmpty ?? false
        evidence = isWhole ? nil : EvidenceCollection.collect(from: storage, storeTag: storeTag)
        lacking = Self.lacking(self.overlay, storage, storeTag, rows)
        var sessions = rows.sessions.union(self.overlay.sessions).union(evidence?.sessions ?? []).union(lacking)
        let folders = SessionFolders(storage: storage).survey()
        sessions.formUnion(folders.sessions)
        findings += folders.findings
        strayFolders = folders.strays
        if let lost = overlay?.index?.traceless(content, sessions) { findings.append(lost) }
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
        _ overlay: JournalOverlay, _ storage: any Storage, _ storeTag: UInt64, _ rows: IndexRows
    ) -> Set<SessionID> {
        let lost = try? LostWrites.all(in: storage, storeTag: storeTag, overlay) { (session) throws(LogError) in
            rows[session]
        }
        return Set((lost ?? []).map(\.session))
    }

    private static func overlay(
        of storage: any Storage, _ storeTag: UInt64, _ bits: JournalBits, _ findings: inout [RecoveryReport.Finding]
    ) -> JournalOverlay? {
        do throws(LogError) {
            let overlay = try JournalOverlay.read(from: storage, storeTag: storeTag, notesOlder: true, bits: bits)
            for batch in overlay.summary.mended {
                var finding = batch.finding(.restored)
                finding.bit = nil
                finding.reason = batch.bit?.story ?? batch.reason
                findings.append(finding)
            }
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
}
