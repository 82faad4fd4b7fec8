import HoldfastLog

// What can be asked about the lists. Pure.
extension MessageRuns {
    /// The runs that make up the part `window` of `list`; with `hidden` ones the places count those too.
    func runs(of list: SessionList, in window: Range<Int>, hidden: Bool = false) -> [Run] {
        var found: [Run] = []
        var start = 0
        for run in runs where run[list] == .active || (hidden && run[list] != .absent) {
            let overlap = (start..<start + run.count).clamped(to: window)
            if !overlap.isEmpty {
                var part = run
                part.first += overlap.lowerBound - start
                part.count = overlap.count
                found.append(part)
            }
            start += run.count
            if start >= window.upperBound { break }
        }
        return found
    }

    /// How many messages `list` has, hidden ones included.
    func totalCount(_ list: SessionList) -> Int {
        runs.reduce(0) { $0 + ($1[list] == .absent ? 0 : $1.count) }
    }

    /// How the visible message at `place` stands to the context.
    func contextStanding(ofVisible place: Int) -> Standing {
        runs(of: .visible, in: place..<place + 1).first?.context ?? .absent
    }

    /// How much of the context stays when only the first `keep` visible messages do: what comes before the
    /// first message that the cut takes away from both.
    ///
    /// So nothing stays in the context that led from what is gone, and a summary of it, which stands in the
    /// context alone, does stay.
    func contextCount(keepingVisible keep: Int) -> Int {
        var visible = 0
        var context = 0
        for run in runs {
            let isBoth = run.visible == .active && run.context == .active
            if isBoth, visible + run.count > keep { return context + max(0, keep - visible) }
            if run.visible == .active { visible += run.count }
            if run.context == .active { context += run.count }
        }
        return context
    }

    /// The newest `take_back` that was not restored, with what it hides, but for whose messages those are.
    var newestTakenBack: MessageRestore? {
        let sequences = runs.flatMap { [$0.visible.takenBack, $0.context.takenBack] }
        guard let newest = sequences.compactMap(\.self).max() else { return nil }
        func count(_ list: SessionList) -> Int {
            runs.reduce(0) { $0 + ($1[list] == .takenBack(newest) ? $1.count : 0) }
        }
        return MessageRestore(sequence: newest, count: count(.visible), contextCount: count(.context))
    }
}

extension MessageRuns.Standing {
    /// The record that has taken the message back.
    var takenBack: Sequence? { if case .takenBack(let sequence) = self { sequence } else { nil } }

    /// The state to show; `nil` for a message that is not in the list at all.
    var state: MessageState? {
        switch self {
        case .absent: nil
        case .active: .active
        case .compacted: .compacted
        case .takenBack: .takenBack
        }
    }
}
