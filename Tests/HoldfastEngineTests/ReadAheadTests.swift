import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// Sessions and documents that are long enough for a second thread to read ahead.
@Suite struct ReadAheadTests {
    private let storage = SimulatedStorage()

    /// 6,000 bytes that hardly get smaller.
    private func text(_ number: UInt64) -> String {
        var generator = SplitMix64(seed: number)
        return "\(number) " + (0..<375).map { _ in Hex64.text(generator.next()) }.joined()
    }

    /// Writes a session of 400 records in three segments; answers the payloads.
    private func longSession() throws -> [String] {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        let texts = (0..<400).map { text(UInt64($0)) }
        var a = try Appender(log, "a")
        for (index, text) in texts.enumerated() {
            if [250, 251].contains(index) { try log.beginSegment(a.claim) }
            try a.append(text)
        }
        try log.close()
        return texts
    }

    private func open() throws -> LocalLog { try LocalLog(in: storage, options: seededOptions(seed: 2)) }

    @Test func `a long session is read from any record on, and no further than is wanted`() throws {
        let texts = try longSession()
        let log = try open()
        for first in [1, 2, 200, 250, 251, 252, 399, 400, 401] {
            #expect(try payloads(log, "a", from: UInt64(first)) == Array(texts[(first - 1)...]))
        }
        for count in [1, 10, 60, 100, 249, 251, 399] {
            var seen: [String] = []
            try log.read(id("a"), from: 1) { record in
                #expect(record.sequence == UInt64(seen.count) + 1)
                seen.append(String(decoding: record.payload, as: UTF8.self))
                return seen.count < count
            }
            #expect(seen == Array(texts[..<count]))
        }
        try log.close()
    }

