import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// The document in a snapshot's file. Safe to use from any thread.
///
/// Memory: the table, and from the first read on a decompression context and the block that was read last, so that what
/// is read piece by piece is decompressed once. Whoever reads block after block of a long document has the next ones
/// decompressed on a second thread as well, and two of them held at most.
final class SnapshotDocument: SnapshotSource {
    let sequence: Sequence
    var byteCount: Int { table.documentByteCount }
    private var table: SnapshotTable { blocks.table }
    private let blocks: SnapshotBlocks
    private let opened = Lock<OpenedBlock?>(nil)

    private struct OpenedBlock {
        let decompressor: FrameDecompressor
        var number: Int?
        var bytes: [UInt8] = []
        /// What decompresses the blocks behind this one.
        var ahead: ReadAhead<[UInt8]>?
    }

    /// A thread costs about a tenth of decompressing a block.
    private static let leastBlocksAhead = 3

    /// The document in `file`, or `nil` when that does not end with a table of its blocks. Its check is not looked at.
    init?(_ file: any StorageFile, sequence: Sequence) throws(StorageError) {
        guard let table = try SnapshotBlocks.table(of: file) else { return nil }
        blocks = SnapshotBlocks(file: file, table: table, sequence: sequence)
        self.sequence = sequence
    }

    func read(at offset: Int, count: Int) throws(LogError) -> [UInt8] {
        let end = offset + max(0, min(count, byteCount - offset))
        return try opened.withLock { (opened) throws(LogError) in
            var bytes: [UInt8] = []
            while offset + bytes.count < end {
                let start = offset + bytes.count
                let number = start / table.blockByteCount
                let block = table.block(number)
                let content = try content(of: number, &opened)
                if offset..<end == block { return content }
                bytes += content[start - block.lowerBound..<min(end, block.upperBound) - block.lowerBound]
            }
            return bytes
        }
    }

    private func content(of number: Int, _ opened: inout OpenedBlock?) throws(LogError) -> [UInt8] {
        if let opened, opened.number == number { return opened.bytes }
        var block = opened ?? OpenedBlock(decompressor: FrameDecompressor())
        let isNext = block.number.map { $0 + 1 == number } ?? false
        if !isNext {
            block.ahead = nil
        } else if block.ahead == nil, table.blockCount - number >= Self.leastBlocksAhead {
            block.ahead = blocks.ahead(from: number)
        }
        // Behind an error nothing is ahead any more.
        opened?.ahead = nil
        if let content = try block.ahead?.next() {
            block.bytes = content
        } else {
            block.bytes = try blocks.content(of: number, block.decompressor)
        }
        block.number = number
        opened = block
        return block.bytes
    }

    /// The checksum of the document; `nil` when a block of it cannot be decompressed. Reads all of it.
    func checksum() throws(LogError) -> UInt64? {
        let sum = StreamingChecksum()
        do throws(LogError) {
            for number in 0..<table.blockCount {
                let block = table.block(number)
                sum.add(try read(at: block.lowerBound, count: block.count))
            }
        } catch {
            guard error.code == .damaged else { throw error }
            return nil
        }
        return sum.value
    }
}

/// Reads and decompresses the blocks of a document. Safe to use from any thread.
private struct SnapshotBlocks: Sendable {
    let file: any StorageFile
    let table: SnapshotTable
    let sequence: Sequence

    static func table(of file: any StorageFile) throws(StorageError) -> SnapshotTable? {
        guard let end = Int(exactly: try file.byteCount()), end > SnapshotTable.tailByteCount else { return nil }
        let tailCount = SnapshotTable.tailByteCount
        let tail = try file.read(count: tailCount, at: UInt64(end - tailCount))
        guard let count = try? SnapshotTable.byteCount(tail: tail), count < end else { return nil }
        return try? SnapshotTable(decoding: try file.read(count: count, at: UInt64(end - count)), fileByteCount: end)
    }

    func content(of number: Int, _ decompressor: FrameDecompressor) throws(LogError) -> [UInt8] {
        let place = table.frame(number)
        let frame = try storing { () throws(StorageError) in
            try file.read(count: place.count, at: UInt64(place.lowerBound))
        }
        guard let content = decompressor.content(of: frame, byteCount: table.block(number).count) else {
            throw LogError(.damaged, "block \(number) of the snapshot through record \(sequence) cannot be read")
        }
        return content
    }

    /// The blocks from `first` on, one after the other; `nil` when there is no thread to be had.
    func ahead(from first: Int) -> ReadAhead<[UInt8]>? {
        var numbers = first..<table.blockCount
        let decompressors = Lock([FrameDecompressor]())
        return try? ReadAhead(limit: 2 * table.blockByteCount) { () throws(LogError) in
            guard let number = numbers.popFirst() else { return nil }
            return ReadAhead.Job(byteCount: table.block(number).count) { () throws(LogError) in
                let decompressor = decompressors.withLock { $0.popLast() } ?? FrameDecompressor()
                defer { decompressors.withLock { $0.append(decompressor) } }
                return try content(of: number, decompressor)
            }
        }
    }
}
