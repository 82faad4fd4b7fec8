import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

private let modes: [SegmentHeader.CommitMode] = [.journal, .segment]
private let path = StoreLayout.headFile(id("a"))

/// What is kept of a session at its record `sequence`, in these tests.
private func content(_ sequence: UInt64) -> [UInt8] { Array("{\"at\":\(sequence)}".utf8) }

extension Appender {
    /// Keeps the head at the last record; answers whether that was done.
    fileprivate func keep() -> Bool {
        guard let sequence = log.beginHead(claim) else { return false }
        return log.putHead(claim, through: sequence, content(sequence))
    }
}

@Suite struct HeadTests {
    private var storage = SimulatedStorage()

    private func open(
        _ mode: SegmentHeader.CommitMode = .journal, seed: UInt64 = 1, segments: Int = 64 << 20,
        in other: SimulatedStorage? = nil
    ) throws -> LocalLog {
        var options = seededOptions(mode, seed: seed)
        options.segmentByteCount = segments
        options.flushInterval = 1 << 40
        return try LocalLog(in: other ?? storage, options: options, creating: true)
    }

    /// A store that was closed, in which session 'a' has `count` records and its head is kept at record `kept`.
    private func store(
        _ mode: SegmentHeader.CommitMode = .journal, count: Int, kept: Int, seed: UInt64 = 1,
        in other: SimulatedStorage? = nil
    ) throws {
        let log = try open(mode, seed: seed, in: other)
        var a = try Appender(log, "a")
        for number in 1...count {
            try a.append(message(number))
            if number == kept { #expect(a.keep()) }
        }
        try log.close()
    }

    private func put(_ bytes: [UInt8]?, at path: String) throws {
        guard let bytes else { return try storage.remove(path) }
        let file = try storage.open(path, .create)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        try file.close()
    }

    // MARK: What is kept

    @Test(arguments: modes) func `what was kept is there after a close, and the session goes on behind it`(
        mode: SegmentHeader.CommitMode
    ) throws {
        try store(mode, count: 20, kept: 20)
        for round in 0..<3 {
            let log = try open(mode, seed: UInt64(2 + round))
            #expect(
                try log.head(id("a")) == KeptHead(sequence: UInt64(20 + round), content: content(UInt64(20 + round))))
            var a = try Appender(log, "a")
            #expect(a.last == UInt64(20 + round))
            #expect(try log.head(id("a"))?.sequence == a.last)
            try a.append(message(21 + round))
            #expect(try payloads(log, "a") == (1...21 + round).map { message($0) })
            #expect(try payloads(log, "a", from: a.last) == [message(21 + round)])
            #expect(a.keep())
            try log.close()
        }
    }

