import HoldfastBytes
import HoldfastLog
import HoldfastStorage

// What the device does to one session, and no other session has to wait for.
extension RecoveryPlan {
    static func byteCount(_ extents: [Extent]) -> UInt64 { extents.reduce(0) { $0 + UInt64($1.byteCount) } }

    /// Has a copy of `extent` kept, of which `reason` says why.
    mutating func keep(_ extent: Extent, _ key: SegmentKey, _ reason: String) throws(LogError) {
        let bytes = try storing { () throws(StorageError) in try extent.bytes() }
        let finding = RecoveryReport.Finding(
            kind: .committedDamage, session: key.session, path: key.path, offset: extent.offset,
            byteCount: UInt64(bytes.count), reason: reason)
        var aside = RecoveryStep(.setAside, key, extent.offset, finding.byteCount)
        aside.quarantine = Quarantine.path(of: bytes)
        kept.append((finding, bytes))
        report.steps.append(aside)
    }

    /// Has what the journal holds for a segment that cannot be written kept, and the index remember that it was there.
    ///
    /// - Parameter row: what the index has seen of the session.
    mutating func keepUnwritten(
        _ extents: [Extent], of key: SegmentKey, _ overlay: JournalOverlay, _ row: IndexRow?
    ) throws(LogError) {
        report.replayedWriteCount -= extents.count
        report.replayedByteCount -= Self.byteCount(extents)
        for extent in extents { try keep(extent, key, "the segment cannot be written; a copy from the journal") }
        witnesses[key.session] = try storing { () throws(StorageError) in try overlay.witness(of: key.session, row) }
    }

    /// Leaves `session` as it is, for the device does not take what belongs there: copies of that are kept.
    ///
    /// - Parameters:
    ///   - path: what the device has refused, and `reason` how.
    ///   - row: what the index has seen of the session.
    mutating func giveUp(
        _ session: SessionID, _ path: String, _ reason: String, _ overlay: JournalOverlay, _ row: IndexRow?
    ) throws(LogError) {
        let refused: Set<RecoveryStep.Kind> = [.restore, .replay, .cut, .remove, .writeAgain]
        report.steps.removeAll { $0.session == session && refused.contains($0.kind) }
        for (key, extents) in restored where key.session == session {
            for extent in extents { try keep(extent, key, "the segment has lost it; a copy from the journal") }
        }
        for (key, extents) in replay where key.session == session {
            try keepUnwritten(extents, of: key, overlay, row)
        }
        restored.removeAll { $0.key.session == session }
        replay.removeAll { $0.key.session == session }
        unproved.removeAll { $0.key.session == session }
        for index in report.findings.indices where report.findings[index].session == session {
            if report.findings[index].kind == .restored { report.findings[index].kind = .committedDamage }
        }
        let finding = RecoveryReport.Finding(
            kind: .mediaError, session: session, path: path, offset: 0, byteCount: 0, reason: reason)
        report.findings.append(finding)
        report.refused[session] = reason
        leaveUndecided(session, overlay, reason)
    }

    /// Leaves the end of what is written directly of `session` to a later recovery. Whoever appended before it could
    /// append to what a power cut takes away.
    mutating func leaveUndecided(_ session: SessionID, _ overlay: JournalOverlay, _ reason: String) {
        guard let number = overlay.direct(of: session) else { return }
        undecided.append(SegmentKey(session: session, number: number))
        report.refused[session] = reason
    }
}

extension RecoveryStep {
    /// What is done to a segment.
    init(_ kind: Kind, _ key: SegmentKey, _ offset: UInt64, _ byteCount: UInt64) {
        self.init(kind: kind, session: key.session, path: key.path, offset: offset, byteCount: byteCount)
    }
}
