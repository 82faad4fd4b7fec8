import HoldfastBytes
import HoldfastStorage

/// Committed bytes that are not in their segments yet, found by session.
struct Backlog {
    private struct Segment {
        var number: UInt32
        var extents: [Extent]
    }

    /// A session seldom has more than one segment here.
    private var segments: [SessionID: [Segment]] = [:]
    private(set) var byteCount = 0

    var isEmpty: Bool { segments.isEmpty }
    /// The sessions that have something here, in no order.
    var sessions: some Collection<SessionID> { segments.keys }

    /// Adds bytes that were committed after all that are there.
    mutating func add(_ extent: Extent, to key: SegmentKey) {
        byteCount += extent.byteCount
        Self.append(CollectionOfOne(extent), to: key.number, in: &segments[key.session, default: []])
    }

    /// Adds what was committed after all that is there.
    mutating func add(_ newer: Backlog) {
        guard !isEmpty else { return self = newer }
        byteCount += newer.byteCount
        for (session, added) in newer.segments {
            for one in added { Self.append(one.extents, to: one.number, in: &segments[session, default: []]) }
        }
    }

    /// Adds what was committed before all that is there.
    mutating func add(_ older: [Extent], before key: SegmentKey) {
        byteCount += older.reduce(0) { $0 + $1.byteCount }
        let newer = extents(of: key.session)[key.number] ?? []
        segments[key.session]?.removeAll { $0.number == key.number }
        Self.append(older + newer, to: key.number, in: &segments[key.session, default: []])
    }

    /// Those of one session, by segment number. Takes time for this session only.
    func extents(of session: SessionID) -> [UInt32: [Extent]] {
        var found: [UInt32: [Extent]] = [:]
        for segment in segments[session] ?? [] { found[segment.number] = segment.extents }
        return found
    }

    /// All of it, in the order of the segments.
    var work: [(key: SegmentKey, extents: [Extent])] {
        segments.flatMap { session, segments in
            segments.map { (key: SegmentKey(session: session, number: $0.number), extents: $0.extents) }
        }
        .sorted { $0.key < $1.key }
    }

    /// The same, without anything that is left in the journal.
    func inMemory() throws(StorageError) -> Backlog {
        var loaded = Backlog()
        for (key, extents) in work {
            for extent in extents { loaded.add(try extent.inMemory(), to: key) }
        }
        return loaded
    }

    private static func append(
        _ extents: some Collection<Extent>, to number: UInt32, in segments: inout [Segment]
    ) {
        if let index = segments.lastIndex(where: { $0.number == number }) {
            segments[index].extents.append(contentsOf: extents)
        } else {
            segments.append(Segment(number: number, extents: Array(extents)))
        }
    }
}
