import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// What the journal holds that the segments may lack.
struct JournalOverlay {
    /// Committed bytes above the low-water mark, in the order of their commit.
    var extents: [SegmentKey: [Extent]] = [:]
    /// Segments that are written directly and have not been sealed.
    var direct: Set<SegmentKey> = []
    var writeCount = 0
    var byteCount: UInt64 = 0
    var summary = JournalSummary()

    /// Every session that must be looked at after a crash.
    var sessions: [SessionID] { Set(extents.keys.map(\.session) + direct.map(\.session)).sorted() }

    /// The committed bytes of `session`, by segment number.
    func unflushed(_ session: SessionID) -> [UInt32: [Extent]] {
        var found: [UInt32: [Extent]] = [:]
        for (key, extents) in extents where key.session == session { found[key.number] = extents }
        return found
    }

    /// Reads the whole journal. Memory: what is above the low-water mark, and one file.
    static func read(from storage: any Storage, storeTag: UInt64) throws(LogError) -> JournalOverlay {
        var overlay = JournalOverlay()
        var batches: [SegmentKey: [(batch: UInt64, extent: Extent)]] = [:]
        var slots: [UInt32: SegmentKey] = [:]
        var slotFile = ""
        var unbound: [JournalStretch] = []
        overlay.summary = try JournalReader(storage: storage, storeTag: storeTag).read {
            (batch) throws(LogError) in
            if batch.file.path != slotFile {
                slots = [:]
                slotFile = batch.file.path
            }
            for entry in batch.entries {
                switch entry.kind {
                case .bind, .direct:
                    guard let session = SessionID(utf8: batch.body.slice(entry.range)) else { continue }
                    let key = SegmentKey(session: session, number: entry.place)
                    slots[entry.slot] = key
                    if entry.kind == .direct { overlay.direct.insert(key) }
                case .sealed:
                    if let key = slots[entry.slot] { overlay.direct.remove(key) }
                case .write:
                    guard let key = slots[entry.slot] else {
                        unbound.append(Self.unbound(entry, batch))
                        continue
                    }
                    let extent = Extent(offset: UInt64(entry.place), bytes: [UInt8](batch.body.slice(entry.range)))
                    batches[key, default: []].append((batch.header.number, extent))
                }
            }
        }
        overlay.summary.damage += unbound
        overlay.keep(batches)
        return overlay
    }

    /// A write whose slot was bound in a batch that cannot be read: the session is not known.
    private static func unbound(_ entry: JournalEntry, _ batch: JournalReader.Batch) -> JournalStretch {
        JournalStretch(
            path: batch.file.path, offset: 0, byteCount: UInt64(entry.range.count),
            reason: "a write of batch \(batch.header.number) for a session that a damaged batch named",
            lastBatch: batch.header.number)
    }

    private mutating func keep(_ batches: [SegmentKey: [(batch: UInt64, extent: Extent)]]) {
        for (key, writes) in batches {
            let kept = writes.filter { $0.batch > summary.lowWaterMark }.map(\.extent)
            guard !kept.isEmpty else { continue }
            extents[key] = kept
            writeCount += kept.count
            byteCount += kept.reduce(0) { $0 + UInt64($1.bytes.count) }
        }
    }
}
