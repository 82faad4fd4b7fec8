import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// Text that hardly compresses.
private func noise(_ number: Int, byteCount: Int = 5_000) -> String {
    var generator = SplitMix64(seed: UInt64(number))
    return String(decoding: (0..<byteCount).map { _ in UInt8(33 + generator.next() % 90) }, as: UTF8.self)
}

/// A log whose flusher does nothing unless it is asked.
private func quietLog(
    _ storage: SimulatedStorage, _ mode: SegmentHeader.CommitMode = .journal, seed: UInt64 = 1,
    clock: SimulatedClock = SimulatedClock(), segmentByteCount: Int = Limits.segmentByteCount
) throws -> LocalLog {
    var options = seededOptions(mode, seed: seed)
    options.flushInterval = 1_000_000
    options.clock = clock
    options.segmentByteCount = segmentByteCount
    return try LocalLog(in: storage, options: options, creating: true)
}

/// Appends until the log refuses; answers how many records it took, and why it stopped.
private func fill(_ appender: inout Appender, limit: Int = 400) throws -> (count: Int, refusal: LogError?) {
    for number in 0..<limit {
        do {
            try appender.append(noise(number))
        } catch let error as LogError {
            return (number, error)
        }
    }
    return (limit, nil)
}

/// Lets sessions begin and end direct writing: two batches each time.
private func churn(_ log: LocalLog, batches: Int) throws {
    for number in 0..<batches / 2 {
        var appender = try Appender(log, "filler\(number % 50)")
        try appender.append("x")
        log.release(appender.claim)
        try log.flush()
    }
}

/// Has the batch that writes to `session` say that it has one entry more, with all checks as they would be had it been
/// written so.
private func forgeBatch(of session: SessionID, in storage: any Storage) throws {
    for entry in try storage.list(StoreLayout.journalFolder) {
        let file = try storage.open(StoreLayout.journalFolder + "/" + entry.name, .readWrite)
        let bytes = try file.read(count: Int(try file.byteCount()), at: 0)
        if let forged = bytes.withBytes({ try? forge($0, of: session) }) { try file.write(forged, at: 0) }
    }
}

private func forge(_ file: UnsafeRawBufferPointer, of session: SessionID) throws -> [UInt8] {
    let salt = try JournalHeader(decoding: file).salt
    var (forged, chain) = (Array(file[..<JournalHeader.sectorByteCount]), UInt64?.none)
    func batch(_ start: Int) -> BatchHeader? {
        try? BatchHeader(decoding: file.slice(start..<file.count), offset: UInt64(start), salt: salt)
    }
    while forged.count < file.count, var header = batch(forged.count) {
        let start = forged.count
        forged += file[start..<start + header.wholeByteCount]
        let body = file.slice(start + BatchHeader.byteCount..<start + header.wholeByteCount)
        let writes = try JournalEntry.decodeAll(body, count: header.entryCount)
        for case .write(let segment, _, _) in writes where segment.session == session { header.entryCount += 1 }
        header.chainBefore = chain ?? header.chainBefore
        chain = header.seal(&forged, from: start, offset: UInt64(start), salt: salt)
    }
    return forged
}

