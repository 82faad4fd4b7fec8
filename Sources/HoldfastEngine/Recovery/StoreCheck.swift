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
        package var hasCommittedDamage: Bool { findings.contains(where: \.isDamage) }
        /// Whether there are bytes that were never acknowledged.
        package var hasTornTail: Bool { findings.contains { $0.kind == .tornTail } }
    }

    private let storage: any Storage
    private let store: StoreFile
    /// What is wrong with `store.json`, where the other files say which store it is.
    private let storeDamage: RecoveryReport.Finding?
    let bits: JournalBits

    /// - Parameter bits: what is done about flipped bits in batches of the journal. When they are told, those of
    ///   segments are too.
    /// - Throws: `.notAStore`, `.newerFormat`, `.olderFormat`, `.damaged` (no file says which store it is), `.failed`.
    package init(_ storage: any Storage, bits: JournalBits = .ignored) throws(LogError) {
        self.storage = storage
        self.bits = bits
        (store, storeDamage) = try StoreFile.readOrInferred(from: storage)
    }

    /// What opening the store for writing would find and do. Reads what it would read; writes nothing.
    package func plan() throws(LogError) -> RecoveryReport {
        // An opening needs it.
        _ = try StoreFile.read(from: storage)
        return try planned().plan.report
    }

    /// Throws when a file of the journal may not be read, or when something else stands in its place or in that of the
    /// lock, or a folder in that of the index: no opening goes on then, for it would write there.
    package func checkSharedFiles() throws(LogError) {
        let journal = (try? storage.list(StoreLayout.journalFolder)) ?? []
        let files = journal.map(\.name).filter { $0.hasSuffix(".journal") }.map { "\(StoreLayout.journalFolder)/\($0)" }
        for path in files + [StoreLayout.lockFile, StoreLayout.indexFile] {
            do throws(StorageError) {
                try storage.open(path, .read).close()
            } catch {
                let isBarred =
                    switch path {
                    case StoreLayout.lockFile: error.isOfKind
                    // A new one takes the place of anything else.
                    case StoreLayout.indexFile: error.code == .isADirectory
                    default: error.isOfFile
                    }
                if isBarred { throw LogError(error) }
            }
        }
    }

    /// Throws when something else stands in the place of the quarantine: nothing can be set aside then.
    package func checkQuarantine() throws(LogError) {
        do throws(StorageError) {
            _ = try storage.list(StoreLayout.quarantineFolder)
        } catch {
            if error.isOfKind { throw LogError(error) }
        }
    }

    /// How often the plan is made again when files go that it wants to look at.
    private static let attemptLimit = 5

    /// The plan, with what the journal held.
    private func planned() throws(LogError) -> (overlay: JournalOverlay, plan: RecoveryPlan) {
        var attempt = 0
        while true {
            let overlay = try JournalOverlay.read(
                from: storage, storeTag: store.tag, notesOlder: true, bits: bits)
            let index = IndexKeeper(storage: storage, mark: overlay.index)
            do throws(LogError) {
                return (
                    overlay, try RecoveryPlanner(storage: storage, storeTag: store.tag, index: index).plan(overlay)
                )
            } catch {
                attempt += 1
                guard error.code == .failed, attempt < Self.attemptLimit else { throw error }
            }
        }
    }

    /// Checks everything; `progress` gets the sessions done and all sessions.
    ///
    /// Memory: the index, what the journal has above its low-water mark and some 60 bytes for each older write, and a
    /// mebibyte or two, or one long record, for each thread. Cost: every byte is read once.
    ///
    /// - Parameter threadCount: how many sessions are checked side by side.
    package func run(
        threadCount: Int = 1, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(LogError) -> Report {
        var report = Report()
        let (found, plan) = try planned()
        let overlay = found.adding(plan.restored)
        let index = try IndexFile(storage: storage).read(overlay.index)
        report.journal = plan.report
        report.findings = report.journal.findings.filter { $0.session == nil || $0.kind == .restored }
        for place in report.findings.indices { report.findings[place].quarantine = nil }
        report.indexDamage = index.damage ?? overlay.summary.missing.first.map { _ in JournalSummary.missingBatches }
        if let damage = index.damage { report.findings.append(derived(StoreLayout.indexFile, damage)) }
        let folders = SessionFolders(storage: storage).survey()
        let sessions = folders.sessions.union(index.rows.sessions).union(overlay.sessions)
        let shared = [storeDamage, overlay.index?.traceless(index, sessions)].compactMap(\.self) + folders.findings
        for finding in shared where !report.findings.contains(where: { $0.path == finding.path }) {
            report.findings.append(finding)
        }
        let total = sessions.count
        var done = 0
        progress(0, total)
        var parts: [SessionID: Report] = [:]
        let check = SessionCheck(
            storage: storage, storeTag: store.tag, overlay: overlay, restored: plan.restored, rows: index.rows)
        try SessionTeam(threadCount: threadCount).forEach(
            sessions.sorted(), { (session) throws(LogError) in (session, try check.run(session)) }
        ) { session, part in
            report.add(part)
            if !part.findings.isEmpty { parts[session] = part }
            done += 1
            progress(done, total)
        }
        for (_, part) in parts.sorted(by: { $0.key < $1.key }) { report.findings += part.findings }
        guard bits == .told else { return report }
        try tellOfBits(&report.findings)
        return report
    }

    /// What the journal holds now.
    func overlay(bits: JournalBits) throws(LogError) -> JournalOverlay {
        try JournalOverlay.read(from: storage, storeTag: store.tag, bits: bits)
    }

    /// How to walk a session.
    func scan(of session: SessionID, _ overlay: JournalOverlay) -> SessionScan {
        SessionScan(of: session, in: storage, storeTag: store.tag, overlay)
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
