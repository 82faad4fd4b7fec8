import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// The store that a salvage makes: no store before all of it is there.
///
/// `store.json` comes last. What a salvage that was killed has left bears a mark, and the next one begins anew.
struct SalvageTarget {
    private static let mark = "salvage" + StoreLayout.temporarySuffix

    /// `nil` for a salvage that only says what it would make.
    let storage: (any Storage)?
    let store: StoreFile
    let options: EngineOptions

    init(_ storage: (any Storage)?, _ options: EngineOptions) {
        self.storage = storage
        self.options = options
        store = StoreFile.fresh(options)
    }

    /// Makes the folders; refuses a folder with anything in it that no salvage has left.
    func begin() throws(LogError) {
        guard let storage else { return }
        let names = try storing { () throws(StorageError) in try storage.list("") }.map(\.name)
        if !names.isEmpty {
            guard names.contains(Self.mark), !names.contains(StoreLayout.storeFile) else {
                throw LogError(.notAStore, "The folder for the new store is not empty. Name one that is empty or new.")
            }
            try clear()
        }
        try storing { () throws(StorageError) in
            let file = try storage.open(Self.mark, .create)
            try file.sync()
            try file.close()
            try storage.syncDirectory("")
            try storage.createDirectory(StoreLayout.sessionsFolder)
        }
    }

    /// Makes a store of what was written: the folders' entries durable, an empty journal, the index, `store.json`.
    func finish(_ rows: [IndexRow]) throws(LogError) {
        guard let storage else { return }
        try storing { () throws(StorageError) in
            for shard in try storage.list(StoreLayout.sessionsFolder) {
                try storage.syncDirectory("\(StoreLayout.sessionsFolder)/\(shard.name)")
            }
            try storage.syncDirectory(StoreLayout.sessionsFolder)
            try storage.syncDirectory("")
            try storage.createDirectory(StoreLayout.journalFolder)
            let journal = JournalWriter(
                storage: storage, options: options, storeTag: store.tag, after: JournalPosition(), used: [])
            try journal.closeCleanly()
        }
        _ = try IndexFile(storage: storage).replace(rows, generation: 1)
        try storing { () throws(StorageError) in
            try store.write(to: storage)
            try storage.remove(Self.mark)
            try storage.syncDirectory("")
        }
    }

    /// Removes what an unfinished salvage has written, the mark last.
    func clear() throws(LogError) {
        guard let storage else { return }
        let own = [
            StoreLayout.sessionsFolder, StoreLayout.journalFolder, StoreLayout.quarantineFolder, StoreLayout.indexFile,
        ]
        try storing { () throws(StorageError) in
            for entry in try storage.list("") where own.contains(entry.name) || entry.name.hasSuffix(".tmp") {
                if entry.name != Self.mark { try storage.removeAll(entry.name, isFolder: entry.isDirectory) }
            }
            try storage.syncDirectory("")
            try storage.remove(Self.mark)
            try storage.syncDirectory("")
        }
    }

    /// Keeps what of the source could not be read, with a line in the new store's manifest.
    func setAside(_ faults: [SalvageWalk.Fault], of session: SessionID, from source: any Storage) throws(LogError) {
        guard let storage else { return }
        let quarantine = Quarantine(storage: storage, clock: options.clock)
        for fault in faults where !fault.isMended && fault.byteCount > 0 {
            let count = Int(min(fault.byteCount, UInt64(Limits.largestPayloadLimit)))
            guard let file = try? source.open(fault.path, .read),
                let bytes = try? RescuedFile(file).read(count: count, at: fault.offset)
            else { continue }
            var finding = RecoveryReport.Finding(
                kind: .committedDamage, session: session, path: fault.path, offset: fault.offset,
                byteCount: UInt64(bytes.count), reason: fault.reason)
            finding.firstSequence = fault.sequence
            _ = try quarantine.setAside(finding, bytes)
        }
    }
}

extension Storage {
    /// Removes a file, or a folder with all that is in it.
    fileprivate func removeAll(_ path: String, isFolder: Bool) throws(StorageError) {
        guard isFolder else { return try remove(path) }
        for entry in try list(path) { try removeAll("\(path)/\(entry.name)", isFolder: entry.isDirectory) }
        try removeDirectory(path)
    }
}

/// Writes the segments of one session of the new store: the records' stored bytes as they are, under new checks.
///
/// Nothing is compressed again. What was written is durable when ``finish()`` returns, but for the entry of the
/// session's folder. Memory: 1 MiB and one record.
final class SessionRewriter {
    private static let bufferByteCount = 1 << 20

    let session: SessionID
    /// Why the new store could not be written.
    private(set) var failure: LogError?
    private(set) var tail = SegmentTail()
    private(set) var recordCount = 0
    /// The sum of all that was added.
    let digest = RecordDigest()
    private let target: SalvageTarget
    private var file: (any StorageFile)?
    /// The segment that is written, and the first one.
    private var number: UInt32
    private var firstNumber: UInt32?
    private var buffer: [UInt8] = []
    private var written: UInt64 = 0
    private var byteCountBefore: UInt64 = 0
    /// Whether the frame that a record continues stands in this segment from its start.
    private var hasFrame = false

