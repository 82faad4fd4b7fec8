@testable import HoldfastEngine
import HoldfastBytes
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// The two forms of a record's header, as the engine writes and reads them.
@Suite struct HeaderFormTests {
    private let begun: UInt64 = 1_700_000_000_000
    private let day: UInt64 = 86_400_000

    /// The headers in the segment `bytes`, one after the other.
    private func headers(_ bytes: [UInt8]) throws -> [RecordHeader] {
        try bytes.withBytes { (view) throws(FormatError) in
            let segment = try SegmentHeader(decoding: view)
            var (found, at): ([RecordHeader], Int) = ([], segment.byteCount)
            while at < view.count {
                found.append(
                    try RecordHeader(
                        decoding: view.slice(at..<view.count), offset: UInt64(at), in: segment, payloadLimit: 1 << 20))
                at += found[found.count - 1].recordByteCount
            }
            return found
        }
    }

    private func times(_ log: LocalLog) throws -> [UInt64] {
        var times: [UInt64] = []
        try log.read(id("a"), from: 1) { record in
            times.append(record.time)
            return true
        }
        return times
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `what does not fit into a short header has a long one`(mode: SegmentHeader.CommitMode) throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(mode), creating: true)
        var a = try Appender(log, "a")
        try a.append(message(0), time: begun + 999)
        try a.append(message(1, byteCount: 70_000), time: begun + 1_000)
        try a.append(message(2), time: begun + 49 * day)
        try a.append(message(3), time: begun + 50 * day)
        // The clock was set back: the log's time stays.
        try a.append(message(4), time: begun)
        try log.flushToSegments()
        try log.beginSegment(a.claim)
        try a.append(message(5), time: 1)
        try log.close()

