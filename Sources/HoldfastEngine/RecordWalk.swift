import HoldfastBytes
import HoldfastLog
import HoldfastThreads

/// A walk over records of a session, decompressed, that can be left and gone on with. For one thread at a time.
final class RecordWalk {
    /// Set when the walk has ended at this record, which cannot be decompressed.
    private(set) var undecodable: UInt64?
    /// The last places from which records can be read without those before.
    private(set) var restarts = RestartPlaces()
    private let scan: SessionScan
    private let (first, last): (UInt64, UInt64)
    private var segments: [UInt32]
    /// Where to go on, in the first of the segments; `nil` at its beginning.
    private var scanner: SegmentScanner?
    private let decompressor = BlockDecompressor()
    private(set) var hasMore = true
    /// What was read ahead.
    private var parts = Parts()

    /// How much of the log there must be left, compressed, for a second thread to be worthwhile.
    private static let longByteCount = 256 << 10

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
        try goOnStored { (record, stored) throws(LogError) in
            guard let payload = decompressor.payload(of: record.header, stored: stored) else {
                undecodable = record.sequence
                return nil
            }
            return try body(
                LogRecord(
                    sequence: record.sequence, kind: record.header.kind, time: record.header.time, payload: payload))
        }
    }

    /// The same with what is stored of each. When `body` answers `nil`, there is no more.
    private func goOnStored(
        _ body: (SegmentScanner.Record, UnsafeRawBufferPointer) throws(LogError) -> Bool?
    ) throws(LogError) {
        var left: SegmentScanner?
        let outcome = try scan.walk(segments, from: scanner) { (scanner, record) throws(LogError) in
            guard record.sequence <= last else { return false }
            if record.header.codec == .frameStart { restarts.add(scanner.restart) }
            return try scanner.withStored(record) { (stored) throws(LogError) in
                guard record.sequence >= first else {
                    decompressor.pass(over: record.header, stored: stored)
                    return true
                }
                let goesOn = try body(record, stored)
                if goesOn == false { left = scanner }
                return goesOn ?? false
            }
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

    /// The rest of the records, decompressed on this thread and one of its own; `nil` when there is none to be had.
    ///
    /// Who has taken a part gives it back to ``reuse(_:)``.
    func ahead() -> ReadAhead<RecordPart>? {
        let decompressors = Lock([BlockDecompressor]())
        var frame = Frame(decompressor)
        return try? ReadAhead(limit: RecordPart.aheadByteCount) { [self] () throws(LogError) in
            guard let part = try nextPart() else { return nil }
            if part.isFrame { frame = Frame(nil) }
            let isLast = parts.begun != nil || !hasMore
            return ReadAhead.Job(byteCount: part.byteCount, continues: !part.isFrame) { [frame] in
                let decompressor = frame.decompressor ?? decompressors.withLock { $0.popLast() } ?? BlockDecompressor()
                part.decode(decompressor)
                frame.decompressor = isLast ? nil : decompressor
                if isLast { decompressors.withLock { $0.append(decompressor) } }
                return part
            }
        }
    }

    /// Takes the memory of a part back: in fresh memory everything takes longer. Not that of long records, of which
    /// each part may have had one.
    func reuse(_ part: RecordPart) {
        guard part.byteCount <= RecordPart.usualByteCount else { return }
        part.clear()
        parts.spare.append(part)
    }

    /// The records up to the next one that can be decompressed without them, or as many as are made at once; `nil`
    /// behind the last one.
    private func nextPart() throws(LogError) -> RecordPart? {
        if let failure = parts.failure { throw failure }
        let part = parts.begun ?? parts.new()
        var begun: RecordPart?
        defer { parts.begun = begun }
        do throws(LogError) {
            if hasMore, part.byteCount < RecordPart.mostByteCount {
                try goOnStored { record, stored in
                    let isStart = record.header.codec == .frameStart
                    let endsPart = isStart && part.byteCount >= RecordPart.leastByteCount
                    if endsPart { begun = parts.new() }
                    (begun ?? part).add(record.sequence, record.header, stored, isStart ? restarts.newest : nil)
                    return !endsPart && part.byteCount < RecordPart.mostByteCount
                }
            }
        } catch {
            hasMore = false
            // What comes before an error is given out before it.
            if part.isEmpty { throw error }
            parts.failure = error
        }
        return part.isEmpty ? nil : part
    }

    private struct Parts {
        /// The next part, when the walk has come to its first record.
        var begun: RecordPart?
        /// Why the walk has ended, when that is to be told behind the records before it.
        var failure: LogError?
        var spare: [RecordPart] = []

        mutating func new() -> RecordPart { spare.popLast() ?? RecordPart() }
    }

    /// What decompresses the records of a zstd frame, which are in one part or in several, made one after the other.
    private final class Frame: @unchecked Sendable {
        var decompressor: BlockDecompressor?

        init(_ decompressor: BlockDecompressor?) { self.decompressor = decompressor }
    }
}
