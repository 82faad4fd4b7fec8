import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// What the journal holds that the segments may lack.
struct JournalOverlay {
    /// Committed bytes above the low-water mark, in the order of their commit.
    private(set) var extents = Backlog()
    /// The segment of each session that is written directly and has not been sealed. A newer one promises the older.
    private var directSegments: [SessionID: UInt32] = [:]
    /// What the journal says of the index.
    private(set) var index: IndexMark?
    /// Where writes below the low-water mark stand, if they were asked for.
    private(set) var older = OlderWrites()
    private(set) var writeCount = 0
    var summary = JournalSummary()

    /// Segments that are written directly and have not been sealed.
    var direct: Set<SegmentKey> { Set(directSegments.map { SegmentKey(session: $0.key, number: $0.value) }) }

    /// Every session that must be looked at after a crash.
    var sessions: [SessionID] { Set(extents.sessions).union(directSegments.keys).sorted() }

    /// What a replay writes, in the order in which it does.
    var work: [(key: SegmentKey, extents: [Extent])] { extents.work }

    /// The committed bytes of `session`, by segment number.
    func unflushed(_ session: SessionID) -> [UInt32: [Extent]] { extents.extents(of: session) }

    /// The segment of `session` that is written directly and has not been sealed.
    func direct(of session: SessionID) -> UInt32? { directSegments[session] }

    /// How far the log of `session` reaches at least, when what the journal has of it is counted on from `row`.
    func witness(of session: SessionID, _ row: IndexRow?) throws(StorageError) -> IndexRow {
        var witness = IndexRow(unknown: session, witness: row)
        for (number, extents) in unflushed(session).sorted(by: { $0.key < $1.key }) {
            for extent in extents { try witness.count(extent, of: number) }
        }
        return witness
    }

    /// The same with what segments have lost, laid under what they may lack.
    func adding(_ restored: [(key: SegmentKey, extents: [Extent])]) -> JournalOverlay {
        var filled = self
        for (key, lost) in restored { filled.extents.add(lost, before: key) }
        return filled
    }

    /// Reads the whole journal. Memory: what it holds of what is above the low-water mark at any point, and a mebibyte.
    ///
    /// - Parameters:
    ///   - notesOlder: whether writes below the low-water mark are noted too, some 60 bytes for each.
    ///   - bits: what is done about flipped bits in batches.
    ///   - limit: the longest write that is held in memory. Nobody may write to the journal before the overlay's last
    ///     use then: longer ones are left where they are. Without it all are held.
    static func read(
        from storage: any Storage, storeTag: UInt64, notesOlder: Bool = false, bits: JournalBits = .ignored,
        holdingUpTo limit: Int = .max
    ) throws(LogError) -> JournalOverlay {
        var content = Content(older: notesOlder ? OlderWrites() : nil, limit: limit)
        let reader = JournalReader(storage: storage, storeTag: storeTag, bits: bits)
        let summary = try reader.read { (batch) throws(LogError) in content.take(batch) }
        var overlay = JournalOverlay()
        overlay.summary = summary
        content.forget(through: summary.lowWaterMark)
        // Closing in order gives the journal up.
        if !summary.closedCleanly, let older = content.older { overlay.older = older }
        overlay.directSegments = content.direct
        overlay.index = content.index
        for (key, writes) in content.writes {
            for write in writes { overlay.extents.add(write.extent, to: key) }
            overlay.writeCount += writes.count
        }
        return overlay
    }
}

/// What the batches read so far have said.
private struct Content {
    struct Write {
        var batch: UInt64
        /// Where the bytes belong in the segment.
        var offset: UInt64
        var place: JournalPlace
        /// The bytes, unless they are left in the journal.
        var bytes: ArraySlice<UInt8>?

        var extent: Extent {
            bytes.map { Extent(offset: offset, bytes: $0) } ?? Extent(offset: offset, place: place)
        }
    }

    /// All writes below the low-water mark, if they are asked for.
    private(set) var older: OlderWrites?
    /// Longer writes are left in the journal.
    private let limit: Int
    private var lists: [[Write]] = []
    /// Where in `lists` the writes to a segment stand.
    private var places: [SegmentKey: Int] = [:]
    /// The segment of each session that is written directly: a later one replaces the one before.
    private(set) var direct: [SessionID: UInt32] = [:]
    private(set) var index: IndexMark?
    private var lowWaterMark: UInt64 = 0

    init(older: OlderWrites?, limit: Int) {
        self.older = older
        self.limit = limit
    }

    /// What is above the low-water mark, in the order of the batches.
    var writes: [(key: SegmentKey, writes: [Write])] {
        places.map { ($0.key, lists[$0.value]) }.filter { !$0.1.isEmpty }
    }

    mutating func take(_ batch: JournalReader.Batch) {
        forget(through: batch.header.lowWaterMark)
        // Without a long write, one copy is enough for all of the batch.
        let hasLong = batch.entries.contains { $0.writtenByteCount > limit }
        let body = hasLong ? nil : [UInt8](batch.body)
        for entry in batch.entries { take(entry, of: batch, body) }
    }

    private mutating func take(_ entry: JournalEntry, of batch: JournalReader.Batch, _ body: [UInt8]?) {
        switch entry {
        case .write(let segment, let offset, let range):
            let write = write(range, at: offset, of: batch, body)
            if let list = places[segment] {
                lists[list].append(write)
            } else {
                places[segment] = lists.count
                lists.append([write])
            }
        case .direct(let segment):
            direct[segment.session] = segment.number
        case .sealed(let segment):
            if direct[segment.session] == segment.number { direct[segment.session] = nil }
        case .index(let range):
            index = IndexMark(batch.body.slice(range)) ?? index
        }
    }

    private func write(
        _ range: Range<Int>, at offset: UInt32, of batch: JournalReader.Batch, _ body: [UInt8]?
    ) -> Write {
        let bytes = batch.body.slice(range)
        let place = JournalPlace(
            source: batch.source, offset: batch.offset + UInt64(BatchHeader.byteCount + range.lowerBound),
            byteCount: bytes.count, checksum: Checksum.of(bytes))
        let isLeft = body == nil && bytes.count > limit
        return Write(
            batch: batch.header.number, offset: UInt64(offset), place: place,
            bytes: isLeft ? nil : body?[range] ?? [UInt8](bytes)[...])
    }

    /// Drops what is in the segments, as soon as the journal says so.
    mutating func forget(through mark: UInt64) {
        guard mark > lowWaterMark else { return }
        lowWaterMark = mark
        var done: [SegmentKey] = []
        for (key, list) in places {
            let count = lists[list].firstIndex { $0.batch > mark } ?? lists[list].count
            for write in lists[list][..<count] { older?.note(write.place, to: key, at: write.offset) }
            lists[list].removeFirst(count)
            guard lists[list].isEmpty else { continue }
            lists[list] = []  // without the memory of what was in it
            done.append(key)
        }
        for key in done { places[key] = nil }
    }
}
