import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// Everything that a walk comes to.
private struct Walked {
    var items: [WalkItem] = []

    init(_ walk: SessionWalk) throws {
        while let item = try walk.next() { items.append(item) }
    }

    init(_ storage: any Storage, _ session: String, _ options: WalkOptions = WalkOptions()) throws {
        try self.init(StoreInspector(storage).walk(id(session), options))
    }

    var records: [WalkRecord] { items.compactMap { if case .record(let record) = $0 { record } else { nil } } }
    var unreadable: [RecoveryReport.Finding] {
        items.compactMap { if case .unreadable(let finding) = $0 { finding } else { nil } }
    }
    var trimmed: [UInt64] { items.compactMap { if case .trimmed(let last) = $0 { last } else { nil } } }
    var segments: [WalkSegment] { items.compactMap { if case .segment(let segment) = $0 { segment } else { nil } } }

    var texts: [String?] {
        records.map { record in record.payload.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// How often each record is given out, or said to be missing.
    func mentions(upTo last: UInt64) -> [UInt64: Int] {
        var counts: [UInt64: Int] = [:]
        for record in records { counts[record.sequence, default: 0] += 1 }
        for finding in unreadable {
            // Behind the last record, a damaged mark may have been a record that nothing else knows of.
            guard let first = finding.firstSequence, first <= last else { continue }
            for sequence in first...(finding.lastSequence ?? last) { counts[sequence, default: 0] += 1 }
        }
        return counts
    }
}

@Suite struct WalkTests {
    private let texts = (0..<10).map { message($0, byteCount: 200) }

    /// A closed store with two sessions of ten records; with segments of a few records if wanted.
    private func closedStore(
        _ mode: SegmentHeader.CommitMode = .journal, segmentByteCount: Int = 1 << 20
    ) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        var options = seededOptions(mode)
        options.segmentByteCount = segmentByteCount
        let log = try LocalLog(in: storage, options: options, creating: true)
        for session in ["a", "b"] {
            var appender = try Appender(log, session)
            for text in texts { try appender.append(text) }
        }
        try log.close()
        return storage
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `a whole session is given out record by record, byte by byte`(mode: SegmentHeader.CommitMode) throws {
        let storage = try closedStore(mode, segmentByteCount: 600)
        let walked = try Walked(storage, "a", WalkOptions(keepsBytes: true))
        #expect(walked.texts == texts)
        #expect(walked.unreadable.isEmpty && walked.trimmed.isEmpty)
        #expect(walked.segments.map(\.header.number) == Array(1...UInt32(walked.segments.count)))
        #expect(walked.segments.count > 1)
        var chain: UInt64 = 0
        for item in walked.items {
            switch item {
            case .record(let record), .mark(let record):
                #expect(record.chain == chain && !record.isOnlyInJournal)
                chain = record.check
                let file = try storage.open(record.path, .read)
                #expect(try file.read(count: Int(record.byteCount), at: record.offset) == record.bytes)
                #expect((record.block == nil) == (record.header.codec == .raw))
            case .segment(let segment):
                #expect(segment.header.chainBefore == chain && segment.byteCount == segment.fileByteCount)
            default: Issue.record("\(item)")
            }
        }
        #expect(try Walked(storage, "a", WalkOptions(from: 7)).texts == Array(texts[6...]))
        let headers = try Walked(storage, "a", WalkOptions(decodes: false))
        #expect(headers.records.allSatisfy { $0.content == .notDecoded } && headers.records.count == 10)
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `whatever byte flips, each record is given out right or named, and each byte is accounted for`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let storage = try closedStore(mode)
        let path = StoreLayout.segmentFile(id("a"), 1)
        let byteCount = try storage.open(path, .read).byteCount()
        for offset in stride(from: 0, to: byteCount, by: 7) {
            let damaged = storage.clone()
            let file = try damaged.open(path, .readWrite)
            try file.write(try file.read(count: 1, at: offset).map { $0 ^ 16 }, at: offset)
            let before = damaged.fingerprint()
            let walked = try Walked(damaged, "a")
            #expect(damaged.fingerprint() == before)
            #expect(walked.unreadable.contains { $0.offset <= offset && offset < $0.offset + $0.byteCount })
            for (record, text) in zip(walked.records, walked.texts) {
                #expect(text == nil || text == texts[Int(record.sequence) - 1], "byte \(offset)")
            }
            let mentions = walked.mentions(upTo: 10)
            #expect(mentions.filter { $0.value != 1 }.isEmpty && (1...10).allSatisfy { mentions[$0] == 1 })
            expectNoByteMissing(walked, byteCount)
            #expect(try Walked(damaged, "b").texts == texts)
        }
    }

    /// Segment header, records, marks and unreadable stretches follow each other and end with the file.
    private func expectNoByteMissing(_ walked: Walked, _ byteCount: UInt64) {
        var end: UInt64 = 0
        for item in walked.items {
            let (start, count): (UInt64, UInt64) =
                switch item {
                case .segment(let segment): (0, UInt64(segment.header.byteCount))
                case .record(let record), .mark(let record): (record.offset, record.byteCount)
                case .unreadable(let finding): (finding.offset, finding.byteCount)
                case .trimmed: (end, 0)
                }
            #expect(start == end)
            end = start + count
        }
        #expect(end == byteCount)
    }

    @Test func `a file cut at any byte gives what is left, and the records that the index proves are named`() throws {
        let storage = try closedStore()
        let path = StoreLayout.segmentFile(id("a"), 1)
        for end in stride(from: 0, to: try storage.open(path, .read).byteCount(), by: 3) {
            let cut = storage.clone()
            try cut.open(path, .readWrite).truncate(to: end)
            let walked = try Walked(cut, "a")
            #expect(walked.texts == texts[..<walked.records.count].map { $0 })
            let mentions = walked.mentions(upTo: 10)
            #expect((1...10).allSatisfy { mentions[$0] == 1 } && mentions.count == 10, "cut at \(end)")
        }
    }

    @Test func `a segment that is missing or has no valid header costs its own records only`() throws {
        let storage = try closedStore(segmentByteCount: 600)
        let whole = try Walked(storage, "a")
        for number in whole.segments.map(\.header.number) {
            let own = whole.records.filter { $0.segment == number }.map(\.sequence)
            let others = whole.records.filter { $0.segment != number }.map(\.sequence)
            let path = StoreLayout.segmentFile(id("a"), number)
            let missing = storage.clone()
            try missing.remove(path)
            let damaged = storage.clone()
            try damaged.open(path, .readWrite).write([0xEE], at: 1)
            for image in [missing, damaged] {
                let walked = try Walked(image, "a")
                #expect(walked.records.map(\.sequence) == others)
                #expect(walked.unreadable.count == 1, "segment \(number)")
                #expect(walked.unreadable.first?.firstSequence == own.first)
                #expect(walked.unreadable.first?.lastSequence == own.last)
            }
        }
    }

    @Test func `behind a damaged start of a compressed block the records are proved and cannot be decompressed`() throws
    {
        let storage = try closedStore()
        let first = try #require(try Walked(storage, "a").records.first)
        try #require(first.header.codec == .frameStart)
        try storage.open(first.path, .readWrite).write([0xEE], at: first.offset + 40)
        let walked = try Walked(storage, "a")
        #expect(walked.unreadable.map(\.firstSequence) == [1])
        #expect(walked.records.map(\.sequence) == Array(2...10))
        #expect(walked.records.allSatisfy { $0.content == .undecodable && $0.block == nil })
        #expect(try Walked(storage, "a", WalkOptions(decodes: false)).records.allSatisfy { $0.content == .undecodable })
    }

    @Test func `what is in the journal only is given out and said to be`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append(texts[0])
        try log.flushToSegments()
        try a.append(texts[1])
        let inspector = try StoreInspector(storage)
        let walk = try inspector.walk(id("a"))
        #expect(try Walked(walk).records.map(\.isOnlyInJournal) == [false, true])
        // The end was only the end of what there was.
        try a.append(texts[2])
        try log.flushToSegments()
        #expect(try Walked(walk).texts == [texts[2]])
        #expect(try Walked(walk).items.isEmpty)
        #expect(try Walked(inspector.walk(id("a"))).records.allSatisfy { !$0.isOnlyInJournal })
        try log.close()
    }

    @Test func `a torn end is named as one, and is not told twice`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(.segment), creating: true)
        var a = try Appender(log, "a")
        for text in texts[..<3] { try a.append(text) }
        log.abandon()
        let image = storage.crash(.keepAll)
        let path = StoreLayout.segmentFile(id("a"), 1)
        let file = try image.open(path, .readWrite)
        let end = try file.byteCount()
        try file.truncate(to: end - 3)
        let walk = try StoreInspector(image).walk(id("a"))
        let walked = try Walked(walk)
        #expect(walked.texts == texts[..<2].map { $0 })
        #expect(walked.unreadable.map(\.kind) == [.tornTail])
        #expect(walked.unreadable.map(\.firstSequence) == [3])
        #expect(try Walked(walk).items.isEmpty)
        // The next opening cuts it off and goes on; who waits there sees what follows.
        let next = try LocalLog(in: image, options: seededOptions(.segment, seed: 2))
        var again = try Appender(next, "a")
        try again.append(texts[4])
        #expect(try Walked(walk).texts == [texts[4]])
        try next.close()
    }

    @Test func `records that a snapshot has replaced are no damage`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for text in texts[..<6] {
            try a.append(text)
            try log.putSnapshot(id("a"), through: a.last) { (sink) throws(LogError) in
                try sink.write(Array("{\"session_id\":\"a\"}".utf8))
            }
        }
        try log.trim(id("a"), keeping: nil)
        try log.close()
        let walked = try Walked(storage, "a")
        let last = try #require(walked.trimmed.first)
        #expect(last > 0 && walked.trimmed.count == 1 && walked.unreadable.isEmpty)
        #expect(walked.records.map(\.sequence) == Array(last + 1...6))
        for entry in try storage.list(StoreLayout.sessionFolder(id("a"))) where entry.name.hasPrefix("snapshot") {
            try storage.remove("\(StoreLayout.sessionFolder(id("a")))/\(entry.name)")
        }
        let lost = try Walked(storage, "a")
        #expect(lost.trimmed.isEmpty && lost.unreadable.map(\.lastSequence) == [last])
    }

    @Test func `a session of which there is nothing is unknown, one that lost its folder is damaged`() throws {
        let storage = try closedStore()
        let inspector = try StoreInspector(storage)
        let error = #expect(throws: LogError.self) { _ = try inspector.walk(id("nobody")) }
        #expect(error?.code == .unknownSession)
        try storage.remove(StoreLayout.segmentFile(id("a"), 1))
        try storage.removeDirectory(StoreLayout.sessionFolder(id("a")))
        let again = try StoreInspector(storage)
        #expect(again.sessions() == [id("a"), id("b")])
        let walked = try Walked(again.walk(id("a")))
        #expect(walked.unreadable.map(\.firstSequence) == [1] && walked.unreadable.map(\.lastSequence) == [10])
    }

    /// A flush writes the segments of a session with several threads: the next one may be there before the end of this.
    @Test func `the end of a segment is looked at again before its successor is said not to continue it`() throws {
        let storage = try closedStore(segmentByteCount: 700)
        let last = try #require(try Walked(storage, "a").records.last { $0.segment == 1 })
        let whole = try storage.readAll(last.path, limit: 1 << 20)
        let file = try storage.open(last.path, .readWrite)
        try file.truncate(to: last.offset)
        let walk = try StoreInspector(storage).walk(id("a"))
        storage.onOperation { operation, storage in
            guard operation.kind == .list, operation.path == StoreLayout.journalFolder else { return }
            storage.onOperation(nil)
            try? file.write(whole, at: 0)
        }
        let walked = try Walked(walk)
        #expect(walked.unreadable.isEmpty, "\(walked.unreadable)")
        #expect(walked.texts == texts)
    }

    @Test func `walks see no damage and miss nothing while a writer appends, rotates and trims`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.clock = SystemClock()
        options.segmentByteCount = 1_000
        options.flushInterval = 1
        options.journalByteCounts = 8_192...16_384
        let log = try LocalLog(in: storage, options: options, creating: true)
        let isDone = Lock(false)
        let writer = try Thread.start(name: "writer") {
            defer { isDone.withLock { $0 = true } }
            do {
                var a = try Appender(log, "a")
                for number in 0..<600 {
                    try a.append(message(number))
                    guard number % 20 == 19 else { continue }
                    try log.putSnapshot(id("a"), through: a.last) { (sink) throws(LogError) in
                        try sink.write(Array("{\"session_id\":\"a\"}".utf8))
                    }
                    try log.trim(id("a"), keeping: nil)
                }
            } catch {
                Issue.record(error)
            }
        }
        var walks = 0
        while !isDone.withLock({ $0 }) {
            guard let walk = try? StoreInspector(storage).walk(id("a")) else { continue }
            expectNoGap(try Walked(walk))
            walks += 1
        }
        writer.join()
        expectNoGap(try Walked(storage, "a"))
        #expect(walks > 0)
        try log.close()
    }

    /// Every record follows the one before, or the last one that was trimmed.
    private func expectNoGap(_ walked: Walked) {
        #expect(walked.unreadable.isEmpty, "\(walked.unreadable)")
        var next: UInt64 = 1
        for item in walked.items {
            switch item {
            case .trimmed(let last): next = max(next, last + 1)
            case .record(let record):
                #expect(record.sequence == next)
                #expect(record.payload == Array(message(Int(record.sequence) - 1).utf8))
                next = record.sequence + 1
            default: break
            }
        }
    }
}
