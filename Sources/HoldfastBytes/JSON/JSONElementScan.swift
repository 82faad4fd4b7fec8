import CJSON

/// Finds where the elements of a JSON array end, in pieces of its text, for texts too long to parse at once.
///
/// Expects a text that was checked when it was written; of any other it makes some elements, without a trap. Reads
/// gigabytes a second, for most of it is strings, whose bytes are nobody's concern.
package struct JSONElementScan {
    private var scan = hfjson_scan()

    /// For an array of which everything behind its opening bracket is to come.
    package init() {}

    /// Whether the array's end was read.
    package var isAtEnd: Bool { scan.depth < 0 }

    /// Reads the bytes of the piece from `start` on; answers the place of the first comma or bracket that ends an
    /// element, or `nil` when none of them does.
    package mutating func elementEnd(in piece: UnsafeRawBufferPointer, from start: Int) -> Int? {
        precondition(start >= 0 && start <= piece.count, "a scan outside of the piece")
        guard let base = piece.baseAddress else { return nil }
        let bytes = base.assumingMemoryBound(to: UInt8.self)
        let end = hfjson_element_end(&scan, bytes, start, piece.count)
        return end < piece.count ? end : nil
    }
}
