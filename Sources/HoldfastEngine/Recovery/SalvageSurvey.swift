import HoldfastBytes
import HoldfastLog

/// What a first walk over a damaged session has found, before anything is decided.
struct SalvageSurvey {
    private(set) var ranges: [ClosedRange<UInt64>] = []
    var faults: [SalvageWalk.Fault] = []
    private var told: SalvagedSession
    private var recordCount = 0

    init(_ session: SessionID) { told = SalvagedSession(session) }

    mutating func add(_ found: SalvageWalk.Found) {
        let sequence = found.record.sequence
        if let last = ranges.last, last.upperBound + 1 == sequence, !found.beginsAnew {
            ranges[ranges.count - 1] = last.lowerBound...sequence
        } else {
            ranges.append(sequence...sequence)
        }
        recordCount += 1
        switch found.origin {
        case .segment: break
        case .evidence(.journal): told.fromJournal += 1
        case .evidence(.quarantine): told.fromQuarantine += 1
        // Told with the faults.
        case .flippedBit: break
        }
    }

    /// The session's part of the report, but for what is written.
    func told(_ outline: SalvageOutline, newestSnapshot: UInt64?) -> SalvagedSession {
        var told = told
        told.repairedBits = faults.compactMap { $0.isMended ? $0.bit : nil }
        told.findings = faults.filter { $0.isMended && $0.bit == nil }.map { fault in
            RecoveryReport.Finding(
                kind: .derived, session: told.session, path: fault.path, offset: 0, byteCount: 0,
                reason: "'\(fault.path)': \(fault.reason), which was made again")
        }
        let taken = ranges.reduce(0) { sum, range in
            let (first, last) = (max(range.lowerBound, outline.base + 1), min(range.upperBound, outline.end))
            return first <= last ? sum + Int(last - first + 1) : sum
        }
        let replaced = ranges.reduce(0) { sum, range in
            let last = min(range.upperBound, outline.base)
            return range.lowerBound <= last ? sum + Int(last - range.lowerBound + 1) : sum
        }
        told.leftOutCount = recordCount - taken - replaced
        told.losses = outline.lost.map { lost in
            var loss = SalvagedSession.Loss(first: lost.lowerBound, last: lost.upperBound, reason: "missing")
            loss.isInSnapshot = newestSnapshot ?? 0 >= lost.upperBound
            if let fault = faults.first(where: { !$0.isMended && lost.contains($0.sequence) }) {
                (loss.path, loss.offset, loss.byteCount) = (fault.path, fault.offset, fault.byteCount)
                (loss.reason, loss.bit) = (fault.reason, fault.bit)
            }
            return loss
        }
        return told
    }
}
