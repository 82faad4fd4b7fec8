package import HoldfastBytes
import HoldfastStorage
import HoldfastThreads

/// One bit of a file that has changed on the disk.
package struct FlippedBit: Sendable, Equatable {
    /// The byte in the file.
    package var offset: UInt64
    /// The bit in it, 0 being the lowest.
    package var bit: Int

    package init(offset: UInt64, bit: Int) {
        self.offset = offset
        self.bit = bit
    }

    /// What to say behind the reason of damage that is one flipped bit, such as `bit`.
    package static func remark(_ bit: FlippedBit?, hint: String? = nil) -> String {
        bit == nil ? "" : ", one bit of it has flipped" + (hint.map { " (\($0))" } ?? "")
    }

    /// What has happened, for the manifest of the quarantine.
    var story: String { "bit \(bit) of byte \(offset) had flipped and was turned back" }

    /// The bit's members, inside an object that the caller has begun.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member("byte", offset)
        writer.member("bit", bit)
    }
}

/// How much may be summed up in looking for flipped bits, for all records together.
///
/// XXH3 does not tell where a bit has changed, so each is tried: a record of n bytes costs 8n sums of n bytes.
final class BitBudget: Sendable {
    /// For one record: one of 64 KiB takes some seconds.
    private static let recordByteCount: UInt64 = 1 << 35
    private let left: Lock<UInt64>

    /// `byteCount` of sums in all: some twenty seconds of one core.
    init(byteCount: UInt64 = 1 << 38) { left = Lock(byteCount) }

    /// Where the search is for a hint only: less than two seconds.
    static var ofTelling: BitBudget { BitBudget(byteCount: 1 << 34) }

    /// Whether a record of so many bytes may be tried.
    func take(byteCount: Int) -> Bool {
        let (cost, overflows) = UInt64(byteCount * 8).multipliedReportingOverflow(by: UInt64(byteCount))
        guard !overflows, cost <= Self.recordByteCount else { return false }
        return left.withLock { left in
            guard left >= cost else { return false }
            left -= cost
            return true
        }
    }
}

/// Looks for the one bit whose change makes a damaged record whole again.
///
/// The proof is the record's own: 64 bits of checksum over all its bytes and the chain of all records before, of which
/// a wrong answer fits one of 2^40 times at most.
struct BitSearch {
    let budget: BitBudget

    /// The record at which `scanner` has stopped as it was, and the bit that had changed; `nil` when it is no single
    /// one.
    func record(at scanner: SegmentScanner) throws(StorageError) -> (bytes: [UInt8], bit: FlippedBit)? {
        var head = try scanner.image.read(count: RecordHeader.longestByteCount, at: scanner.offset)
        guard head.count >= RecordHeader.shortestByteCount else { return nil }
        if let header = scanner.header(in: head) { return try payload(of: header, at: scanner) }
        for place in 0..<head.count * 8 {
            head.flip(place)
            if let header = scanner.header(in: head) {
                var whole = try bytes(of: header, at: scanner)
                whole.replaceSubrange(0..<header.byteCount, with: head.prefix(header.byteCount))
                if scanner.proves(whole, header) { return (whole, bit(place, scanner)) }
            }
            head.flip(place)
        }
        return nil
    }

    private func payload(
        of header: RecordHeader, at scanner: SegmentScanner
    ) throws(StorageError) -> (bytes: [UInt8], bit: FlippedBit)? {
        var whole = try bytes(of: header, at: scanner)
        guard whole.count > header.byteCount, budget.take(byteCount: whole.count) else { return nil }
        let found = whole.turnBack(from: header.byteCount) {
            RecordHeader.isIntact($0, in: scanner.header, chain: scanner.chain)
        }
        guard let found, scanner.proves(whole, header) else { return nil }
        return (whole, bit(found, scanner))
    }

    private func bytes(of header: RecordHeader, at scanner: SegmentScanner) throws(StorageError) -> [UInt8] {
        try scanner.image.read(count: header.recordByteCount, at: scanner.offset)
    }

    private func bit(_ place: Int, _ scanner: SegmentScanner) -> FlippedBit {
        FlippedBit(offset: scanner.offset + UInt64(place >> 3), bit: place & 7)
    }

    /// The bit of a segment's header whose change makes it valid and fit.
    func header(in bytes: [UInt8], _ fits: (SegmentHeader) -> Bool) -> (header: SegmentHeader, bit: FlippedBit)? {
        var bytes = bytes
        for place in 0..<min(bytes.count, SegmentHeader.longestByteCount) * 8 {
            bytes.flip(place)
            if let header = bytes.withUnsafeBytes({ try? SegmentHeader(decoding: $0) }), fits(header) {
                return (header, FlippedBit(offset: UInt64(place >> 3), bit: place & 7))
            }
            bytes.flip(place)
        }
        return nil
    }
}

extension SegmentScanner {
    /// The record header in the first bytes of `head`, if they are one at the place where the walk has stopped.
    func header(in head: [UInt8]) -> RecordHeader? {
        head.withUnsafeBytes {
            try? RecordHeader(
                decoding: $0, offset: offset, in: header, payloadLimit: Limits.largestPayloadLimit)
        }
    }

    /// Whether `bytes` are the whole next record of the log.
    func proves(_ bytes: [UInt8], _ record: RecordHeader) -> Bool {
        guard bytes.count == record.recordByteCount,
            header.firstSequence + UInt64(record.sequenceOffset) == nextSequence, record.time >= lastTime
        else { return false }
        return bytes.withUnsafeBytes { RecordHeader.isIntact($0, in: header, chain: chain) }
    }
}

extension Array where Element == UInt8 {
    /// Flips the bit at `place`, counted from the lowest one of the first byte.
    mutating func flip(_ place: Int) { self[place >> 3] ^= 1 << UInt8(place & 7) }

    /// Flips the one bit at or behind the byte `start` with which the bytes are whole; answers its place, or `nil` when
    /// there is none, and then nothing has changed.
    mutating func turnBack(from start: Int, _ isWhole: (UnsafeRawBufferPointer) -> Bool) -> Int? {
        withUnsafeMutableBytes { bytes in
            for place in start * 8..<bytes.count * 8 {
                bytes[place >> 3] ^= 1 << UInt8(place & 7)
                if isWhole(UnsafeRawBufferPointer(bytes)) { return place }
                bytes[place >> 3] ^= 1 << UInt8(place & 7)
            }
            return nil
        }
    }
}
