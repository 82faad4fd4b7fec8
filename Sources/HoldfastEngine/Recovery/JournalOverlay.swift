import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// What the journal holds that the segments may lack.
struct JournalOverlay {
    /// Committed bytes above the low-water mark, in the order of their commit.
    var extents: [SegmentKey: [Extent]] = [:]
    /// The segment of each session that is written directly and has not been sealed. A newer one promises the older.
    private var directSegments: [SessionID: UInt32] = [:]
    /// What the journal says of the index.
    private(set) var index: IndexMark?
    /// Where writes below the low-water mark stand, if they were asked for.
    private(set) var older = OlderWrites()
    var writeCount = 0
    var byteCount: UInt64 = 0
    var summary = JournalSummary()

    /// Segments that are written directly and have not been sealed.
    var direct: Set<SegmentKey> { Set(directSegments.map { SegmentKey(session: $0.key, number: $0.value) }) }

    /// Every session that must be looked at after a crash.
    var sessions: [SessionID] { Set(extents.keys.map(\.session) + direct.map(\.session)).sorted() }

    /// What a replay writes, in the order in which it does.
    var work: [(key: SegmentKey, extents: [Extent])] {
        extents.map { (key: $0.key, extents: $0.value) }.sorted { $0.key < $1.key }
    }

    /// The committed bytes of `session`, by segment number.
    func unflushed(_ session: SessionID) -> [UInt32: [Extent]] {
        var found: [UInt32: [Extent]] = [:]
        for (key, extents) in extents where key.session == session { found[key.number] = extents }
        return found
    }

    /// How far the log of `session` reaches at least, when what the journal has of it is counted on from `row`.
    func witness(of session: SessionID, _ row: IndexRow?) -> IndexRow {
        var witness = IndexRow(unknown: session, witness: row)
        let all = extents.filter { $0.key.session == session }.sorted { $0.key < $1.key }
        for (key, extents) in all {
            for extent in extents { witness.count(extent, of: key.number) }
        }
        return witness
    }

    /// The same with what segments have lost, laid under what they may lack.
    func adding(_ restored: [(key: SegmentKey, extents: [Extent])]) -> JournalOverlay {
        var filled = self
        for (key, lost) in restored { filled.extents[key] = lost + (extents[key] ?? []) }
        return filled
    }

    /// Reads the whole journal. Memory: what is above the low-water mark at any point of it, and one file.
    ///
    /// - Parameters:
    ///   - notesOlder: whether writes below the low-water mark are noted too, some 60 bytes for each.
    ///   - bits: what is done about flipped bits in batches.
    static func read(
        from storage: any Storage, storeTag: UInt64, notesOlder: Bool = false, bits: JournalBits = .ignored
    ) throws(LogError) -> JournalOverlay {
        var content = Content()
        content.older = notesOlder ? OlderWrites() : nil
        let reader = JournalReader(storage: storage, storeTag: storeTag, bits: bits)
        let summary = try reader.read { (batch) throws(LogError) in content.take(batch) }
        var overlay = JournalOverlay()
        overlay.summary = summary
        // Closing in order gives the journal up.
        if !summary.closedCleanly, let older = content.older { overlay.older = older.through(summary.lowWaterMark) }
        // A file that was being used anew when the machine died may have lost the batch that named the sessions of what
        // else is left in it: all of that is in the segments.
        overlay.summary.damage += content.unbound.filter { $0.lastBatch > summary.lowWaterMark }
        overlay.directSegments = content.direct
        overlay.index = content.index
        for (key, writes) in content.writes { overlay.extents[key] = writes.map(\.extent) }
        for extent in overlay.extents.values.joined() {
            overlay.writeCount += 1
            overlay.byteCount += UInt64(extent.bytes.count)
        }
        return overlay
    }
}

/// What the batches read so far have said.
private struct Content {
    /// Above the low-water mark, in the order of their batches.
    var writes: [SegmentKey: [(batch: UInt64, extent: Extent)]] = [:]
    /// The segment of each session that is written directly: a later one replaces the one before.
    var direct: [SessionID: UInt32] = [:]
    var index: IndexMark?
    /// All writes, wherever the low-water mark is, if they are asked for.
    var older: OlderWrites?
    var unbound: [JournalStretch] = []
    private var lowWaterMark: UInt64 = 0
    /// What the slots of the batch mean.
    private var slots: [UInt32: SegmentKey] = [:]

    mutating func take(_ batch: JournalReader.Batch) {
        forget(through: batch.header.lowWaterMark)
        slots = [:]
        for entry in batch.entries { take(entry, of: batch) }
    }

    private mutating func take(_ entry: JournalEntry, of batch: JournalReader.Batch) {
        switch entry.kind {
        case .bind, .direct:
            guard let session = SessionID(utf8: batch.body.slice(entry.range)) else { return }
            slots[entry.slot] = SegmentKey(session: session, number: entry.place)
            if entry.kind == .direct { direct[session] = entry.place }
        case .sealed:
            guard let key = slots[entry.slot], direct[key.session] == key.number else { return }
            direct[key.session] = nil
        case .write:
            guard let key = slots[entry.slot] else { return unbound.append(Self.unbound(entry, batch)) }
            older?.note(entry, of: batch, to: key)
            let extent = Extent(offset: UInt64(entry.place), bytes: [UInt8](batch.body.slice(entry.range)))
            writes[key, default: []].append((batch.header.number, extent))
        case .index:
            index = IndexMark(batch.body.slice(entry.range)) ?? index
        }
    }

    /// Drops what is in the segments, as soon as the journal says so.
    private mutating func forget(through mark: UInt64) {
        guard mark > lowWaterMark else { return }
        lowWaterMark = mark
        writes = writes.compactMapValues { kept in
            let rest = kept.drop { $0.batch <= mark }
            return rest.isEmpty ? nil : Array(rest)
        }
    }

    /// A write that a batch does not say the session of.
    private static func unbound(_ entry: JournalEntry, _ batch: JournalReader.Batch) -> JournalStretch {
        JournalStretch(
            path: batch.file.path, offset: 0, byteCount: UInt64(entry.range.count),
            reason: "batch \(batch.header.number) writes for a session that it does not name",
            lastBatch: batch.header.number)
    }
}
