/// The bytes of one simulated file. A value: copies share their blocks until one of them is written to.
struct FileContent: Sendable {
    static let blockSize = 4_096

    private(set) var byteCount = 0
    /// A block that is missing is a hole: it reads as zeros and takes no space.
    private var blocks: [Int: [UInt8]] = [:]

    /// The space that the blocks take, in bytes.
    var allocatedBytes: Int { blocks.count * Self.blockSize }

    /// Fills `buffer` from `offset`; answers how many bytes there were.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = max(0, min(buffer.count, byteCount - offset))
        for piece in pieces(at: offset, count: count) {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[piece.source])
            if let block = blocks[piece.block] {
                target.copyBytes(from: block[piece.range])
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
        for piece in pieces(at: offset, count: bytes.count) {
            let source = bytes.dropFirst(piece.source.lowerBound).prefix(piece.source.count)
            blocks[piece.block, default: Self.emptyBlock].replaceSubrange(piece.range, with: source)
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
        pieces(at: offset, count: count).count { blocks[$0.block] == nil } * Self.blockSize
    }
}

extension FileContent {
    /// The part of a run of bytes that lies in one block.
    private struct Piece {
        var block: Int
        /// Where in the block.
        var range: Range<Int>
        /// Where in the run.
        var source: Range<Int>
    }

    private static let emptyBlock = [UInt8](repeating: 0, count: blockSize)

    private func pieces(at offset: Int, count: Int) -> [Piece] {
        var pieces: [Piece] = []
        var done = 0
        while done < count {
            let start = (offset + done) % Self.blockSize
            let length = min(Self.blockSize - start, count - done)
            pieces.append(
                Piece(
                    block: (offset + done) / Self.blockSize, range: start..<start + length,
                    source: done..<done + length))
            done += length
        }
        return pieces
    }
}