    @Test(arguments: modes) func `a process that dies leaves what was kept, and what follows it is read`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let log = try open(mode)
        var a = try Appender(log, "a")
        for number in 1...20 { try a.append(message(number)) }
        try log.flushToSegments()
        #expect(a.keep())
        for number in 21...25 { try a.append(message(number)) }
        // Those before are in one block, which the kept place interrupts.
        #expect(try payloads(log, "a", from: 21) == (21...25).map { message($0) })
        let image = storage.processCrash()
        log.abandon()
        let reader = try ReadOnlyLog(in: image)
        #expect(try reader.head(id("a")) == KeptHead(sequence: 20, content: content(20)))
        #expect(try payloads(reader, "a", from: 21) == (21...25).map { message($0) })
        #expect(try payloads(reader, "a", from: 3) == (3...25).map { message($0) })
        let again = try open(mode, seed: 2, in: image)
        #expect(try Appender(again, "a").last == 25)
        #expect(try again.head(id("a"))?.sequence == 20)
        #expect(try payloads(again, "a", from: 21) == (21...25).map { message($0) })
        try again.close()
    }

    @Test func `the place may be in an earlier segment`() throws {
        let log = try open(segments: 1_000)
        var a = try Appender(log, "a")
        for number in 1...30 {
            try a.append(message(number))
            if number == 11 {
                try log.flushToSegments()
                #expect(a.keep())
            }
        }
        try log.close()
        #expect(try storage.list(StoreLayout.sessionFolder(id("a"))).count > 3)
        let again = try open(seed: 2)
        #expect(try Appender(again, "a").last == 30)
        #expect(try again.head(id("a"))?.sequence == 11)
        #expect(try payloads(again, "a", from: 12) == (12...30).map { message($0) })
        try again.close()
    }

    @Test func `a record that continues a block from before the place is read from the start of the block`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        for number in 1...9 { try a.append(message(number)) }
        try log.flushToSegments()
        #expect(a.keep())
        let written = try #require(storage.contents[path])
        var early = try #require(HeadFile(decoding: written)).place
        for number in 10...12 { try a.append(message(number)) }
        // As a program would have it that does not begin a block behind the place: one moved back by a record.
        let reader = try ReadOnlyLog(in: storage)
        try log.flushToSegments()
        let image = try #require(storage.contents[StoreLayout.segmentFile(id("a"), 1)])
        let starts = recordStarts(image)
        early.sequence = 5
        early.offset = UInt64(starts[4])
        early.chainBefore = check(image, at: starts[3])
        early.chain = check(image, at: starts[4])
        try put(HeadFile(session: id("a"), storeTag: tag(), place: early, head: content(5)).encoded(), at: path)
        try reader.refresh()
        #expect(try reader.head(id("a"))?.sequence == 5)
        #expect(try payloads(reader, "a", from: 6) == (6...12).map { message($0) })
        log.abandon()
    }

    private func recordStarts(_ segment: [UInt8]) -> [Int] {
        var starts: [Int] = []
        segment.withUnsafeBytes { bytes in
            let header = try? SegmentHeader(decoding: bytes)
            RecordHeader.forEachTrusted(in: bytes, from: header?.byteCount ?? 0) { at, _, _ in starts.append(at) }
        }
        return starts
    }

    private func check(_ segment: [UInt8], at start: Int) -> UInt64 {
        segment.withUnsafeBytes { RecordHeader.storedCheck(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    private func tag() throws -> UInt64 { try StoreFile.read(from: storage).tag }

    @Test func `a session of megabytes is claimed and read on without reading it`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        for number in 0..<8 { try a.append(message(number, byteCount: 64 << 10)) }
        try a.append("brief")
        #expect(a.keep())
        try log.close()
        let again = try open(seed: 2)
        let before = storage.operations.count
        var b = try Appender(again, "a")
        #expect(try again.head(id("a"))?.sequence == 9)
        #expect(try payloads(again, "a", from: 10).isEmpty)
        let read = storage.operations[before...].reduce(0) { sum, operation in
            if operation.kind == .read, operation.path.hasSuffix(".segment"),
                case .bytes(let count, _) = operation.detail
            {
                return sum + count
            }
            return sum
        }
        // A header, the first byte of the last record, and that record, twice.
        #expect(read < 2_000)
        try b.append("more")
        try again.close()
    }

    // MARK: What is not believed

    @Test(arguments: modes) func `no byte of a damaged head file is believed`(mode: SegmentHeader.CommitMode) throws {
        try store(mode, count: 5, kept: 5)
        let whole = try #require(storage.contents[path])
        for index in whole.indices {
            var bytes = whole
            bytes[index] ^= 1 << UInt8(index % 8)
            try put(bytes, at: path)
            let reader = try ReadOnlyLog(in: storage)
            // All but the newline at the end.
            #expect(try reader.head(id("a")) == nil || index == whole.count - 1)
            #expect(try payloads(reader, "a") == (1...5).map { message($0) })
        }
        for count in 0..<whole.count - 1 {
            try put(Array(whole[..<count]), at: path)
            #expect(try ReadOnlyLog(in: storage).head(id("a")) == nil)
        }
        let log = try open(mode, seed: 3)
        var a = try Appender(log, "a")
        try a.append(message(6))
        #expect(try payloads(log, "a") == (1...6).map { message($0) })
        try log.close()
    }

    @Test(arguments: modes) func `the head of another session or store is not taken for this one's`(
        mode: SegmentHeader.CommitMode
    ) throws {
        try store(mode, count: 5, kept: 5)
        // Another store with the same sessions, under other salts.
        let other = SimulatedStorage()
        try store(mode, count: 5, kept: 5, seed: 77, in: other)
        let log = try open(mode, seed: 2)
        var b = try Appender(log, "b")
        for number in 1...5 { try b.append(message(number)) }
        #expect(b.keep() && b.last == 5)
        try log.close()
        let own = try #require(storage.contents[path])
        for stranger in [other.contents[path], storage.contents[StoreLayout.headFile(id("b"))]] {
            try put(stranger ?? [], at: path)
            #expect(stranger != nil)
            try expectNoHead(mode, payloads: 5)
        }
        try put(own, at: path)
        #expect(try ReadOnlyLog(in: storage).head(id("a"))?.sequence == 5)
    }

    @Test(arguments: modes) func `damage behind a head is not in the way of what a later segment has`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let log = try open(mode)
        var a = try Appender(log, "a")
        for number in 1...5 { try a.append(message(number)) }
        #expect(a.keep())
        for number in 6...8 { try a.append(message(number)) }
        try log.beginSegment(a.claim)
        for number in 9...10 { try a.append(message(number)) }
        try log.close()
        let first = StoreLayout.segmentFile(id("a"), 1)
        try put(try #require(storage.contents[first]) + [UInt8](repeating: 7, count: 100), at: first)
        let again = try open(mode, seed: 2)
        a = try Appender(again, "a")
        #expect(try again.head(id("a"))?.sequence == 5)
        try a.append(message(11))
        #expect(try payloads(again, "a", from: 11) == [message(11)])
        #expect(try payloads(again, "a", from: 9) == [message(9), message(10), message(11)])
        #expect(throws: LogError.self) { try payloads(again, "a", from: 6) }
        try again.close()
    }

    /// Expects that nothing is kept of session 'a', and that it goes on all the same.
    private func expectNoHead(_ mode: SegmentHeader.CommitMode, payloads count: Int) throws {
        let image = storage.clone()
        #expect(try ReadOnlyLog(in: image).head(id("a")) == nil)
        let log = try open(mode, seed: 50, in: image)
        var a = try Appender(log, "a")
        #expect(a.last == UInt64(count))
        #expect(try log.head(id("a")) == nil)
        try a.append("behind")
        #expect(try payloads(log, "a") == (1...count).map { message($0) } + ["behind"])
        try log.close()
    }

    @Test(arguments: modes) func `a head from the future of a store that was put back is not believed`(
        mode: SegmentHeader.CommitMode
    ) throws {
        try store(mode, count: 3, kept: 3)
        let backup = storage.clone()
        let log = try open(mode, seed: 2)
        var a = try Appender(log, "a")
        for number in 4...6 { try a.append(message(number)) }
        #expect(a.keep())
        try log.close()
        let future = try #require(storage.contents[path])
        // Put back, but for the head.
        let restored = HeadTests(storage: backup)
        try restored.put(future, at: path)
        try restored.expectNoHead(mode, payloads: 3)
        // And after it has gone another way, with records as long as those that are gone.
        for different in 4...6 {
            let copy = backup.clone()
            let other = try open(mode, seed: 3, in: copy)
            var b = try Appender(other, "a")
            let texts = (4...6).map { $0 == different ? String(message($0).reversed()) : message($0) }
            for text in texts { try b.append(text) }
            try other.close()
            #expect(try ReadOnlyLog(in: copy).head(id("a")) == nil)
            let last = try open(mode, seed: 4, in: copy)
            #expect(try Appender(last, "a").last == 6)
            #expect(try payloads(last, "a", from: 4) == texts)
            try last.close()
        }
    }

    @Test func `a segment that was replaced by an older copy of itself is told of, whatever was kept`() throws {
        try store(count: 3, kept: 3)
        let segment = StoreLayout.segmentFile(id("a"), 1)
        let old = try #require(storage.contents[segment])
        let oldHead = try #require(storage.contents[path])
        let log = try open(seed: 2)
        var a = try Appender(log, "a")
        for number in 4...6 { try a.append(message(number)) }
        #expect(a.keep())
        try log.close()
        let newHead = try #require(storage.contents[path])
        try put(old, at: segment)
        for head in [oldHead, newHead] {
            try put(head, at: path)
            let again = try open(seed: 3)
            #expect(throws: LogError.self) { try again.claim(id("a")) }
            again.abandon()
        }
    }

    @Test(arguments: modes) func `damage behind the place is told of by a claim, and before it by who reads`(
        mode: SegmentHeader.CommitMode
    ) throws {
        try store(mode, count: 10, kept: 6)
        let segment = StoreLayout.segmentFile(id("a"), 1)
        let whole = try #require(storage.contents[segment])
        let starts = recordStarts(whole)
        for number in 1...10 {
            var bytes = whole
            bytes[starts[number - 1] + 40] ^= 1
            try put(bytes, at: segment)
            let log = try open(mode, seed: 2, in: storage.clone())
            let error = #expect(throws: LogError.self) { _ = try payloads(log, "a") }
            #expect(error?.code == .damaged && error?.sequence == UInt64(number - 1))
            if number < 6 {
                var a = try Appender(log, "a")
                try a.append("behind")
                #expect(try payloads(log, "a", from: 11) == ["behind"])
            } else {
                #expect(throws: LogError.self) { try log.claim(id("a")) }
            }
            log.abandon()
        }
    }

    @Test func `a snapshot that is newer counts, and one of the same record does not matter`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        for number in 1...4 {
            try a.append(message(number))
            if number == 3 { #expect(a.keep()) }
            if number > 2 {
                try log.putSnapshot(id("a"), through: UInt64(number)) { (sink) throws(LogError) in
                    try sink.write(Array("{\"session_id\":\"a\"}".utf8))
                }
            }
            #expect(try log.head(id("a"))?.sequence == (number == 3 ? 3 : nil))
        }
        try log.close()
    }

    // MARK: What is refused

    @Test func `a head is kept of what is durable, and by who has the claim`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        #expect(log.beginHead(a.claim) == nil)
        try a.append(message(1))
        let first = try #require(log.beginHead(a.claim))
        let outcomes = Outcomes()
        var failing = storage
        failing = storage
        failing.inject(Fault(.io, on: .sync, path: "journal"))
        _ = try? log.append(
            a.claim, expected: 1, kind: 3, time: 1_700_000_000_000, payload: Array(message(2).utf8),
            durability: .durable, completion: outcomes.completion())
        let lost = log.beginHead(a.claim)
        #expect(outcomes.wait() != [nil])
        if let lost { #expect(!log.putHead(a.claim, through: lost, content(2))) }
        #expect(!log.putHead(a.claim, through: first, content(1)))
        #expect(storage.contents[path] == nil)
        log.abandon()
    }

    @Test func `a claim that was taken over keeps nothing`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        try a.append(message(1))
        let sequence = try #require(log.beginHead(a.claim))
        _ = try log.claim(id("a"))
        #expect(log.beginHead(a.claim) == nil)
        #expect(!log.putHead(a.claim, through: sequence, content(1)))
        try log.close()
    }

    @Test func `a log that is closed keeps nothing: the files are somebody else's by then`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        try a.append(message(1))
        try log.flushToSegments()
        let sequence = try #require(log.beginHead(a.claim))
        log.abandon()
        #expect(log.beginHead(a.claim) == nil)
        #expect(!log.putHead(a.claim, through: sequence, content(1)))
        #expect(storage.contents[path] == nil)
    }

    @Test func `what cannot be written is left out, and leaves nothing`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        try a.append(message(1))
        for kind in [OperationKind.open, .write, .rename, .truncate] {
            storage.inject(Fault(.io, on: kind, path: path + StoreLayout.temporarySuffix))
            #expect(!a.keep())
            storage.clearFaults()
            #expect(storage.contents.keys.allSatisfy { !$0.contains("head.json") })
        }
        storage.setAvailableBytes(0)
        #expect(!a.keep())
        storage.setAvailableBytes(nil)
        for number in 2...3 {
            try a.append(message(number))
            #expect(a.keep())
            storage.setAvailableBytes(0)
            #expect(!a.keep())
            storage.setAvailableBytes(nil)
        }
        try log.close()
    }

    @Test func `nothing is synced to keep a head`() throws {
        let storage = CountingStorage(SimulatedStorage())
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append(message(1))
        try log.flushToSegments()
        storage.counters.reset()
        #expect(a.keep())
        #expect(storage.counters.counts.syncs == 0 && storage.counters.counts.directorySyncs == 0)
        try log.close()
    }

    @Test func `of a session that is over no head stays`() throws {
        let log = try open()
        var a = try Appender(log, "a")
        try a.append(message(1))
        #expect(a.keep())
        try log.beginSegment(a.claim)
        try a.append("gone")
        try log.putSnapshot(id("a"), through: 2) { (sink) throws(LogError) in try sink.write(Array("{}".utf8)) }
        try log.trim(id("a"), keeping: nil, isFinal: true)
        #expect(storage.contents[path] == nil)
        try log.close()
    }
}