    @Test func `who throws is thrown what it threw`() throws {
        _ = try longSession()
        let log = try open()
        for limit: UInt64 in [1, 100, 300] {
            let error = #expect(throws: LogError.self) {
                try log.read(id("a"), from: 1) { (record) throws(LogError) in
                    if record.sequence == limit { throw LogError(.busy, "enough") }
                    return true
                }
            }
            #expect(error?.code == .busy)
        }
        try log.close()
    }

    @Test func `everything before damage is given out first`() throws {
        let texts = try longSession()
        for (segment, part) in [(UInt32(1), 0.5), (1, 0.9), (3, 0.3), (3, 0.8)] {
            let damaged = storage.clone()
            let path = StoreLayout.segmentFile(id("a"), segment)
            let file = try damaged.open(path, .readWrite)
            let offset = UInt64(Double(try file.byteCount()) * part)
            try file.write(try file.read(count: 1, at: offset).map { $0 ^ 1 }, at: offset)
            let log = try LocalLog(in: damaged, options: seededOptions(seed: 2))
            let (seen, error) = readToTheEnd(log)
            #expect(error?.code == .damaged && error?.sequence == UInt64(seen.count))
            #expect(seen.count > 100 && seen == Array(texts[..<seen.count]))
            try log.close()
        }
    }

    @Test func `records of every length, short and long, compressed and not`() throws {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var generator = SplitMix64(seed: 3)
        let records = (0..<150).map { index -> [UInt8] in
            let byteCount = Int(generator.next() % (index % 10 == 0 ? 500_000 : 9_000))
            guard index % 3 > 0 else { return (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: generator.next()) } }
            return Array(text(UInt64(index)).utf8) + [UInt8](repeating: 7, count: byteCount)
        }
        let claim = try log.claim(id("a"))
        let outcomes = Outcomes()
        for (index, record) in records.enumerated() {
            _ = try log.append(
                claim, expected: UInt64(index), kind: 3, time: 1_700_000_000_000, payload: record,
                durability: .durable, completion: outcomes.completion())
        }
        #expect(outcomes.wait().allSatisfy { $0 == nil })
        for first in [1, 2, 60, 149] {
            var seen: [[UInt8]] = []
            try log.read(id("a"), from: UInt64(first)) { record in
                seen.append(record.payload)
                return true
            }
            #expect(seen == Array(records[(first - 1)...]))
        }
        try log.close()
    }

    @Test func `a record that cannot be decompressed ends the reading there`() throws {
        let texts = try longSession()
        // One in the middle of a zstd frame, and the first of one.
        for place in [90, 0] {
            let forged = storage.clone()
            try forge(forged, StoreLayout.segmentFile(id("a"), 3), place)
            let log = try LocalLog(in: forged, options: seededOptions(seed: 2))
            let (seen, error) = readToTheEnd(log)
            #expect(error?.code == .damaged && error?.message.contains("Record \(252 + place) ") ?? false)
            #expect(seen == Array(texts[..<(251 + place)]))
            try log.close()
        }
    }

    /// What can be read of the session, and how that ended.
    private func readToTheEnd(_ log: LocalLog) -> (seen: [String], error: LogError?) {
        var seen: [String] = []
        let error = #expect(throws: LogError.self) {
            try log.read(id("a"), from: 1) { record in
                seen.append(String(decoding: record.payload, as: UTF8.self))
                return true
            }
        }
        return (seen, error)
    }

    /// Makes nonsense of what is stored of a record, with all checks as they would be had it been written.
    private func forge(_ storage: any Storage, _ path: String, _ place: Int) throws {
        let file = try storage.open(path, .readWrite)
        let bytes = try file.read(count: Int(try file.byteCount()), at: 0)
        let segment = try bytes.withBytes { (bytes) throws(FormatError) in try SegmentHeader(decoding: bytes) }
        var (forged, chain, count) = (Array(bytes[..<segment.byteCount]), segment.chainBefore, 0)
        while forged.count < bytes.count {
            let start = forged.count
            let header = try bytes.withBytes { (bytes) throws(FormatError) in
                try RecordHeader(
                    decoding: bytes.slice(start..<bytes.count), offset: UInt64(start), in: segment,
                    payloadLimit: Limits.payloadByteCount)
            }
            let end = start + header.recordByteCount
            forged += bytes[start..<end]
            if count == place {
                for index in start + header.byteCount..<end { forged[index] = 0xEE }
            }
            chain = header.seal(&forged, from: start, offset: UInt64(start), in: segment, chain: chain)
            count += 1
        }
        try file.write(forged, at: 0)
    }

    @Test func `who goes on reading need not go through what comes before`() throws {
        let texts = try longSession()
        let log = try open()
        var count = 0
        try log.read(id("a"), from: 1) { _ in
            count += 1
            return count < 200
        }
        let file = try storage.open(StoreLayout.segmentFile(id("a"), 1), .readWrite)
        try file.write(try file.read(count: 1, at: 100_000).map { $0 ^ 1 }, at: 100_000)
        // From behind the zstd frame in which that reading has ended, or in it.
        #expect(try payloads(log, "a", from: 230) == Array(texts[229...]))
        #expect(try payloads(log, "a", from: 395) == Array(texts[394...]))
        #expect(throws: LogError.self) { try payloads(log, "a", from: 100) }
        try log.close()
        let fresh = try open()
        #expect(throws: LogError.self) { try payloads(fresh, "a", from: 230) }
        try fresh.close()
    }

    // MARK: Documents

    /// Writes a document of nine blocks.
    private func longDocument() throws -> [UInt8] {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("first")
        var generator = SplitMix64(seed: 7)
        var document: [UInt8] = []
        while document.count < Limits.snapshotBlock * 17 / 2 {
            document += Array("\(generator.next()) and more of the same\n".utf8)
        }
        let written = document
        try log.putSnapshot(id("a"), through: 1) { (sink) throws(LogError) in try sink.write(written) }
        try log.close()
        return document
    }

    @Test func `a document is read block by block, from anywhere, and left anywhere`() throws {
        let document = try longDocument()
        let log: any SessionLog = try ReadOnlyLog(in: storage)
        let block = Limits.snapshotBlock
        // Forward, back, over blocks, and with ends of reading in between.
        for numbers in [
            Array(0..<9), [0, 1, 2, 1, 2, 3, 4, 5], [0, 1, 2, 5, 6, 7, 8], [3, 4, 5, 6, 6, 7, 0, 1], [0, 1],
        ] {
            let source = try #require(try log.snapshot(id("a")))
            for number in numbers {
                let expected = document[number * block..<min(document.count, (number + 1) * block)]
                #expect(try source.read(at: number * block, count: block) == Array(expected))
            }
        }
    }

    @Test func `a block that cannot be read is damage when its turn comes, and the others are read still`() throws {
        let document = try longDocument()
        let log: any SessionLog = try ReadOnlyLog(in: storage)
        let source = try #require(try log.snapshot(id("a")))
        let path = StoreLayout.snapshotFile(id("a"), 1)
        let file = try storage.open(path, .readWrite)
        // The document is open: its check was right then.
        let offset = try file.byteCount() * 6 / 9
        try file.write([UInt8](repeating: 0x5A, count: 4000), at: offset)
        let block = Limits.snapshotBlock
        for round in 0..<2 {
            var count = 0
            let error = #expect(throws: LogError.self) {
                while true {
                    let content = try source.read(at: count * block, count: block)
                    #expect(content == Array(document[count * block..<(count + 1) * block]))
                    count += 1
                }
            }
            #expect(error?.code == .damaged && (4...6).contains(count), "round \(round)")
        }
        #expect(try source.read(at: 8 * block, count: block) == Array(document[(8 * block)...]))
    }
}
