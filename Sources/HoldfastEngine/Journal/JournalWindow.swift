import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// The part of a journal file that is in memory, which is used for one part after the other.
///
/// The system clears fresh memory before it gives it, which takes ten times as long as the copy from the page cache.
struct JournalWindow {
    /// How much is read at once; more only for a longer batch.
    private static let byteCount = 1 << 20

    private(set) var source: JournalSource
    /// Behind the last byte that can be a batch's.
    private(set) var end: Int
    /// What is read goes here. Taken from one window to the next, before anything is read.
    var memory: [UInt8] = []
    /// What of the file stands at the front of `memory`.
    private var range = 0..<0

    /// - Throws: `.invalid`, before anything is allocated, for a file that no writer makes.
    init(_ file: any StorageFile, of journal: JournalFile) throws(StorageError) {
        let byteCount = try file.byteCount()
        let limit = Limits.largestPayloadLimit * 2
        guard byteCount <= UInt64(limit) else {
            throw StorageError(
                .invalid, "read", journal.path, detail: "\(byteCount) bytes, the limit is \(limit)")
        }
        source = JournalSource(file, path: journal.path)
        // A file that was cut has lost its second header first.
        end = max(
            0, min(Int(byteCount), Int(clamping: journal.header.fileByteCount) - JournalHeader.sectorByteCount))
    }

    /// Takes `bit` as turned back from here on.
    mutating func turnBack(_ bit: FlippedBit) {
        source.turnBack(bit)
        range = 0..<0
    }

    /// Runs `body` with the `count` bytes from `offset`; fewer only at the end.
    mutating func withBytes<Result>(
        _ count: Int, at offset: Int, _ body: (UnsafeRawBufferPointer) throws(LogError) -> Result
    ) throws(LogError) -> Result {
        if offset < range.lowerBound || min(offset + count, end) > range.upperBound {
            try storing { () throws(StorageError) in try load(count, from: offset) }
        }
        let here = min(offset, range.upperBound)..<min(offset + count, range.upperBound)
        return try memory.withBytes { (bytes) throws(LogError) in
            try body(bytes.slice(here.lowerBound - range.lowerBound..<here.upperBound - range.lowerBound))
        }
    }

    private mutating func load(_ count: Int, from offset: Int) throws(StorageError) {
        let wanted = min(max(count, Self.byteCount), max(0, end - offset))
        range = 0..<0
        if memory.count < wanted { memory = [UInt8](repeating: 0, count: wanted) }
        let found = try memory.withMutableBytes { (bytes) throws(StorageError) in
            try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]), at: UInt64(offset))
        }
        range = offset..<offset + found
        if found < wanted { end = range.upperBound }
    }
}
