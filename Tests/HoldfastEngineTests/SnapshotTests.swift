import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

@Suite struct SnapshotTests {
    private let storage = SimulatedStorage()

    private func flipByte(_ path: String, at offset: UInt64) throws {
        let file = try storage.open(path, .readWrite)
        try file.write(try file.read(count: 1, at: offset).map { $0 ^ 1 }, at: offset)
        try file.close()
    }

    /// A log with two segments of a session, the first of which a snapshot replaces.
    private func logWithSnapshots() throws -> (LocalLog, Appender) {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 {
            try a.append(message(number))
            try snapshot(log, through: a.last)
        }
        return (log, a)
    }

    private func snapshot(_ log: LocalLog, through sequence: UInt64) throws {
        try log.putSnapshot(id("a"), through: sequence) { (sink) throws(LogError) in
            try sink.write(Array("{\"session_id\":\"a\",\"sequence\":\(sequence)}".utf8))
        }
    }

    @Test func `a snapshot that does not read back as it was written is refused`() throws {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 { try a.append(message(number)) }
        try log.flushToSegments()
        let error = #expect(throws: LogError.self) {
            try log.putSnapshot(id("a"), through: 3) { (sink) throws(LogError) in
                // More than is gathered in memory, so that a part of it stands on the disk.
                try sink.write(randomBytes(Limits.snapshotBlock + 1))
                let path = StoreLayout.snapshotFile(id("a"), 3) + StoreLayout.temporarySuffix
                try? flipByte(path, at: 500_000)
            }
        }
        #expect(error?.code == .failed)
        #expect(try log.snapshot(id("a"), through: .max) == nil)
        try log.trim(id("a"), keeping: nil)
        #expect(try payloads(log, "a").count == 3)
        try log.close()
    }

    @Test func `a damaged snapshot replaces no records`() throws {
        let (log, _) = try logWithSnapshots()
        try flipByte(StoreLayout.snapshotFile(id("a"), 2), at: 5)
        try log.trim(id("a"), keeping: nil)
        #expect(try payloads(log, "a").count == 3)
        try log.close()
    }

    @Test func `records that two snapshots replace are dropped`() throws {
        let (log, _) = try logWithSnapshots()
        try log.trim(id("a"), keeping: nil)
        #expect(throws: LogError.self) { try payloads(log, "a") }
        #expect(try payloads(log, "a", from: 3).count == 1)
        try log.close()
    }

    @Test func `a read that meets a trim is told of that, and not that it failed`() throws {
        let (log, _) = try logWithSnapshots()
        let error = #expect(throws: LogError.self) {
            // All segments were listed, and the next one is gone before the walk comes to it.
            try log.read(id("a"), from: 1) { (_) throws(LogError) in
                try log.trim(id("a"), keeping: nil)
                return true
            }
        }
        #expect(error?.code == .trimmed)
        #expect(try payloads(log, "a", from: 3).count == 1)
        try log.close()
    }

    @Test func `a read that fails without a trim says so`() throws {
        let (log, _) = try logWithSnapshots()
        storage.inject(Fault(.tooManyFiles, on: .open, path: StoreLayout.segmentFile(id("a"), 3), isLasting: true))
        for first in [1, 3] as [UInt64] {
            let error = #expect(throws: LogError.self) { try payloads(log, "a", from: first) }
            #expect(error?.code == .failed)
        }
        storage.clearFaults()
        try log.close()
    }

    // MARK: Blocks

    /// Writes a document of 2.5 blocks, the second of which is long when it is compressed.
    private func longDocument() throws -> [UInt8] {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("first")
        let line = Array("a line of a document, number ".utf8)
        var document = (0..<100_000).flatMap { line + Array("\($0)\n".utf8) }
        document = Array(document.prefix(Limits.snapshotBlock * 5 / 2))
        document.replaceSubrange(
            Limits.snapshotBlock..<2 * Limits.snapshotBlock, with: randomBytes(Limits.snapshotBlock))
        let written = document
        try log.putSnapshot(id("a"), through: 1) { (sink) throws(LogError) in
            // In pieces that are no blocks.
            for start in stride(from: 0, to: written.count, by: 700_001) {
                try sink.write(Array(written[start..<min(start + 700_001, written.count)]))
            }
        }
        try log.close()
        return document
    }

    @Test func `a document of several blocks is read from any place, by many threads`() throws {
        let document = try longDocument()
        let log: any SessionLog = try ReadOnlyLog(in: storage)
        let source = try #require(try log.snapshot(id("a")))
        #expect(source.byteCount == document.count)
        #expect(try source.read(at: 0, count: .max) == document)
        let block = Limits.snapshotBlock
        for (offset, count) in [(0, 1), (block - 1, 2), (block, block), (5, 2 * block), (document.count - 1, 9)] {
            let expected = Array(document[offset..<min(offset + count, document.count)])
            #expect(try source.read(at: offset, count: count) == expected)
        }
        #expect(try source.read(at: document.count, count: 1).isEmpty)
        let threads = try (0..<4).map { number in
            try Thread.start(name: "reader \(number)") {
                for round in 0..<8 {
                    let offset = (number * 7 + round * 3) % 5 * block / 2
                    let found = try? source.read(at: offset, count: 1000)
                    #expect(found == Array(document[offset..<min(offset + 1000, document.count)]))
                }
            }
        }
        for thread in threads { thread.join() }
    }

    @Test func `a table that lies is damage`() throws {
        let document = try longDocument()
        let path = StoreLayout.snapshotFile(id("a"), 1)
        let file = try storage.readAll(path, limit: 1 << 24)
        let table = file.count - 44  // head, three lengths, and the tail
        #expect(file.withBytes { $0.load(UInt32.self, at: table) } == SnapshotTable.magic)
        let first = file.withBytes { Int($0.load(UInt32.self, at: table + 8)) }
        let tail = table + 20
        /// What is written where, and in how many bytes.
        let lies: [(place: Int, value: UInt64, byteCount: Int)] = [
            (table, 0, 4), (table + 4, 0, 4), (table + 4, 40, 4), (table + 8, UInt64(first - 1), 4), (table + 8, 0, 4),
            (table + 8, .max, 4), (tail, 0, 8), (tail, UInt64(document.count + 1), 8), (tail, 1, 8), (tail, .max, 8),
            (tail, 1 << 62, 8), (tail + 8, 0, 4), (tail + 8, 1 << 19, 4), (tail + 8, (1 << 20) + 1, 4),
            (tail + 8, .max, 4), (tail + 12, 1, 2), (tail + 12, UInt64(Limits.formatVersion + 1), 2), (tail + 14, 1, 2),
        ]
        for lie in lies {
            var bytes = file
            for index in 0..<lie.byteCount {
                bytes[lie.place + index] = UInt8(truncatingIfNeeded: lie.value >> (8 * index))
            }
            #expect(try isDamage(bytes, path), "\(lie)")
        }
        // Two lengths that add up to what they did, and what a frame says of itself.
        var bytes = file
        bytes.store(UInt32(first + 1), at: table + 8)
        bytes.store(file.withBytes { $0.load(UInt32.self, at: table + 12) } - 1, at: table + 12)
        #expect(try isDamage(bytes, path))
        for place in 0..<8 {
            bytes = file
            bytes[place] ^= 0x40
            #expect(try isDamage(bytes, path), "byte \(place)")
        }
        for count in [0, 1, 8, 23, 24, 44, file.count - 1] {
            #expect(try isDamage(Array(file.suffix(count)), path), "\(count) bytes")
        }
    }

    /// Whether nothing of a snapshot of these bytes, with the check that they must have, is read in vain.
    private func isDamage(_ bytes: [UInt8], _ path: String) throws -> Bool {
        let copy = storage.clone()
        var bytes = bytes
        if bytes.count >= 8 {
            let seed = Checksum.of(Array(path.utf8), seed: try StoreFile.read(from: copy).tag)
            bytes.store(Checksum.of(Array(bytes.dropLast(8)), seed: seed), at: bytes.count - 8)
        }
        let file = try copy.open(path, .readWrite)
        try file.truncate(to: UInt64(bytes.count))
        try file.write(bytes, at: 0)
        let log: any SessionLog = try ReadOnlyLog(in: copy)
        guard let source = try log.snapshot(id("a")) else { return true }
        let error = #expect(throws: LogError.self) { _ = try source.read(at: 0, count: source.byteCount) }
        return error?.code == .damaged
    }

    private func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SplitMix64(seed: 7)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
