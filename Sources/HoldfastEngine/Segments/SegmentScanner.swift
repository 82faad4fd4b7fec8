import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Walks the records of one segment and stops at the first byte that breaks a rule.
///
/// Memory: one window of the file, or one record when that is longer.
final class SegmentScanner {
    /// Why the walk cannot go on at an offset.
    enum Fault: String, Sendable, CaseIterable {
        /// Fewer bytes left than a header, or than the header's payload.
        case cutShort = "cut short"
        /// Zeros where a record should begin.
        case zeros = "zeros"
        /// No valid record header.
        case header = "damaged header"
        /// A valid header whose payload or place in the chain is wrong.
        case payload = "damaged payload"
    }

    /// A record that has been checked in full. Its stored payload is valid until the next call of ``next()``.
    struct Record {
        var header: RecordHeader
        var offset: UInt64
        var sequence: UInt64
        /// Where it stands in the window.
        fileprivate var range: Range<Int>
        fileprivate var stored: Range<Int> { range.lowerBound + header.byteCount..<range.upperBound }
    }

    private static let windowByteCount = 256 << 10

    let header: SegmentHeader
    /// Where the next record begins, or where the walk ended.
    private(set) var offset: UInt64
    /// The check of the last record.
    private(set) var chain: UInt64
    /// Where the last entry begins, record or mark, and the chain before it; 0 before the first.
    private(set) var lastOffset: UInt64 = 0
    private(set) var chainBeforeLast: UInt64 = 0
    /// The place before the last record that began a zstd frame, unless that was the first that the scanner came to.
    private(set) var restart: LogPlace?
    /// The sequence of the next record.
    private(set) var nextSequence: UInt64
    private(set) var lastTime: UInt64 = 0
    /// Up to here a promise proves that the bytes are on stable storage.
    private(set) var provedOffset: UInt64 = 0
    /// Set when the walk ended before the end of the bytes.
    private(set) var fault: Fault?
    /// Whether a record that was passed over may have been part of a compressed block.
    private(set) var hasLostBlock = false

    private(set) var image: SegmentImage
    private let payloadLimit: Int
    private var window: [UInt8] = []
    private var windowStart: UInt64 = 0
    /// Nothing is read beyond what is asked for once the device has failed to give a window.
    private var readsAhead = true

    init(_ image: SegmentImage, header: SegmentHeader, payloadLimit: Int) {
        self.image = image
        self.header = header
        self.payloadLimit = payloadLimit
        offset = UInt64(header.byteCount)
        chain = header.chainBefore
        nextSequence = header.firstSequence
    }

    /// A scanner at the same place, which goes its own way.
    init(_ other: SegmentScanner) {
        image = other.image
        header = other.header
        payloadLimit = other.payloadLimit
        offset = other.offset
        chain = other.chain
        nextSequence = other.nextSequence
        lastTime = other.lastTime
        provedOffset = other.provedOffset
        fault = other.fault
    }

    /// The length of the segment.
    var byteCount: UInt64 { image.byteCount }

    /// The next record, or `nil` at the end and at a fault.
    func next() throws(StorageError) -> Record? {
        guard fault == nil, offset < image.byteCount else { return nil }
        guard let record = try decode() else { return nil }
        guard isInOrder(record.header) else { return stop(.payload) }
        let check = window.withUnsafeBytes { bytes -> UInt64? in
            let whole = bytes.slice(record.range)
            guard RecordHeader.isIntact(whole, in: header, chain: chain) else { return nil }
            return RecordHeader.storedCheck(whole)
        }
        guard let check else { return stop(.payload) }
        if record.header.codec == .frameStart { restart = place }
        (lastOffset, chainBeforeLast, chain) = (offset, chain, check)
        advance(over: record.header)
        return record
    }

    /// Where the walk is, for ``skip(to:)``; `nil` before the first entry.
    private var place: LogPlace? {
        guard lastOffset > 0 else { return nil }
        return LogPlace(
            sequence: nextSequence - 1, segment: header.number, salt: header.salt, offset: lastOffset,
            chainBefore: chainBeforeLast, chain: chain)
    }

