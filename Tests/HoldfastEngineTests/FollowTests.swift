import Glibc
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// What a follower has given out.
private struct Followed {
    var texts: [String: [UInt64: String]] = [:]
    /// Sequences that came more than once, or not in order.
    var repeated: [String] = []
    var trimmed: [String: UInt64] = [:]
    var others: [WalkItem] = []

    mutating func take(_ session: SessionID, _ item: WalkItem) {
        switch item {
        case .record(let record):
            let name = session.text
            if (texts[name]?.keys.max() ?? 0) >= record.sequence { repeated.append("\(name) \(record.sequence)") }
            texts[name, default: [:]][record.sequence] = record.payload.map { String(decoding: $0, as: UTF8.self) }
        case .trimmed(let through): trimmed[session.text] = through
        default: others.append(item)
        }
    }

    /// How many records of `session`, of which there are `count`, were neither given out nor said to be dropped.
    func missing(_ session: String, of count: Int) -> [Int] {
        (1...count).filter { texts[session]?[UInt64($0)] == nil && UInt64($0) > trimmed[session] ?? 0 }
    }
}

/// A log in use: sessions that are appended to as fast as it goes, with segments of a few records, snapshots and trims.
private final class BusyWriter: Sendable {
    private let log: LocalLog
    private let thread: Thread
    private let error = Lock<String?>(nil)

    init(_ log: LocalLog, sessions: [String], count: Int) throws {
        self.log = log
        let error = error
        thread = try Thread.start(name: "writer") {
            do {
                var appenders = try sessions.map { try Appender(log, $0) }
                for number in 1...count {
                    for index in appenders.indices {
                        try appenders[index].append("\(sessions[index]) \(number)")
                        // What is dropped is half of what there was since the snapshot before the last one.
                        if number % 40 == 0, index % 2 == 0 { try compact(log, sessions[index], UInt64(number)) }
                    }
                }
            } catch let thrown {
                error.withLock { $0 = "\(thrown)" }
            }
        }
    }

    func join() -> String? {
        thread.join()
        return error.withLock { $0 }
    }
}

private func compact(_ log: LocalLog, _ session: String, _ sequence: UInt64) throws {
    try log.putSnapshot(id(session), through: sequence) { (sink) throws(LogError) in
        try sink.write(Array("{\"n\":\(sequence)}".utf8))
    }
    try log.trim(id(session), keeping: nil)
}

private let modes: [SegmentHeader.CommitMode] = [.journal, .segment]

@Suite struct FollowTests {
    private func busyOptions(_ mode: SegmentHeader.CommitMode) -> EngineOptions {
        var options = seededOptions(mode)
        options.segmentByteCount = 700
        options.flushInterval = 3
        options.journalByteCounts = 16384...16384
        options.syncThreadCount = 2
        return options
    }

