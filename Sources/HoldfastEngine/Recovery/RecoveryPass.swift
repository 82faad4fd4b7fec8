import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Brings a store that was not closed in order back to what it had acknowledged.
///
/// Idempotent, and may itself be killed at any step: nothing of the journal is given up before everything that
/// it names has been written and synced. Opens the folders of the sessions that the journal names, and no
/// others.
struct RecoveryPass {
    let storage: any Storage
    let options: EngineOptions
    let storeTag: UInt64
    let files: SegmentFiles
    /// Asked what it has seen of the sessions that the journal names.
    let index: IndexKeeper

    /// Reads the journal and says what a run would do. Writes nothing.
    func plan(_ overlay: JournalOverlay) throws(LogError) -> RecoveryReport {
        var report = start(overlay)
        for session in overlay.sessions {
            let outcome = try scan(session, overlay, unflushed: overlay.unflushed(session))
            if let finding = outcome.finding { report.findings.append(finding) }
        }
        return report
    }

    /// What a run could do.
    enum Completion {
        /// Everything is in the segments, and durable but for the ends of segments that were written directly: they may
        /// stand in the page cache only, marked clean by a sync that failed. Reading them proves nothing, and syncing
        /// them would not write them.
        case done(unproved: [(key: SegmentKey, extents: [Extent])])
        /// The disk is full: nothing was changed, and the journal must be kept until its content has been flushed.
        case postponed
    }

    /// Like ``run(_:)``, but on a full disk it changes nothing and leaves the replay to the flusher.
    func runIfThereIsRoom(_ overlay: JournalOverlay) throws(LogError) -> (RecoveryReport, Completion) {
        do throws(LogError) {
            let (report, unproved) = try run(overlay)
            return (report, .done(unproved: unproved))
        } catch {
            // What is written directly has no other copy: without room its end cannot be made sure of.
            guard error.code == .diskFull, overlay.direct.isEmpty, options.commitMode == .journal else { throw error }
            return (try plan(overlay), .postponed)
        }
    }

    /// Replays the journal, cuts torn tails, and sets aside what is damaged. All of this is durable on return; answers
    /// also what of the segments is not known to be.
    private func run(
        _ overlay: JournalOverlay
    ) throws(LogError) -> (RecoveryReport, unproved: [(key: SegmentKey, extents: [Extent])]) {
        var report = start(overlay)
        let quarantine = Quarantine(storage: storage, clock: options.clock)
        for (index, finding) in report.findings.enumerated() where finding.byteCount > 0 {
            // The journal's files are going to be used again.
            report.findings[index] = try quarantine.setAside(finding)
        }
        try replay(overlay)
        var unproved: [(key: SegmentKey, extents: [Extent])] = []
        for session in overlay.sessions {
            let outcome = try scan(session, overlay, unflushed: [:])
            if outcome.verdict != .end { try repair(session, outcome, &report) }
            if let end = try unprovedEnd(outcome, overlay) { unproved.append(end) }
        }
        return (report, unproved)
    }

    /// Lets the journal forget what was replayed. What is not proved goes through the journal once more: written over
    /// itself alone, it could be torn by a second crash.
    func settle(
        _ journal: JournalWriter, _ unproved: [(key: SegmentKey, extents: [Extent])]
    ) throws(LogError) {
        let writes = unproved.flatMap { key, extents in
            extents.map { JournalWrite(session: key.session, number: key.number, offset: $0.offset, bytes: $0.bytes) }
        }
        try storing { () throws(StorageError) in
            _ = try journal.commit(writes, lowWaterMark: journal.lastBatch, index: index.mark)
        }
        guard !unproved.isEmpty else { return }
        try persist(unproved)
        try storing { () throws(StorageError) in _ = try journal.commit([], lowWaterMark: journal.lastBatch) }
    }

    /// The journal's files, open, oldest first.
    func usedFiles(_ summary: JournalSummary) throws(LogError) -> [JournalWriter.IdleFile] {
        var used: [JournalWriter.IdleFile] = []
        for path in summary.paths {
            try storing { () throws(StorageError) in
                let file = try storage.open(path, .readWrite)
                used.append(JournalWriter.IdleFile(path: path, byteCount: Int(try file.byteCount()), file: file))
            }
        }
        return used
    }

    // MARK: Steps

    private func start(_ overlay: JournalOverlay) -> RecoveryReport {
        var report = RecoveryReport()
        let summary = overlay.summary
        // What was begun after the closing is to be reported once: this opening's first batch then stands behind it.
        report.wasClosedCleanly =
            summary.closedCleanly && summary.damage.isEmpty && summary.tornTail == nil && overlay.sessions.isEmpty
        report.journalBatchCount = summary.batchCount
        report.journalByteCount = summary.byteCount
        report.replayedWriteCount = overlay.writeCount
        report.replayedByteCount = overlay.byteCount
        report.sessions = overlay.sessions
        report.findings = summary.damage.map { finding(.committedDamage, $0) }
        report.findings += summary.missing.map { finding(.derived, $0) }
        if let tail = summary.tornTail { report.findings.append(finding(.tornTail, tail)) }
        return report
    }

