import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// A segment's bytes on their way through the journal.
struct JournalWrite {
    var session: SessionID
    var number: UInt32
    var offset: UInt64
    var bytes: [UInt8]
}

/// What a batch tells recovery besides the bytes: segments that are written directly.
struct JournalNotice: Equatable {
    enum Kind { case direct, sealed }
    var kind: Kind
    var session: SessionID
    var number: UInt32
}

/// Appends batches to the journal's files: preallocated, already written, recycled.
///
/// Used by the committer's thread only; ``addSpare(_:)`` comes from the flusher. After any error the writer must
/// not be used again: what reached the disk is not known.
final class JournalWriter {
    /// A journal file that is not in use: nothing in it will be replayed.
    struct IdleFile: Sendable {
        var path: String
        var byteCount: Int
        var file: any StorageFile
    }

    private struct ActiveFile {
        var idle: IdleFile
        var header: JournalHeader
        var position: Int
        var slots: [Slot: UInt32] = [:]
        var nextSlot: UInt32 = 0

        /// The last sector belongs to the second copy of the header.
        var usableByteCount: Int { idle.byteCount - JournalHeader.sectorByteCount }
    }

    private struct Slot: Hashable {
        var session: SessionID
        var number: UInt32
    }

    private struct FullFile {
        var idle: IdleFile
        var lastBatch: UInt64
    }

    private let storage: any Storage
    private let options: EngineOptions
    private let storeTag: UInt64
    /// Whether no byte of the log is in doubt: nothing has failed but the creation of a new file.
    private(set) var isUnharmed = true
    private var active: ActiveFile?
    private var full: [FullFile] = []
    private var idle: [IdleFile]
    private let spares = Lock<[IdleFile]>([])
    private var buffer: [UInt8] = []
    private var chain: UInt64
    private var fileNumber: UInt64
    /// Segments that are written directly and not sealed: named again in each new file.
    private var direct: [Slot] = []

    /// The number of the last batch that was made durable.
    private(set) var lastBatch: UInt64
    /// The low-water mark that the last batch carried.
    private(set) var lowWaterMark: UInt64

    /// - Parameters:
    ///   - position: where the journal ended when it was read.
    ///   - lowWaterMark: up to which batch the journal may be forgotten, when that is not all of it.
    ///   - used: its files, all of whose content has been replayed; they may be overwritten after the first commit,
    ///     which says so.
    init(
        storage: any Storage, options: EngineOptions, storeTag: UInt64, after position: JournalPosition,
        lowWaterMark: UInt64? = nil, used: [IdleFile]
    ) {
        self.storage = storage
        self.options = options
        self.storeTag = storeTag
        idle = []
        full = used.map { FullFile(idle: $0, lastBatch: position.lastBatch) }
        lastBatch = position.lastBatch
        self.lowWaterMark = lowWaterMark ?? position.lastBatch
        chain = position.chain
        fileNumber = position.lastFileNumber
        nextFileName = position.lastFileName + 1
    }

    private var nextFileName: UInt64

    /// Whether the flusher should prepare a larger file, and of what size.
    var wantedSpareByteCount: Int? {
        guard let active, active.position > active.idle.byteCount / 2, idle.isEmpty,
            spares.withLock({ $0.isEmpty })
        else { return nil }
        return grown(active.idle.byteCount)
    }

