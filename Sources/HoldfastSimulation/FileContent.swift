/// The bytes of one simulated file. A value: copies share their blocks until one of them is written to.
struct FileContent: Sendable {
    static let blockSize = 4_096

    private(set) var byteCount = 0
    /// A block that is missing is a hole: it reads as zeros and takes no space.
    private(set) var blocks: [Int: [UInt8]] = [:]

    /// The space that the blocks take, in bytes.
    var allocatedBytes: Int { blocks.count * Self.blockSize }

    /// Fills `buffer` from `offset`; answers how many bytes there were.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = max(0, min(buffer.count, byteCount - offset))
        Self.forEachPiece(at: offset, count: count) { number, range, source in
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[source])
            if let block = blocks[number] {
                block.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
        return count
    }

    /// The `count` bytes from `offset`; zeros from the end of the file on.
    func bytes(at offset: Int, count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        result.withUnsafeMutableBytes { _ = read(into: $0, at: offset) }
        return result
    }

    /// Stores `bytes` at `offset` and moves the end when they reach beyond it.
    mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        if bytes.isEmpty { return }
        bytes.withUnsafeBytes { bytes in
            Self.forEachPiece(at: offset, count: bytes.count) { number, range, source in
                blocks[number, default: Self.emptyBlock].withUnsafeMutableBytes {
                    UnsafeMutableRawBufferPointer(rebasing: $0[range])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[source]))
                }
            }
        }
        byteCount = max(byteCount, offset + bytes.count)
    }

    /// Moves the end: cuts what is beyond, or appends a hole.
    mutating func resize(to newByteCount: Int) {
        let lastBlock = newByteCount / Self.blockSize
        if newByteCount < byteCount {
            blocks = blocks.filter { $0.key <= lastBlock }
            let kept = newByteCount % Self.blockSize
            if kept == 0 {
                blocks[lastBlock] = nil
            } else {
                // What was cut must not come back when the file grows again.
                let cut = kept..<Self.blockSize
                blocks[lastBlock]?.replaceSubrange(cut, with: repeatElement(0, count: cut.count))
            }
        }
        byteCount = newByteCount
    }

    /// The space that a write would newly take, in bytes.
    func bytesToAllocate(at offset: Int, count: Int) -> Int {
        var byteCount = 0
        Self.forEachPiece(at: offset, count: count) { number, _, _ in
            if blocks[number] == nil { byteCount += Self.blockSize }
        }
        return byteCount
    }

    private static let emptyBlock = [UInt8](repeating: 0, count: blockSize)

    /// Calls `body` with the number of each block that a run of bytes touches, where in the block, and where in the
    /// run.
    private static func forEachPiece(
        at offset: Int, count: Int, _ body: (_ block: Int, _ range: Range<Int>, _ source: Range<Int>) -> Void
    ) {
        var done = 0
        while done < count {
            let start = (offset + done) % blockSize
            let length = min(blockSize - start, count - done)
            body((offset + done) / blockSize, start..<start + length, done..<done + length)
            done += length
        }
    }
}
