import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// All that a recovery is going to do, decided before anything is written.
///
/// Whoever asks first (`holdfast recover --dry-run`) is shown the same plan that ``RecoveryPass`` carries out.
struct RecoveryPlan {
    /// What is found, and the steps in their order.
    var report: RecoveryReport
    /// What the journal has and the segments may lack.
    var replay: [(key: SegmentKey, extents: [Extent])] = []
    /// What segments have lost and the journal still has.
    var restored: [(key: SegmentKey, extents: [Extent])] = []
    /// Bytes that the journal has of segments that nothing makes whole, or that cannot be written, each with the place
    /// where it belongs.
    var kept: [(finding: RecoveryReport.Finding, bytes: [UInt8])] = []
    /// How far the logs reach whose end could not be written.
    var witnesses: [SessionID: IndexRow] = [:]
    /// What of the segments stays without proof of being durable, written directly as it was.
    var unproved: [(key: SegmentKey, extents: [Extent])] = []
    /// Segments that are written directly and of which the device does not give the end. Where that is, is for a later
    /// recovery to say, and until then the journal must go on naming them.
    var undecided: [SegmentKey] = []

    /// Leaves the end of what is written directly of `session` to a later recovery. Whoever appended before it could
    /// append to what a power cut takes away.
    mutating func leaveUndecided(_ session: SessionID, _ overlay: JournalOverlay, _ reason: String) {
        guard let number = overlay.direct(of: session) else { return }
        undecided.append(SegmentKey(session: session, number: number))
        report.refused[session] = reason
    }
}

extension JournalSummary {
    /// Why the index is made again when batches are missing.
    static let missingBatches = "the journal has batches that cannot be read"
}

/// Makes the plan: reads, and writes nothing.
struct RecoveryPlanner {
    let storage: any Storage
    let storeTag: UInt64
    /// Asked what it has seen of the sessions that the journal names.
    let index: IndexKeeper
    /// On how many threads sessions are looked at, at most.
    var threadCount = 1

    func plan(_ overlay: JournalOverlay) throws(LogError) -> RecoveryPlan {
        var plan = RecoveryPlan(report: start(overlay))
        for index in plan.report.findings.indices where plan.report.findings[index].byteCount > 0 {
            // The journal's files are going to be used again.
            try setAside(&plan.report.findings[index], [], &plan.report.steps)
        }
        for batch in overlay.summary.mended { try planMending(of: batch, &plan) }
        try planRestoring(overlay, &plan)
        for (key, extents) in overlay.work { try planReplay(of: extents, into: key, overlay, &plan) }
        let filled = overlay.adding(plan.restored)
        try look(at: overlay.sessions, filled, &plan)
        for (key, extents) in plan.unproved {
            for extent in extents {
                plan.report.steps.append(step(.writeAgain, key, extent.offset, UInt64(extent.byteCount)))
            }
        }
        if !plan.report.wasClosedCleanly { try planIndex(overlay, &plan.report) }
        return plan
    }

    // MARK: Parts

    private func start(_ overlay: JournalOverlay) -> RecoveryReport {
        var report = RecoveryReport()
        let summary = overlay.summary
        // What was begun after the closing is to be reported once: this opening's first batch then stands behind it.
        report.wasClosedCleanly =
            summary.closedCleanly && summary.damage.isEmpty && summary.tornTail == nil && overlay.sessions.isEmpty
        report.journalBatchCount = summary.batchCount
        report.journalByteCount = summary.byteCount
        report.replayedWriteCount = overlay.writeCount
        report.replayedByteCount = UInt64(overlay.extents.byteCount)
        report.sessions = overlay.sessions
        report.findings = summary.findings + [missingSessions(overlay)].compactMap(\.self)
        return report
    }

    /// The batch counts as if its bit had not flipped; what stands in the file is kept before the file is used again.
    private func planMending(of batch: JournalStretch, _ plan: inout RecoveryPlan) throws(LogError) {
        guard let bit = batch.bit else { return }
        var finding = batch.finding(.committedDamage)
        finding.reason = bit.story
        try setAside(&finding, [], &plan.report.steps)
        let bytes = try storing { () throws(StorageError) in
            try storage.open(batch.path, .read).read(count: Int(batch.byteCount), at: batch.offset)
        }
        plan.kept.append((finding, bytes))
        plan.report.steps.append(RecoveryStep(kind: .repairBit, path: batch.path, offset: bit.offset, byteCount: 1))
    }

