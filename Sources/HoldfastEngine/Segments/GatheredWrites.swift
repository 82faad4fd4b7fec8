import HoldfastBytes
import HoldfastStorage

/// Writes extents to a segment in their order: what follows in the segment on what was before goes out in one write.
struct GatheredWrites {
    /// What costs about as much to copy as a write of its own does.
    private static let copiedByteCount = 16 << 10
    /// What is written at once, unless a single extent is longer.
    private static let writeByteCount = 256 << 10

    private let file: any StorageFile
    private var memory: [UInt8] = []
    private var offset: UInt64 = 0
    private var byteCount = 0

    /// Writes all of `extents`. Memory: a quarter of a mebibyte, or the longest one that the journal holds.
    static func write(_ extents: [Extent], to file: any StorageFile) throws(StorageError) {
        var writes = GatheredWrites(file: file)
        let total = extents.reduce(0) { $0 + $1.byteCount }
        for extent in extents { try writes.add(extent, of: total) }
        try writes.writeOut()
    }

    private init(file: any StorageFile) { self.file = file }

    private mutating func add(_ extent: Extent, of total: Int) throws(StorageError) {
        if offset + UInt64(byteCount) != extent.offset || byteCount + extent.byteCount > Self.writeByteCount {
            try writeOut()
        }
        if let bytes = extent.memory, bytes.count > Self.copiedByteCount {
            try writeOut()
            return try bytes.span.withUnsafeBytes { (bytes) throws(StorageError) in
                try file.write(bytes, at: extent.offset)
            }
        }
        if byteCount == 0 { offset = extent.offset }
        let end = byteCount + extent.byteCount
        if memory.count < end {
            precondition(byteCount == 0, "what has been gathered would be lost")
            memory = [UInt8](repeating: 0, count: max(end, min(total, Self.writeByteCount)))
        }
        try memory.withMutableBytes { (all) throws(StorageError) in
            try extent.copy(to: UnsafeMutableRawBufferPointer(rebasing: all[byteCount..<end]))
        }
        byteCount = end
    }

    private mutating func writeOut() throws(StorageError) {
        try memory.withBytes { (bytes) throws(StorageError) in
            if byteCount > 0 { try file.write(bytes.slice(0..<byteCount), at: offset) }
        }
        byteCount = 0
    }
}
