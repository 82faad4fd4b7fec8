@testable import Holdfast
import Testing

/// The fold of where messages are.
@Suite struct MessageRunsTests {
    private func append(_ count: Int, _ placement: Placement = .both) -> Change {
        .append(MessageList(checked: Array(repeating: [0][...], count: count)).placed(placement))
    }

    @Test func appendsThatAreCutNeedNoMoreThanWhatIsLeft() {
        var runs = MessageRuns()
        for sequence in 1...100 as ClosedRange<UInt64> {
            runs.apply(append(10), sequence: sequence * 2)
            runs.apply(.cut(MessageCut(kind: .truncate, count: 5, contextCount: 5)), sequence: sequence * 2 + 1)
        }
        #expect(runs.runs == [MessageRuns.Run(source: .record(2), first: 0, count: 5)])
        #expect(runs.count(.visible) == 5 && runs.count(.context) == 5)
    }

    @Test func anEditSplitsARunAndTheNextTakesItsPlace() {
        var runs = MessageRuns()
        runs.apply(append(5), sequence: 1)
        for sequence in [2, 3] as [UInt64] {
            runs.apply(.edit(MessageEdit(list: .context, index: 2, message: [0, 0])), sequence: sequence)
        }
        #expect(runs.runs.map(\.count) == [2, 1, 2] && runs.runs.map(\.first) == [0, 2, 3])
        #expect(runs.runs[1].edit == MessageRuns.Edit(sequence: 3, byteCount: 2))
    }

    @Test func theContextIsCutBeforeTheFirstMessageThatBothLose() {
        var runs = MessageRuns()
        runs.apply(append(2), sequence: 1)
        runs.apply(append(3, .context), sequence: 2)
        runs.apply(append(2, .visible), sequence: 3)
        runs.apply(append(2), sequence: 4)
        #expect((0...6).map { runs.contextCount(keepingVisible: $0) } == [0, 1, 5, 5, 5, 6, 7])
    }

    @Test func aPartOfAListIsFoundAmongHiddenOnes() {
        var runs = MessageRuns()
        runs.apply(append(3), sequence: 1)
        runs.apply(.cut(MessageCut(kind: .takeBack, count: 1, contextCount: 2)), sequence: 2)
        runs.apply(append(3), sequence: 3)
        func places(_ list: SessionList, _ window: Range<Int>, hidden: Bool = false) -> [Int] {
            runs.runs(of: list, in: window, hidden: hidden).flatMap { run in
                (run.first..<run.first + run.count).map { $0 + (run.source == .record(3) ? 10 : 0) }
            }
        }
        #expect(places(.visible, 0..<4) == [0, 10, 11, 12] && places(.context, 1..<3) == [1, 10])
        #expect(places(.visible, 1..<4, hidden: true) == [1, 2, 10] && runs.totalCount(.visible) == 6)
        #expect(runs.newestTakenBack == MessageRestore(sequence: 2, count: 2, contextCount: 1))
    }
}