    /// Damage, where all sessions are gone at once: their folder, or every one in it together with the index.
    private func missingSessions(_ overlay: JournalOverlay) -> RecoveryReport.Finding? {
        guard let shards = try? storage.list(StoreLayout.sessionsFolder) else {
            return SessionFolders(storage: storage).survey().findings.first
        }
        guard shards.isEmpty, (try? storage.attributes(StoreLayout.indexFile)) == .some(nil) else { return nil }
        return overlay.index?.traceless(nil, Set(overlay.sessions))
    }

    /// Where something else stands in a segment's place, nothing is written, and no other session has to wait: what the
    /// journal has of it is kept, and the index remembers that it was there.
    private func planReplay(
        of extents: [Extent], into key: SegmentKey, _ overlay: JournalOverlay, _ plan: inout RecoveryPlan
    ) throws(LogError) {
        let byteCount = extents.reduce(0) { $0 + UInt64($1.byteCount) }
        guard isBarred(key) else {
            plan.replay.append((key, extents))
            plan.report.steps.append(step(.replay, key, extents.first?.offset ?? 0, byteCount))
            return
        }
        plan.report.replayedWriteCount -= extents.count
        plan.report.replayedByteCount -= byteCount
        for extent in extents { try keep(extent, key, "the segment cannot be written; a copy from the journal", &plan) }
        let row = try index.row(of: key.session)
        plan.witnesses[key.session] = try storing { () throws(StorageError) in
            try overlay.witness(of: key.session, row)
        }
    }

    private func isBarred(_ key: SegmentKey) -> Bool {
        do throws(StorageError) {
            _ = try storage.open(key.path, .read)
            return false
        } catch {
            return error.isOfKind
        }
    }

    private func step(
        _ kind: RecoveryStep.Kind, _ key: SegmentKey, _ offset: UInt64, _ byteCount: UInt64
    ) -> RecoveryStep {
        RecoveryStep(kind: kind, session: key.session, path: key.path, offset: offset, byteCount: byteCount)
    }

    /// Holds the segments against what the journal still has of them and is about to give up.
    private func planRestoring(_ overlay: JournalOverlay, _ plan: inout RecoveryPlan) throws(LogError) {
        let named = Set(overlay.sessions)
        let lost = try LostWrites.all(in: storage, storeTag: storeTag, overlay) { (session) throws(LogError) in
            try index.row(of: session)
        }
        for lost in lost {
            try take(lost, &plan)
            // Those that the journal names are looked at anyway.
            if lost.fate == .kept, !named.contains(lost.session) { try look(at: [lost.session], overlay, &plan) }
        }
    }

    /// What segments have lost is written again; or kept, where that does not make the session whole.
    private func take(_ lost: LostWrites, _ plan: inout RecoveryPlan) throws(LogError) {
        switch lost.fate {
        case .unneeded: return
        case .restored:
            for (key, extents) in lost.work { try restore(key, extents, lost.firstSequence, &plan) }
        case .kept:
            for (key, extents) in lost.work {
                for extent in extents {
                    try keep(extent, key, "the segment has lost it; a copy from the journal", &plan)
                }
            }
        }
    }

    private func restore(
        _ key: SegmentKey, _ extents: [Extent], _ sequence: Sequence, _ plan: inout RecoveryPlan
    ) throws(LogError) {
        let start = extents.map(\.offset).min() ?? 0
        var finding = RecoveryReport.Finding(
            kind: .restored, session: key.session, path: key.path, offset: start,
            byteCount: (extents.map(\.end).max() ?? start) - start,
            reason: "damaged or missing in the segment, and still in the journal")
        finding.firstSequence = sequence
        let fileByteCount = try storing { () throws(StorageError) in try file(key.path)?.byteCount() ?? 0 }
        // What stands there now is kept before it is written over.
        if fileByteCount > start { try setAside(&finding, [], &plan.report.steps) }
        plan.report.findings.append(finding)
        plan.restored.append((key, extents))
        let byteCount = extents.reduce(0) { $0 + UInt64($1.byteCount) }
        plan.report.steps.append(step(.restore, key, start, byteCount))
    }

