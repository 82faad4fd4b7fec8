import HoldfastBytes
import HoldfastStorage

/// A journal file that is open for reading, and what of it counts as turned back.
struct JournalSource: Sendable {
    let path: String
    let file: any StorageFile
    /// Bits that have flipped in the file. All reading goes through here, so that nobody sees them.
    private(set) var flips: [FlippedBit] = []

    init(_ file: any StorageFile, path: String) {
        self.file = file
        self.path = path
    }

    /// Takes `bit` as turned back from here on.
    mutating func turnBack(_ bit: FlippedBit) { flips.append(bit) }

    /// Reads the bytes from `offset` on into `buffer`; answers how many there were.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        let found = try file.read(into: buffer, at: offset)
        for bit in flips where offset <= bit.offset && bit.offset < offset + UInt64(found) {
            buffer[Int(bit.offset - offset)] ^= 1 << UInt8(bit.bit)
        }
        return found
    }
}

/// Where the journal holds bytes that have been checked. They can be read from there until the file is used again.
struct JournalPlace: Sendable {
    let source: JournalSource
    let offset: UInt64
    let byteCount: Int
    let checksum: UInt64

    /// Reads `range` of the bytes. Unchecked: of use where a record's own checks follow.
    func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(StorageError) {
        let found = try source.read(into: buffer, at: offset + UInt64(range.lowerBound))
        guard found == range.count else { throw changed }
    }

    /// Reads all of them into `buffer`, which is as long.
    ///
    /// - Throws: `.io` when they are not what they were.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StorageError) {
        try read(0..<byteCount, into: buffer)
        guard Checksum.of(UnsafeRawBufferPointer(buffer)) == checksum else { throw changed }
    }

    private var changed: StorageError {
        StorageError(
            .io, "read", source.path, detail: "\(byteCount) bytes at \(offset) are not what they were a moment ago")
    }
}
