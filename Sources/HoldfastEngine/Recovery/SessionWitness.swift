import HoldfastBytes
import HoldfastLog

/// What other files prove of a session's log: its row in the index, and its newest snapshot.
///
/// A segment that lost its end at the border of a record, or was replaced by an older copy, is valid by itself. Only
/// what was written elsewhere tells.
struct SessionWitness {
    /// `nil`, or without a segment, when the index says nothing.
    var row: IndexRow?
    var newestSnapshot: UInt64?

    /// The last record that there must be.
    var promisedSequence: UInt64 {
        max(row.map { $0.segment == 0 ? 0 : $0.lastSequence } ?? 0, newestSnapshot ?? 0)
    }

    /// Whether records in segment `number`, or behind it, are known to have been durable.
    func hasSeen(segment number: UInt32) -> Bool { (row?.segment ?? 0) >= number }

    /// What is wrong with a log that ends at `tail`, or `nil`.
    func contradiction(_ session: SessionID, _ tail: SegmentTail) -> RecoveryReport.Finding? {
        let isShort = tail.sequence < promisedSequence
        guard isShort || isAnotherLog(tail) else { return nil }
        var finding = RecoveryReport.Finding(
            kind: .committedDamage, session: session, path: StoreLayout.sessionFolder(session), offset: tail.offset,
            byteCount: 0,
            reason: isShort
                ? "the log ends at record \(tail.sequence); the index or a snapshot proves record \(promisedSequence)"
                : "the log is not the one that the index has seen")
        if isShort {
            finding.firstSequence = tail.sequence + 1
            finding.lastSequence = promisedSequence
        }
        return finding
    }

    private func isAnotherLog(_ tail: SegmentTail) -> Bool {
        guard let row, row.segment != 0 else { return false }
        return row.segment == tail.header?.number && row.end == tail.offset && row.chain != tail.chain
    }
}
