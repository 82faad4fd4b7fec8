import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Where a journal ends.
struct JournalPosition: Sendable, Equatable {
    var lastBatch: UInt64 = 0
    var chain: UInt64 = 0
    var lastFileNumber: UInt64 = 0
    /// The largest number in a journal file's name.
    var lastFileName: UInt64 = 0
}

/// One file of the journal whose header is valid.
struct JournalFile: Sendable {
    var path: String
    var header: JournalHeader
    var byteCount: UInt64

    /// Whether the file is as long as its header says.
    var hasItsLength: Bool { header.fileByteCount == byteCount }
}

/// A stretch of a journal file that holds no valid batch.
package struct JournalStretch: Sendable, Equatable {
    package var path: String
    package var offset: UInt64
    package var byteCount: UInt64
    package var reason: String
    /// The first and the last batch that is missing there.
    package var firstBatch = UInt64.max
    package var lastBatch = UInt64.max
    /// A flipped bit: the one thing that is wrong with a batch, or with the first of several, each of which has one.
    package var bit: FlippedBit?
}

/// What a journal held.
struct JournalSummary: Sendable {
    var position = JournalPosition()
    var lowWaterMark: UInt64 = 0
    var closedCleanly = false
    /// Batches that later ones prove to have been durable, and that cannot be read.
    var damage: [JournalStretch] = []
    /// Batches that cannot be read, and of which nothing has to be replayed; but which sessions they named as written
    /// directly is not known, for no later batch that begins a file has said so again.
    var missing: [JournalStretch] = []
    /// Bytes of a batch behind the last valid one: it was being written and was never acknowledged.
    var tornTail: JournalStretch?
    /// Batches that were read with one bit turned back, each with its place and that bit.
    var mended: [JournalStretch] = []
    var files: [JournalFile] = []
    /// Every journal file in the folder, oldest first; before them those whose header is not valid.
    var paths: [String] = []
    var batchCount = 0
    var byteCount: UInt64 = 0
    /// Behind the last valid batch: the file with its number and salt, and the offset.
    var end: (path: String, number: UInt64, salt: UInt64, offset: UInt64)?
    /// The last valid batch that begins a file, and so names every segment that is written directly.
    fileprivate var restatement: UInt64 = 0
}

/// Reads the journal in order, file by file, and gives out every valid batch.
///
/// Memory: a mebibyte, or one batch that is longer. Of a damaged file all of it, when flipped bits are looked for.
struct JournalReader {
    /// How often the files are listed again when one of them is gone before it could be opened.
    private static let attemptLimit = 100

    let storage: any Storage
    let storeTag: UInt64
    var bits = JournalBits.ignored

    /// One valid batch. `body` is valid only during the call that it is given to.
    struct Batch {
        var header: BatchHeader
        var file: JournalFile
        /// Where it begins in the file.
        var offset: UInt64
        var body: UnsafeRawBufferPointer
        var entries: [JournalEntry]
        var source: JournalSource
    }

    /// Calls `body` with every valid batch, oldest first, and says what else was found.
    ///
    /// A batch that is damaged while a later one is valid is damage: the later one promises it. What is invalid
    /// behind the last valid batch was being written.
    func read(_ body: (Batch) throws(LogError) -> Void) throws(LogError) -> JournalSummary {
        var summary = try read(mendingWith: bits == .turnedBack ? BitSearch(budget: BitBudget()) : nil, body)
        if bits == .told { try tellOfBits(&summary) }
        return summary
    }

    /// The same; a batch that `search` can mend is given out as it was written.
    func read(
        mendingWith search: BitSearch?, _ body: (Batch) throws(LogError) -> Void
    ) throws(LogError) -> JournalSummary {
        var handles: [String: any StorageFile] = [:]
        var summary = try findFiles(&handles)
        var memory: [UInt8] = []
        for index in summary.files.indices {
            let file = summary.files[index]
            if index == 0 {
                summary.position.lastBatch = file.header.firstBatch - 1
                summary.position.chain = file.header.chainBefore
            }
            guard let handle = handles.removeValue(forKey: file.path) else { continue }
            var window = try storing { () throws(StorageError) in try JournalWindow(handle, of: file) }
            swap(&window.memory, &memory)
            defer { swap(&window.memory, &memory) }
            try read(file, &window, isLast: index == summary.files.count - 1, search, &summary, body)
        }
        // What is below the low-water mark is in the segments.
        let mark = summary.lowWaterMark
        let missing = summary.restatement...max(summary.restatement, mark)
        summary.missing = summary.closedCleanly ? [] : summary.damage.filter { missing.contains($0.lastBatch) }
        summary.damage.removeAll { $0.lastBatch <= mark }
        if summary.batchCount == 0 {
            summary.damage.append(
                JournalStretch(
                    path: StoreLayout.journalFolder, offset: 0, byteCount: 0, reason: "no readable batch in any file"))
        }
        return summary
    }

