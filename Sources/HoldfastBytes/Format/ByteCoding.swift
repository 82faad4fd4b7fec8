// Little-endian integers in byte buffers. The only file of the format that loads and stores raw memory.

extension UnsafeRawBufferPointer {
    /// The integer at `offset`, little-endian. The caller has checked that it lies inside.
    @inlinable package func load<T: FixedWidthInteger>(_ type: T.Type = T.self, at offset: Int) -> T {
        precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size, "load outside of the buffer")
        return T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// The bytes in `range`, as a view.
    @inlinable package func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice outside of the buffer")
        return UnsafeRawBufferPointer(rebasing: self[range])
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Stores `value` at `offset`, little-endian.
    package func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size, "store outside of the buffer")
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }
}

extension Array where Element == UInt8 {
    /// Appends `value`, little-endian.
    package mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Overwrites the integer at `offset`, little-endian.
    package mutating func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        withUnsafeMutableBytes { $0.store(value, at: offset) }
    }

    /// Appends `count` zero bytes.
    package mutating func appendZeros(_ count: Int) {
        append(addingCapacity: count) { $0.append(repeating: 0, count: count) }
    }
}

extension Array where Element == UInt8 {
    /// Runs `body` with a view of the bytes; unlike `withUnsafeBytes` it keeps the type of the error.
    @inlinable package func withBytes<R, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        try span.withUnsafeBytes { (view) throws(Failure) in try body(view) }
    }

    /// The same with a view that can be written to.
    package mutating func withMutableBytes<R, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        var bytes = mutableSpan
        return try bytes.withUnsafeMutableBytes { (view) throws(Failure) in try body(view) }
    }
}

extension ArraySlice where Element == UInt8 {
    /// As the array's.
    @inlinable package func withBytes<R, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        try span.withUnsafeBytes { (view) throws(Failure) in try body(view) }
    }
}
