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

    /// The header of a segment that was begun at `begun`, in seconds since 1970.
    private func segment(salt: UInt64 = 42, begun: UInt32 = 1_700_000_000) -> SegmentHeader {
        SegmentHeader(
            mode: .journal, salt: salt, firstSequence: 1, chainBefore: 0, storeTag: 3, number: 1, begun: begun,
            session: id("s"))
    }

    @Test(arguments: [RecordHeader.Form.short, .long])
    func `a record header survives no flipped bit`(form: RecordHeader.Form) throws {
        let header = RecordHeader(
            kind: 3, codec: .raw, promisesAllBefore: true, form: form, time: 1_700_000_012_345, storedByteCount: 5,
            rawByteCount: 5, sequenceOffset: 7)
        #expect(header.byteCount == (form == .short ? 24 : 32))
        var record = [UInt8](repeating: 0, count: header.byteCount) + Array("hello".utf8)
        let check = header.seal(&record, offset: 100, in: segment(), chain: 9)
        func decoded(_ bytes: [UInt8], offset: UInt64 = 100, salt: UInt64 = 42, begun: UInt32 = 1_700_000_000)
            -> RecordHeader?
        {
            bytes.withUnsafeBytes {
                try? RecordHeader(
                    decoding: $0, offset: offset, in: segment(salt: salt, begun: begun), payloadLimit: 100)
            }
        }
        func isIntact(_ bytes: [UInt8], chain: UInt64 = 9) -> Bool {
            decoded(bytes) != nil && bytes.withUnsafeBytes { RecordHeader.isIntact($0, in: segment(), chain: chain) }
        }
        #expect(decoded(record) == header)
        #expect(isIntact(record) && record.withUnsafeBytes { RecordHeader.storedCheck($0) } == check)
        #expect(!isIntact(record, chain: 8))
        #expect(decoded(record, offset: 101) == nil && decoded(record, salt: 43) == nil)
        #expect(decoded(record, begun: 1_700_000_001) == nil, "what the time counts from is checked with it")
        #expect(decoded(Array(record.prefix(header.byteCount))) == header)
        #expect(decoded(Array(record.prefix(header.byteCount - 1))) == nil)
        for bit in 0..<record.count * 8 {
            var damaged = record
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!isIntact(damaged))
        }
    }

    @Test(arguments: [
        (65_535, 65_535, 1_700_000_000_000 + 4_294_967_295, RecordHeader.Form.short), (0, 0, 1_700_000_000_000, .short),
        (65_536, 0, 1_700_000_000_000, .long), (0, 65_536, 1_700_000_000_000, .long),
        (0, 0, 1_700_000_000_000 + 4_294_967_296, .long), (0, 0, 1_699_999_999_999, .long),
    ])
    func `a record has the short header where everything fits into it`(
        size: Int, offset: UInt32, time: UInt64, form: RecordHeader.Form
    ) throws {
        var header = RecordHeader(
            kind: 3, promisesAllBefore: false, time: time, rawByteCount: size, sequence: UInt64(offset) + 1,
            in: segment())
        #expect(header.form == form && header.sequenceOffset == offset)
        (header.codec, header.storedByteCount) = (.frameStart, 0)
        var record = [UInt8](repeating: 0, count: header.byteCount)
        _ = header.seal(&record, offset: 57, in: segment(), chain: 0)
        let read = try record.withBytes { (bytes) throws(FormatError) in
            try RecordHeader(decoding: bytes, offset: 57, in: segment(), payloadLimit: 1 << 20)
        }
        #expect(read == header)
    }

    @Test func `a segment that is begun after 2106 has long headers`() {
        let time = UInt64(UInt32.max) * 1000 + 4_294_967_296
        let late = SegmentHeader(
            mode: .journal, salt: 1, firstSequence: 1, chainBefore: 0, storeTag: 3, number: 1, time: time,
            session: id("s"))
        #expect(late.begun == UInt32.max)
        func form(_ time: UInt64) -> RecordHeader.Form {
            RecordHeader(kind: 3, promisesAllBefore: true, time: time, rawByteCount: 5, sequence: 1, in: late).form
        }
        #expect(form(time) == .long && form(time - 1) == .short)
    }

    @Test func `a record over the reader's limit is refused before it is read`() {
        let header = RecordHeader(
            kind: 3, codec: .raw, promisesAllBefore: false, form: .short, time: 0, storedByteCount: 5, rawByteCount: 5,
            sequenceOffset: 0)
        var record = [UInt8](repeating: 0, count: 29)
        _ = header.seal(&record, offset: 0, in: segment(begun: 0), chain: 0)
        #expect(throws: FormatError.invalid("sizes")) {
            try record.withBytes { (bytes) throws(FormatError) in
                _ = try RecordHeader(decoding: bytes, offset: 0, in: segment(begun: 0), payloadLimit: 4)
            }
        }
    }

    @Test func `segment and journal headers tell an unknown version from damage`() throws {
        let header = SegmentHeader(
            mode: .journal, salt: 1, firstSequence: 1, chainBefore: 0, storeTag: 2, number: 1, begun: 5,
            session: id("a"))
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
            mode: .journal, salt: 1, firstSequence: 1, chainBefore: 0, storeTag: 3, number: 1, begun: 5,
            session: id("s")
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

    /// The entries of a batch, one of each kind.
    private func entries() -> [UInt8] {
        let segment = SegmentKey(session: id("é"), number: 7)
        var body: [UInt8] = []
        JournalEntry.encodeHead(.direct, segment, to: &body)
        JournalEntry.encodeHead(.index, byteCount: 24, to: &body)
        body += 1...24
        JournalEntry.encodeHead(.write, segment, place: 99, byteCount: 5, to: &body)
        body += Array("bytes".utf8)
        JournalEntry.encodeHead(.sealed, segment, to: &body)
        return body
    }

    private func decoded(_ body: [UInt8], count: UInt32 = 4) throws(FormatError) -> [JournalEntry] {
        try body.withBytes { (bytes) throws(FormatError) in try JournalEntry.decodeAll(bytes, count: count) }
    }

    @Test func `entries name their segment themselves`() throws {
        let (body, segment) = (entries(), SegmentKey(session: id("é"), number: 7))
        let expected: [JournalEntry] = [
            .direct(segment), .index(bytes: 30..<54), .write(segment, offset: 99, bytes: 70..<75), .sealed(segment),
        ]
        #expect(try decoded(body) == expected)
        #expect(String(decoding: body[70..<75], as: UTF8.self) == "bytes")
        #expect(body.withUnsafeBytes { JournalEntry.decodeReadable($0) } == expected)
        // Each is found without those before it.
        #expect(try decoded(Array(body[54...]), count: 2).last == .sealed(segment))
    }

    /// What is wrong with the entry at a place of ``entries()``.
    static let brokenEntries: [(place: Int, byte: UInt8, error: FormatError)] = [
        (0, 0, .invalid("entry kind")), (0, 5, .invalid("entry kind")),
        (14, 0xFF, .invalid("session id")), (15, 0, .invalid("session id")),
        (2, 0, .invalid("numbering")), (5, 0x80, .invalid("numbering")),
        (6, 1, .invalid("entry with a place or bytes")), (76 + 6, 1, .invalid("entry with a place or bytes")),
        (16 + 2, 1, .invalid("index entry")), (16 + 6, 1, .invalid("index entry")),
        (16 + 10, 23, .invalid("index entry")), (54, 2, .invalid("entry with a place or bytes")),
        (54, 4, .invalid("index entry")), (54 + 13, 1, .truncated), (75 + 1, 3, .truncated), (75 + 10, 1, .truncated),
    ]

    @Test(arguments: brokenEntries)
    func `an entry that breaks a rule makes its batch invalid`(place: Int, byte: UInt8, error: FormatError) {
        var body = entries()
        body[place] = byte
        #expect(throws: error) { try decoded(body) }
    }

    @Test func `entries are as many as the batch says and fill its body`() {
        let body = entries()
        #expect(throws: FormatError.invalid("bytes after the last entry")) { try decoded(body, count: 3) }
        #expect(throws: FormatError.truncated) { try decoded(body, count: 5) }
        #expect(throws: FormatError.invalid("entry count")) { try decoded(body, count: .max) }
    }

    @Test func `of a damaged batch the entries that can be made out are read`() {
        var body = entries()
        let segment = SegmentKey(session: id("é"), number: 7)
        body[14] = 0xFF
        body[54 + 14 + 14] = 0
        #expect(
            body.withUnsafeBytes { JournalEntry.decodeReadable($0) }
                == [.index(bytes: 30..<54), .write(segment, offset: 99, bytes: 70..<75), .sealed(segment)])
        body[75 + 13] = 1
        #expect(body.withUnsafeBytes { JournalEntry.decodeReadable($0) }.count == 2)
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
