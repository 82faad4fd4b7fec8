/// The header of a record; the stored payload follows it. It has one of two forms, a long one:
///
///     0      1       2          8          12        16          20         28        32
///     +------+-------+----------+----------+---------+-----------+----------+---------+----------------+
///     | kind | flags | time     | stored   | raw     | sequence  | check    | header  | stored payload |
///     | u8   | u8    | u48, ms  | size u32 | size u32| offset u32| u64      | check u32|               |
///     +------+-------+----------+----------+---------+-----------+----------+---------+----------------+
///
/// and a short one, whose time counts from when the segment was begun:
///
///     0      1       2          4         6           8           12         20        24
///     +------+-------+----------+---------+-----------+-----------+----------+---------+----------------+
///     | kind | flags | stored   | raw     | sequence  | time      | check    | header  | stored payload |
///     | u8   | u8    | size u16 | size u16| offset u16| u32, ms   | u64      | check u32|               |
///     +------+-------+----------+---------+-----------+-----------+----------+---------+----------------+
///
/// A record is valid if and only if (1) its kind is not 0, (2) `header check` is the low half of the checksum of all
/// bytes before it under the segment's seed (salt ^ begun) exclusive-or the record's offset in the file, (3) its sizes
/// keep the limits and its flags are known, and (4) `check` is the checksum of the stored payload under a seed that is
/// the checksum of all bytes before `check` under the segment's seed exclusive-or the check of the record before.
package struct RecordHeader: Equatable, Sendable {
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

    /// Which fields are how long.
    package enum Form: Sendable {
        /// Takes every record.
        case long
        /// Takes most of them, in a quarter less.
        case short

        /// The length of a header. The stored payload begins there.
        package var byteCount: Int { checkPlace + 12 }
        /// Where the check stands, and behind it the header's own.
        fileprivate var checkPlace: Int { self == .long ? 20 : 12 }
        fileprivate var headerCheckPlace: Int { checkPlace + 8 }

        /// The form of the header that stands at the front of `bytes`, as its flags have it.
        fileprivate init(of bytes: UnsafeRawBufferPointer) { self = bytes[1] & shortBit != 0 ? .short : .long }
    }

    private static let codecMask: UInt8 = 0b0000_0011
    private static let promiseBit: UInt8 = 0b0000_0100
    private static let shortBit: UInt8 = 0b0000_1000
    private static let timeMask: UInt64 = (1 << 48) - 1

    /// The fewest bytes a header has, and the most.
    package static let shortestByteCount = Form.short.byteCount
    package static let longestByteCount = Form.long.byteCount

    /// What mutation this is; 0 is never written, so that empty space is not a record.
    package var kind: UInt8
    package var codec: Codec
    /// Everything before this record in the file was synced before this record was written. The only proof that
    /// tells rot from a torn tail.
    package var promisesAllBefore: Bool
    package var form: Form
    /// Milliseconds since 1970; never smaller than in the record before.
    package var time: UInt64
    package var storedByteCount: UInt32
    /// Checked before anything is allocated, and after decompression.
    package var rawByteCount: UInt32
    /// The record's sequence less the segment's first one. For a mark: that of the next record.
    package var sequenceOffset: UInt32

    package init(
        kind: UInt8, codec: Codec, promisesAllBefore: Bool, form: Form, time: UInt64, storedByteCount: UInt32,
        rawByteCount: UInt32, sequenceOffset: UInt32
    ) {
        self.kind = kind
        self.codec = codec
        self.promisesAllBefore = promisesAllBefore
        self.form = form
        self.time = time
        self.storedByteCount = storedByteCount
        self.rawByteCount = rawByteCount
        self.sequenceOffset = sequenceOffset
    }

    /// The header of a record that is to be written to `segment`: not compressed, and short where everything fits.
    ///
    /// - Parameters:
    ///   - rawByteCount: of the payload.
    ///   - sequence: the record's; of a mark that of the next record.
    package init(
        kind: UInt8, promisesAllBefore: Bool, time: UInt64, rawByteCount: Int, sequence: UInt64,
        in segment: SegmentHeader
    ) {
        let sequenceOffset = UInt32(sequence - segment.firstSequence)
        let isShort =
            rawByteCount <= UInt16.max && sequenceOffset <= UInt16.max && time >= segment.begunAt
            && time - segment.begunAt <= UInt32.max
        self.init(
            kind: kind, codec: .raw, promisesAllBefore: promisesAllBefore, form: isShort ? .short : .long, time: time,
            storedByteCount: UInt32(rawByteCount), rawByteCount: UInt32(rawByteCount), sequenceOffset: sequenceOffset)
    }

    /// The length of the header.
    package var byteCount: Int { form.byteCount }

    /// The length of the whole record: its header and what is stored of the payload.
    package var recordByteCount: Int { byteCount + Int(storedByteCount) }

    /// Where the check stands in the header.
    package var checkRange: Range<Int> { form.checkPlace..<form.headerCheckPlace }

    /// The fields in the order of the bytes, for dumps.
    package var fields: [(name: String, range: Range<Int>)] {
        let own: [(name: String, range: Range<Int>)] =
            switch form {
            case .long:
                [("time", 2..<8), ("stored size", 8..<12), ("raw size", 12..<16), ("sequence offset", 16..<20)]
            case .short:
                [("stored size", 2..<4), ("raw size", 4..<6), ("sequence offset", 6..<8), ("time", 8..<12)]
            }
        return [("kind", 0..<1), ("flags", 1..<2)] + own
            + [("check", checkRange), ("header check", form.headerCheckPlace..<byteCount)]
    }

    /// Writes the header in front of the payload that already stands behind it in `bytes`; answers the check.
    ///
    /// - Parameters:
    ///   - bytes: end with the record, whose header is overwritten.
    ///   - start: where the record begins in them.
    ///   - offset: where the record will stand in its segment.
    ///   - segment: the segment's header.
    ///   - chain: the check of the record before.
    package func seal(
        _ bytes: inout [UInt8], from start: Int = 0, offset: UInt64, in segment: SegmentHeader, chain: UInt64
    ) -> UInt64 {
        precondition(bytes.count - start == recordByteCount)
        precondition(kind != 0 && time <= Self.timeMask)
        return bytes.withUnsafeMutableBytes { whole in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: whole[start...])
            store(in: bytes, begunAt: segment.begunAt)
            let view = UnsafeRawBufferPointer(bytes)
            let check = Self.check(of: view, form, seed: segment.seed ^ chain)
            bytes.store(check, at: form.checkPlace)
            bytes.store(Self.headerCheck(of: view, form, seed: segment.seed ^ offset), at: form.headerCheckPlace)
            return check
        }
    }

    /// Writes all but the checks. What does not fit into the short form traps.
    private func store(in bytes: UnsafeMutableRawBufferPointer, begunAt: UInt64) {
        let flags = codec.rawValue | (promisesAllBefore ? Self.promiseBit : 0) | (form == .short ? Self.shortBit : 0)
        switch form {
        case .long:
            bytes.store(UInt64(kind) | UInt64(flags) << 8 | time << 16, at: 0)
            bytes.store(storedByteCount, at: 8)
            bytes.store(rawByteCount, at: 12)
            bytes.store(sequenceOffset, at: 16)
        case .short:
            bytes.store(UInt16(kind) | UInt16(flags) << 8, at: 0)
            bytes.store(UInt16(storedByteCount), at: 2)
            bytes.store(UInt16(rawByteCount), at: 4)
            bytes.store(UInt16(sequenceOffset), at: 6)
            bytes.store(UInt32(time - begunAt), at: 8)
        }
    }

    /// Reads and checks the header at the front of `bytes`, which stands at `offset` of `segment`.
    ///
    /// The payload need not be there yet; ``isIntact(_:in:chain:)`` checks it.
    package init(
        decoding bytes: UnsafeRawBufferPointer, offset: UInt64, in segment: SegmentHeader, payloadLimit: Int
    ) throws(FormatError) {
        guard bytes.count >= Self.shortestByteCount else { throw .truncated }
        guard bytes[0] != 0 else {
            throw bytes.prefix(Self.longestByteCount).allSatisfy { $0 == 0 } ? .neverWritten : .checksumMismatch
        }
        let form = Form(of: bytes)
        guard bytes.count >= form.byteCount else { throw .truncated }
        let headerCheck = bytes.load(UInt32.self, at: form.headerCheckPlace)
        guard Self.headerCheck(of: bytes, form, seed: segment.seed ^ offset) == headerCheck else {
            throw .checksumMismatch
        }
        let flags = bytes[1]
        guard let codec = Codec(rawValue: flags & Self.codecMask),
            flags & ~(Self.codecMask | Self.promiseBit | Self.shortBit) == 0
        else { throw .invalid("flags") }
        let promises = flags & Self.promiseBit != 0
        switch form {
        case .long:
            self.init(
                kind: bytes[0], codec: codec, promisesAllBefore: promises, form: form,
                time: bytes.load(UInt64.self, at: 0) >> 16, storedByteCount: bytes.load(at: 8),
                rawByteCount: bytes.load(at: 12), sequenceOffset: bytes.load(at: 16))
        case .short:
            self.init(
                kind: bytes[0], codec: codec, promisesAllBefore: promises, form: form,
                time: segment.begunAt + UInt64(bytes.load(UInt32.self, at: 8)),
                storedByteCount: UInt32(bytes.load(UInt16.self, at: 2)),
                rawByteCount: UInt32(bytes.load(UInt16.self, at: 4)),
                sequenceOffset: UInt32(bytes.load(UInt16.self, at: 6)))
        }
        guard Int(rawByteCount) <= payloadLimit, storedByteCount <= rawByteCount,
            codec != .raw || storedByteCount == rawByteCount
        else { throw .invalid("sizes") }
    }

    /// Whether the whole record in `bytes` is what was written: its payload, and its place after `chain`.
    package static func isIntact(_ bytes: UnsafeRawBufferPointer, in segment: SegmentHeader, chain: UInt64) -> Bool {
        check(of: bytes, Form(of: bytes), seed: segment.seed ^ chain) == storedCheck(bytes)
    }

    /// The check that the header holds: the `chain` of the next record, trustworthy even if the payload is not.
    package static func storedCheck(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.load(at: Form(of: bytes).checkPlace)
    }

    /// The checks that a damaged header may hold. Its flags, which say the form, cannot be trusted: one for each form
    /// that fits into `bytes`.
    package static func possibleChecks(_ bytes: UnsafeRawBufferPointer) -> [UInt64] {
        [Form.short, .long].filter { bytes.count >= $0.byteCount }.map { bytes.load(at: $0.checkPlace) }
    }

    /// Calls `body` for each of the records that stand back to back in `bytes` and are known to be whole, such as those
    /// of a valid batch of the journal: with where it begins, whether it is a mark, and its check. Nothing is checked.
    package static func forEachTrusted(
        in bytes: UnsafeRawBufferPointer, from start: Int, _ body: (_ at: Int, _ isMark: Bool, _ check: UInt64) -> Void
    ) {
        var at = start
        while at + shortestByteCount <= bytes.count {
            let record = bytes.slice(at..<bytes.count)
            let form = Form(of: record)
            guard at + form.byteCount <= bytes.count else { return }
            body(at, record[0] == markKind, storedCheck(record))
            at += form.byteCount + storedByteCount(of: record, form)
        }
    }

    private static func storedByteCount(of record: UnsafeRawBufferPointer, _ form: Form) -> Int {
        form == .long ? Int(record.load(UInt32.self, at: 8)) : Int(record.load(UInt16.self, at: 2))
    }

    private static func check(of record: UnsafeRawBufferPointer, _ form: Form, seed: UInt64) -> UInt64 {
        let headed = Checksum.of(record.slice(0..<form.checkPlace), seed: seed)
        return Checksum.of(record.slice(form.byteCount..<record.count), seed: headed)
    }

    private static func headerCheck(of record: UnsafeRawBufferPointer, _ form: Form, seed: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: Checksum.of(record.slice(0..<form.headerCheckPlace), seed: seed))
    }
}
