import Testing

@testable import HoldfastEngine

/// Which records of a damaged session go into the new store: every case of six records, each there or lost, with
/// every newest snapshot, in both modes.
struct SalvageOutlineTests {
    private static let count: UInt64 = 6

    private func forEachCase(
        _ body: (_ found: Set<UInt64>, _ snapshot: UInt64, DamageMode, SalvageOutline) -> Void
    ) {
        for bits in UInt64(0)..<1 << Self.count {
            let found = Set((1...Self.count).filter { bits >> ($0 - 1) & 1 == 1 })
            for snapshot in 0...Self.count {
                for mode in [DamageMode.cut, .skip] {
                    let outline = SalvageOutline.decide(
                        Self.ranges(found), snapshots: snapshot == 0 ? [] : [snapshot], promised: Self.count, mode: mode
                    )
                    body(found, snapshot, mode, outline)
                }
            }
        }
    }

    private static func ranges(_ found: Set<UInt64>) -> [ClosedRange<UInt64>] {
        found.sorted().reduce(into: []) { ranges, record in
            if let last = ranges.last, last.upperBound + 1 == record {
                ranges[ranges.count - 1] = last.lowerBound...record
            } else {
                ranges.append(record...record)
            }
        }
    }

    @Test func everyNumberIsARecordOrIsFilled() {
        forEachCase { found, _, _, outline in
            let filled = outline.fillers.flatMap(Array.init)
            #expect(Set(filled).isDisjoint(with: found))
            for number in outline.base..<outline.end {
                #expect(found.contains(number + 1) != filled.contains(number + 1))
            }
            #expect(filled.allSatisfy { $0 > outline.base && $0 <= outline.end })
        }
    }

    @Test func everyLossIsNamedAndNothingElse() {
        forEachCase { found, _, _, outline in
            #expect(Set(outline.lost.flatMap(Array.init)) == Set(1...Self.count).subtracting(found))
        }
    }

    @Test func aSnapshotIsNeverLostAndABeginningNeedsOne() {
        forEachCase { found, snapshot, mode, outline in
            #expect(outline.end >= snapshot)
            #expect(outline.base <= snapshot)
            if mode == .skip { #expect(outline.end >= found.max() ?? 0) }
        }
    }

    @Test func withoutLeaveOnlyWhatASnapshotIncludesIsFilled() {
        forEachCase { found, snapshot, mode, outline in
            guard mode == .cut else { return }
            #expect(outline.fillers.allSatisfy { $0.upperBound <= snapshot } && outline.firstUncovered == nil)
            // The session goes on as far as nothing is lost.
            let end = (snapshot + 1...Self.count + 1).first { !found.contains($0) } ?? 0
            #expect(outline.end == end - 1)
        }
    }

    @Test func aSegmentOfAnotherHistoryEndsASession() {
        let ranges: [ClosedRange<UInt64>] = [1...3, 4...6]
        #expect(SalvageOutline.decide(ranges, snapshots: [], promised: 6, mode: .cut).end == 3)
        #expect(SalvageOutline.decide(ranges, snapshots: [], promised: 6, mode: .skip).end == 6)
        #expect(SalvageOutline.decide(ranges, snapshots: [4], promised: 6, mode: .cut).end == 6)
    }

    @Test func aGapThatNobodyCouldFillIsNotFilled() {
        let far = SalvageOutline.fillLimit + 10
        let ranges: [ClosedRange<UInt64>] = [1...1, far...far + 1]
        #expect(SalvageOutline.decide(ranges, snapshots: [], promised: 0, mode: .skip).end == 1)
        let covered = SalvageOutline.decide(ranges, snapshots: [far], promised: 0, mode: .cut)
        #expect(covered.base == far - 1 && covered.end == far + 1 && covered.fillers.isEmpty)
    }
}
