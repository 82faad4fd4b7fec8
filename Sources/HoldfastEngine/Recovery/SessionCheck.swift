package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

#if canImport(Glibc)
import Glibc
#endif

/// Checks every byte of one session. What looks damaged and may be a writer at work is looked at again.
struct SessionCheck: Sendable {
    let storage: any Storage
    let storeTag: UInt64
    /// What the journal held when the check began, with what segments have lost of it.
    let overlay: JournalOverlay
    let restored: [(key: SegmentKey, extents: [Extent])]
    /// What the index had seen when the check began.
    let rows: IndexRows

    /// How often a session is looked at while a writer goes on writing, and the pause between.
    private static let attemptLimit = 5
    private static let pauseMicroseconds: UInt32 = 20_000

    /// The numbers and the findings of `session`. What cannot be looked into is a finding.
    func run(_ session: SessionID) throws(LogError) -> StoreCheck.Report {
        var overlay = overlay
        for attempt in 1..<Self.attemptLimit {
            let report = look(at: session, overlay)
            if report.findings.isEmpty { return report }
            let before = overlay.summary
            if try JournalWatch(storage: storage, storeTag: storeTag).hasMoved(since: before) {
                if attempt > 1 { usleep(Self.pauseMicroseconds) }
                overlay = try JournalOverlay.read(from: storage, storeTag: storeTag).adding(restored)
            }
            // A compaction removes files without a word in the journal.
            let mayDiffer = overlay.summary.position != before.position || attempt == 1 && !before.closedCleanly
            if !mayDiffer { return report }
        }
        return look(at: session, overlay)
    }

    private func look(at session: SessionID, _ overlay: JournalOverlay) -> StoreCheck.Report {
        var report = StoreCheck.Report()
        report.sessionCount = 1
        do throws(LogError) {
            try check(session, overlay, &report)
        } catch {
            report.findings.append(.unreadable(session, error))
        }
        return report
    }

    private func check(
        _ session: SessionID, _ overlay: JournalOverlay, _ report: inout StoreCheck.Report
    ) throws(LogError) {
        var scan = SessionScan(of: session, in: storage, storeTag: storeTag, overlay)
        let folder = try scan.folder()
        scan.witness = SessionWitness(row: rows[session], newestSnapshot: folder.snapshots.last)
        let (outcome, undecodable) = try decode(scan, folder)
        report.segmentCount = folder.segments.count
        report.recordCount = outcome.recordCount
        report.segmentByteCount = outcome.byteCount
        report.payloadByteCount = outcome.payloadByteCount
        let snapshots = try SnapshotCheck(folder, scan)
        report.snapshotCount = snapshots.count
        report.snapshotByteCount = snapshots.byteCount
        let missing = outcome.verdict == .end ? scan.missingDirect(folder.segments, outcome.tail) : nil
        report.findings = [outcome.finding, undecodable, missing, try scan.missingFront(folder)].compactMap(\.self)
        report.findings += snapshots.findings
        if !report.findings.isEmpty { report.recordCounts[session] = outcome.recordCount }
    }

    /// Walks all records of a session and decompresses each.
    private func decode(
        _ scan: SessionScan, _ folder: SessionFolder
    ) throws(LogError) -> (SessionScan.Outcome, RecoveryReport.Finding?) {
        let decompressor = BlockDecompressor()
        var undecodable: RecoveryReport.Finding?
        let outcome = try scan.walk(folder.segments) { (scanner, record) throws(LogError) in
            let payload = scanner.withStored(record) { decompressor.payload(of: record.header, stored: $0) }
            guard payload == nil, undecodable == nil else { return true }
            undecodable = RecoveryReport.Finding(
                kind: .committedDamage, session: scan.session,
                path: StoreLayout.segmentFile(scan.session, scanner.header.number), offset: record.offset,
                byteCount: UInt64(record.header.storedByteCount), reason: "cannot be decompressed")
            undecodable?.firstSequence = record.sequence
            return true
        }
        return (outcome, undecodable)
    }
}

extension RecoveryReport.Finding {
    /// A session that cannot be looked into.
    package static func unreadable(_ session: SessionID, _ error: LogError) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: .mediaError, session: session, path: StoreLayout.sessionFolder(session), offset: 0, byteCount: 0,
            reason: error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message)
    }
}