    /// - Parameter base: the record behind which the session begins: those before it are in a snapshot, as after the
    ///   first segments have been trimmed.
    init(_ session: SessionID, _ target: SalvageTarget, base: UInt64) {
        self.session = session
        self.target = target
        tail.sequence = base
        number = base > 0 ? 1 : 0
    }

    /// Bytes of its segments.
    var byteCount: UInt64 { byteCountBefore + tail.offset }

    /// Adds the next record.
    ///
    /// - Parameters:
    ///   - stored: its payload as the source has stored it.
    ///   - beginsSegment: whether it is the first of a segment of the source: frames do not reach across.
    func add(
        _ record: LogRecord, _ header: RecordHeader, _ stored: [UInt8], beginsSegment: Bool
    ) throws(LogError) {
        do throws(LogError) {
            if tail.header == nil || beginsSegment { try beginSegment(with: record) }
            if header.codec == .frameContinuation && !hasFrame {
                try write(record, .raw, record.payload)
            } else {
                if header.codec == .frameStart { hasFrame = true }
                try write(record, header.codec, stored)
            }
        } catch {
            failure = error
            throw error
        }
    }

    /// Adds a record that is not compressed, in the same segment.
    func addRaw(_ record: LogRecord) throws(LogError) {
        do throws(LogError) {
            if tail.header == nil { try beginSegment(with: record) }
            try write(record, .raw, record.payload)
        } catch {
            failure = error
            throw error
        }
    }

    /// Says that a record was left out: what continues its frame must not lean on it.
    func leaveFrame() { hasFrame = false }

    /// Makes everything durable.
    func finish() throws(LogError) {
        precondition(recordCount > 0, "a log without a record has no end to bear witness of")
        try closeSegment()
        try storing { () throws(StorageError) in
            try target.storage?.syncDirectory(StoreLayout.sessionFolder(session))
        }
    }

    /// Removes what was written.
    func discard() throws(LogError) {
        try storing { () throws(StorageError) in
            try file?.close()
            guard let firstNumber else { return }
            for number in firstNumber...number {
                try target.storage?.remove(StoreLayout.segmentFile(session, number))
            }
        }
    }

    private func beginSegment(with record: LogRecord) throws(LogError) {
        try closeSegment()
        byteCountBefore += tail.offset
        let header = SegmentHeader(
            mode: .journal, salt: target.options.random(), firstSequence: tail.sequence + 1, chainBefore: tail.chain,
            storeTag: target.store.tag, number: number + 1,
            time: max(tail.time, record.time), session: session)
        (hasFrame, written) = (false, 0)
        try storing { () throws(StorageError) in
            guard let storage = target.storage else { return }
            try storage.createDirectory(StoreLayout.sessionShard(session))
            try storage.createDirectory(StoreLayout.sessionFolder(session))
            file = try storage.open(StoreLayout.segmentFile(session, header.number), .createNew)
        }
        number = header.number
        firstNumber = firstNumber ?? number
        tail.header = header
        buffer = header.encoded()
        tail.offset = UInt64(buffer.count)
    }

    private func closeSegment() throws(LogError) {
        guard let file else { return }
        try storing { () throws(StorageError) in
            try spill()
            try file.sync()
            try file.close()
        }
        self.file = nil
    }

    private func write(_ record: LogRecord, _ codec: RecordHeader.Codec, _ stored: [UInt8]) throws(LogError) {
        precondition(record.sequence == tail.sequence + 1, "records in their order")
        guard let header = tail.header else { return }
        tail.time = max(tail.time, record.time)
        var head = RecordHeader(
            kind: record.kind, promisesAllBefore: true, time: tail.time, rawByteCount: record.payload.count,
            sequence: record.sequence, in: header)
        head.codec = codec
        head.storedByteCount = UInt32(stored.count)
        var bytes = [UInt8](repeating: 0, count: head.byteCount) + stored
        tail.chain = head.seal(&bytes, offset: tail.offset, in: header, chain: tail.chain)
        tail.offset += UInt64(bytes.count)
        tail.sequence = record.sequence
        recordCount += 1
        digest.add(record)
        buffer += bytes
        if buffer.count >= Self.bufferByteCount { try storing { () throws(StorageError) in try spill() } }
    }

    private func spill() throws(StorageError) {
        try file?.write(buffer, at: written)
        written += UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// A sum over the records of a session, which is the same for the same records in the same order.
final class RecordDigest {
    private let checksum = StreamingChecksum()

    func add(_ record: LogRecord) {
        var head: [UInt8] = []
        head.append(littleEndian: record.sequence)
        head.append(littleEndian: record.time)
        head.append(littleEndian: UInt64(record.kind))
        head.append(littleEndian: UInt64(record.payload.count))
        checksum.add(head)
        checksum.add(record.payload)
    }

    var value: UInt64 { checksum.value }
}
