import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// What the rot matrix (`tools/torture rot`) has found, each as a case of its own.
@Suite struct RotTests {
    /// Small journal files, and no flush by time.
    private func options(_ mode: SegmentHeader.CommitMode = .journal, seed: UInt64 = 1) -> EngineOptions {
        var options = seededOptions(mode, seed: seed)
        options.flushInterval = 1 << 40
        options.journalByteCounts = 4_096...4_096
        return options
    }

    /// A closed store with sessions `a` and `b` of three records each.
    private func closedStore(_ mode: SegmentHeader.CommitMode = .journal) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(mode), creating: true)
        for session in ["a", "b"] {
            var appender = try Appender(log, session)
            for number in 0..<3 { try appender.append(message(number)) }
            try log.flushToSegments()
        }
        try log.close()
        return storage
    }

    private func listed(_ log: LocalLog) throws -> [String: UInt64] {
        var rows: [String: UInt64] = [:]
        try log.list { (row) throws(LogError) in
            rows[row.session.text] = row.sequence
            return true
        }
        return rows
    }

    // MARK: The index

    @Test func `a change log that was cut, also between two lines, is made again`() throws {
        let storage = try closedStore()
        let log = try storage.readAll("index-1.log", limit: 1 << 20)
        let ends = log.indices.filter { log[$0] == 10 }
        #expect(ends.count >= 2)
        for end in [0, ends[0] + 1, ends[0] + 5, log.count - 1] {
            let damaged = storage.clone()
            try damaged.open("index-1.log", .readWrite).truncate(to: UInt64(end))
            #expect(try StoreCheck(damaged).run().findings.map(\.kind) == [.derived])
            let log = try LocalLog(in: damaged, options: options(seed: 2))
            #expect(try listed(log) == ["a": 0, "b": 0])
            try log.close()
            #expect(try StoreCheck(damaged).run().findings.isEmpty)
        }
    }

    @Test func `a new index never takes over the change log of an old generation`() throws {
        let storage = try closedStore()
        try storage.rename("index-1.log", "index-9.log")
        try storage.remove("index.json")
        let log = try LocalLog(in: storage, options: options(seed: 2))
        _ = try listed(log)
        try log.close()
        let index = String(decoding: try storage.readAll("index.json", limit: 1 << 20), as: UTF8.self)
        #expect(index.contains("\"generation\":10,"))
    }

    @Test func `recovery does not forget what the index has seen`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(.segment), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 { try a.append(message(number)) }
        try log.flushToSegments()
        log.abandon()
        let image = storage.crash(.keepAll)
        let file = try image.open(StoreLayout.segmentFile(id("a"), 1), .readWrite)
        try cutBehindFirst(file)
        try file.close()
        for seed in 2...3 {
            let again = try LocalLog(in: image, options: options(.segment, seed: UInt64(seed)))
            if seed == 2 { #expect(again.recovery.hasCommittedDamage && !again.recovery.hasTornTail) }
            #expect(throws: LogError.self) { _ = try again.claim(id("a")) }
            try again.close()
        }
    }

    // MARK: Segments and snapshots

    /// Cuts the segment `file` at the end of its first record.
    private func cutBehindFirst(_ file: any StorageFile) throws {
        var starts: [Int] = []
        try file.read(count: Int(try file.byteCount()), at: 0).withUnsafeBytes { bytes in
            RecordHeader.forEachTrusted(in: bytes, from: try SegmentHeader(decoding: bytes).byteCount) { at, _, _ in
                starts.append(at)
            }
        }
        try file.truncate(to: UInt64(starts[1]))
    }

    @Test func `reading a log that lost its end at a record's border ends with an error`() throws {
        let storage = try closedStore()
        let path = StoreLayout.segmentFile(id("a"), 1)
        let file = try storage.open(path, .readWrite)
        try cutBehindFirst(file)
        let log = try LocalLog(in: storage, options: options(seed: 2))
        for reader in [log as any SessionLog, try ReadOnlyLog(in: storage)] {
            var count = 0
            let error = #expect(throws: LogError.self) {
                try reader.read(id("a"), from: 1) { (_) throws(LogError) in
                    count += 1
                    return true
                }
            }
            #expect(error?.code == .damaged && count == 1)
        }
        try log.close()
    }

    @Test func `the damaged header of a segment that was being written is no torn tail`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(.segment), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 { try a.append(message(number)) }
        log.abandon()
        let image = storage.crash(.keepAll)
        let path = StoreLayout.segmentFile(id("a"), 1)
        let file = try image.open(path, .readWrite)
        try file.write(try file.read(count: 1, at: 20).map { $0 ^ 1 }, at: 20)
        let again = try LocalLog(in: image, options: options(.segment, seed: 2))
        #expect(again.recovery.hasCommittedDamage && !again.recovery.hasTornTail)
        #expect(try image.attributes(path) != nil)
        try again.close()
    }

    @Test func `another version in one segment is damage of one session`() throws {
        let storage = try closedStore()
        try storage.open(StoreLayout.segmentFile(id("a"), 1), .readWrite).write(
            [UInt8(Limits.formatVersion + 1)], at: 4)
        let report = try StoreCheck(storage).run()
        #expect(report.findings.map(\.session) == [id("a")])
        let log = try LocalLog(in: storage, options: options(seed: 2))
        #expect(try payloads(log, "b").count == 3)
        try log.close()
    }

    @Test func `the snapshot of another session or sequence is not valid`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(), creating: true)
        for session in ["a", "b"] {
            var appender = try Appender(log, session)
            for number in 1...2 {
                try appender.append(message(number))
                try log.putSnapshot(id(session), through: UInt64(number)) { (sink) throws(LogError) in
                    try sink.write(Array("{\"session_id\":\"\(session)\",\"number\":\(number)}".utf8))
                }
            }
        }
        try log.close()
        let own = StoreLayout.snapshotFile(id("a"), 2)
        for other in [StoreLayout.snapshotFile(id("b"), 2), StoreLayout.snapshotFile(id("a"), 1)] {
            let damaged = storage.clone()
            try damaged.rename(other, own)
            let log = try LocalLog(in: damaged, options: options(seed: 2))
            #expect(try log.snapshot(id("a"), through: .max)?.sequence != 2)
            try log.close()
            #expect(try StoreCheck(damaged).run().findings.contains { $0.path == own })
        }
    }

    @Test func `what is intact behind damage is given out`() throws {
        let storage = SimulatedStorage()
        let texts = [message(1), message(2), "brief", message(4), message(5), message(6)]
        // Each opening begins a restart block.
        for half in [texts[..<3], texts[3...]] {
            let log = try LocalLog(in: storage, options: options(seed: UInt64(half.startIndex + 1)), creating: true)
            var a = try Appender(log, "a")
            for text in half { try a.append(text) }
            try log.close()
        }
        let path = StoreLayout.segmentFile(id("a"), 1)
        let byteCount = try storage.open(path, .read).byteCount()
        for offset in 57..<byteCount {
            let damaged = storage.clone()
            let file = try damaged.open(path, .readWrite)
            try file.write(try file.read(count: 1, at: offset).map { $0 ^ 16 }, at: offset)
            var found: [UInt64: String] = [:]
            try StoreCheck(damaged).salvage(id("a")) {
                found[$0.sequence] = String(decoding: $0.payload, as: UTF8.self)
            }
            for (sequence, text) in found { #expect(texts[Int(sequence) - 1] == text) }
            // Records 1 and 2 are one restart block, 4 to 6 another; a lost chain costs one record more.
            #expect(found.count >= 3 || (found.keys.contains(1) && found.keys.contains(2)), "byte \(offset)")
        }
    }

    // MARK: The journal

    /// A crashed store whose journal holds three records that are in no segment.
    private func crashedStore() throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(), creating: true)
        var a = try Appender(log, "a")
        var b = try Appender(log, "b")
        try a.append("a one")
        try log.flushToSegments()
        try a.append("a two")
        try b.append("b one")
        try a.append("a three")
        log.abandon()
        return storage.crash(.keepAll)
    }

    /// Where a text stands in the journal.
    private func place(of text: String, in image: SimulatedStorage) throws -> (path: String, offset: Int) {
        for entry in try image.list("journal") {
            let path = "journal/\(entry.name)"
            let bytes = try image.readAll(path, limit: 1 << 20)
            if let range = bytes.firstRange(of: Array(text.utf8)) { return (path, range.lowerBound) }
        }
        throw LogError(.failed, "the journal does not hold '\(text)'")
    }

    @Test func `a damaged batch whose bytes are in the segments costs nothing that came later`() throws {
        let image = try crashedStore()
        let (path, place) = try place(of: "a one", in: image)
        try image.open(path, .readWrite).write([0xEE], at: UInt64(place))
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(!log.recovery.hasCommittedDamage && log.recovery.findings.map(\.kind) == [.derived])
        #expect(try payloads(log, "a") == ["a one", "a two", "a three"])
        #expect(try payloads(log, "b") == ["b one"])
        #expect(try listed(log) == ["a": 0, "b": 0])
        try log.close()
    }

    @Test func `a journal file that was cut behind its batches gives all of them`() throws {
        let image = try crashedStore()
        let (path, place) = try place(of: "a three", in: image)
        try image.open(path, .readWrite).truncate(to: UInt64(place + "a three".utf8.count))
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(try payloads(log, "a") == ["a one", "a two", "a three"])
        #expect(log.recovery.findings.map(\.reason) == ["file cut short or grown"])
        try log.close()
    }

    @Test func `a batch whose beginning is damaged is still called a torn tail`() throws {
        let image = try crashedStore()
        let (path, place) = try place(of: "a three", in: image)
        for offset in [0, 9] {
            let damaged = image.clone()
            try damaged.open(path, .readWrite).write([0xEE], at: UInt64(place / 512 * 512 + offset))
            let log = try LocalLog(in: damaged, options: options(seed: 2))
            #expect(log.recovery.hasTornTail && !log.recovery.hasCommittedDamage)
            try log.close()
        }
    }

    @Test func `beside the store file of another store the journal is not touched`() throws {
        let image = try crashedStore()
        let (path, _) = try place(of: "a three", in: image)
        let other = SimulatedStorage()
        try LocalLog(in: other, options: options(seed: 9), creating: true).close()
        let right = try image.readAll("store.json", limit: 4_096)
        let before = try image.readAll(path, limit: 1 << 20)
        try image.open("store.json", .readWrite).write(try other.readAll("store.json", limit: 4_096), at: 0)
        let error = #expect(throws: LogError.self) { _ = try LocalLog(in: image, options: options(seed: 2)) }
        #expect(error?.code == .damaged)
        #expect(try image.readAll(path, limit: 1 << 20) == before)
        try image.open("store.json", .readWrite).write(right, at: 0)
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(try payloads(log, "a").count == 3)
        try log.close()
    }
}
