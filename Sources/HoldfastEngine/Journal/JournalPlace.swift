import HoldfastBytes
import HoldfastStorage

/// A journal file that is open for reading.
final class JournalSource: Sendable {
    let path: String
    let file: any StorageFile

    init(_ file: any StorageFile, path: String) {
        self.file = file
        self.path = path
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
        let found = try source.file.read(into: buffer, at: offset + UInt64(range.lowerBound))
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
