import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Bytes that once stood in a segment, kept somewhere else. They count only where a record's checks prove them.
struct Evidence: Sendable {
    enum Origin: String, Sendable {
        /// A batch of the journal, also one below the low-water mark that has not been written over yet.
        case journal
        /// A copy that was set aside.
        case quarantine
    }

    var origin: Origin
    /// Where the bytes belong in the segment.
    var offset: UInt64
    var byteCount: UInt64
    /// The bytes; `nil` when they are read from the file at `path`.
    fileprivate var bytes: [UInt8]?
    /// The file that has them.
    var path: String

    var end: UInt64 { offset + byteCount }

    /// What of the `count` bytes from `place` of the segment is known here, and where it begins.
    func read(count: Int, at place: UInt64, from storage: any Storage) throws(StorageError) -> Extent? {
        let start = max(place, offset)
        let last = min(place + UInt64(count), end)
        guard start < last else { return nil }
        let range = Int(start - offset)..<Int(last - offset)
        if let bytes { return Extent(offset: start, bytes: Array(bytes[range])) }
        let file = RescuedFile(try storage.open(path, .read))
        return Extent(offset: start, bytes: try file.read(count: range.count, at: UInt64(range.lowerBound)))
    }
}

/// What a store keeps of its segments outside of them: in the journal's files and in quarantine.
struct EvidenceCollection: Sendable {
    private(set) var bySegment: [SegmentKey: [Evidence]] = [:]
    /// Sessions with writes in batches that cannot be read whole, though later ones can.
    private(set) var inDamagedBatches: Set<SessionID> = []

    /// Evidence on the segments of `session`.
    func of(_ session: SessionID) -> [UInt32: [Evidence]] {
        var found: [UInt32: [Evidence]] = [:]
        for (key, evidence) in bySegment where key.session == session { found[key.number] = evidence }
        return found
    }

    var sessions: Set<SessionID> { Set(bySegment.keys.map(\.session)) }

    /// Collects it for `sessions`, or for all. A file that cannot be read is passed over.
    ///
    /// Memory: what the journal holds of these sessions; copies in quarantine are read when they are asked for.
    static func collect(
        from storage: any Storage, storeTag: UInt64, for sessions: Set<SessionID>? = nil
    ) -> EvidenceCollection {
        var collector = EvidenceCollector(storage: storage, storeTag: storeTag, sessions: sessions)
        collector.readJournal()
        collector.readQuarantine()
        return collector.collection
    }

    fileprivate mutating func add(_ evidence: Evidence, _ key: SegmentKey, fromDamagedBatch: Bool = false) {
        bySegment[key, default: []].append(evidence)
        if fromDamagedBatch { inDamagedBatches.insert(key.session) }
    }
}

/// Looks for evidence.
private struct EvidenceCollector {
    let storage: any Storage
    let storeTag: UInt64
    let sessions: Set<SessionID>?
    var collection = EvidenceCollection()
    /// What batches say that cannot be read whole; they count when a later batch can be, which promises them.
    private var doubtful: [(batch: UInt64, key: SegmentKey, evidence: Evidence)] = []
    private var lastIntactBatch: UInt64 = 0

    init(storage: any Storage, storeTag: UInt64, sessions: Set<SessionID>?) {
        self.storage = storage
        self.storeTag = storeTag
        self.sessions = sessions
    }

    private func wants(_ session: SessionID) -> Bool { sessions?.contains(session) ?? true }

    // MARK: Journal

    mutating func readJournal() {
        let entries = (try? storage.list(StoreLayout.journalFolder)) ?? []
        for entry in entries where entry.name.hasSuffix(".journal") && !entry.isDirectory {
            let path = "\(StoreLayout.journalFolder)/\(entry.name)"
            guard let bytes = try? rescued(path, limit: Limits.largestPayloadLimit * 2) else { continue }
            bytes.withUnsafeBytes { view in
                for salt in Self.salts(in: view, storeTag) { readBatches(view, salt, path) }
            }
        }
        for found in doubtful where found.batch < lastIntactBatch {
            collection.add(found.evidence, found.key, fromDamagedBatch: true)
        }
    }