    private func finding(_ kind: RecoveryReport.Finding.Kind, _ stretch: JournalStretch) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: kind, session: nil, path: stretch.path, offset: stretch.offset, byteCount: stretch.byteCount,
            reason: stretch.reason)
    }

    private func replay(_ overlay: JournalOverlay) throws(LogError) {
        let work = overlay.extents.map { (key: $0.key, extents: $0.value) }.sorted { $0.key < $1.key }
        try persist(work)
        for session in overlay.sessions { try makeFoldersDurable(session) }
    }

    private func persist(_ work: [(key: SegmentKey, extents: [Extent])]) throws(LogError) {
        try storing { () throws(StorageError) in
            if let failure = try files.persist(work).first { throw failure.error }
        }
    }

    /// A file that is there may have been created just before the crash: its entries may be in memory only.
    private func makeFoldersDurable(_ session: SessionID) throws(LogError) {
        let folders = [
            StoreLayout.sessionFolder(session), StoreLayout.sessionShard(session), StoreLayout.sessionsFolder,
        ]
        for folder in folders {
            do throws(StorageError) {
                try storage.syncDirectory(folder)
            } catch {
                // A session that is written directly may have died before its folder was made.
                guard error.code == .notFound else { throw LogError(error) }
            }
        }
    }

    private func scan(
        _ session: SessionID, _ overlay: JournalOverlay, unflushed: [UInt32: [Extent]]
    ) throws(LogError) -> SessionScan.Outcome {
        let folder = try SessionFolder(session, in: storage, also: Array(unflushed.keys))
        let direct = overlay.direct.filter { $0.session == session }.map(\.number).max()
        let witness = SessionWitness(row: try index.row(of: session), newestSnapshot: folder.snapshots.last)
        let scan = SessionScan(
            storage: storage, session: session, storeTag: storeTag, payloadLimit: Limits.largestPayloadLimit,
            unflushed: unflushed, writtenDirectly: direct, witness: witness)
        // What was written since the low-water mark stands in the last segments; older ones are not touched. A segment
        // that the journal names may not have been made yet: the one before it ends the log then.
        let named = [direct].compactMap { $0 } + Array(overlay.unflushed(session).keys)
        let first = min(named.min() ?? 0, folder.segments.last ?? 0)
        return try scan.walk(folder.segments.filter { $0 >= first })
    }

    private func repair(
        _ session: SessionID, _ outcome: SessionScan.Outcome, _ report: inout RecoveryReport
    ) throws(LogError) {
        guard var finding = outcome.finding else { return }
        let quarantine = Quarantine(storage: storage, clock: options.clock)
        if finding.byteCount > 0 && finding.kind != .mediaError { finding = try quarantine.setAside(finding) }
        if finding.kind == .tornTail {
            files.forget(session)
            try storing { () throws(StorageError) in try cut(finding) }
        }
        report.findings.append(finding)
    }

    /// Cuts what was never acknowledged. A segment without a whole header has no record at all and is removed.
    private func cut(_ finding: RecoveryReport.Finding) throws(StorageError) {
        guard finding.offset > 0, let session = finding.session else {
            try storage.remove(finding.path)
            if let session = finding.session { try storage.syncDirectory(StoreLayout.sessionFolder(session)) }
            return
        }
        let file = try storage.open(finding.path, .readWrite)
        try file.truncate(to: finding.offset)
        try file.sync()
        try file.close()
        try storage.syncDirectory(StoreLayout.sessionFolder(session))
    }

    /// The valid end of a directly written segment, from the last promise on.
    private func unprovedEnd(
        _ outcome: SessionScan.Outcome, _ overlay: JournalOverlay
    ) throws(LogError) -> (key: SegmentKey, extents: [Extent])? {
        guard let header = outcome.tail.header, outcome.verdict == .end || outcome.verdict == .tornTail else {
            return nil
        }
        let key = SegmentKey(session: header.session, number: header.number)
        guard overlay.direct.contains(key) else { return nil }
        let count = Int(outcome.tail.offset - outcome.provedOffset)
        let bytes = try storing { () throws(StorageError) in
            let file = try storage.open(key.path, .read)
            let bytes = try file.read(count: count, at: outcome.provedOffset)
            try file.close()
            return bytes
        }
        return (key, [Extent(offset: outcome.provedOffset, bytes: bytes)])
    }
}