    /// Goes to the end of `place` without what stands before it; false when the entry there is not the one that was
    /// meant, and then the scanner is of no use any more.
    func skip(to place: LogPlace) throws(StorageError) -> Bool {
        guard header.salt == place.salt, header.number == place.segment, header.firstSequence <= place.sequence,
            (UInt64(header.byteCount)..<image.byteCount).contains(place.offset)
        else { return false }
        offset = place.offset
        chain = place.chainBefore
        // A mark has the number of the record that is to come.
        let isMark = try image.read(count: 1, at: offset).first == RecordHeader.markKind
        nextSequence = place.sequence + (isMark ? 1 : 0)
        return try next() != nil && chain == place.chain && nextSequence == place.sequence + 1
    }

    /// Gives `body` the stored payload of the record that ``next()`` returned last.
    func withStored<R, Failure: Error>(
        _ record: Record, _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        try window.withBytes { (bytes) throws(Failure) in try body(bytes.slice(record.stored)) }
    }

    /// The bytes of the record that ``next()`` returned last, header and stored payload.
    func bytes(of record: Record) -> [UInt8] {
        Array(window[record.range])
    }

    /// Goes on, where the walk has ended, in a newer image of the segment.
    func resume(on image: SegmentImage) {
        self.image = image
        fault = nil
        window = []
        windowStart = 0
    }

    /// Whether a record that promises everything before it stands anywhere after the fault.
    func promiseStandsAfterFault() throws(StorageError) -> Bool {
        // What the first record promises is nothing of this segment, not even its header.
        try headerAfterFault { $0.promisesAllBefore && $0.sequenceOffset > 0 } != nil
    }

    /// Goes on behind the fault, with the next record that can be proved; false when there is none.
    ///
    /// The check in a header whose own check is right is the next record's chain. Where the damaged header is itself
    /// in doubt, its check is only tried; if it proves nothing, the record behind is passed over and gives the chain.
    func skipFault() throws(StorageError) -> Bool {
        guard fault != nil else { return false }
        fault = nil
        let found = try decodedHeader()
        if case .success(let damaged) = found.header {
            if damaged.codec != .raw || !isInOrder(damaged) { hasLostBlock = true }
            pass(damaged, at: found.start)
            return offset < image.byteCount
        }
        hasLostBlock = true
        let start = try position(of: offset, count: RecordHeader.longestByteCount)
        let tried = window.withUnsafeBytes { RecordHeader.possibleChecks($0.slice(start..<$0.count)) }
        guard let place = try headerAfterFault({ _ in true }) else { return false }
        offset = place
        guard let record = try decode() else { return fault != nil }
        nextSequence = header.firstSequence + UInt64(record.header.sequenceOffset)
        let proof = window.withUnsafeBytes { view in
            tried.first { RecordHeader.isIntact(view.slice(record.range), in: header, chain: $0) }
        }
        if let proof { chain = proof } else { pass(record.header, at: record.range.lowerBound) }
        return offset < image.byteCount
    }

    /// Steps over a record of which only the header, which stands at `start` of the window, is known to be right.
    private func pass(_ record: RecordHeader, at start: Int) {
        chain = window.withUnsafeBytes { RecordHeader.storedCheck($0.slice(start..<start + record.byteCount)) }
        nextSequence = header.firstSequence + UInt64(record.sequenceOffset)
        advance(over: record)
    }

