import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// A segment's bytes on their way through the journal.
struct JournalWrite {
    var segment: SegmentKey
    var offset: UInt64
    var bytes: [UInt8]
    /// Whether it may continue another write of its batch; none that must not be asked.
    var mayContinue = true
}

/// What a batch tells recovery besides the bytes: segments that are written directly.
struct JournalNotice: Equatable {
    enum Kind { case direct, sealed }
    var kind: Kind
    var segment: SegmentKey
}

/// Appends batches to the journal's files: preallocated, already written, recycled.
///
/// Used by one thread at a time, the one that commits; ``createFile(byteCount:path:)``, ``addSpare(_:)`` and
/// ``removeSurplus()`` may come from others. After an error the writer must not be used again, for what reached the
/// disk is not known, unless the log was left intact (``leavesLogIntact(_:)``).
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
        var isNew: Bool { position == 0 }

        /// The last sector belongs to the second copy of the header.
        var usableByteCount: Int { idle.byteCount - JournalHeader.sectorByteCount }
    }

    private struct FullFile {
        var idle: IdleFile
        var lastBatch: UInt64
    }

    private let storage: any Storage
    private let options: EngineOptions
    private let storeTag: UInt64
    /// Whether no byte of the log is in doubt: nothing has failed but for lack of room.
    private var isUnharmed = true
    private var active: ActiveFile?
    private var full: [FullFile] = []
    /// In the order of their content, oldest first, and reused in this order: see ``takeIdle(atLeast:)``.
    private var idle: [IdleFile]
    /// Files that are to be removed, in the order of their content, oldest first.
    private let surplus = Lock<[IdleFile]>([])
    /// Held while they are removed.
    private let removing = Lock(false)
    private var wantsRemoval = false
    private var hasUnsyncedRemoval = false
    /// Whether the last commit has failed for a file that could not be removed, before it changed anything.
    private var isHeldUpByRemoval = false
    /// The file in whose life a spare was last asked for.
    private var spareRequest: UInt64 = 0
    private let spares = Lock<[IdleFile]>([])
    private var buffer: [UInt8] = []
    /// The writes of the batch that is being encoded. Only its memory outlives the batch.
    private var runs = WriteRuns()
    private var chain: UInt64
    private var fileNumber: UInt64
    /// Segments that are written directly and not sealed: named again in each new file.
    private var direct: [SegmentKey] = []
    /// What the journal says of the index, and what it has said last.
    private var index: IndexMark?
    private var namedIndex: IndexMark?

    /// The number of the last batch that was made durable.
    private(set) var lastBatch: UInt64
    /// The low-water mark that the last batch carried.
    private(set) var lowWaterMark: UInt64

    /// - Parameters:
    ///   - position: where the journal ended when it was read.
    ///   - lowWaterMark: up to which batch the journal may be forgotten, when that is not all of it.
    ///   - index: what it says of the index.
    ///   - used: its files, oldest first, all of whose content has been replayed; they may be overwritten after the
    ///     first commit, which says so.
    init(
        storage: any Storage, options: EngineOptions, storeTag: UInt64, after position: JournalPosition,
        lowWaterMark: UInt64? = nil, index: IndexMark? = nil, used: [IdleFile]
    ) {
        self.storage = storage
        self.options = options
        self.storeTag = storeTag
        idle = []
        full = used.map { FullFile(idle: $0, lastBatch: position.lastBatch) }
        lastBatch = position.lastBatch
        self.lowWaterMark = lowWaterMark ?? position.lastBatch
        self.index = index
        namedIndex = index
        chain = position.chain
        fileNumber = position.lastFileNumber
        nextFileName = position.lastFileName + 1
    }

    private var nextFileName: UInt64

    /// The larger file that should be prepared now, if any; pass it to ``createFile(byteCount:path:)``.
    ///
    /// Asked for once in a file's life: on a full disk not every commit writes zeros for nothing.
    func nextSpare() -> (path: String, byteCount: Int)? {
        guard let active, active.position > active.idle.byteCount / 2, idle.isEmpty, spareRequest != fileNumber,
            spares.withLock({ $0.isEmpty })
        else { return nil }
        spareRequest = fileNumber
        let byteCount = grown(active.idle.byteCount)
        return hasRoom(for: byteCount, leaving: Self.flusherByteCount) ? (takeName(), byteCount) : nil
    }

    /// Makes one batch durable: one synced write, or a write and a sync.
    ///
    /// - Parameter index: what is on stable storage of the index; `nil` when that is not known to have changed.
    /// - Returns: the batch's number. Everything in it and before it is on stable storage.
    @discardableResult
    func commit(
        _ writes: [JournalWrite], notices: [JournalNotice] = [], lowWaterMark mark: UInt64,
        index newIndex: IndexMark? = nil, closing: Bool = false
    ) throws(StorageError) -> UInt64 {
        precondition(mark >= lowWaterMark && mark <= lastBatch)
        isHeldUpByRemoval = false
        index = newIndex ?? index
        let byteCount = upperBound(writes, notices)
        try makeRoom(for: byteCount)
        guard var file = active else { preconditionFailure("no journal file after making room") }
        let start = buffer.count
        let offset = file.position + start
        let directBefore = direct
        buffer.appendZeros(BatchHeader.byteCount)
        let count = encode(writes, notices, isFirst: file.isNew)
        let header = BatchHeader(
            entryCount: count, number: lastBatch + 1, lowWaterMark: mark,
            bodyByteCount: UInt32(buffer.count - start - BatchHeader.byteCount), closesCleanly: closing,
            time: options.clock.wallMilliseconds(), chainBefore: chain)
        let end = buffer.count
        let check = header.seal(&buffer, from: start, offset: UInt64(offset), salt: file.header.salt)
        precondition(file.position + buffer.count <= file.usableByteCount, "a batch larger than its file")
        do throws(StorageError) {
            try writeOut(to: file, batch: start..<end)
        } catch {
            direct = directBefore
            buffer.removeSubrange(start...)
            throw error
        }
        namedIndex = index
        file.position += buffer.count
        buffer.removeAll(keepingCapacity: buffer.count <= Limits.batchByteCount * 2)
        active = file
        chain = check
        lastBatch += 1
        lowWaterMark = mark
        recycle()
        return lastBatch
    }

    /// Whether a commit that has failed with `error` has left the log as it was: the next one may succeed.
    func leavesLogIntact(_ error: StorageError) -> Bool {
        isUnharmed && (isHeldUpByRemoval || error.code == .noSpace || error.code == .tooManyFiles)
    }

    /// Writes what is in the buffer, where the batch without its padding takes the place `batch`, and makes it durable.
    ///
    /// Of a batch that finds no room a part may stand in the file. Without its end it is not valid, on the disk as
    /// little as here: nothing of it counts, and the next batch takes its place. (On file systems that never write in
    /// place, and under a quota or a limit of file sizes, a write into a file that is there already may find no room.)
    private func writeOut(to file: ActiveFile, batch: Range<Int>) throws(StorageError) {
        isUnharmed = false
        // In a new file the second copy of the header waits for a sync of its own kind.
        if !file.isNew, try file.idle.file.writeSynced(buffer, at: UInt64(file.position)) {
            isUnharmed = true
            return
        }
        do throws(StorageError) {
            try file.idle.file.write(buffer, at: UInt64(file.position))
        } catch {
            guard error.code == .noSpace else { throw error }
            let written = try file.idle.file.read(
                count: batch.count, at: UInt64(file.position + batch.lowerBound))
            // If only padding is missing, the batch is there.
            guard written.elementsEqual(buffer[batch]) else {
                isUnharmed = true
                throw error
            }
        }
        try file.idle.file.sync()
        isUnharmed = true
    }

    /// Whether files have become surplus since this was last asked: ``removeSurplus()`` is due. One that cannot be
    /// removed is not tried at every commit.
    func takeRemovalRequest() -> Bool {
        defer { wantsRemoval = false }
        return wantsRemoval
    }

    /// Removes the files that the journal does not need any more, oldest first. From any thread: it is done beside
    /// the commits, for the kernel takes back the pages of a file one by one.
    ///
    /// - Throws: what kept it from removing one. That one and those behind it are left for the next call.
    func removeSurplus() throws(StorageError) {
        try removing.withLock { (_) throws(StorageError) in
            while let file = surplus.withLock({ $0.first }) {
                try? file.file.close()
                do throws(StorageError) {
                    try storage.remove(file.path)
                } catch {
                    guard error.code == .notFound else { throw error }
                }
                surplus.withLock { _ = $0.removeFirst() }
            }
        }
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
    func closeCleanly(index: IndexMark? = nil) throws(StorageError) {
        let others = idle + full.map(\.idle) + spares.withLock { $0.take() } + [active?.idle].compactMap { $0 }
        (active, full, idle) = (nil, [], [])
        let size = options.journalByteCounts.lowerBound
        let reusable = others.dropLast().first { $0.byteCount == size }
        if let reusable { try begin(reusable) } else { try begin(createFile(byteCount: size, path: takeName())) }
        try commit([], lowWaterMark: lastBatch, index: index, closing: true)
        guard let kept = active?.idle.path else { return }
        for file in others where file.path != kept {
            try file.file.close()
            try storage.remove(file.path)
        }
        try removeSurplus()
        try storage.syncDirectory(StoreLayout.journalFolder)
    }

    // MARK: Files

    private func makeRoom(for byteCount: Int) throws(StorageError) {
        // The first batch of a file names again what is written directly.
        let named = active?.position == 0 ? directByteCount : 0
        if let active, active.position + buffer.count + byteCount + named <= active.usableByteCount { return }
        let needed = byteCount + 2 * JournalHeader.sectorByteCount + directByteCount
        idle += spares.withLock { $0.take() }
        if let file = takeIdle(atLeast: needed) { return try begin(file) }
        try begin(try makeFile(holding: BatchHeader.padded(needed)))
    }

    /// The oldest idle file that is large enough; older ones are too small by now and are dropped.
    ///
    /// Oldest first, because *direct* and *sealed* entries count below the low-water mark too. Whatever a crash
    /// finds is then the end of the log without a hole: a *sealed* entry is not lost while its *direct* survives.
    private func takeIdle(atLeast needed: Int) -> IdleFile? {
        guard let index = idle.firstIndex(where: { $0.byteCount >= needed }) else { return nil }
        for file in idle[..<index] { drop(file) }
        defer { idle.removeFirst(index + 1) }
        return idle[index]
    }

    /// A new file of the usual size or, when the disk is nearly full, of the smallest that will do.
    private func makeFile(holding needed: Int) throws(StorageError) -> IdleFile {
        let least = max(options.journalByteCounts.lowerBound, needed)
        let usual = active.map { max(grown($0.idle.byteCount), needed) } ?? least
        try? removeSurplus()  // which gives back room
        var lack = StorageError(.noSpace, "create", StoreLayout.journalFolder, detail: "\(needed) bytes needed")
        for byteCount in [usual, least, needed] {
            guard hasRoom(for: byteCount, leaving: byteCount > least ? Self.flusherByteCount : 0) else { continue }
            do throws(StorageError) {
                return try createFile(byteCount: byteCount, path: takeName())
            } catch {
                guard error.code == .noSpace else { throw error }
                lack = error
            }
        }
        throw lack
    }

    /// What a growing journal leaves on the disk: the flusher must go on, or no file is ever free again.
    private static let flusherByteCount = 1 << 20

    /// Asked before zeros are written, which would take the last bytes only to give them back.
    private func hasRoom(for byteCount: Int, leaving rest: Int) -> Bool {
        // Not to know it is no reason to refuse: the writing will tell.
        guard let available = try? storage.availableBytes() else { return true }
        return available >= UInt64(byteCount + rest)
    }

    private func takeName() -> String {
        defer { nextFileName += 1 }
        return StoreLayout.journalFile(nextFileName)
    }

    private func grown(_ byteCount: Int) -> Int {
        let limits = options.journalByteCounts
        return min(max(byteCount, limits.lowerBound) * Limits.journalGrowthFactor, limits.upperBound)
    }

    /// Begins to use `file`; the first copy of its header goes out with the first batch.
    private func begin(_ file: IdleFile) throws(StorageError) {
        do throws(StorageError) {
            isHeldUpByRemoval = true
            try finishRemoval()
            isHeldUpByRemoval = false
        } catch {
            idle.insert(file, at: 0)
            throw error
        }
        // Counted even if the write fails: the number may stand in that file then.
        fileNumber += 1
        let header = JournalHeader(
            number: fileNumber, salt: options.random(), storeTag: storeTag, firstBatch: lastBatch + 1,
            chainBefore: chain, fileByteCount: UInt64(file.byteCount))
        var sector: [UInt8] = []
        header.encode(to: &sector)
        do throws(StorageError) {
            try file.file.write(sector, at: UInt64(file.byteCount - JournalHeader.sectorByteCount))
        } catch {
            idle.insert(file, at: 0)
            throw error
        }
        if let active { full.append(FullFile(idle: active.idle, lastBatch: lastBatch)) }
        active = ActiveFile(idle: file, header: header, position: 0)
        buffer = sector
    }

    /// Files whose batches are all below the low-water mark may be overwritten, now that the mark is durable.
    ///
    /// Two of them are enough. The newest are kept: they have grown with the load, and what is left stays the end
    /// of the log.
    private func recycle() {
        while let first = full.first, first.lastBatch <= lowWaterMark {
            full.removeFirst()
            idle.append(first.idle)
        }
        while idle.count > 2 { drop(idle.removeFirst()) }
    }

    private func drop(_ file: IdleFile) {
        surplus.withLock { $0.append(file) }
        wantsRemoval = true
        hasUnsyncedRemoval = true
    }

    /// An older file that is there after a crash must not find a newer one overwritten.
    private func finishRemoval() throws(StorageError) {
        guard hasUnsyncedRemoval else { return }
        try removeSurplus()
        try storage.syncDirectory(StoreLayout.journalFolder)
        hasUnsyncedRemoval = false
    }

    // MARK: Entries

    /// What the segments that are written directly take at most where a new file names them again.
    private var directByteCount: Int { direct.count * JournalEntry.longestHeadByteCount }

    private func upperBound(_ writes: [JournalWrite], _ notices: [JournalNotice]) -> Int {
        let bytes = writes.reduce(0) { $0 + $1.bytes.count }
        let entries = writes.count + notices.count + 1
        return BatchHeader.padded(
            BatchHeader.byteCount + bytes + entries * JournalEntry.longestHeadByteCount + JournalEntry.indexByteCount)
    }

    /// Appends the entries of one batch and answers how many there are.
    private func encode(_ writes: [JournalWrite], _ notices: [JournalNotice], isFirst: Bool) -> UInt32 {
        var count = notices.count
        if isFirst {
            for segment in direct { JournalEntry.encodeHead(.direct, segment, to: &buffer) }
            count += direct.count
        }
        if let index, isFirst || index != namedIndex {
            JournalEntry.encodeHead(.index, byteCount: JournalEntry.indexByteCount, to: &buffer)
            buffer += index.encoded
            count += 1
        }
        for notice in notices { note(notice) }
        runs.gather(writes)
        for run in runs.all {
            let write = writes[run.first]
            JournalEntry.encodeHead(
                .write, write.segment, place: UInt32(write.offset), byteCount: run.byteCount, to: &buffer)
            runs.forEach(of: run) { buffer += writes[$0].bytes }
        }
        return UInt32(count + runs.all.count)
    }

    private func note(_ notice: JournalNotice) {
        switch notice.kind {
        case .direct:
            // A new segment of the session promises the one before: that is not in doubt any more.
            direct.removeAll { $0.session == notice.segment.session }
            direct.append(notice.segment)
            JournalEntry.encodeHead(.direct, notice.segment, to: &buffer)
        case .sealed:
            direct.removeAll { $0 == notice.segment }
            JournalEntry.encodeHead(.sealed, notice.segment, to: &buffer)
        }
    }
}

extension Array {
    /// All elements; the array is empty afterwards.
    fileprivate mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}