    // MARK: Files

    private func findFiles(_ handles: inout [String: any StorageFile]) throws(LogError) -> JournalSummary {
        var summary = JournalSummary()
        handles = try storing { () throws(StorageError) in try openFiles(&summary) }
        for (path, file) in handles.sorted(by: { $0.key < $1.key }) {
            summary.paths.append(path)
            let name = StoreLayout.journalFileNumber(String(path.dropFirst(StoreLayout.journalFolder.utf8.count + 1)))
            summary.position.lastFileName = max(summary.position.lastFileName, name ?? 0)
            if let file = try readHeader(path, file, &summary) { summary.files.append(file) }
        }
        if summary.files.isEmpty, let foreign = summary.damage.first(where: { $0.byteCount > 0 }) {
            // Its files would be taken for unused ones, and be written over.
            throw LogError(
                .damaged,
                "'\(StoreLayout.storeFile)' and '\(foreign.path)' are of different stores, and nothing has been "
                    + "touched. Put the right one back; if there is no other journal, move this one away.")
        }
        // A header is copied into another file only by a crash or by mischief; the length tells whose it is.
        let settled = Set(summary.files.filter(\.hasItsLength).map(\.header.number))
        summary.files.removeAll { !$0.hasItsLength && settled.contains($0.header.number) }
        summary.files.sort { $0.header.number < $1.header.number }
        let ordered = summary.files.map(\.path)
        summary.paths = summary.paths.filter { !ordered.contains($0) } + ordered
        return summary
    }

    /// All files of one moment. Another process may be writing, and remove a file that has been listed before it is
    /// opened; what is open stays readable. A file that cannot be opened is damage.
    private func openFiles(_ summary: inout JournalSummary) throws(StorageError) -> [String: any StorageFile] {
        var attempt = 0
        while true {
            do throws(StorageError) {
                var files: [String: any StorageFile] = [:]
                var refused: [JournalStretch] = []
                for entry in try names() {
                    let path = "\(StoreLayout.journalFolder)/\(entry.name)"
                    do throws(StorageError) {
                        files[path] = try storage.open(path, .read)
                    } catch {
                        guard error.isOfFile else { throw error }
                        refused.append(stretch(path, 0, 0, error.clause))
                    }
                }
                summary.damage += refused
                summary.paths += refused.map(\.path)
                return files
            } catch {
                attempt += 1
                guard error.code == .notFound, attempt < Self.attemptLimit else { throw error }
            }
        }
    }

    /// The journal's files; none where the folder is gone.
    private func names() throws(StorageError) -> [DirectoryEntry] {
        do throws(StorageError) {
            return try storage.list(StoreLayout.journalFolder).filter { $0.name.hasSuffix(".journal") }
        } catch {
            if error.code == .notFound || error.isOfFile { return [] }
            throw error
        }
    }

    /// The file's header from either of its copies; `nil` when the file has not been in use.
    ///
    /// Both copies are synced before the first batch of a file is acknowledged, so a file without a readable copy
    /// holds nothing that was acknowledged, unless both sectors were damaged. Two different copies are what is left
    /// when a crash comes while a file is begun anew: the batches of the use before were below the low-water mark.
    /// Or one of them belongs in another file: the one that the first batch knows is the file's own.
    private func readHeader(
        _ path: String, _ file: any StorageFile, _ summary: inout JournalSummary
    ) throws(LogError) -> JournalFile? {
        let sector = JournalHeader.sectorByteCount
        let (first, last, byteCount) = try storing { () throws(StorageError) -> ([UInt8], [UInt8], UInt64) in
            let count = try file.byteCount()
            let tail = count < UInt64(sector) ? 0 : count - UInt64(sector)
            let head = try file.read(count: sector + BatchHeader.byteCount, at: 0)
            return (head, try file.read(count: sector, at: tail), count)
        }
        let copies = [first, last].compactMap { copy in copy.withUnsafeBytes { try? JournalHeader(decoding: $0) } }
        for copy in copies { summary.position.lastFileNumber = max(summary.position.lastFileNumber, copy.number) }
        let known = copies.filter { Self.beginsWithBatch(of: $0, first) }
        guard let header = (known.isEmpty ? copies : known).max(by: { $0.number < $1.number }) else { return nil }
        guard header.storeTag == storeTag else {
            summary.damage.append(stretch(path, 0, byteCount, "a journal file of another store"))
            return nil
        }
        return JournalFile(path: path, header: header, byteCount: byteCount)
    }

