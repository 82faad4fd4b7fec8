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
    func plan(_ overlay: JournalOverlay) throws(LogError) -> RecoveryPlan {
        try RecoveryPlanner(
            storage: storage, storeTag: storeTag, index: index, threadCount: options.readThreadCount
        ).plan(overlay)
    }

    /// What a run could do.
    enum Completion {
        /// Everything is in the segments, and durable but for the ends of segments that were written directly
        /// (`unproved`): they may stand in the page cache only, marked clean by a sync that failed. Reading them proves
        /// nothing, and syncing them would not write them.
        case done(RecoveryPlan)
        /// The disk is full: nothing was changed, and the journal must be kept until its content has been flushed.
        case postponed
    }

    /// Carries the plan out; on a full disk it changes nothing and leaves the replay to the flusher.
    func runIfThereIsRoom(_ overlay: JournalOverlay) throws(LogError) -> (RecoveryReport, Completion) {
        var plan = try plan(overlay)
        do throws(LogError) {
            try run(&plan, overlay)
            return (plan.report, .done(plan))
        } catch {
            // What is written directly has no other copy: without room its end cannot be made sure of. Nor has what a
            // segment has lost, but in batches that a store at work would not keep, nor what is damaged in the journal.
            let isJournalWhole =
                overlay.summary.missing.isEmpty
                && plan.report.findings.allSatisfy { $0.session != nil || $0.quarantine == nil }
            guard error.code == .diskFull, overlay.direct.isEmpty, plan.restored.isEmpty, plan.kept.isEmpty,
                options.commitMode == .journal, isJournalWhole
            else { throw error }
            plan.report.steps = []
            for index in plan.report.findings.indices { plan.report.findings[index].quarantine = nil }
            return (plan.report, .postponed)
        }
    }

    /// Sets aside what is damaged, replays the journal and cuts torn tails. All of this is durable on return; what
    /// is left of the plan is for ``settle(_:_:)`` and the index.
    private func run(_ plan: inout RecoveryPlan, _ overlay: JournalOverlay) throws(LogError) {
        if plan.report.findings.contains(where: { $0.path == StoreLayout.sessionsFolder }) {
            try storing { () throws(StorageError) in
                if try storage.createDirectory(StoreLayout.sessionsFolder) { try storage.syncDirectory("") }
            }
        }
        try setAside(&plan.report.findings) { $0.session == nil || $0.kind == .restored }
        let quarantine = Quarantine(storage: storage, clock: options.clock)
        for (finding, bytes) in plan.kept { _ = try quarantine.setAside(finding, bytes) }
        try write(plan.restored)
        try write(plan.replay)
        for session in overlay.sessions { try makeFoldersDurable(session) }
        // The replay may have to make these files.
        try setAside(&plan.report.findings) { $0.session != nil && $0.kind != .restored }
        for step in plan.report.steps where step.kind == .cut || step.kind == .remove {
            if let session = step.session { files.forget(session) }
            try storing { () throws(StorageError) in try cut(step) }
        }
    }

    /// Lets the journal forget what was replayed. What is not proved goes through the journal once more: written over
    /// itself alone, it could be torn by a second crash.
    func settle(_ journal: JournalWriter, _ plan: RecoveryPlan) throws(LogError) {
        let notices = plan.undecided.map { JournalNotice(kind: .direct, segment: $0) }
        try storing { () throws(StorageError) in
            var writes: [JournalWrite] = []
            for (key, extents) in plan.unproved {
                for extent in extents {
                    writes.append(JournalWrite(segment: key, offset: extent.offset, bytes: try extent.bytes()))
                }
            }
            _ = try journal.commit(writes, notices: notices, lowWaterMark: journal.lastBatch, index: index.mark)
        }
        guard !plan.unproved.isEmpty else { return }
        try write(plan.unproved)
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

    /// Makes the copies that the plan names of those findings that `isDue` takes.
    private func setAside(
        _ findings: inout [RecoveryReport.Finding], where isDue: (RecoveryReport.Finding) -> Bool
    ) throws(LogError) {
        let quarantine = Quarantine(storage: storage, clock: options.clock)
        for (index, finding) in findings.enumerated() where finding.quarantine != nil && isDue(finding) {
            findings[index] = try quarantine.setAside(finding)
        }
    }

    private func write(_ work: [(key: SegmentKey, extents: [Extent])]) throws(LogError) {
        try files.persist(work, orElse: SegmentRewrite(storage: storage, clock: options.clock))
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
                // A session that is written directly may have died before its folder was made. And where something else
                // stands in the folder's place, nothing was written.
                guard error.code == .notFound || error.isOfKind else { throw LogError(error) }
            }
        }
    }

    private func cut(_ step: RecoveryStep) throws(StorageError) {
        guard let session = step.session else { return }
        if step.kind == .remove {
            try storage.remove(step.path)
        } else {
            let file = try storage.open(step.path, .readWrite)
            // Durable before the end is written again: recoveries that crash in between use up the journal's word that
            // the segment was being written, and a torn tail that is there again would count as damage then.
            try file.truncate(to: step.offset)
            try file.sync()
            try file.close()
        }
        try storage.syncDirectory(StoreLayout.sessionFolder(session))
    }
}
