import HoldfastBytes

/// Which writes of a batch continue each other in their segment: such a run becomes one entry.
///
/// Used for one batch after the other, so that only the first ones take memory.
struct WriteRuns {
    struct Run {
        /// The first and the last of its writes.
        let first: Int
        fileprivate(set) var last: Int
        fileprivate(set) var byteCount: Int
        /// Where it ends in the segment.
        fileprivate var end: UInt64
    }

    /// In the order of their first writes: those of a segment stand in the order in which they are to be carried out.
    private(set) var all: [Run] = []
    /// For each write the one that continues it, if any does.
    private var next: [Int?] = []
    /// The last run of each segment.
    private var lasts: [SegmentKey: Int] = [:]

    /// Finds the runs in `writes`, in place of those that were found before.
    mutating func gather(_ writes: [JournalWrite]) {
        all.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        lasts.removeAll(keepingCapacity: true)
        // Most batches have one write of each segment: then nobody need be looked up.
        let mayContinue = writes.contains(where: \.mayContinue)
        for (index, write) in writes.enumerated() {
            let byteCount = write.bytes.count
            next.append(nil)
            if mayContinue, let place = lasts[write.segment], all[place].end == write.offset {
                next[all[place].last] = index
                all[place].last = index
                all[place].byteCount += byteCount
                all[place].end += UInt64(byteCount)
            } else {
                if mayContinue { lasts[write.segment] = all.count }
                all.append(
                    Run(first: index, last: index, byteCount: byteCount, end: write.offset + UInt64(byteCount)))
            }
        }
    }

    /// Calls `body` with each write of `run`, in order.
    func forEach(of run: Run, _ body: (Int) -> Void) {
        var write: Int? = run.first
        while let index = write {
            body(index)
            write = next[index]
        }
    }
}
