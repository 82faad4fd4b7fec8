import Glibc
import HoldfastStorage
import Testing

@testable import HoldfastEngine

/// What is left of a file of which the disk cannot read every page.
struct RescuedFileTests {
    /// Bytes that count up, of which some cannot be read.
    private final class WornFile: StorageFile {
        let bytes = (0..<20_000).map { UInt8($0 % 251) }
        let broken: Range<Int>

        init(broken: Range<Int>) { self.broken = broken }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
            let range = Int(offset)..<min(bytes.count, Int(offset) + buffer.count)
            guard !range.overlaps(broken) else { throw StorageError(errno: EIO, "read", "worn") }
            buffer.copyBytes(from: bytes[range])
            return range.count
        }

        func byteCount() throws(StorageError) -> UInt64 { UInt64(bytes.count) }
        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {}
        func sync() throws(StorageError) {}
        func truncate(to byteCount: UInt64) throws(StorageError) {}
        func close() throws(StorageError) {}
    }

    @Test(arguments: [0..<1, 5_000..<5_001, 4_096..<12_288, 19_999..<20_000])
    func whatCannotBeReadIsZeroAndNothingElse(_ broken: Range<Int>) throws {
        let worn = WornFile(broken: broken)
        let bytes = try RescuedFile(worn).read(count: 30_000, at: 0)
        #expect(bytes.count == worn.bytes.count)
        let lost = bytes.indices.filter { bytes[$0] != worn.bytes[$0] || worn.bytes[$0] == 0 && broken.contains($0) }
        let pages = broken.lowerBound / 4_096 * 4_096..<(broken.upperBound + 4_095) / 4_096 * 4_096
        #expect(lost.allSatisfy { pages.contains($0) && bytes[$0] == 0 })
        #expect(broken.allSatisfy { bytes[$0] == 0 })
    }

    @Test func otherFailuresAreFailures() throws {
        final class Closed: StorageFile {
            func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
                throw StorageError(.invalid, "read", "closed")
            }
            func byteCount() throws(StorageError) -> UInt64 { 10 }
            func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {}
            func sync() throws(StorageError) {}
            func truncate(to byteCount: UInt64) throws(StorageError) {}
            func close() throws(StorageError) {}
        }
        #expect(throws: StorageError.self) { try RescuedFile(Closed()).read(count: 10, at: 0) }
    }
}
