package import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage

/// Checks every byte of a store against its format: journal, segments, snapshots, index. Writes nothing.
package struct StoreCheck: Sendable {
    /// What a check found.
    package struct Report: Sendable {
        package var sessionCount = 0
        package var segmentCount = 0
        package var recordCount = 0
        package var snapshotCount = 0
        /// Segment bytes, payload bytes before compression, and snapshot bytes.
        package var segmentByteCount: UInt64 = 0
        package var payloadByteCount: UInt64 = 0
        package var snapshotByteCount: UInt64 = 0
        /// What the journal says, as ``RecoveryReport`` for a dry run.
        package var journal = RecoveryReport()
        package var findings: [RecoveryReport.Finding] = []
        /// Why the index has to be made again; `nil` when it need not.
        package var indexDamage: String?
        /// Records per session, for the sessions that have findings.
        package var recordCounts: [SessionID: Int] = [:]

        /// Whether acknowledged data is damaged or missing.
        package var hasCommittedDamage: Bool {
            findings.contains { $0.kind == .committedDamage || $0.kind == .mediaError }
        }
        /// Whether there are bytes that were never acknowledged.
        package var hasTornTail: Bool { findings.contains { $0.kind == .tornTail } }
    }

    private let storage: any Storage
    private let store: StoreFile

    /// - Throws: `.notAStore`, `.newerFormat`, `.damaged` (the store file), `.failed`.
    package init(_ storage: any Storage) throws(LogError) {
        self.storage = storage
        store = try StoreFile.read(from: storage)
    }

    /// What opening the store for writing would find and do. Reads what it would read; writes nothing.
    package func plan() throws(LogError) -> RecoveryReport {
        try plan(try JournalOverlay.read(from: storage, storeTag: store.tag, notesOlder: true)).report
    }

    private func plan(_ overlay: JournalOverlay) throws(LogError) -> RecoveryPlan {
        let index = IndexKeeper(storage: storage, mark: overlay.index)
        return try RecoveryPlanner(storage: storage, storeTag: store.tag, index: index).plan(overlay)
    }

    /// Checks everything; `progress` gets the sessions done and all sessions.
    ///
    /// Memory: the index, one journal file, and one record for each thread. Cost: every byte is read once.
    ///
    /// - Parameter threadCount: how many sessions are checked side by side.
    package func run(
        threadCount: Int = 1, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(LogError) -> Report {
        var report = Report()
        let found = try JournalOverlay.read(from: storage, storeTag: store.tag, notesOlder: true)
        let plan = try plan(found)
        let overlay = found.adding(plan.restored)
        let index = try IndexFile(storage: storage).read(overlay.index)
        report.journal = plan.report
        report.findings = report.journal.findings.filter { $0.session == nil || $0.kind == .restored }
        for place in report.findings.indices { report.findings[place].quarantine = nil }
        report.indexDamage = index.damage ?? overlay.summary.missing.first.map { _ in JournalSummary.missingBatches }
        if let damage = index.damage { report.findings.append(derived(StoreLayout.indexFile, damage)) }
        var sessions = Set(index.rows.keys).union(overlay.sessions)
        try SessionFolders(storage: storage).forEach { (session) throws(LogError) in
            sessions.insert(session)
            return true
        }
        let total = sessions.count
        var done = 0
        progress(0, total)
        var parts: [SessionID: Report] = [:]
        try SessionTeam(threadCount: threadCount).forEach(
            sessions.sorted(),
            { (session) throws(LogError) in
                var part = Report()
                try check(session, overlay, index.rows[session], &part)
                return (session, part)
            }
        ) { session, part in
            report.add(part)
            if !part.findings.isEmpty { parts[session] = part }
            done += 1
            progress(done, total)
        }
        for (_, part) in parts.sorted(by: { $0.key < $1.key }) { report.findings += part.findings }
        return report
    }

    private func check(
        _ session: SessionID, _ overlay: JournalOverlay, _ row: IndexRow?, _ report: inout Report
    ) throws(LogError) {
        var scan = scan(of: session, overlay)
        let folder = try SessionFolder(session, in: storage, also: Array(scan.unflushed.keys))
        scan.witness = SessionWitness(row: row, newestSnapshot: folder.snapshots.last)
        let (outcome, undecodable) = try decode(scan, folder)
        report.sessionCount += 1
        report.segmentCount += folder.segments.count
        report.recordCount += outcome.recordCount
        report.segmentByteCount += outcome.byteCount
        report.payloadByteCount += outcome.payloadByteCount
        var findings = [outcome.finding, undecodable].compactMap { $0 }
        if let lost = try scan.missingFront(folder) { findings.append(lost) }
        findings += try checkSnapshots(scan, folder, &report)
        if !findings.isEmpty { report.recordCounts[session] = outcome.recordCount }
        report.findings += findings
    }

    /// How to walk a session now.
    func scan(of session: SessionID) throws(LogError) -> SessionScan {
        scan(of: session, try JournalOverlay.read(from: storage, storeTag: store.tag))
    }

    private func scan(of session: SessionID, _ overlay: JournalOverlay) -> SessionScan {
        SessionScan(of: session, in: storage, storeTag: store.tag, overlay)
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

    private func checkSnapshots(
        _ scan: SessionScan, _ folder: SessionFolder, _ report: inout Report
    ) throws(LogError) -> [RecoveryReport.Finding] {
        var findings: [RecoveryReport.Finding] = []
        var intact: UInt64 = 0
        for sequence in folder.snapshots {
            let path = StoreLayout.snapshotFile(folder.session, sequence)
            report.snapshotCount += 1
            report.snapshotByteCount += try storing { () throws(StorageError) in
                try storage.attributes(path)?.byteCount ?? 0
            }
            if try SnapshotFiles(storage: storage, storeTag: store.tag).isIntact(path, named: path) {
                intact = sequence
                continue
            }
            var finding = derived(path, "the snapshot fails its checksum")
            finding.session = folder.session
            findings.append(finding)
        }
        // With the records gone, a snapshot is the only copy.
        guard !findings.isEmpty, try firstSequence(scan, folder) > intact + 1 else { return findings }
        for index in findings.indices { findings[index].kind = .committedDamage }
        return findings
    }

    /// The first record that there is a segment for.
    private func firstSequence(_ scan: SessionScan, _ folder: SessionFolder) throws(LogError) -> UInt64 {
        guard let first = folder.segments.first, case .success(let scanner) = try scan.open(first) else {
            return folder.snapshots.isEmpty ? 1 : .max
        }
        return scanner.header.firstSequence
    }

    private func derived(_ path: String, _ reason: String) -> RecoveryReport.Finding {
        RecoveryReport.Finding(kind: .derived, session: nil, path: path, offset: 0, byteCount: 0, reason: reason)
    }
}

extension StoreCheck.Report {
    /// Adds the numbers of one session; its findings are added in the order of the sessions.
    fileprivate mutating func add(_ part: StoreCheck.Report) {
        sessionCount += part.sessionCount
        segmentCount += part.segmentCount
        recordCount += part.recordCount
        snapshotCount += part.snapshotCount
        segmentByteCount += part.segmentByteCount
        payloadByteCount += part.payloadByteCount
        snapshotByteCount += part.snapshotByteCount
        recordCounts.merge(part.recordCounts) { _, new in new }
    }
}

extension LocalLog {
    /// Keeps `bytes` that could not be taken into the store, such as a damaged line of an imported file, in
    /// quarantine.
    ///
    /// - Returns: the name of the copy in the store; the same bytes are kept once. Durable on return.
    package func setAside(
        _ bytes: [UInt8], session: SessionID?, path: String, offset: UInt64, reason: String
    ) throws(LogError) -> String {
        let finding = RecoveryReport.Finding(
            kind: .tornTail, session: session, path: path, offset: offset, byteCount: UInt64(bytes.count),
            reason: reason)
        let kept = try Quarantine(storage: storage, clock: options.clock).setAside(finding, bytes)
        return kept.quarantine ?? ""
    }

    /// Brings damage in the index to an end by writing a new one; see ``list(_:)``.
    package func repairIndex() throws(LogError) -> String? {
        let damage = try indexDamage()
        try list { (_) throws(LogError) in false }
        return damage
    }
}