    /// Whether in `bytes`, which begin a file with this header, a batch of it follows.
    static func beginsWithBatch(of file: JournalHeader, _ bytes: [UInt8]) -> Bool {
        let sector = JournalHeader.sectorByteCount
        guard bytes.count >= sector + BatchHeader.byteCount else { return false }
        return bytes.withUnsafeBytes { view in
            let batch = try? BatchHeader(
                decoding: view.slice(sector..<view.count), offset: UInt64(sector), salt: file.salt)
            return batch != nil
        }
    }

    private func stretch(_ path: String, _ offset: UInt64, _ count: UInt64, _ reason: String) -> JournalStretch {
        JournalStretch(path: path, offset: offset, byteCount: count, reason: reason)
    }

    // MARK: Batches

    private func read(
        _ file: JournalFile, _ window: inout JournalWindow, isLast: Bool, _ search: BitSearch?,
        _ summary: inout JournalSummary, _ body: (Batch) throws(LogError) -> Void
    ) throws(LogError) {
        var offset = JournalHeader.sectorByteCount
        while let mended = try readOn(file, &window, &offset, isLast: isLast, search, &summary, body) {
            guard let bit = mended.bit else { break }
            window.turnBack(bit)
            summary.mended.append(mended)
        }
        // What an older file has lost, later batches miss. And a new file that a crash has kept half can hold an old
        // header, where the file system gave it blocks of a removed one.
        if isLast, !file.hasItsLength {
            summary.damage.append(stretch(file.path, file.byteCount, 0, "file cut short or grown"))
        }
    }

    /// Reads from `offset` to the end of the file; or to a batch that one flipped bit makes whole, which it answers.
    private func readOn(
        _ file: JournalFile, _ window: inout JournalWindow, _ offset: inout Int, isLast: Bool, _ search: BitSearch?,
        _ summary: inout JournalSummary, _ body: (Batch) throws(LogError) -> Void
    ) throws(LogError) -> JournalStretch? {
        while true {
            var found = try nextBatch(from: offset, &window, file, after: summary.position.lastBatch)
            let isNext = found.map { summary.position.isFollowed(by: $0.header) } ?? false
            if !isNext, let search {
                if let mended = try batch(search, &window, offset, file, summary.position) { return mended }
                // The search has read the bytes again, and another process may be writing.
                found = try nextBatch(from: offset, &window, file, after: summary.position.lastBatch)
            }
            guard let found else { break }
            noteGap(offset..<found.offset, found.header, file, &summary)
            offset = try deliver(found, &window, file, &summary, body)
        }
        if isLast { try noteTail(&window, offset, file, &summary) }
        return nil
    }

    /// The batch at `offset` that `search` can mend.
    private func batch(
        _ search: BitSearch, _ window: inout JournalWindow, _ offset: Int, _ file: JournalFile,
        _ position: JournalPosition
    ) throws(LogError) -> JournalStretch? {
        try window.withBytes(max(0, window.end - offset), at: offset) { (rest) throws(LogError) in
            search.batch(in: rest, at: offset, of: file, after: position)
        }
    }

