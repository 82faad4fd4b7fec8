import Glibc

extension UnsafeRawBufferPointer {
    /// Where the first `byte` at `start` or behind it stands, or `nil`. As fast as the system's `memchr`.
    package func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        precondition(start >= 0 && start <= count, "search outside of the buffer")
        guard let base = baseAddress, let found = memchr(base + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Whether `text` stands at `start`.
    package func has(_ text: StaticString, at start: Int) -> Bool {
        guard let base = baseAddress, start >= 0, count - start >= text.utf8CodeUnitCount else { return false }
        return memcmp(base + start, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// Whether `part` is somewhere in these bytes. For parts that begin with a byte that is rare in them.
    package func contains(_ part: UnsafeRawBufferPointer) -> Bool {
        if part.isEmpty { return true }
        guard let base = baseAddress, let other = part.baseAddress else { return false }
        var start = 0
        while let place = firstIndex(of: part[0], from: start), place + part.count <= count {
            if memcmp(base + place, other, part.count) == 0 { return true }
            start = place + 1
        }
        return false
    }
}
