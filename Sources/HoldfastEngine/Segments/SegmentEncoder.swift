import HoldfastBytes
import HoldfastLog

/// Where a session's next record goes, and what it continues.
struct SegmentTail: Sendable, Equatable {
    /// The segment that is written; `nil` before the session's first record.
    var header: SegmentHeader?
    /// Where the next record begins in it.
    var offset: UInt64 = 0
    /// The check of the last record.
    var chain: UInt64 = 0
    /// Where the last entry begins, record or mark, and the chain before it; 0 when the segment has none.
    var lastOffset: UInt64 = 0
    var chainBeforeLast: UInt64 = 0
    /// The last record; 0 when there is none.
    var sequence: UInt64 = 0
    /// The time of the last record.
    var time: UInt64 = 0
    /// Whether the next record begins a new segment.
    var wantsNewSegment = false

    /// The place behind which the next record goes; `nil` before the first.
    var place: LogPlace? {
        guard let header, lastOffset > 0, sequence > 0 else { return nil }
        return LogPlace(
            sequence: sequence, segment: header.number, salt: header.salt, offset: lastOffset,
            chainBefore: chainBeforeLast, chain: chain)
    }
}

/// Turns payloads into the bytes of a session's segments: sequence, chain, compression, rotation.
///
/// A value that decides and never writes. What it returns must reach the disk at the place that it names, in order.
struct SegmentEncoder {
    /// Bytes that belong at `offset` of segment `number`.
    struct Output {
        var number: UInt32
        var offset: UInt64
        var bytes: [UInt8]
    }

    /// Payloads shorter than this are stored as they are: a flushed zstd block would not be shorter.
    private static let shortestCompressed = 32

    let session: SessionID
    private(set) var tail: SegmentTail
    private let mode: SegmentHeader.CommitMode
    private let storeTag: UInt64
    private let segmentByteCount: Int
    private let random: @Sendable () -> UInt64
    private var lease: CompressorPool.Lease?
    private var blockByteCount = 0
    private var continuesFrame = false

    init(session: SessionID, tail: SegmentTail, storeTag: UInt64, options: EngineOptions) {
        self.session = session
        self.tail = tail
        self.storeTag = storeTag
        mode = options.commitMode
        segmentByteCount = options.segmentByteCount
        random = options.random
    }

    /// Whether the next record begins a segment.
    var beginsSegmentNext: Bool {
        guard let header = tail.header else { return true }
        return tail.wantsNewSegment || tail.offset >= UInt64(segmentByteCount) || header.mode != mode
    }

    /// Encodes the next record. Its sequence is `tail.sequence` afterwards.
    mutating func append(
        kind: UInt8, time: UInt64, payload: [UInt8], promisesAllBefore: Bool, pool: CompressorPool
    ) -> Output {
        precondition(kind > 0 && kind < RecordHeader.firstReservedKind, "a record kind of the engine")
        var bytes: [UInt8] = []
        tail.time = max(tail.time, time)
        let header = begin(&bytes)
        let start = bytes.count
        var record = RecordHeader(
            kind: kind, promisesAllBefore: promisesAllBefore, time: tail.time, rawByteCount: payload.count,
            sequence: tail.sequence + 1, in: header)
        record.codec = compress(payload, behind: record.form, to: &bytes, pool: pool)
        record.storedByteCount = UInt32(bytes.count - start - record.byteCount)
        tail.sequence += 1
        return finish(record, &bytes, recordStart: start, header)
    }

    /// Encodes a mark, whose only content is the promise that everything before it was synced.
    mutating func mark() -> Output? {
        guard let header = tail.header, !tail.wantsNewSegment else { return nil }
        let record = RecordHeader(
            kind: RecordHeader.markKind, promisesAllBefore: true, time: tail.time, rawByteCount: 0,
            sequence: tail.sequence + 1, in: header)
        var bytes = [UInt8](repeating: 0, count: record.byteCount)
        return finish(record, &bytes, recordStart: 0, header)
    }

    /// The next record begins a new segment, so that a snapshot of what is there can replace whole files.
    mutating func closeSegment() {
        if tail.header != nil { tail.wantsNewSegment = true }
    }

    /// The next record begins a restart block, so that it can be read without those before it.
    mutating func beginBlock() { continuesFrame = false }

    /// Goes back to `durable`: what was encoded since has failed. The next record begins a restart block.
    mutating func revert(to durable: SegmentTail) {
        tail = durable
        lease = nil
        continuesFrame = false
    }

    /// The header of the record's segment, which is put before the record when the segment begins.
    private mutating func begin(_ bytes: inout [UInt8]) -> SegmentHeader {
        if let header = tail.header, !beginsSegmentNext { return header }
        let header = SegmentHeader(
            mode: mode, salt: random(), firstSequence: tail.sequence + 1, chainBefore: tail.chain,
            storeTag: storeTag, number: (tail.header?.number ?? 0) + 1, time: tail.time, session: session)
        tail.header = header
        tail.offset = 0
        tail.wantsNewSegment = false
        continuesFrame = false
        bytes += header.encoded()
        return header
    }

    private mutating func finish(
        _ record: RecordHeader, _ bytes: inout [UInt8], recordStart: Int, _ header: SegmentHeader
    ) -> Output {
        let offset = tail.offset
        tail.lastOffset = offset + UInt64(recordStart)
        tail.chainBeforeLast = tail.chain
        tail.chain = record.seal(
            &bytes, from: recordStart, offset: tail.lastOffset, in: header, chain: tail.chain)
        tail.offset += UInt64(bytes.count)
        return Output(number: header.number, offset: offset, bytes: bytes)
    }

    /// Appends the room for a record's header, and the payload as it is stored.
    private mutating func compress(
        _ payload: [UInt8], behind form: RecordHeader.Form, to bytes: inout [UInt8], pool: CompressorPool
    ) -> RecordHeader.Codec {
        guard payload.count >= Self.shortestCompressed else {
            Self.store(payload, behind: form, in: &bytes)
            return .raw
        }
        let mayContinue = continuesFrame && blockByteCount < lease?.size.blockByteCount ?? 0
        var codec = RecordHeader.Codec.raw
        pool.withStream(&lease, byteCount: payload.count, mayChange: !mayContinue) { stream, isWhereItWas in
            guard let stream else { return }
            let continues = mayContinue && isWhereItWas
            if !continues && isWhereItWas { stream.restart() }
            let fits = stream.compress(payload, limit: payload.count - 1) {
                Self.store($0, behind: form, in: &bytes)
            }
            if fits { codec = continues ? .frameContinuation : .frameStart }
        }
        switch codec {
        case .raw: Self.store(payload, behind: form, in: &bytes)
        case .frameStart: blockByteCount = payload.count
        case .frameContinuation: blockByteCount += payload.count
        }
        continuesFrame = codec != .raw
        return codec
    }

    /// In one allocation, exactly as large as it must be: the bytes may stay in memory until they are flushed.
    private static func store(
        _ stored: some Collection<UInt8>, behind form: RecordHeader.Form, in bytes: inout [UInt8]
    ) {
        bytes.reserveCapacity(bytes.count + form.byteCount + stored.count)
        bytes.appendZeros(form.byteCount)
        bytes.append(contentsOf: stored)
    }
}