        let image = storage.crash(.keepAll)
        let again = try LocalLog(in: image, options: seededOptions(mode, seed: 2))
        let late = begun + 50 * day
        #expect(try times(again) == [begun + 999, begun + 1_000, begun + 49 * day, late, late, late])
        #expect(try payloads(again, "a") == [message(0), message(1, byteCount: 70_000)] + (2...5).map { message($0) })
        again.abandon()
        let first = try headers(image.readAll(StoreLayout.segmentFile(id("a"), 1), limit: 1 << 20))
        #expect(first.prefix(5).map(\.form) == [.short, .long, .short, .long, .long])
        // The mark at the end of a segment that is written directly is no exception.
        #expect(first.dropFirst(5).allSatisfy { $0.kind == RecordHeader.markKind && $0.form == .long })
        let second = try headers(image.readAll(StoreLayout.segmentFile(id("a"), 2), limit: 1 << 20))
        #expect(second.allSatisfy { $0.form == .short && $0.time == late })
    }

    /// A segment that begins at `begun`, with raw records.
    private struct Made {
        var header: SegmentHeader
        var bytes: [UInt8]
        var starts: [Int] = []
        private var chain: UInt64 = 0

        init() {
            header = SegmentHeader(
                mode: .journal, salt: 77, firstSequence: 1, chainBefore: 0, storeTag: 5, number: 1,
                begun: 1_700_000_000, session: id("a"))
            bytes = header.encoded()
        }

        mutating func add(_ payload: [UInt8], _ form: RecordHeader.Form) {
            let record = RecordHeader(
                kind: 3, codec: .raw, promisesAllBefore: true, form: form, time: header.begunAt,
                storedByteCount: UInt32(payload.count), rawByteCount: UInt32(payload.count),
                sequenceOffset: UInt32(starts.count))
            let start = bytes.count
            starts.append(start)
            bytes += [UInt8](repeating: 0, count: form.byteCount) + payload
            chain = record.seal(&bytes, from: start, offset: UInt64(start), in: header, chain: chain)
        }

        func scanner(over bytes: [UInt8]) throws -> SegmentScanner {
            let storage = SimulatedStorage()
            let file = try storage.open("segment", .create)
            try file.write(bytes, at: 0)
            let image = try SegmentImage(file: file, extents: [])
            return SegmentScanner(image, header: header, payloadLimit: Limits.payloadByteCount)
        }
    }

    private func sequences(_ scanner: SegmentScanner) throws -> [UInt64] {
        var found: [UInt64] = []
        repeat {
            while let record = try scanner.next() { found.append(record.sequence) }
        } while try scanner.skipFault()
        return found
    }

    /// The check of a damaged header proves the record behind it, whatever its flags say of its form.
    @Test(arguments: [RecordHeader.Form.short, .long], [RecordHeader.Form.short, .long])
    func `a damaged header costs its own record`(damaged: RecordHeader.Form, behind: RecordHeader.Form) throws {
        var made = Made()
        for form in [.short, damaged, behind, .short] { made.add(Array("hello".utf8), form) }
        for place in 0..<damaged.byteCount {
            var bytes = made.bytes
            bytes[made.starts[1] + place] ^= 0x0A
            let isCheck = (damaged == .short ? 12..<20 : 20..<28).contains(place)
            let found = try sequences(made.scanner(over: bytes))
            #expect(found == (isCheck ? [1, 4] : [1, 3, 4]), "byte \(place)")
        }
    }

    @Test(arguments: [RecordHeader.Form.short, .long], [31, 24, 23, 1])
    func `a header behind damage is found where two reads meet`(form: RecordHeader.Form, before: Int) throws {
        var made = Made()
        made.add([], .short)
        // The search begins one byte behind the damage, and reads a mebibyte at a time.
        let border = made.bytes.count + 1 + 1 << 20
        made.add([UInt8](repeating: 7, count: border - before - made.bytes.count - 32), .long)
        made.add([], form)
        made.add([], .short)
        var bytes = made.bytes
        bytes[made.starts[1] + 3] ^= 1
        #expect(made.starts[2] == border - before)
        #expect(try sequences(made.scanner(over: bytes)) == [1, 3, 4])
    }

    @Test func `a record without payload is whole in front of a bad sector`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        // What is read for the segment's header ends before the last one.
        for text in (0..<4).map({ message($0, byteCount: 140) }) + ["{}", message(5)] { try a.append(text) }
        try log.close()
        let path = StoreLayout.segmentFile(id("a"), 1)
        let bytes = try storage.readAll(path, limit: 1 << 20)
        let found = try headers(bytes)
        var bad = Fault(.io, on: .read, path: path, occurrence: 1, isLasting: true)
        let start = bytes.count - found[5].recordByteCount
        try #require(start >= SegmentHeader.longestByteCount && found[4].storedByteCount == 2)
        bad.bytes = UInt64(start)..<UInt64(bytes.count)
        storage.inject(bad)
        let again = try LocalLog(in: storage, options: seededOptions(seed: 2))
        var read = 0
        #expect(throws: LogError.self) {
            try again.read(id("a"), from: 1) { _ in
                read += 1
                return true
            }
        }
        #expect(read == 5)
        again.abandon()
    }

    /// Its records would prove themselves, and their frames know nothing of the dictionary.
    @Test func `a whole header of another version gives no salt to what stands behind it`() {
        let header = Made().header
        for version in [Limits.formatVersion - 1, Limits.formatVersion, Limits.formatVersion + 1] {
            var bytes = header.encoded()
            bytes.store(version, at: 4)
            func rebuilt(_ bytes: [UInt8]) -> SegmentHeader? {
                SegmentHeader(
                    ofDamaged: bytes, mode: .journal, firstSequence: 1, chainBefore: 0, storeTag: 5, number: 1,
                    session: id("a"))
            }
            #expect((rebuilt(bytes) == header) == (version != Limits.formatVersion), "its check is not right")
            bytes.store(Checksum.of(Array(bytes.dropLast(8))), at: bytes.count - 8)
            #expect(rebuilt(bytes) == nil)
        }
    }
}