    private func keep(
        _ extent: Extent, _ key: SegmentKey, _ reason: String, _ plan: inout RecoveryPlan
    ) throws(LogError) {
        let bytes = try storing { () throws(StorageError) in try extent.bytes() }
        let finding = RecoveryReport.Finding(
            kind: .committedDamage, session: key.session, path: key.path, offset: extent.offset,
            byteCount: UInt64(bytes.count), reason: reason)
        var aside = step(.setAside, key, extent.offset, finding.byteCount)
        aside.quarantine = Quarantine.path(of: bytes)
        plan.kept.append((finding, bytes))
        plan.report.steps.append(aside)
    }

    /// Names the copy that is going to be made of a finding's bytes. Where the device does not give those of a session
    /// there is none, and nothing is cut off; what takes the place of lost bytes does so all the same.
    private func setAside(
        _ finding: inout RecoveryReport.Finding, _ extents: [Extent], _ steps: inout [RecoveryStep]
    ) throws(LogError) {
        let (path, offset) = (finding.path, finding.offset)
        let count = Int(min(finding.byteCount, UInt64(Limits.largestPayloadLimit)))
        let bytes: [UInt8]
        do throws(StorageError) {
            bytes = try SegmentImage(file: try file(path), extents: extents).read(count: count, at: offset)
        } catch {
            guard error.isOfSession, finding.session != nil else { throw LogError(error) }
            if finding.kind == .tornTail { (finding.kind, finding.reason) = (.mediaError, error.clause) }
            return
        }
        finding.quarantine = Quarantine.path(of: bytes)
        steps.append(
            RecoveryStep(
                kind: .setAside, session: finding.session, path: path, offset: offset, byteCount: UInt64(bytes.count),
                quarantine: finding.quarantine))
    }

