/// The fixed part of a record; the stored payload follows it.
///
///     0      1       2          8          12        16          20         28        32
///     +------+-------+----------+----------+---------+-----------+----------+---------+----------------+
///     | kind | flags | time     | stored   | raw     | sequence  | check    | header  | stored payload |
///     | u8   | u8    | u48, ms  | size u32 | size u32| offset u32| u64      | check u32|               |
///     +------+-------+----------+----------+---------+-----------+----------+---------+----------------+
///
/// A record is valid if and only if (1) its kind is not 0, (2) `header check` is the low half of the checksum
/// of bytes 0 to 27 under the segment's salt exclusive-or the record's offset in the file, (3) its sizes keep
/// the limits and its flags are known, and (4) `check` is the checksum of the stored payload under a seed that
/// is the checksum of bytes 0 to 19 under the salt exclusive-or the check of the record before.
package struct RecordHeader: Equatable, Sendable {
    package static let byteCount = 32
    /// A mark carries no mutation and takes no sequence; it is there for its promise.
    package static let markKind: UInt8 = 255
    /// Kinds from here to 254 are reserved for the engine.
    package static let firstReservedKind: UInt8 = 240

    /// How the payload is stored.
    package enum Codec: UInt8, Sendable {
        /// As it is.
        case raw = 0
        /// The beginning of a zstd frame: a restart point, readable without anything before it.
        case frameStart = 1
        /// The next flushed part of the frame that the last `frameStart` began.
        case frameContinuation = 2
    }

    /// The fields in the order of the bytes, for dumps.
    package static let fields: [(name: String, range: Range<Int>)] = [
        ("kind", 0..<1), ("flags", 1..<2), ("time", 2..<8), ("stored size", 8..<12), ("raw size", 12..<16),
        ("sequence offset", 16..<20), ("check", 20..<28), ("header check", 28..<32),
    ]

    private static let codecMask: UInt8 = 0b0000_0011
    private static let promiseBit: UInt8 = 0b0000_0100
    private static let timeMask: UInt64 = (1 << 48) - 1

    /// What mutation this is; 0 is never written, so that empty space is not a record.
    package var kind: UInt8
    package var codec: Codec
    /// Everything before this record in the file was synced before this record was written. The only proof that
    /// tells rot from a torn tail.
    package var promisesAllBefore: Bool
    /// Milliseconds since 1970; never smaller than in the record before.
    package var time: UInt64
    package var storedByteCount: UInt32
    /// Checked before anything is allocated, and after decompression.
    package var rawByteCount: UInt32
    /// The record's sequence less the segment's first one. For a mark: that of the next record.
    package var sequenceOffset: UInt32

    package init(
        kind: UInt8, codec: Codec, promisesAllBefore: Bool, time: UInt64, storedByteCount: UInt32,
        rawByteCount: UInt32, sequenceOffset: UInt32
    ) {
        self.kind = kind
        self.codec = codec
        self.promisesAllBefore = promisesAllBefore
        self.time = time
        self.storedByteCount = storedByteCount
        self.rawByteCount = rawByteCount
        self.sequenceOffset = sequenceOffset
    }

    /// Writes the header in front of the payload that already stands behind it in `bytes`; answers the check.
    ///
    /// - Parameters:
    ///   - bytes: end with the record, of which the first 32 are overwritten.
    ///   - start: where the record begins in them.
    ///   - offset: where the record will stand in its segment.
    ///   - salt: the segment's.
    ///   - chain: the check of the record before.
    package func seal(
        _ bytes: inout [UInt8], from start: Int = 0, offset: UInt64, salt: UInt64, chain: UInt64
    ) -> UInt64 {
        precondition(bytes.count - start == Self.byteCount + Int(storedByteCount))
        precondition(kind != 0 && time <= Self.timeMask)
        let flags = codec.rawValue | (promisesAllBefore ? Self.promiseBit : 0)
        return bytes.withUnsafeMutableBytes { whole in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: whole[start...])
            bytes.store(UInt64(kind) | UInt64(flags) << 8 | time << 16, at: 0)
            bytes.store(storedByteCount, at: 8)
            bytes.store(rawByteCount, at: 12)
            bytes.store(sequenceOffset, at: 16)
            let view = UnsafeRawBufferPointer(bytes)
            let check = Self.check(of: view, salt: salt, chain: chain)
            bytes.store(check, at: 20)
            bytes.store(Self.headerCheck(of: view, salt: salt, offset: offset), at: 28)
            return check
        }
    }

    /// Reads and checks the 32 bytes at the front of `bytes`, which stand at `offset` of a segment with `salt`.
    ///
    /// The payload need not be there yet; ``isIntact(_:salt:chain:)`` checks it.
    package init(
        decoding bytes: UnsafeRawBufferPointer, offset: UInt64, salt: UInt64, payloadLimit: Int
    ) throws(FormatError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        let first = bytes.load(UInt64.self, at: 0)
        guard first & 0xFF != 0 else {
            throw bytes.prefix(Self.byteCount).allSatisfy { $0 == 0 } ? .neverWritten : .checksumMismatch
        }
        guard Self.headerCheck(of: bytes, salt: salt, offset: offset) == bytes.load(UInt32.self, at: 28) else {
            throw .checksumMismatch
        }
        let flags = UInt8(truncatingIfNeeded: first >> 8)
        guard let codec = Codec(rawValue: flags & Self.codecMask), flags & ~(Self.codecMask | Self.promiseBit) == 0
        else { throw .invalid("flags") }
        self.init(
            kind: UInt8(truncatingIfNeeded: first), codec: codec, promisesAllBefore: flags & Self.promiseBit != 0,
            time: first >> 16, storedByteCount: bytes.load(at: 8), rawByteCount: bytes.load(at: 12),
            sequenceOffset: bytes.load(at: 16))
        guard Int(rawByteCount) <= payloadLimit, storedByteCount <= rawByteCount,
            codec != .raw || storedByteCount == rawByteCount
        else { throw .invalid("sizes") }
    }

    /// Whether the whole record in `bytes` is what was written: its payload, and its place after `chain`.
    package static func isIntact(_ bytes: UnsafeRawBufferPointer, salt: UInt64, chain: UInt64) -> Bool {
        check(of: bytes, salt: salt, chain: chain) == storedCheck(bytes)
    }

    /// The check that the header holds: the `chain` of the next record, trustworthy even if the payload is not.
    package static func storedCheck(_ bytes: UnsafeRawBufferPointer) -> UInt64 { bytes.load(at: 20) }

    /// Calls `body` for each of the records that stand back to back in `bytes` and are known to be whole, such as those
    /// of a valid batch of the journal: with where it begins, whether it is a mark, and its check. Nothing is checked.
    package static func forEachTrusted(
        in bytes: UnsafeRawBufferPointer, from start: Int, _ body: (_ at: Int, _ isMark: Bool, _ check: UInt64) -> Void
    ) {
        var at = start
        while at + byteCount <= bytes.count {
            let record = bytes.slice(at..<bytes.count)
            body(at, record[0] == markKind, storedCheck(record))
            at += byteCount + Int(record.load(UInt32.self, at: 8))
        }
    }

    private static func check(of record: UnsafeRawBufferPointer, salt: UInt64, chain: UInt64) -> UInt64 {
        let seed = Checksum.of(record.slice(0..<20), seed: salt ^ chain)
        return Checksum.of(record.slice(byteCount..<record.count), seed: seed)
    }

    private static func headerCheck(of record: UnsafeRawBufferPointer, salt: UInt64, offset: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: Checksum.of(record.slice(0..<28), seed: salt ^ offset))
    }
}
