import HoldfastBytes
import HoldfastLog

/// A walk over records of a session, decompressed, that can be left and gone on with.
///
/// For one thread at a time: the one that has called ``ahead()`` must not go on until the last part was taken.
final class RecordWalk: @unchecked Sendable {
    /// Set when the walk has ended at this record, which cannot be decompressed.
    private(set) var undecodable: UInt64?
    private let scan: SessionScan
    private let (first, last): (UInt64, UInt64)
    private var segments: [UInt32]
    /// Where to go on, in the first of the segments; `nil` at its beginning.
    private var scanner: SegmentScanner?
    private let decompressor = BlockDecompressor()
    private(set) var hasMore = true

    /// How much of the log there must be left, compressed, for a second thread to be worthwhile, and what that hands
    /// over at once and has ready at most, decompressed.
    private static let (longByteCount, partByteCount, aheadByteCount) = (256 << 10, 256 << 10, 1 << 20)

    /// Over the records from `first` to `last` of `segments`.
    ///
    /// - Parameter scanner: a scanner of the first of the segments, which has come to where the walk begins.
    init(
        _ scan: SessionScan, _ segments: [UInt32], from scanner: SegmentScanner?, first: UInt64, last: UInt64
    ) {
        self.scan = scan
        self.segments = segments
        self.scanner = scanner
        (self.first, self.last) = (first, last)
    }

    /// Calls `body` with each wanted record, until it answers false: then there may be more.
    ///
    /// - Throws: `.damaged` after every record before the damage was given out.
    func goOn(_ body: (LogRecord) throws(LogError) -> Bool) throws(LogError) {
        try goOn {
            decompressor.payload(of: $0, stored: $1)
        } _: { (record, payload) throws(LogError) in
            try body(
                LogRecord(
                    sequence: record.sequence, kind: record.header.kind, time: record.header.time, payload: payload))
        }
    }

    private func goOn<Payload>(
        _ decode: (RecordHeader, UnsafeRawBufferPointer) -> Payload?,
        _ body: (SegmentScanner.Record, Payload) throws(LogError) -> Bool
    ) throws(LogError) {
        var left: SegmentScanner?
        let outcome = try scan.walk(segments, from: scanner) { (scanner, record) throws(LogError) in
            guard record.sequence <= last else { return false }
            guard record.sequence >= first else {
                scanner.withStored(record) { decompressor.pass(over: record.header, stored: $0) }
                return true
            }
            guard let payload = scanner.withStored(record, { decode(record.header, $0) }) else {
                undecodable = record.sequence
                return false
            }
            let goesOn = try body(record, payload)
            if !goesOn { left = scanner }
            return goesOn
        }
        scanner = left
        hasMore = left != nil
        if let left {
            segments.removeFirst(segments.firstIndex(of: left.header.number) ?? 0)
        } else if undecodable == nil, outcome.verdict == .committedDamage || outcome.verdict == .mediaError {
            throw SessionReader.damaged(scan.session, outcome)
        }
    }

    /// Whether there is so much more that a second thread is worthwhile.
    var isLong: Bool {
        segments.count > 1 || scanner.map { $0.byteCount - $0.offset > Self.longByteCount } ?? false
    }

    /// The rest of the records, which are read and decompressed on a thread of their own; `nil` when there is none to
    /// be had.
    func ahead() -> ReadAhead<RecordPart>? {
        try? ReadAhead(limit: Self.aheadByteCount) { [self] (give) throws(LogError) in
            var part = RecordPart(capacity: Self.partByteCount)
            // What comes before an error is given out before it.
            defer { if !part.records.isEmpty { _ = give(part, part.bytes.count) } }
            try goOn {
                part.decode($0, stored: $1, decompressor)
            } _: { record, payload in
                part.records.append((record.sequence, record.header, payload))
                guard part.bytes.count >= Self.partByteCount else { return true }
                defer { part = RecordPart(capacity: Self.partByteCount) }
                return give(part, part.bytes.count)
            }
        }
    }
}

/// Records that follow each other, their payloads in one piece of memory: what one thread allocates and another frees,
/// record by record, has the two wait for each other.
struct RecordPart: Sendable {
    fileprivate var bytes: [UInt8] = []
    fileprivate var records: [(sequence: UInt64, header: RecordHeader, payload: Range<Int>)] = []

    /// Without records, for `byteCount` bytes of them and somewhat more.
    fileprivate init(capacity byteCount: Int) { bytes.reserveCapacity(byteCount + byteCount / 4) }

    /// Adds a payload; answers where it is.
    fileprivate mutating func decode(
        _ header: RecordHeader, stored: UnsafeRawBufferPointer, _ decompressor: BlockDecompressor
    ) -> Range<Int>? {
        let start = bytes.count
        return decompressor.decode(header, stored: stored, onto: &bytes) ? start..<bytes.count : nil
    }

    /// Calls `body` with each of them, until it answers false; answers what it did.
    func forEach(_ body: (LogRecord) throws(LogError) -> Bool) throws(LogError) -> Bool {
        for (sequence, header, payload) in records {
            let record = LogRecord(
                sequence: sequence, kind: header.kind, time: header.time, payloadSlice: bytes[payload])
            guard try body(record) else { return false }
        }
        return true
    }
}