    private func file(_ path: String) throws(StorageError) -> (any StorageFile)? {
        do throws(StorageError) {
            return try storage.open(path, .read)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Walks the ends of `sessions`, side by side, and plans what they need, in their order.
    private func look(
        at sessions: [SessionID], _ overlay: JournalOverlay, _ plan: inout RecoveryPlan
    ) throws(LogError) {
        let outcomes = Lock<[Result<SessionScan.Outcome, LogError>?]>(Array(repeating: nil, count: sessions.count))
        Workers.forEach(Array(sessions.indices), threads: threadCount, name: "holdfast-check") { index in
            let outcome = Result { () throws(LogError) in try walk(sessions[index], overlay) }
            outcomes.withLock { $0[index] = outcome }
        }
        for (session, outcome) in zip(sessions, outcomes.withLock(\.self)) {
            guard let outcome else { preconditionFailure("a session has not been looked at") }
            try take(outcome, of: session, overlay, &plan)
        }
    }

    private func take(
        _ result: Result<SessionScan.Outcome, LogError>, of session: SessionID, _ overlay: JournalOverlay,
        _ plan: inout RecoveryPlan
    ) throws(LogError) {
        let outcome: SessionScan.Outcome
        do throws(LogError) {
            outcome = try result.get()
        } catch {
            guard isFolderBarred(session) else { throw error }
            plan.report.findings.append(.unreadable(session, error))
            plan.leaveUndecided(session, overlay, error.message)
            return
        }
        if var finding = outcome.finding {
            let number = finding.path.split(separator: "/").last.flatMap { StoreLayout.segmentNumber(String($0)) }
            let extents = number.flatMap { overlay.unflushed(session)[$0] } ?? []
            if finding.byteCount > 0 && finding.kind != .mediaError {
                try setAside(&finding, extents, &plan.report.steps)
            }
            if finding.kind == .tornTail { plan.report.steps.append(Self.cut(finding)) }
            if finding.kind == .mediaError { plan.leaveUndecided(session, overlay, finding.reason) }
            plan.report.findings.append(finding)
        }
        if plan.report.refused[session] != nil { return }
        if let end = try unprovedEnd(outcome, overlay) { plan.unproved.append(end) }
    }

    /// Whether the folder of `session` cannot be listed, by its rights, its kind or the device: an opening does not end
    /// there.
    private func isFolderBarred(_ session: SessionID) -> Bool {
        do throws(StorageError) {
            _ = try storage.list(StoreLayout.sessionFolder(session))
            return false
        } catch {
            return error.isOfFile || error.isOfSession
        }
    }

    /// Cuts what was never acknowledged. A segment without a whole header has no record at all and is removed.
    private static func cut(_ finding: RecoveryReport.Finding) -> RecoveryStep {
        RecoveryStep(
            kind: finding.offset > 0 ? .cut : .remove, session: finding.session, path: finding.path,
            offset: finding.offset, byteCount: finding.byteCount)
    }

    private func scan(of session: SessionID, _ overlay: JournalOverlay) throws(LogError) -> SessionScan {
        let folder = try SessionFolder(session, in: storage)
        return SessionScan(
            of: session, in: storage, storeTag: storeTag, overlay,
            witness: SessionWitness(row: try index.row(of: session), newestSnapshot: folder.snapshots.last))
    }

    private func walk(_ session: SessionID, _ overlay: JournalOverlay) throws(LogError) -> SessionScan.Outcome {
        let scan = try scan(of: session, overlay)
        let folder = try scan.folder()
        // What was written since the low-water mark stands in the last segments; older ones are not touched. A segment
        // that the journal names may not have been made yet: the one before it ends the log then.
        let named = [scan.writtenDirectly].compactMap { $0 } + Array(scan.unflushed.keys)
        let first = min(named.min() ?? 0, folder.segments.last ?? 0)
        return try scan.walk(folder.segments.filter { $0 >= first })
    }

    /// The valid end of a directly written segment, from the last promise on.
    private func unprovedEnd(
        _ outcome: SessionScan.Outcome, _ overlay: JournalOverlay
    ) throws(LogError) -> (key: SegmentKey, extents: [Extent])? {
        guard let header = outcome.tail.header, outcome.verdict == .end || outcome.verdict == .tornTail else {
            return nil
        }
        let key = SegmentKey(session: header.session, number: header.number)
        guard overlay.direct(of: key.session) == key.number else { return nil }
        let count = Int(outcome.tail.offset - outcome.provedOffset)
        let bytes = try storing { () throws(StorageError) in
            try SegmentImage(file: try file(key.path), extents: overlay.unflushed(key.session)[key.number] ?? [])
                .read(count: count, at: outcome.provedOffset)
        }
        return (key, [Extent(offset: outcome.provedOffset, bytes: bytes)])
    }

    /// The journal will not name these sessions again, so the index must say that it is behind.
    private func planIndex(_ overlay: JournalOverlay, _ report: inout RecoveryReport) throws(LogError) {
        let isDamaged = overlay.sessions.isEmpty ? false : try index.damage() != nil
        if isDamaged || !overlay.summary.missing.isEmpty {
            report.steps.append(RecoveryStep(kind: .rebuildIndex, path: StoreLayout.indexFile))
        }
        for session in overlay.sessions {
            report.steps.append(RecoveryStep(kind: .refresh, session: session, path: StoreLayout.indexFile))
        }
    }
}

extension JournalSummary {
    /// What is wrong with the journal itself.
    var findings: [RecoveryReport.Finding] {
        damage.map { $0.finding(.committedDamage) } + missing.map { $0.finding(.derived) }
            + [tornTail].compactMap { $0?.finding(.tornTail) }
    }
}

extension JournalStretch {
    /// The stretch as a finding that concerns no session alone.
    func finding(_ kind: RecoveryReport.Finding.Kind) -> RecoveryReport.Finding {
        var finding = RecoveryReport.Finding(
            kind: kind, session: nil, path: path, offset: offset, byteCount: byteCount, reason: reason)
        finding.bit = bit
        return finding
    }
}
