import HoldfastBytes

/// Cuts a stream of bytes into lines, with memory for one line of at most `limit` bytes. Pure.
///
/// A line ends at its `\n`, which is not part of it. The last one need not have any.
struct LineSplitter {
    /// A line of the stream.
    enum Line: Equatable {
        case whole([UInt8])
        /// A line of so many bytes, which is over the limit and was not kept.
        case tooLong(byteCount: Int)
    }

    let limit: Int
    private var begun: [UInt8] = []
    /// How long the line has become of which nothing is kept; 0 while lines are in order.
    private var dropped = 0

    /// Lines of up to `limit` bytes are kept.
    init(limit: Int) { self.limit = limit }

    /// Takes the next piece of the stream and hands over the lines that end in it. Linear.
    mutating func take<Failure: Error>(
        _ piece: UnsafeRawBufferPointer, _ body: (Line) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while let end = piece.firstIndex(of: 10, from: start) {
            add(piece[start..<end])
            start = end + 1
            try body(endLine())
        }
        add(piece[start...])
    }

    /// Hands over the last line when the stream did not end with `\n`.
    mutating func finish<Failure: Error>(_ body: (Line) throws(Failure) -> Void) throws(Failure) {
        if !begun.isEmpty || dropped > 0 { try body(endLine()) }
    }

    private mutating func add(_ bytes: Slice<UnsafeRawBufferPointer>) {
        if dropped > 0 {
            dropped += bytes.count
        } else if begun.count + bytes.count > limit {
            dropped = begun.count + bytes.count
            begun = []
        } else {
            begun.append(contentsOf: bytes)
        }
    }

    private mutating func endLine() -> Line {
        defer {
            begun = []
            dropped = 0
        }
        return dropped > 0 ? .tooLong(byteCount: dropped) : .whole(begun)
    }
}
