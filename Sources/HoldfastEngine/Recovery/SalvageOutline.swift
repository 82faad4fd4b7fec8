/// What to do about records that are lost for good.
package enum DamageMode: String, Sendable, CaseIterable {
    /// A session ends before the first record that is lost; torn tails are cut off.
    case cut
    /// A session goes on behind what is lost, with a record that says nothing in the place of each lost one.
    case skip
    /// Nothing is done at all when anything is lost.
    case stop
}

/// What of a session goes into the new store. Decided from what can be proved of it; pure.
struct SalvageOutline: Equatable {
    /// The session begins behind this record, with a snapshot.
    var base: UInt64 = 0
    /// The last record that it has.
    var end: UInt64 = 0
    /// Records that get one in their place that says nothing: of a lost one that a snapshot includes, or of any with
    /// `skip`.
    var fillers: [ClosedRange<UInt64>] = []
    /// The first of them that no snapshot includes: what follows may not fit.
    var firstUncovered: UInt64?
    /// Everything that cannot be had, whatever became of it.
    var lost: [ClosedRange<UInt64>] = []

    /// More lost records than this in one place are not filled in.
    static let fillLimit: UInt64 = 1 << 16

    /// - Parameters:
    ///   - found: the records that can be proved, in order; each range begins behind a gap, or where a segment does
    ///     not continue the one before.
    ///   - snapshots: the sequences of the snapshots that are whole.
    ///   - promised: the last record that there must be.
    ///   - trimmed: the last of the first records that were dropped in order, as a snapshot has replaced them.
    static func decide(
        _ found: [ClosedRange<UInt64>], snapshots: [UInt64], promised: UInt64, trimmed: UInt64 = 0, mode: DamageMode
    ) -> SalvageOutline {
        var outline = SalvageOutline()
        let covered = snapshots.max() ?? 0
        var seen = trimmed
        var goesOn = true
        for range in found {
            let first = range.lowerBound
            if goesOn { goesOn = outline.bridge(to: first, covered: covered, mode) }
            if first > seen + 1 { outline.lost.append(seen + 1...first - 1) }
            seen = max(seen, range.upperBound)
            if goesOn { outline.end = seen }
        }
        if outline.end < covered { _ = outline.bridge(to: covered + 1, covered: covered, mode) }
        if outline.end == outline.base, outline.end > 0 {
            // A log has a record at least, which the index can bear witness of.
            outline.base -= 1
            outline.fillers = [outline.end...outline.end]
        }
        let last = max(promised, covered)
        if seen < last { outline.lost.append(seen + 1...last) }
        return outline
    }

    /// Deals with what lies between the end so far and record `next`; false when the session ends there.
    private mutating func bridge(to next: UInt64, covered: UInt64, _ mode: DamageMode) -> Bool {
        let isGap = next > end + 1
        // Two segments that are not of the same history: nothing is missing, and still it does not fit.
        if !isGap { return end == 0 || mode == .skip || covered >= next }
        let included = min(next - 1, covered)
        if included > end {
            if end == base || included - end > Self.fillLimit {
                (base, fillers, firstUncovered) = (included, [], nil)
            } else {
                fillers.append(end + 1...included)
            }
            end = included
        }
        guard next > end + 1 else { return true }
        guard mode == .skip, next - 1 - end <= Self.fillLimit else { return false }
        firstUncovered = firstUncovered ?? end + 1
        fillers.append(end + 1...next - 1)
        end = next - 1
        return true
    }
}
