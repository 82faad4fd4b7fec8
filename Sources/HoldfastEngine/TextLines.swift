import HoldfastBytes
import HoldfastStorage

/// A file of lines, in memory.
struct TextLines {
    private(set) var bytes: [UInt8] = []
    /// Where each line begins.
    private(set) var starts: [Int] = []
    /// How long the file is.
    let byteCount: UInt64
    /// Whether all of the file was read: not what follows a line that is longer than any that is written.
    private(set) var isWhole = true

    /// Reads `file` to its end, or to a line that is too long.
    init(_ file: any StorageFile) throws(StorageError) {
        byteCount = try file.byteCount()
        // Grown step by step it would leave as much memory behind. Not more than is plausible: it may be a sparse file.
        bytes.reserveCapacity(Int(min(byteCount, 1 << 30)))
        var start = 0
        while UInt64(bytes.count) < byteCount, isWhole {
            let piece = try file.read(count: 1 << 20, at: UInt64(bytes.count))
            let offset = bytes.count
            bytes += piece
            piece.withBytes { piece in
                var place = 0
                while let end = piece.firstIndex(of: 10, from: place) {
                    starts.append(start)
                    place = end + 1
                    start = offset + place
                }
            }
            isWhole = !piece.isEmpty && bytes.count - start <= Limits.metadataByteCount
        }
        if start < bytes.count { starts.append(start) }
    }

    /// The line that begins at `start`, with its newline if it has one: the last may not.
    func line(at start: Int) -> ArraySlice<UInt8> {
        let end = bytes.withBytes { $0.firstIndex(of: 10, from: start) }
        return bytes[start..<(end.map { $0 + 1 } ?? bytes.count)]
    }
}