    /// Makes one batch durable: one write and one sync.
    ///
    /// - Returns: the batch's number. Everything in it and before it is on stable storage.
    @discardableResult
    func commit(
        _ writes: [JournalWrite], notices: [JournalNotice] = [], lowWaterMark mark: UInt64, closing: Bool = false
    ) throws(StorageError) -> UInt64 {
        precondition(mark >= lowWaterMark && mark <= lastBatch)
        let byteCount = upperBound(writes, notices)
        try makeRoom(for: byteCount)
        guard var file = active else { preconditionFailure("no journal file after making room") }
        let start = buffer.count
        let offset = file.position + start
        buffer.appendZeros(BatchHeader.byteCount)
        let count = encode(writes, notices, in: &file)
        let header = BatchHeader(
            entryCount: count, number: lastBatch + 1, lowWaterMark: mark,
            bodyByteCount: UInt32(buffer.count - start - BatchHeader.byteCount), closesCleanly: closing,
            time: options.clock.wallMilliseconds(), chainBefore: chain)
        let check = header.seal(&buffer, from: start, offset: UInt64(offset), salt: file.header.salt)
        precondition(file.position + buffer.count <= file.usableByteCount, "a batch larger than its file")
        isUnharmed = false
        try file.idle.file.write(buffer, at: UInt64(file.position))
        try file.idle.file.sync()
        isUnharmed = true
        file.position += buffer.count
        buffer.removeAll(keepingCapacity: buffer.count <= Limits.batchByteCount * 2)
        active = file
        chain = check
        lastBatch += 1
        lowWaterMark = mark
        recycle()
        return lastBatch
    }

    /// Takes a file that the flusher has prepared.
    func addSpare(_ file: IdleFile) { spares.withLock { $0.append(file) } }

    /// Creates a journal file, writes all of it once and makes it durable. From any thread.
    ///
    /// Written, not only allocated: an allocated extent that has never been written must be converted by the first
    /// sync into it, and a growing file must change its size. See docs/decisions/0004-journal.md.
    func createFile(byteCount: Int, path: String) throws(StorageError) -> IdleFile {
        let file = try storage.open(path, .createNew)
        let zeros = [UInt8](repeating: 0, count: min(byteCount, 1 << 20))
        var offset = 0
        do throws(StorageError) {
            while offset < byteCount {
                let count = min(zeros.count, byteCount - offset)
                try file.write(count == zeros.count ? zeros : Array(zeros[..<count]), at: UInt64(offset))
                offset += count
            }
            try file.sync()
            try storage.syncDirectory(StoreLayout.journalFolder)
        } catch {
            try? file.close()
            try? storage.remove(path)
            throw error
        }
        return IdleFile(path: path, byteCount: byteCount, file: file)
    }

    /// Leaves one file with a single batch that says that nothing needs to be replayed; removes the others.
    ///
    /// Every batch must be in the segments. The writer is not used again.
    func closeCleanly() throws(StorageError) {
        let others = full.map(\.idle) + idle + spares.withLock { $0.take() } + [active?.idle].compactMap { $0 }
        active = nil
        let size = Limits.smallestJournalByteCount
        idle = others.filter { $0.byteCount == size && $0.path != others.last?.path }
        try begin(idle.isEmpty ? try createFile(byteCount: size, path: takeName()) : idle.removeFirst())
        try commit([], lowWaterMark: lastBatch, closing: true)
        guard let kept = active?.idle.path else { return }
        for file in others where file.path != kept {
            try file.file.close()
            try storage.remove(file.path)
        }
        try storage.syncDirectory(StoreLayout.journalFolder)
    }

    // MARK: Files

    private func makeRoom(for byteCount: Int) throws(StorageError) {
        if let active, active.position + buffer.count + byteCount <= active.usableByteCount { return }
        let needed = byteCount + 2 * JournalHeader.sectorByteCount + directRebinding
        idle += spares.withLock { $0.take() }
        if let index = idle.indices.filter({ idle[$0].byteCount >= needed })
            .max(by: { idle[$0].byteCount < idle[$1].byteCount })
        {
            return try begin(idle.remove(at: index))
        }
        let usual = active.map { grown($0.idle.byteCount) } ?? Limits.smallestJournalByteCount
        try begin(try createFile(byteCount: max(usual, BatchHeader.padded(needed)), path: takeName()))
    }

    private func takeName() -> String {
        defer { nextFileName += 1 }
        return StoreLayout.journalFile(nextFileName)
    }

    /// A path for the flusher's next ``createFile(byteCount:path:)``; call it on the committer's thread.
    func reserveSpareName() -> String { takeName() }

    private func grown(_ byteCount: Int) -> Int {
        min(
            max(byteCount, Limits.smallestJournalByteCount) * Limits.journalGrowthFactor,
            Limits.largestJournalByteCount)
    }

