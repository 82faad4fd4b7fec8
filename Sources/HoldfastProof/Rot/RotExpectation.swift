import HoldfastBytes

/// What a change of files may do, by the rules of docs/format.md and what is known of the store: the model that the
/// engine is judged by.
struct RotExpectation: Sendable {
    /// What may become of one session.
    struct Fate: Sendable {
        /// Records that nobody can read any more.
        var lost: Set<UInt64> = []
        /// Whatever is lost up to here must be called committed damage: a promise covers it. What is lost behind it may
        /// be taken for the torn tail of a crash: nothing proves that it was ever durable.
        var proven = UInt64.max
    }

    /// Sessions that may be touched; all others must be as they were.
    var fates: [String: Fate] = [:]
    /// Sessions of which something derived was touched: it may be named, and nothing may be lost.
    var named: Set<String> = []
    /// Sessions whose row in the list may be an old one.
    var mayLag: Set<String> = []
    /// Whether damage may be reported although no record is lost, as when the only batch of a journal is gone.
    var mayAlarm = false
    /// Whether the store may refuse to open.
    var mayRefuse = false
    /// Whether nothing may be said: nothing depends on what was touched.
    var isUnimportant = true
    /// Whether the counters of the store can still be read.
    var hasMeter = true
    /// What was hit, for the table.
    var area = ""

    /// What may come of the files `changed`, each with its new content, or `nil` when it is gone.
    init(_ changed: [String: [UInt8]?], _ store: RotStore) {
        for (path, content) in changed.sorted(by: { $0.key < $1.key }) {
            if path.hasSuffix(".segment") {
                addSegment(path, content ?? [], isGone: content == nil, store)
            } else if path.hasSuffix(".journal") {
                addJournal(path, content ?? [], store)
            } else {
                addOther(path, content, store)
            }
            isUnimportant = isUnimportant && ["lock", "quarantine", "meter", "head"].contains(area)
        }
    }

    private mutating func addOther(_ path: String, _ content: [UInt8]?, _ store: RotStore) {
        if path == StoreLayout.storeFile {
            mayRefuse = true
            area = "store.json"
        } else if path.hasSuffix("/\(StoreLayout.headName)") {
            area = "head"
        } else if path.hasPrefix(StoreLayout.sessionsFolder) {
            area = "snapshot"
            for (name, session) in store.truth.sessions where path.hasPrefix(session.folder + "/") {
                named.insert(name)
            }
        } else if path.hasPrefix("index") {
            area = "index"
        } else if path == StoreLayout.meterFile {
            area = "meter"
            let written = ([store.files, store.foreign] + store.older).map { Self.line($0[path]) }
            hasMeter = content != nil && written.contains(Self.line(content))
        } else {
            area = path.hasPrefix(StoreLayout.quarantineFolder) ? "quarantine" : "lock"
        }
    }

    /// The first line, if it is whole: what lies behind it does not count.
    private static func line(_ content: [UInt8]?) -> ArraySlice<UInt8>? {
        guard let content, let end = content.firstIndex(of: 10) else { return nil }
        return content[...end]
    }

    // MARK: Segments

    private mutating func addSegment(_ path: String, _ content: [UInt8], isGone: Bool, _ store: RotStore) {
        guard let (name, session, layout) = store.truth.segment(path) else { return }
        let isInJournal = !layout.extents.isEmpty
        let changed = ByteSet(from: layout.content, to: isGone && !isInJournal ? [] : layout.overlaid(content))
        area = changed.isEmpty ? "segment, bytes that the journal holds too" : "segment"
        if changed.isEmpty { return }
        let isLast = layout.number == session.segments.keys.max()
        var fate = fates[name] ?? Fate()
        fate.lost.formUnion(layout.lost(changed))
        if let proven = layout.proven(changed, isLast: isLast) {
            fate.proven = min(fate.proven, max(proven, session.witnessed))
        }
        let newest = session.snapshots.keys.max() ?? 0
        if isGone, !isLast, layout.number == session.segments.keys.min(), fate.lost.allSatisfy({ $0 <= newest }) {
            // A first segment whose records a snapshot includes might have been trimmed.
            fate.proven = layout.firstSequence - 1
        }
        fates[name] = fate
        mayAlarm = true
    }

