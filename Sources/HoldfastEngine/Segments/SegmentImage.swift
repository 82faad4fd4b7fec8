import HoldfastLog
import HoldfastStorage

/// Bytes that belong at an offset of a segment and may not be in its file yet.
package struct Extent: Sendable {
    var offset: UInt64
    var bytes: [UInt8]

    var end: UInt64 { offset + UInt64(bytes.count) }
}

/// A segment as it would be if every committed byte had been flushed: the file, with committed extents laid over.
///
/// Take the extents first and open the file afterwards: what the extents lack is then in the file.
final class SegmentImage {
    private let file: (any StorageFile)?
    /// The length of the file itself.
    let fileByteCount: UInt64
    private let extents: [Extent]
    let byteCount: UInt64

    /// - Parameter file: `nil` for a segment that has not been flushed at all.
    init(file: (any StorageFile)?, extents: [Extent]) throws(StorageError) {
        self.file = file
        self.extents = extents
        fileByteCount = try file?.byteCount() ?? 0
        byteCount = extents.reduce(fileByteCount) { max($0, $1.end) }
    }

    /// The same segment with `extent` laid over.
    func laying(_ extent: Extent) throws(StorageError) -> SegmentImage {
        try SegmentImage(file: file, extents: extents + [extent])
    }

    /// The `count` bytes from `offset`, fewer only at the end. A hole that nothing covers reads as zeros.
    func read(count: Int, at offset: UInt64) throws(StorageError) -> [UInt8] {
        guard offset < byteCount else { return [] }
        let count = Int(min(UInt64(count), byteCount - offset))
        var bytes: [UInt8] = []
        if let file, offset < fileByteCount { bytes = try file.read(count: count, at: offset) }
        bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
        for extent in extents {
            let start = max(offset, extent.offset)
            let end = min(offset + UInt64(count), extent.end)
            guard start < end else { continue }
            let source = extent.bytes[Int(start - extent.offset)..<Int(end - extent.offset)]
            bytes.replaceSubrange(Int(start - offset)..<Int(end - offset), with: source)
        }
        return bytes
    }

    /// What is wrong with the segment when its header cannot be read.
    var headerFault: String {
        if fileByteCount > 0 { return "damaged segment header" }
        return "the file is missing or empty" + (byteCount == 0 ? "" : ", but for what the journal has of it")
    }

    /// Whether the file itself has the bytes in `range`, which is to say that they are not in the journal only.
    func isInFile(_ range: Range<UInt64>) throws(StorageError) -> Bool {
        guard let file, range.upperBound <= fileByteCount else { return false }
        guard extents.contains(where: { $0.offset < range.upperBound && range.lowerBound < $0.end }) else {
            return true
        }
        let count = range.count
        return try file.read(count: count, at: range.lowerBound) == read(count: count, at: range.lowerBound)
    }
}