    /// The salts of a file's two headers: one of them may be of another use of the file.
    private static func salts(in view: UnsafeRawBufferPointer, _ storeTag: UInt64) -> Set<UInt64> {
        let sector = JournalHeader.sectorByteCount
        guard view.count >= 2 * sector else { return [] }
        let copies = [0, view.count - sector].compactMap { try? JournalHeader(decoding: view.slice($0..<$0 + sector)) }
        return Set(copies.filter { $0.storeTag == storeTag }.map(\.salt))
    }

    private mutating func readBatches(_ view: UnsafeRawBufferPointer, _ salt: UInt64, _ path: String) {
        var at = JournalHeader.sectorByteCount
        while at + BatchHeader.byteCount <= view.count {
            let rest = view.slice(at..<view.count)
            guard let header = try? BatchHeader(decoding: rest, offset: UInt64(at), salt: salt),
                BatchHeader.byteCount + Int(header.bodyByteCount) <= rest.count
            else {
                at += JournalHeader.sectorByteCount
                continue
            }
            let isIntact = BatchHeader.isIntact(rest, salt: salt)
            if isIntact { lastIntactBatch = max(lastIntactBatch, header.number) }
            let body = rest.slice(BatchHeader.byteCount..<BatchHeader.byteCount + Int(header.bodyByteCount))
            take(body, header.number, path, isIntact)
            at += header.paddedByteCount
        }
    }

    private mutating func take(
        _ body: UnsafeRawBufferPointer, _ batch: UInt64, _ path: String, _ isIntact: Bool
    ) {
        for entry in JournalEntry.decodeReadable(body) {
            guard case .write(let key, let offset, let range) = entry, wants(key.session) else { continue }
            let bytes = Array(body.slice(range))
            let evidence = Evidence(
                origin: .journal, offset: UInt64(offset), byteCount: UInt64(bytes.count), bytes: bytes, path: path)
            if isIntact { collection.add(evidence, key) } else { doubtful.append((batch, key, evidence)) }
        }
    }

    private func rescued(_ path: String, limit: Int) throws(StorageError) -> [UInt8] {
        let file = RescuedFile(try storage.open(path, .read))
        let count = try file.byteCount()
        guard count <= UInt64(limit) else { return [] }
        return try file.read(count: Int(count), at: 0)
    }

    // MARK: Quarantine

    mutating func readQuarantine() {
        guard let file = try? storage.open(StoreLayout.quarantineManifest, .read),
            let text = try? TextLines(RescuedFile(file))
        else { return }
        for start in text.starts {
            let line = Array(text.line(at: start))
            guard SealedJSON.isIntact(line), let tree = try? JSONTree.parse(line, detail: 1, depthLimit: 8) else {
                continue
            }
            take(tree.root)
        }
    }

    /// What was never acknowledged is no evidence.
    private mutating func take(_ line: JSONRef) {
        guard line["acknowledged"]?.bool == true,
            let session = line["session"]?.string.flatMap({ SessionID($0) }), wants(session),
            let path = line["file"]?.string, let offset = line["offset"]?.unsigned, offset < Limits.numberLimit,
            let number = path.split(separator: "/").last.flatMap({ StoreLayout.segmentNumber(String($0)) }),
            StoreLayout.segmentFile(session, number) == path,
            let copy = line["quarantine"]?.string, Quarantine.isName(copy),
            let attributes = try? storage.attributes(copy), attributes.byteCount < Limits.numberLimit
        else { return }
        collection.add(
            Evidence(
                origin: .quarantine, offset: offset, byteCount: attributes.byteCount, bytes: nil, path: copy),
            SegmentKey(session: session, number: number))
    }
}
