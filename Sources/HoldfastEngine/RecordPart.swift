import HoldfastBytes
import HoldfastLog

/// Records of a session that follow each other, as they are stored, and then their payloads in one piece of memory:
/// what one thread allocates and another frees, record by record, has the two wait for each other.
///
/// For one thread at a time.
final class RecordPart: @unchecked Sendable {
    /// How large a part is before it ends where a zstd frame does, and where it ends in any case.
    static let (leastByteCount, mostByteCount) = (64 << 10, 256 << 10)
    /// How large it is without a long record.
    static let usualByteCount = mostByteCount * 5 / 4
    /// How large all parts are together that are read ahead.
    static let aheadByteCount = 5 * mostByteCount

    private struct Record {
        let sequence: UInt64
        let header: RecordHeader
        let stored: Range<Int>
        let payload: Range<Int>
    }

    /// Set when this record, behind those that ``forEach(_:)`` gives, cannot be decompressed.
    private(set) var undecodable: UInt64?
    /// How many bytes the payloads have together.
    private var rawByteCount = 0
    /// From where the part can be read without what comes before it, if it can.
    private(set) var restart: LogPlace?
    private var records: [Record] = []
    private var stored: [UInt8] = []
    /// Longer than what is in use.
    private var payloads = RecordPart.room(usualByteCount)

    var isEmpty: Bool { records.isEmpty }
    /// The memory that it takes, decompressed: records without a payload take some as well.
    var byteCount: Int { rawByteCount + records.count * MemoryLayout<Record>.stride }
    /// Whether the records can be decompressed without those before.
    var isFrame: Bool { records.first?.header.codec == .frameStart }

    func clear() {
        (undecodable, rawByteCount, restart) = (nil, 0, nil)
        records.removeAll(keepingCapacity: true)
        stored.removeAll(keepingCapacity: true)
    }

    /// Adds a record. `restart` is the place before it if it begins a frame.
    func add(_ sequence: UInt64, _ header: RecordHeader, _ bytes: UnsafeRawBufferPointer, _ restart: LogPlace?) {
        if records.isEmpty, header.codec == .frameStart { self.restart = restart }
        let (start, end) = (stored.count, rawByteCount + Int(header.rawByteCount))
        stored.append(contentsOf: bytes)
        records.append(
            Record(sequence: sequence, header: header, stored: start..<stored.count, payload: rawByteCount..<end))
        rawByteCount = end
    }

    /// Decompresses all records, or as many as can be.
    func decode(_ decompressor: BlockDecompressor) {
        // One byte more, with which the decompressor notices a frame that holds more.
        if payloads.count <= rawByteCount { payloads = Self.room(rawByteCount + 1) }
        let failed = payloads.withUnsafeMutableBytes { room in
            stored.withUnsafeBytes { stored in
                records.firstIndex { record in
                    let room = UnsafeMutableRawBufferPointer(rebasing: room[record.payload.lowerBound...])
                    return !decompressor.decode(record.header, stored: stored.slice(record.stored), into: room)
                }
            }
        }
        guard let failed else { return }
        undecodable = records[failed].sequence
        records.removeSubrange(failed...)
    }

    private static func room(_ byteCount: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { _, count in count = byteCount }
    }

    /// Calls `body` with each of them, until it answers false; answers what it did.
    func forEach(_ body: (LogRecord) throws(LogError) -> Bool) throws(LogError) -> Bool {
        for record in records {
            let given = LogRecord(
                sequence: record.sequence, kind: record.header.kind, time: record.header.time,
                payloadSlice: payloads[record.payload])
            guard try body(given) else { return false }
        }
        return true
    }
}
