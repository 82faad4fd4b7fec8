import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Compresses a session's document on its way into a file, block by block, and closes it with the table of the blocks.
///
/// Not thread-safe. Memory: one block, its frame, and a compression context.
final class SnapshotOutput: SnapshotSink {
    /// Of zstd. Higher ones take more time than they save room: docs/decisions/0009-snapshots.md has the figures.
    private static let level: Int32 = 5

    private let file: any StorageFile
    private let compressor = FrameCompressor(level: SnapshotOutput.level)
    private let fileSum: StreamingChecksum
    private let documentSum = StreamingChecksum()
    private var block: [UInt8] = []
    private var frameByteCounts: [Int] = []
    private var documentByteCount = 0
    private var offset: UInt64 = 0

    /// - Parameter seed: of the table's check.
    init(_ file: any StorageFile, seed: UInt64) {
        self.file = file
        fileSum = StreamingChecksum(seed: seed)
    }

    /// The checksum of the document so far.
    var checksum: UInt64 { documentSum.value }

    func write(_ bytes: [UInt8]) throws(LogError) {
        documentSum.add(bytes)
        documentByteCount += bytes.count
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(Limits.snapshotBlock - block.count)
            block += part
            rest = rest.dropFirst(part.count)
            if block.count == Limits.snapshotBlock { try writeBlock() }
        }
    }

    /// Writes what is left and the table, makes the file durable and closes it.
    func finish() throws(LogError) {
        if !block.isEmpty { try writeBlock() }
        let table = SnapshotTable(
            documentByteCount: documentByteCount, blockByteCount: Limits.snapshotBlock,
            frameByteCounts: frameByteCounts)
        try append(table.encodedOpen())
        try append(SnapshotTable.encoded(check: fileSum.value))
        try storing { () throws(StorageError) in
            try file.sync()
            try file.close()
        }
    }

    private func writeBlock() throws(LogError) {
        let frame = compressor.frame(of: block)
        block.removeAll(keepingCapacity: true)
        frameByteCounts.append(frame.count)
        try append(frame)
    }

    private func append(_ bytes: [UInt8]) throws(LogError) {
        fileSum.add(bytes)
        try storing { () throws(StorageError) in try file.write(bytes, at: offset) }
        offset += UInt64(bytes.count)
    }
}