@Suite struct JournalTests {
    @Test(arguments: [false, true])
    func `a batch with an entry that breaks a rule is damage, and none of its entries counts`(
        isFlushed: Bool
    ) throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage)
        for name in ["a", "b", "c"] {
            var appender = try Appender(log, name)
            try appender.append(name)
        }
        if isFlushed {
            try log.flushToSegments()
            // The batch that says so.
            var appender = try Appender(log, "d")
            try appender.append("d")
        }
        log.abandon()
        let crashed = storage.crash(.keepAll)
        try forgeBatch(of: id("b"), in: crashed)
        let again = try quietLog(crashed, seed: 2)
        // Below the low-water mark nothing has to be replayed from it.
        #expect(again.recovery.hasCommittedDamage == !isFlushed)
        #expect(again.recovery.findings.contains { $0.reason.contains("entries that break a rule") })
        #expect(try payloads(again, "a") == ["a"])
        #expect(try payloads(again, "c") == ["c"])
        if isFlushed { #expect(try payloads(again, "b") == ["b"]) }
        try again.close()
    }

    @Test func `on a nearly full disk the journal goes on in smaller files, down to one batch`() throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage)
        var a = try Appender(log, "a")
        try a.append("first")
        storage.setAvailableBytes(600_000)
        let (count, refusal) = try fill(&a)
        #expect(refusal?.code == .diskFull)
        // The file in use and two more of 256 KiB, and some for a single batch.
        #expect(count * 5_000 > 650_000)
        #expect(try payloads(log, "a") == ["first"] + (0..<count).map { noise($0) })
        log.abandon()
        let again = try quietLog(storage.crash(.dropAll), seed: 2)
        #expect(!again.recovery.hasCommittedDamage)
        #expect(try payloads(again, "a").count == count + 1)
        try again.close()
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment], [0, 40, 70, 78])
    func `a batch for which a journal file has no room is refused, and the next one takes its place`(
        mode: SegmentHeader.CommitMode, bytesWritten: Int
    ) throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage, mode)
        var other = try Appender(log, "other")
        try other.append("before")
        var a = try Appender(log, "a")
        storage.inject(Fault(.noSpace, on: .write, path: "journal", bytesWritten: bytesWritten))
        let refusal = #expect(throws: LogError.self) { try a.append(noise(1)) }
        #expect(refusal?.code == .diskFull)
        storage.clearFaults()
        a = try Appender(log, "a")
        try a.append("after")
        // A torn tail, which is one only because the journal says what is written directly.
        storage.inject(Fault(.io, on: .write, path: mode == .journal ? "journal" : "sessions", bytesWritten: 60))
        #expect(throws: LogError.self) { try a.append(noise(2)) }
        log.abandon()
        for policy in [CrashPolicy.dropAll, .keepAll] {
            let again = try quietLog(storage.crash(policy), mode, seed: 2)
            #expect(!again.recovery.hasCommittedDamage)
            #expect(try payloads(again, "a") == ["after"])
            #expect(try payloads(again, "other") == ["before"])
            try again.close()
        }
    }

    @Test func `a batch of which only the padding found no room is there`() throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage)
        var a = try Appender(log, "a")
        try a.append("before")
        storage.inject(Fault(.noSpace, on: .write, path: "journal", bytesWritten: 511))
        try a.append("in one sector")
        try a.append("after")
        log.abandon()
        let again = try quietLog(storage.crash(.dropAll), seed: 2)
        #expect(try payloads(again, "a") == ["before", "in one sector", "after"])
        try again.close()
    }

    @Test func `what a batch brings of a segment in one piece is one entry`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        (options.softWindow, options.flushInterval, options.segmentByteCount) = (1_000_000, 1_000_000, 2_000)
        let log = try LocalLog(in: storage, options: options, creating: true)
        let claims = try ["a", "b"].map { try log.claim(id($0)) }
        let outcomes = Outcomes()
        // Nobody waits for any of them but the last, so that all are one batch; the segments end within it.
        for number in 1...6 {
            for claim in claims {
                let isLast = number == 6 && claim.session == id("b")
                _ = try log.append(
                    claim, expected: UInt64(number - 1), kind: 3, time: 0,
                    payload: Array(noise(number, byteCount: 500).utf8), durability: isLast ? .durable : .soon,
                    completion: outcomes.completion())
            }
        }
        #expect(outcomes.wait().allSatisfy { $0 == nil })
        log.abandon()
        var writes: [[JournalBatch.Write]] = []
        _ = try StoreInspector(storage).journal { writes.append($0.writes) }
        let batch = try #require(writes.last)
        #expect(batch.map { "\($0.session) \($0.segment)" } == ["a 1", "b 1", "a 2", "b 2"])
        #expect(batch.reduce(0) { $0 + $1.byteCount } > 12 * 400)
        let again = try quietLog(storage.crash(.dropAll), seed: 2)
        #expect(again.recovery.replayedWriteCount == 4)
        for session in ["a", "b"] {
            #expect(try payloads(again, session) == (1...6).map { noise($0, byteCount: 500) })
        }
        try again.close()
    }

    @Test func `only what is above the low-water mark is replayed`() throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage)
        var a = try Appender(log, "a")
        var b = try Appender(log, "b")
        for number in 0..<3 { try a.append(message(number)) }
        try log.flushToSegments()
        try b.append("b")
        try a.append(message(3))
        log.abandon()
        let again = try quietLog(storage.crash(.dropAll), seed: 2)
        #expect(again.recovery.replayedWriteCount == 2)
        #expect(try payloads(again, "a") == (0..<4).map { message($0) })
        #expect(try payloads(again, "b") == ["b"])
        try again.close()
    }

    @Test func `a later direct segment of a session replaces the earlier one`() throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage, .segment, segmentByteCount: 1_000)
        var a = try Appender(log, "a")
        for number in 0..<12 { try a.append(noise(number, byteCount: 300)) }
        #expect(try storage.list(StoreLayout.sessionFolder(id("a"))).count > 2)
        log.release(a.claim)
        try log.flush()
        log.abandon()
        let again = try quietLog(storage.crash(.dropAll), .segment, seed: 2)
        #expect(again.recovery.sessions == [])
        #expect(try payloads(again, "a").count == 12)
        try again.close()
    }

    @Test func `a seal is not overwritten before the direct entry that it answers`() throws {
        let storage = SimulatedStorage()
        let first = try quietLog(storage)
        var large = try Appender(first, "large")
        try large.append(noise(1, byteCount: 600_000))
        try first.flushToSegments()
        first.abandon()
        // The large file is idle now, and the next one in use is small.
        let log = try quietLog(storage, .segment, seed: 2)
        try churn(log, batches: 10)
        var a = try Appender(log, "a")
        try a.append("sealed in another file")
        try churn(log, batches: 300)
        log.release(a.claim)
        try log.flush()
        for round in 0..<4 {
            try churn(log, batches: 150)
            let again = try quietLog(storage.crash(.dropAll), .segment, seed: 3)
            #expect(!again.recovery.sessions.contains(id("a")), "round \(round)")
            again.abandon()
        }
        log.abandon()
    }

    @Test(arguments: [-1, 10])
    func `of two different headers of a journal file the one that its first batch knows counts`(by step: Int) throws {
        let storage = SimulatedStorage()
        try quietLog(storage).close()
        let log = try quietLog(storage)
        var a = try Appender(log, "a")
        for number in 0..<3 { try a.append(message(number)) }
        log.abandon()
        let path = try #require(try storage.list("journal").map { "journal/\($0.name)" }.first)
        let before = try quietLog(storage.crash(.dropAll), seed: 2)
        before.abandon()
        // As after a crash while the file was begun anew, or when the header of another file was written over one copy.
        let file = try storage.open(path, .readWrite)
        let sector = JournalHeader.sectorByteCount
        let old = try file.read(count: sector, at: 0)
        var header = try old.withUnsafeBytes { try JournalHeader(decoding: $0) }
        header.number = UInt64(Int(header.number) + step)
        header.salt ^= 1
        var bytes: [UInt8] = []
        header.encode(to: &bytes)
        try file.write(bytes, at: try file.byteCount() - UInt64(sector))
        let again = try quietLog(storage.crash(.keepAll), seed: 2)
        #expect(again.recovery.journalBatchCount == before.recovery.journalBatchCount)
        #expect(!again.recovery.hasCommittedDamage)
        #expect(try payloads(again, "a") == (0..<3).map { message($0) })
        try again.close()
    }

    @Test func `each use of a journal file has a salt of its own`() throws {
        let storage = SimulatedStorage()
        let log = try quietLog(storage)
        var a = try Appender(log, "a")
        var salts: [UInt64: UInt64] = [:]
        for number in 0..<300 {
            try a.append(noise(number))
            if number % 40 == 39 { try log.flushToSegments() }
            for entry in try storage.list("journal") {
                let bytes = try storage.readAll("journal/\(entry.name)", limit: 64 << 20)
                let header = bytes.withUnsafeBytes { try? JournalHeader(decoding: $0) }
                if let header { salts[header.number] = header.salt }
            }
        }
        #expect(salts.count > 2)
        #expect(Set(salts.values).count == salts.count)
        try log.close()
    }
}