    // MARK: The journal

    private mutating func addJournal(_ path: String, _ content: [UInt8], _ store: RotStore) {
        let journal = store.truth.journal
        let old = store.files[path] ?? []
        area = "journal, unused space"
        guard journal.files[path] != nil else { return }
        let changed = ByteSet(from: old, to: content)
        let sector = JournalHeader.sectorByteCount
        let first = changed.touches(0..<64)
        let second = changed.touches(old.count - sector..<old.count - sector + 64)
        let isGone = first && second
        if first || second { area = "journal, one copy of a header" }
        if old.count != content.count { mayAlarm = true }
        if Self.storeTag(content) != Self.storeTag(old), Self.storeTag(content) != nil {
            // A journal of another store alone could as well be the right one beside a wrong store.json.
            mayAlarm = true
            mayRefuse = journal.files.count == 1
        }
        let lost = Set(
            journal.batches.filter { $0.path == path && (isGone || changed.touches($0.range)) }.map(\.number))
        guard !lost.isEmpty else { return }
        addBatches(lost, store)
    }

    private static func storeTag(_ journal: [UInt8]) -> UInt64? {
        journal.withUnsafeBytes { try? JournalHeader(decoding: $0) }?.storeTag
    }

    private mutating func addBatches(_ lost: Set<UInt64>, _ store: RotStore) {
        let journal = store.truth.journal
        let kept = journal.batches.filter { !lost.contains($0.number) }
        // A batch that no later one promises may be one that was being written.
        let promised = kept.last?.number ?? 0
        // With the newest batch an older low-water mark counts again.
        let mark = kept.last?.lowWaterMark ?? 0
        let isLive = lost.contains { $0 > journal.lowWaterMark }
        area = isLive ? "journal, batches to be replayed" : "journal, batches already in the segments"
        if lost.contains(journal.batches.last?.number ?? 0) { area = "journal, the last batch" }
        // Where the journal says that nothing was left to replay, it must be said that it cannot say so any more.
        mayAlarm = mayAlarm || kept.isEmpty || isLive || lost.contains { $0 > mark }
        for batch in journal.batches where lost.contains(batch.number) {
            addLoss(of: batch, isPromised: batch.number < promised, store)
        }
    }

    /// What is gone with `batch`.
    private mutating func addLoss(of batch: JournalLayout.Batch, isPromised: Bool, _ store: RotStore) {
        // If nothing promises it, nothing says that its sessions have to be looked at either.
        if !isPromised { mayLag.formUnion(batch.sessions) }
        guard batch.number > store.truth.journal.lowWaterMark else { return }
        for write in batch.writes {
            guard let session = store.truth.sessions[write.session], let layout = session.segments[write.segment] else {
                continue
            }
            // What a flush has brought into the file already is safe there.
            let file = store.files[layout.path] ?? []
            let range = write.offset..<write.offset + write.bytes.count
            let isThere = range.upperBound <= file.count && Array(file[range]) == write.bytes
            if isThere { continue }
            var fate = fates[write.session] ?? Fate()
            let missing = layout.lost(ByteSet([range]))
            fate.lost.formUnion(missing)
            if !isPromised, let first = missing.min() { fate.proven = min(fate.proven, first - 1) }
            fates[write.session] = fate
        }
    }
}

extension RotTruth {
    /// The segment in the file `path`.
    func segment(_ path: String) -> (name: String, Session, SegmentLayout)? {
        for (name, session) in sessions {
            for layout in session.segments.values where layout.path == path { return (name, session, layout) }
        }
        return nil
    }
}