    @Test(arguments: modes, [false, true])
    func `beside a writer that rotates, recycles and compacts no record is missed or repeated`(
        mode: SegmentHeader.CommitMode, isOne: Bool
    ) throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: busyOptions(mode), creating: true)
        var first = try Appender(log, "s0")
        try first.append("before")
        let sessions = (0..<5).map { "s\($0)" }
        let count = 400
        let follower = try StoreFollower(try StoreInspector(storage), only: isOne ? id("s0") : nil)
        let writer = try BusyWriter(log, sessions: sessions, count: count)
        let followed = try follow(follower, until: isOne ? ["s0"] : sessions, count: count + 1)
        #expect(writer.join() == nil)
        #expect(followed.repeated.isEmpty)
        #expect(followed.others.isEmpty)
        for session in isOne ? ["s0"] : sessions {
            // The first one had a record before.
            let shift = session == "s0" ? 1 : 0
            #expect(followed.missing(session, of: count + shift).filter { $0 > shift }.isEmpty, "\(session)")
            for (sequence, text) in followed.texts[session] ?? [:] {
                #expect(text == "\(session) \(Int(sequence) - shift)")
            }
        }
        #expect(followed.texts.keys.allSatisfy { sessions.contains($0) && (!isOne || $0 == "s0") })
        #expect(try StoreFollower(try StoreInspector(storage)).poll { _, _ in Issue.record("nothing is new") } == false)
        try log.close()
        #expect(try storage.list(StoreLayout.sessionFolder(id("s1"))).count > 5, "the segments were rotated")
    }

    /// Polls until the last record of each session has come, for at most a minute.
    private func follow(_ follower: StoreFollower, until sessions: [String], count: Int) throws -> Followed {
        var followed = Followed()
        let clock = SystemClock()
        let begun = clock.monotonicNanoseconds()
        let isDone = { (followed: Followed) in
            sessions.allSatisfy { name in
                let last = max(followed.texts[name]?.keys.max() ?? 0, followed.trimmed[name] ?? 0)
                return last >= UInt64(name == "s0" ? count : count - 1)
            }
        }
        while !isDone(followed), clock.monotonicNanoseconds() - begun < 60_000_000_000 {
            _ = try follower.poll { session, item in followed.take(session, item) }
            usleep(500)
        }
        return followed
    }

    /// A file of the journal names itself at its end before its first batch is there, and may be looked at in between.
    @Test(arguments: [false, true])
    func `the first batch of a file that was seen without it is not missed`(isOne: Bool) throws {
        let storage = SimulatedStorage()
        var options = busyOptions(.journal)
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var appender = try Appender(log, "s0")
        try appender.append("before")
        let known = try newestJournalFile(of: storage)?.number
        while try newestJournalFile(of: storage)?.number == known { try appender.append(message(1)) }
        let path = try #require(try newestJournalFile(of: storage)?.path)
        let file = try storage.open(path, .readWrite)
        let begun = try file.read(count: 4096, at: 0)
        try file.write([UInt8](repeating: 0, count: begun.count), at: 0)
        let follower = try StoreFollower(try StoreInspector(storage), only: isOne ? id("s0") : nil)
        try file.write(begun, at: 0)
        var followed = Followed()
        _ = try follower.poll { session, item in followed.take(session, item) }
        #expect(followed.texts["s0"]?.keys.max() == appender.last)
        try log.close()
    }

    private func newestJournalFile(of storage: SimulatedStorage) throws -> (path: String, number: UInt64)? {
        try storage.list(StoreLayout.journalFolder).compactMap { entry in
            let path = "\(StoreLayout.journalFolder)/\(entry.name)"
            let head = try storage.open(path, .read).read(count: JournalHeader.sectorByteCount, at: 0)
            return head.withBytes { try? JournalHeader(decoding: $0) }.map { (path, $0.number) }
        }
        .max { $0.number < $1.number }
    }

    @Test func `records that two compactions drop between two looks are given out, as the journal has them`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.segmentByteCount = 200
        let log = try LocalLog(in: storage, options: options, creating: true)
        var a = try Appender(log, "a")
        try a.append("a 1")
        let follower = try StoreFollower(try StoreInspector(storage))
        for number in 2...30 {
            try a.append("a \(number)")
            if number % 10 == 0 { try compact(log, "a", UInt64(number)) }
        }
        #expect(throws: LogError.self) { try log.read(id("a"), from: 2) { _ in true } }
        var followed = Followed()
        while try follower.poll({ session, item in followed.take(session, item) }) {}
        #expect(followed.texts["a"]?.count == 29 && followed.repeated.isEmpty && followed.trimmed.isEmpty)
        #expect(followed.others.isEmpty)
        try log.close()
    }

    @Test(arguments: modes) func `what was there is not told again, and the last of it on demand`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(mode), creating: true)
        var a = try Appender(log, "a")
        var b = try Appender(log, "b")
        for number in 1...20 {
            try a.append("a \(number)")
            if number % 10 == 0 { try b.append("b \(number)") }
            if number == 12 { try log.flushToSegments() }
        }
        let follower = try StoreFollower(try StoreInspector(storage))
        let last = try follower.last(3, of: [id("a")]).map { text($0.item) }
        #expect(last == ["a 18", "a 19", "a 20"])
        #expect(try follower.last(30, of: [id("a"), id("b")]).count == 22)
        #expect(try follower.last(0, of: [id("a")]).isEmpty)
        var seen: [String?] = []
        #expect(try !follower.poll { seen.append(text($1)) })
        try b.append("b new")
        #expect(try follower.poll { seen.append(text($1)) })
        var c = try Appender(log, "c")
        try c.append("c new")
        try log.flushToSegments()
        #expect(try follower.poll { seen.append(text($1)) })
        #expect(try !follower.poll { seen.append(text($1)) })
        #expect(seen == ["b new", "c new"])
        #expect(try follower.last(1, of: [id("b")]).map { text($0.item) } == ["b new"])
        try log.close()
    }

    @Test func `a look at a journal that stands still is cheap`() throws {
        let disk = SimulatedStorage()
        var options = seededOptions()
        // No flush comes in between, however slow the machine is.
        options.flushInterval = 3_600_000
        let log = try LocalLog(in: disk, options: options, creating: true)
        var a = try Appender(log, "a")
        for number in 0..<200 { try a.append(message(number)) }
        let counting = CountingStorage(disk)
        let follower = try StoreFollower(try StoreInspector(counting))
        counting.counters.reset()
        #expect(try !follower.poll { _, _ in })
        let counts = counting.counters.counts
        #expect(counts.reads <= 4 && counts.directoriesListed == 1 && counts.writes == 0)
        log.abandon()
    }

    @Test func `a closing, another opening and more sessions than are held open are followed`() throws {
        let storage = SimulatedStorage()
        try LocalLog(in: storage, options: seededOptions(), creating: true).close()
        let follower = try StoreFollower(try StoreInspector(storage))
        var followed = Followed()
        for round in 1...3 {
            let log = try LocalLog(in: storage, options: seededOptions(modes[round % 2], seed: UInt64(round + 1)))
            for number in 0..<50 {
                var appender = try Appender(log, "s\(number)")
                for _ in 0..<2 { try appender.append("x") }
            }
            if round == 2 { log.abandon() } else { try log.close() }
            _ = try follower.poll { followed.take($0, $1) }
        }
        _ = try follower.poll { followed.take($0, $1) }
        #expect(followed.repeated.isEmpty && followed.others.isEmpty && followed.trimmed.isEmpty)
        for number in 0..<50 { #expect(followed.missing("s\(number)", of: 6).isEmpty) }
    }

    @Test func `damage is among the last of a session, and is not told as new`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 1...9 { try a.append("record number \(number)") }
        try log.close()
        let file = try storage.open(StoreLayout.segmentFile(id("a"), 1), .readWrite)
        var byte = try file.read(count: 1, at: 200)
        byte[0] ^= 4
        try file.write(byte, at: 200)
        let follower = try StoreFollower(try StoreInspector(storage), only: id("a"))
        var others = 0
        for _ in 0..<3 {
            for (_, item) in try follower.last(9, of: [id("a")]) {
                if case .unreadable = item { others += 1 }
            }
            _ = try follower.poll { _, _ in Issue.record("nothing was appended") }
        }
        #expect(others == 3)
    }

    @Test func `a session that is not there is unknown`() throws {
        let storage = SimulatedStorage()
        try LocalLog(in: storage, options: seededOptions(), creating: true).close()
        let error = #expect(throws: LogError.self) {
            _ = try StoreFollower(try StoreInspector(storage), only: id("nobody"))
        }
        #expect(error?.code == .unknownSession)
    }

    private func text(_ item: WalkItem) -> String? {
        guard case .record(let record) = item else { return nil }
        return record.payload.map { String(decoding: $0, as: UTF8.self) }
    }
}
