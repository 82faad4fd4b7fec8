/// The table at the end of a snapshot's file: where each block of the document lies, compressed.
///
/// The file is one zstd frame for each block of the document and, last, this table in a frame that decompressors skip.
/// All blocks are as long as the table says but the last, which is what is left.
///
///     0       4      8                     8+4n        16+4n    20+4n     22+4n   24+4n   32+4n
///     +-------+------+---------------------+-----------+--------+---------+-------+-------+
///     | magic | size | bytes of each frame | document  | block  | version | 0     | check |
///     | u32   | u32  | n u32               | bytes u64 | u32    | u16     | u16   | u64   |
///     +-------+------+---------------------+-----------+--------+---------+-------+-------+
///
/// A table is valid if and only if (1) the version is 3, (2) `check` is the checksum of all bytes of the file before
/// it, and (3) magic, size, lengths and the length of the file agree. (2) is for who has the file: it is all of it.
package struct SnapshotTable: Equatable, Sendable {
    /// That of a frame which decompressors skip.
    package static let magic: UInt32 = 0x184D_2A50
    private static let headByteCount = 8
    /// The last bytes of a file, which say how long its table is: from the document's length on.
    package static let tailByteCount = 24
    /// The end of the tail and of the file.
    package static let checkByteCount = 8

    /// The document's length.
    package let documentByteCount: Int
    /// How much of the document each frame holds, but for the last.
    package let blockByteCount: Int
    /// Where each frame begins in the file, and where the last one ends.
    private let offsets: [Int]

    /// The table of a document of which the blocks were compressed to so many bytes each.
    package init(documentByteCount: Int, blockByteCount: Int, frameByteCounts: [Int]) {
        precondition(frameByteCounts.count == Self.blockCount(documentByteCount, blockByteCount))
        self.documentByteCount = documentByteCount
        self.blockByteCount = blockByteCount
        offsets = frameByteCounts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }

    private static func blockCount(_ documentByteCount: Int, _ blockByteCount: Int) -> Int {
        (documentByteCount + blockByteCount - 1) / blockByteCount
    }

    // MARK: Places

    package var blockCount: Int { offsets.count - 1 }

    /// The bytes of the document that block `number` holds; the first is 0.
    package func block(_ number: Int) -> Range<Int> {
        let start = number * blockByteCount
        return start..<min(start + blockByteCount, documentByteCount)
    }

    /// The bytes of the file that hold block `number`.
    package func frame(_ number: Int) -> Range<Int> { offsets[number]..<offsets[number + 1] }

    // MARK: Bytes

    /// The bytes of the table up to its check.
    package func encodedOpen() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: UInt32(4 * blockCount + Self.tailByteCount))
        for number in 0..<blockCount { bytes.append(littleEndian: UInt32(frame(number).count)) }
        bytes.append(littleEndian: UInt64(documentByteCount))
        bytes.append(littleEndian: UInt32(blockByteCount))
        bytes.append(littleEndian: Limits.formatVersion)
        bytes.append(littleEndian: UInt16(0))
        return bytes
    }

    /// The end of the file: the check, which is the checksum of everything before it.
    package static func encoded(check: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: check)
        return bytes
    }

    /// The check in the last ``checkByteCount`` bytes of a file; `nil` when there are fewer.
    package static func check(inEnd bytes: [UInt8]) -> UInt64? {
        guard bytes.count == checkByteCount else { return nil }
        return bytes.withBytes { $0.load(at: 0) }
    }

    /// How many bytes at the end of a file are its table.
    ///
    /// - Parameter tail: the file's last ``tailByteCount`` bytes.
    package static func byteCount(tail: [UInt8]) throws(FormatError) -> Int {
        let lengths = try tail.withBytes { (view) throws(FormatError) in try Self.lengths(tail: view) }
        return headByteCount + 4 * blockCount(lengths.document, lengths.block) + tailByteCount
    }

    private static func lengths(tail: UnsafeRawBufferPointer) throws(FormatError) -> (document: Int, block: Int) {
        guard tail.count == tailByteCount else { throw .truncated }
        let version = tail.load(UInt16.self, at: 12)
        guard version == Limits.formatVersion else { throw .unknownVersion(UInt64(version)) }
        let document = tail.load(UInt64.self, at: 0)
        let block = Int(tail.load(UInt32.self, at: 8))
        guard (1...Limits.largestSnapshotBlock).contains(block) else { throw .invalid("length of a block") }
        guard document > 0, document <= UInt64(block * Limits.snapshotBlockCount) else {
            throw .invalid("length of the document")
        }
        guard tail.load(UInt16.self, at: 14) == 0 else { throw .invalid("reserved bytes") }
        return (Int(document), block)
    }

    /// Reads the table in the last bytes of a file of `fileByteCount` bytes; its check is not looked at.
    package init(decoding bytes: [UInt8], fileByteCount: Int) throws(FormatError) {
        guard bytes.count >= Self.headByteCount + Self.tailByteCount else { throw .truncated }
        let tail = bytes.count - Self.tailByteCount
        let parts = try bytes.withBytes { (view) throws(FormatError) in
            let lengths = try Self.lengths(tail: view.slice(tail..<view.count))
            let count = Self.blockCount(lengths.document, lengths.block)
            guard view.count == Self.headByteCount + 4 * count + Self.tailByteCount else { throw .truncated }
            guard view.load(UInt32.self, at: 0) == Self.magic else { throw .wrongMagic }
            guard Int(view.load(UInt32.self, at: 4)) == view.count - Self.headByteCount else {
                throw .invalid("size of the table")
            }
            let frames = (0..<count).map { Int(view.load(UInt32.self, at: Self.headByteCount + 4 * $0)) }
            return (lengths: lengths, frames: frames)
        }
        // Compressed, a block takes some bytes more than it has at worst.
        guard parts.frames.allSatisfy({ (1...2 * Limits.largestSnapshotBlock).contains($0) }) else {
            throw .invalid("length of a frame")
        }
        self.init(
            documentByteCount: parts.lengths.document, blockByteCount: parts.lengths.block,
            frameByteCounts: parts.frames)
        guard offsets[blockCount] == fileByteCount - bytes.count else { throw .invalid("lengths of the frames") }
    }
}