    /// Where the first record header behind the fault stands that is valid and fits.
    ///
    /// Looks at every byte: the header check has the segment's salt and the offset in it, so only a real header
    /// of this segment at this very place answers.
    private func headerAfterFault(_ fits: (RecordHeader) -> Bool) throws(StorageError) -> UInt64? {
        let segment = header
        var at = offset + 1
        while at + UInt64(RecordHeader.shortestByteCount) <= image.byteCount {
            let bytes = try image.read(count: 1 << 20, at: at)
            let reachesEnd = at + UInt64(bytes.count) >= image.byteCount
            // A header that reaches out of what was read is looked at with what comes next.
            let last = bytes.count - (reachesEnd ? RecordHeader.shortestByteCount : RecordHeader.longestByteCount)
            guard last >= 0 else { return nil }
            let found = bytes.withUnsafeBytes { view in
                (0...last).first { index in
                    let end = min(view.count, index + RecordHeader.longestByteCount)
                    let found = try? RecordHeader(
                        decoding: view.slice(index..<end), offset: at + UInt64(index), in: segment,
                        payloadLimit: payloadLimit)
                    return found.map(fits) ?? false
                }
            }
            if let found { return at + UInt64(found) }
            at += UInt64(last + 1)
        }
        return nil
    }

    /// Decodes the header at `offset` and brings the whole record into the window.
    private func decode() throws(StorageError) -> Record? {
        let decoded: RecordHeader
        switch try decodedHeader().header {
        case .success(let header): decoded = header
        case .failure(.truncated): return stop(.cutShort)
        case .failure(.neverWritten): return stop(.zeros)
        case .failure: return stop(.header)
        }
        let count = decoded.recordByteCount
        guard offset + UInt64(count) <= image.byteCount else { return stop(.cutShort) }
        let whole = try position(of: offset, count: count)
        return Record(header: decoded, offset: offset, sequence: nextSequence, range: whole..<whole + count)
    }

    /// The header at `offset`, and where it begins in the window.
    private func decodedHeader() throws(StorageError) -> (start: Int, header: Result<RecordHeader, FormatError>) {
        // No more than the shortest takes: what stands behind that may be another record's, or a bad sector.
        let start = try position(of: offset, count: RecordHeader.shortestByteCount)
        let decoded = decodeHeader(at: start)
        guard case .failure(.truncated) = decoded,
            offset + UInt64(RecordHeader.longestByteCount) <= image.byteCount
        else { return (start, decoded) }
        let moved = try position(of: offset, count: RecordHeader.longestByteCount)
        return (moved, decodeHeader(at: moved))
    }

    private func decodeHeader(at start: Int) -> Result<RecordHeader, FormatError> {
        let end = min(window.count, start + RecordHeader.longestByteCount)
        return window.withUnsafeBytes { bytes in
            Result { () throws(FormatError) in
                try RecordHeader(
                    decoding: bytes.slice(start..<end), offset: offset, in: header, payloadLimit: payloadLimit)
            }
        }
    }

    private func isInOrder(_ record: RecordHeader) -> Bool {
        header.firstSequence + UInt64(record.sequenceOffset) == nextSequence && record.time >= lastTime
    }

    private func advance(over record: RecordHeader) {
        // The header is written together with the first record, whose promise says nothing of it.
        if record.promisesAllBefore && offset > UInt64(header.byteCount) { provedOffset = offset }
        offset += UInt64(record.recordByteCount)
        lastTime = record.time
        if record.kind != RecordHeader.markKind { nextSequence += 1 }
    }

    private func stop(_ fault: Fault) -> Record? {
        self.fault = fault
        return nil
    }

    /// The next window; only `count` bytes of it where the device does not give those behind.
    private func read(atLeast count: Int, at offset: UInt64) throws(StorageError) -> [UInt8] {
        do throws(StorageError) {
            if readsAhead { return try image.read(count: max(count, Self.windowByteCount), at: offset) }
        } catch {
            guard error.code == .io else { throw error }
            readsAhead = false
        }
        return try image.read(count: count, at: offset)
    }

    /// Makes `count` bytes from `offset` (fewer at the end) stand in the window; answers where they begin in it.
    private func position(of offset: UInt64, count: Int) throws(StorageError) -> Int {
        let end = min(offset + UInt64(count), image.byteCount)
        if offset < windowStart || end > windowStart + UInt64(window.count) {
            window = try read(atLeast: count, at: offset)
            windowStart = offset
        }
        return Int(offset - windowStart)
    }
}
