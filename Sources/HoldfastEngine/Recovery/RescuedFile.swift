import HoldfastStorage

/// A file of which some places cannot be read any more: those come back as zeros, a page at a time.
///
/// Zeros are no valid record, so what the disk has lost is damage like any other, and the rest is read.
final class RescuedFile: StorageFile {
    private static let pageByteCount = 4_096
    private let file: any StorageFile

    init(_ file: any StorageFile) { self.file = file }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        do throws(StorageError) {
            return try file.read(into: buffer, at: offset)
        } catch {
            guard error.code == .io else { throw error }
        }
        let total = Int(min(UInt64(buffer.count), try file.byteCount() - min(offset, try file.byteCount())))
        var done = 0
        while done < total {
            let place = offset + UInt64(done)
            let count = min(total - done, Self.pageByteCount - Int(place % UInt64(Self.pageByteCount)))
            let page = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            if (try? file.read(into: page, at: place)) != count { page.initializeMemory(as: UInt8.self, repeating: 0) }
            done += count
        }
        return total
    }

    func byteCount() throws(StorageError) -> UInt64 { try file.byteCount() }
    func close() throws(StorageError) { try file.close() }
    func sync() throws(StorageError) { try file.sync() }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try file.write(bytes, at: offset)
    }

    func truncate(to byteCount: UInt64) throws(StorageError) { try file.truncate(to: byteCount) }
}
