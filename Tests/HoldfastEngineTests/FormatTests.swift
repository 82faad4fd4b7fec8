import HoldfastBytes
import HoldfastSimulation
import Testing

@Suite struct FormatTests {
    @Test func `a session's file name is one component and gives the identifier back`() throws {
        let names = [
            "a", "..", ".", "a/b", "%2e", "é", "A_b-c.d", ".x", "CON", "a\u{1}b", String(repeating: "x", count: 200),
        ]
        for name in names {
            let session = id(name)
            let escaped = StoreLayout.escapedName(session)
            #expect(!escaped.contains("/") && escaped != "." && escaped != ".." && !escaped.hasPrefix("."))
            #expect(StoreLayout.session(escapedName: escaped) == session)
        }
        #expect(Set(names.map { StoreLayout.escapedName(id($0)) }).count == names.count)
    }

    @Test func `a long identifier gets a short name of its own`() {
        let a = StoreLayout.escapedName(id(String(repeating: "é", count: 127)))
        let b = StoreLayout.escapedName(id(String(repeating: "é", count: 126) + "e"))
        #expect(a != b && a.utf8.count <= 200 && StoreLayout.session(escapedName: a) == nil)
    }

    @Test func `a sealed document is valid only as it was written`() {
        let document = SealedJSON.sealed(Array("{\"a\":1".utf8))
        #expect(SealedJSON.isIntact(document))
        #expect(SealedJSON.isIntact(document + [10]))
        for index in document.indices {
            for bit in 0..<8 {
                var damaged = document
                damaged[index] ^= 1 << bit
                #expect(!SealedJSON.isIntact(damaged))
            }
            #expect(!SealedJSON.isIntact(Array(document[..<index])))
        }
    }

    @Test func `a record header survives no flipped bit`() throws {
        let header = RecordHeader(
            kind: 3, codec: .raw, promisesAllBefore: true, time: 1_700_000_000_000, storedByteCount: 5, rawByteCount: 5,
            sequenceOffset: 7)
        var record = [UInt8](repeating: 0, count: 32) + Array("hello".utf8)
        let check = header.seal(&record, offset: 100, salt: 42, chain: 9)
        func decoded(_ bytes: [UInt8], offset: UInt64 = 100, salt: UInt64 = 42) -> RecordHeader? {
            bytes.withUnsafeBytes { try? RecordHeader(decoding: $0, offset: offset, salt: salt, payloadLimit: 100) }
        }
        func isIntact(_ bytes: [UInt8], chain: UInt64 = 9) -> Bool {
            decoded(bytes) != nil && bytes.withUnsafeBytes { RecordHeader.isIntact($0, salt: 42, chain: chain) }
        }
        #expect(decoded(record) == header)
        #expect(isIntact(record) && record.withUnsafeBytes { RecordHeader.storedCheck($0) } == check)
        #expect(!isIntact(record, chain: 8))
        #expect(decoded(record, offset: 101) == nil && decoded(record, salt: 43) == nil)
        for bit in 0..<record.count * 8 {
            var damaged = record
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!isIntact(damaged))
        }
    }

    @Test func `a record over the reader's limit is refused before it is read`() {
        let header = RecordHeader(
            kind: 3, codec: .raw, promisesAllBefore: false, time: 0, storedByteCount: 5, rawByteCount: 5,
            sequenceOffset: 0)
        var record = [UInt8](repeating: 0, count: 37)
        _ = header.seal(&record, offset: 0, salt: 1, chain: 0)
        #expect(throws: FormatError.invalid("sizes")) {
            try record.withBytes { (bytes) throws(FormatError) in
                _ = try RecordHeader(decoding: bytes, offset: 0, salt: 1, payloadLimit: 4)
            }
        }
    }

    @Test func `segment and journal headers tell an unknown version from damage`() throws {
        let header = SegmentHeader(
            mode: .journal, salt: 1, firstSequence: 1, chainBefore: 0, storeTag: 2, number: 1, session: id("a"))
        var bytes = header.encoded()
        #expect(try bytes.withBytes { (view) throws(FormatError) in try SegmentHeader(decoding: view) } == header)
        bytes.store(Limits.formatVersion + 1, at: 4)
        #expect(throws: FormatError.unknownVersion(UInt64(Limits.formatVersion + 1))) {
            try bytes.withBytes { (view) throws(FormatError) in _ = try SegmentHeader(decoding: view) }
        }
        let file = JournalHeader(
            number: 1, salt: 2, storeTag: 3, firstBatch: 4, chainBefore: 5, fileByteCount: 4096)
        var sector: [UInt8] = []
        file.encode(to: &sector)
        #expect(sector.count == 512)
        #expect(try sector.withBytes { (view) throws(FormatError) in try JournalHeader(decoding: view) } == file)
        sector[4] = 9
        #expect(throws: FormatError.unknownVersion(9)) {
            try sector.withBytes { (view) throws(FormatError) in _ = try JournalHeader(decoding: view) }
        }
    }

    @Test(arguments: [0, Limits.numberLimit, UInt64.max])
    func `a number that one cannot count on from makes a header invalid`(number: UInt64) throws {
        var segment = SegmentHeader(
            mode: .journal, salt: 1, firstSequence: 1, chainBefore: 0, storeTag: 3, number: 1, session: id("s")
        ).encoded()
        segment.store(number, at: 16)
        segment.store(Checksum.of(Array(segment.dropLast(8))), at: segment.count - 8)
        #expect(throws: FormatError.invalid("numbering")) {
            _ = try segment.withBytes { (bytes) throws(FormatError) in try SegmentHeader(decoding: bytes) }
        }
        for (file, batch) in [(number, 1), (1, number)] {
            var journal: [UInt8] = []
            JournalHeader(
                number: file, salt: 1, storeTag: 2, firstBatch: batch, chainBefore: 0, fileByteCount: 1024
            ).encode(to: &journal)
            #expect(throws: FormatError.invalid("numbering")) {
                _ = try journal.withBytes { (bytes) throws(FormatError) in try JournalHeader(decoding: bytes) }
            }
        }
        #expect(StoreLayout.snapshotSequence("snapshot-\(number).json.zst") == (number == 0 ? 0 : nil))
        #expect(StoreLayout.segmentNumber("\(Limits.segmentNumberLimit).segment") == nil)
    }

    @Test func `random bytes are never a batch, a header or an entry list`() {
        var generator = SplitMix64(seed: 1)
        for _ in 0..<2_000 {
            let count = Int.random(in: 0..<600, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            bytes.withUnsafeBytes { view in
                #expect((try? SegmentHeader(decoding: view)) == nil)
                #expect((try? JournalHeader(decoding: view)) == nil)
                #expect((try? BatchHeader(decoding: view, offset: 0, salt: 1)) == nil)
                let claimed = UInt32.random(in: 1...UInt32.max, using: &generator)
                #expect((try? JournalEntry.decodeAll(view, count: claimed)) == nil)
            }
        }
    }
}
