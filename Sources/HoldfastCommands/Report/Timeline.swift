/// Counts over time, in a bounded number of spans of equal length, however far apart the times are. Pure.
struct Timeline: Equatable {
    /// One span.
    struct Span: Equatable {
        var records = 0
        var turns = 0
    }

    private static let spanLimit = 120
    /// The shortest span, in milliseconds: a minute.
    private static let shortest: UInt64 = 60_000

    /// The length of a span, in milliseconds.
    private(set) var spanMilliseconds = shortest
    /// When the first span begins; a multiple of the length.
    private(set) var start: UInt64 = 0
    /// Without gaps, from the first with a record to the last.
    private(set) var spans: [Span] = []

    /// Counts a record that was written at `time`, in milliseconds since 1970.
    mutating func add(_ time: UInt64, isTurn: Bool) {
        let index = makeRoom(for: time)
        spans[index].records += 1
        if isTurn { spans[index].turns += 1 }
    }

    /// The place of the span of `time`, once there is one.
    private mutating func makeRoom(for time: UInt64) -> Int {
        if spans.isEmpty {
            start = time - time % spanMilliseconds
            spans = [Span()]
        }
        while distance(to: time) > Self.spanLimit { coarsen() }
        let first = time - time % spanMilliseconds
        if first < start {
            spans.insert(contentsOf: repeatElement(Span(), count: Int((start - first) / spanMilliseconds)), at: 0)
            start = first
        }
        let index = Int((first - start) / spanMilliseconds)
        while spans.count <= index { spans.append(Span()) }
        return index
    }

    /// How many spans there would have to be.
    private func distance(to time: UInt64) -> Int {
        let end = start + UInt64(spans.count - 1) * spanMilliseconds
        let first = min(start, time - time % spanMilliseconds)
        return Int(clamping: (max(end, time) - first) / spanMilliseconds + 1)
    }

    /// Makes spans of twice the length.
    private mutating func coarsen() {
        let length = spanMilliseconds * 2
        let first = start - start % length
        var wider: [Span] = []
        for (index, span) in spans.enumerated() {
            let at = Int((start + UInt64(index) * spanMilliseconds - first) / length)
            if wider.count <= at { wider.append(Span()) }
            wider[at].records += span.records
            wider[at].turns += span.turns
        }
        (spans, start, spanMilliseconds) = (wider, first, length)
    }
}