    /// The first valid batch at or after `offset` that is newer than `last`.
    private func nextBatch(
        from offset: Int, _ window: inout JournalWindow, _ file: JournalFile, after last: UInt64
    ) throws(LogError) -> (offset: Int, header: BatchHeader)? {
        let salt = file.header.salt
        var at = offset
        while at + BatchHeader.byteCount <= window.end {
            func decoded(_ bytes: UnsafeRawBufferPointer) -> BatchHeader? {
                try? BatchHeader(decoding: bytes, offset: UInt64(at), salt: salt)
            }
            let header = try window.withBytes(BatchHeader.byteCount, at: at) { (bytes) throws(LogError) in
                decoded(bytes)
            }
            if let header, header.number > last {
                // All of it may have to be read, and another process may be writing.
                let isIntact = try window.withBytes(header.wholeByteCount, at: at) { (bytes) throws(LogError) in
                    BatchHeader.isIntact(bytes, salt: salt) && decoded(bytes) == header
                }
                if isIntact { return (at, header) }
            }
            at += JournalHeader.sectorByteCount
        }
        return nil
    }

    /// Gives out a batch; answers where the next one begins.
    private func deliver(
        _ found: (offset: Int, header: BatchHeader), _ window: inout JournalWindow, _ file: JournalFile,
        _ summary: inout JournalSummary, _ body: (Batch) throws(LogError) -> Void
    ) throws(LogError) -> Int {
        let (offset, header) = found
        let next = offset + header.paddedByteCount
        let source = window.source
        try window.withBytes(header.wholeByteCount, at: offset) { (whole) throws(LogError) in
            summary.take(header, check: BatchHeader.storedCheck(whole), of: file, end: UInt64(next))
            let content = whole.slice(BatchHeader.byteCount..<whole.count)
            guard let entries = try? JournalEntry.decodeAll(content, count: header.entryCount) else {
                var broken = stretch(
                    file.path, UInt64(offset), UInt64(header.paddedByteCount), "entries that break a rule")
                (broken.firstBatch, broken.lastBatch) = (header.number, header.number)
                summary.damage.append(broken)
                return
            }
            try body(
                Batch(
                    header: header, file: file, offset: UInt64(offset), body: content, entries: entries,
                    source: source))
        }
        return next
    }

    /// Reports what stands between the batch before and `header`, when that does not continue the log.
    private func noteGap(
        _ range: Range<Int>, _ header: BatchHeader, _ file: JournalFile, _ summary: inout JournalSummary
    ) {
        let position = summary.position
        guard !position.isFollowed(by: header) else { return }
        var gap = stretch(
            file.path, UInt64(range.lowerBound), UInt64(range.count),
            "batches \(position.lastBatch + 1) to \(header.number - 1) cannot be read")
        if header.number == position.lastBatch + 1 { gap.reason = "batch \(header.number) continues another log" }
        gap.firstBatch = position.lastBatch + 1
        gap.lastBatch = header.number - 1
        summary.damage.append(gap)
    }

    private func noteTail(
        _ window: inout JournalWindow, _ offset: Int, _ file: JournalFile, _ summary: inout JournalSummary
    ) throws(LogError) {
        guard window.end - offset >= BatchHeader.byteCount else { return }
        let position = summary.position
        let byteCount = try window.withBytes(BatchHeader.byteCount, at: offset) { (bytes) throws(LogError) -> Int? in
            // Old batches of a recycled file have another number and another chain before them.
            guard bytes.count == BatchHeader.byteCount,
                bytes.load(UInt64.self, at: 8) == position.lastBatch + 1
                    || bytes.load(UInt64.self, at: 40) == position.chain
            else { return nil }
            return BatchHeader.padded(BatchHeader.byteCount + Int(bytes.load(UInt32.self, at: 24)))
        }
        guard let byteCount else { return }
        summary.tornTail = stretch(
            file.path, UInt64(offset), UInt64(min(byteCount, window.end - offset)), "a batch that was being written")
        summary.tornTail?.firstBatch = position.lastBatch + 1
    }
}

extension JournalSummary {
    /// Counts a valid batch in, which ends at `end` of `file`.
    fileprivate mutating func take(_ header: BatchHeader, check: UInt64, of file: JournalFile, end: UInt64) {
        position.lastBatch = header.number
        position.chain = check
        if header.number == file.header.firstBatch { restatement = header.number }
        lowWaterMark = max(lowWaterMark, header.lowWaterMark)
        closedCleanly = header.closesCleanly
        batchCount += 1
        byteCount += UInt64(header.paddedByteCount)
        self.end = (file.path, file.header.number, file.header.salt, end)
    }
}

extension JournalPosition {
    /// Whether the batch with this header continues the log that ends here.
    func isFollowed(by header: BatchHeader) -> Bool { header.number == lastBatch + 1 && header.chainBefore == chain }
}
