import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// The snapshots of one session, every byte of them, and what is damaged.
struct SnapshotCheck {
    private(set) var count = 0
    private(set) var byteCount: UInt64 = 0
    /// Derived where the records can make the snapshot again; committed damage where it was their only copy.
    private(set) var findings: [RecoveryReport.Finding] = []

    /// Reads the snapshots in `folder`, one after the other; those that a compaction has removed since do not count.
    ///
    /// - Parameter scan: how to read the session's segments.
    init(_ folder: SessionFolder, _ scan: SessionScan) throws(LogError) {
        let files = SnapshotFiles(storage: scan.storage, storeTag: scan.storeTag)
        var intact: UInt64 = 0
        var damaged: [UInt64] = []
        for sequence in folder.snapshots {
            let path = StoreLayout.snapshotFile(folder.session, sequence)
            let attributes = try storing { () throws(StorageError) in try scan.storage.attributes(path) }
            guard let attributes else { continue }
            count += 1
            byteCount += attributes.byteCount
            if try files.isWhole(path) { intact = sequence } else { damaged.append(sequence) }
        }
        guard !damaged.isEmpty else { return }
        let first = try Self.firstSequence(scan, folder)
        for sequence in damaged { findings.append(Self.finding(folder.session, sequence, first, intact)) }
    }

    private static func finding(
        _ session: SessionID, _ sequence: UInt64, _ first: UInt64, _ intact: UInt64
    ) -> RecoveryReport.Finding {
        // With the records gone, a snapshot is the only copy.
        let isOnlyCopy = first > intact + 1
        var finding = RecoveryReport.Finding(
            kind: isOnlyCopy ? .committedDamage : .derived, session: session,
            path: StoreLayout.snapshotFile(session, sequence), offset: 0, byteCount: 0,
            reason: "the snapshot cannot be read, or fails its checksum")
        if isOnlyCopy {
            finding.firstSequence = intact + 1
            finding.lastSequence = min(sequence, first - 1)
        }
        return finding
    }

    /// The first record that there is a segment for.
    private static func firstSequence(_ scan: SessionScan, _ folder: SessionFolder) throws(LogError) -> UInt64 {
        guard let first = folder.segments.first, case .success(let scanner) = try scan.open(first) else {
            return folder.snapshots.isEmpty ? 1 : .max
        }
        return scanner.header.firstSequence
    }
}