    /// Begins to use `file`; the first copy of its header goes out with the first batch.
    private func begin(_ file: IdleFile) throws(StorageError) {
        let header = JournalHeader(
            number: fileNumber + 1, salt: options.random(), storeTag: storeTag, firstBatch: lastBatch + 1,
            chainBefore: chain, fileByteCount: UInt64(file.byteCount))
        buffer.removeAll(keepingCapacity: true)
        header.encode(to: &buffer)
        try file.file.write(buffer, at: UInt64(file.byteCount - JournalHeader.sectorByteCount))
        if let active { full.append(FullFile(idle: active.idle, lastBatch: lastBatch)) }
        fileNumber += 1
        active = ActiveFile(idle: file, header: header, position: 0)
    }

    /// Files whose batches are all below the low-water mark may be overwritten, now that the mark is durable.
    private func recycle() {
        while let first = full.first, first.lastBatch <= lowWaterMark {
            full.removeFirst()
            idle.append(first.idle)
        }
        dropSmallIdleFiles()
    }

    /// Keeps the two largest idle files; smaller ones have been outgrown.
    private func dropSmallIdleFiles() {
        idle.sort { $0.byteCount > $1.byteCount }
        while idle.count > 2, let smallest = idle.popLast() {
            try? smallest.file.close()
            try? storage.remove(smallest.path)
        }
    }

    // MARK: Entries

    private var directRebinding: Int {
        direct.count * (JournalEntry.headerByteCount + SessionID.longestByteCount)
    }

    private func upperBound(_ writes: [JournalWrite], _ notices: [JournalNotice]) -> Int {
        let perEntry = 2 * JournalEntry.headerByteCount + SessionID.longestByteCount
        let bytes = writes.reduce(0) { $0 + $1.bytes.count }
        return BatchHeader.padded(BatchHeader.byteCount + bytes + (writes.count + notices.count) * perEntry)
    }

    private func encode(
        _ writes: [JournalWrite], _ notices: [JournalNotice], in file: inout ActiveFile
    ) -> UInt32 {
        var count: UInt32 = 0
        if file.slots.isEmpty {
            for slot in direct { count += bind(.direct, slot, in: &file).isNew }
        }
        for notice in notices {
            count += note(notice, in: &file)
        }
        for write in writes {
            let (number, isNew) = bind(.bind, Slot(session: write.session, number: write.number), in: &file)
            JournalEntry.encodeHeader(
                .write, slot: number, place: UInt32(write.offset), length: write.bytes.count, to: &buffer)
            buffer += write.bytes
            count += isNew + 1
        }
        return count
    }

    private func note(_ notice: JournalNotice, in file: inout ActiveFile) -> UInt32 {
        let slot = Slot(session: notice.session, number: notice.number)
        let (number, isNew) = bind(.direct, slot, in: &file)
        switch notice.kind {
        case .direct:
            // A new segment of the session promises the one before: that is not in doubt any more.
            direct.removeAll { $0.session == slot.session }
            direct.append(slot)
            return isNew
        case .sealed:
            direct.removeAll { $0 == slot }
            JournalEntry.encodeHeader(.sealed, slot: number, place: notice.number, length: 0, to: &buffer)
            file.slots[slot] = nil
            return isNew + 1
        }
    }

    /// The slot's number in `file`, and 1 when it had to be bound first.
    private func bind(
        _ kind: JournalEntry.Kind, _ slot: Slot, in file: inout ActiveFile
    ) -> (number: UInt32, isNew: UInt32) {
        if let number = file.slots[slot] { return (number, 0) }
        file.nextSlot += 1
        let number = file.nextSlot
        file.slots[slot] = number
        let id = Array(slot.session.text.utf8)
        JournalEntry.encodeHeader(kind, slot: number, place: slot.number, length: id.count, to: &buffer)
        buffer += id
        return (number, 1)
    }
}

extension Array {
    /// All elements; the array is empty afterwards.
    fileprivate mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}
