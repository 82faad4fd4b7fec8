import Glibc
import HoldfastBytes
@testable import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

private func metered(_ mode: SegmentHeader.CommitMode = .journal, isMetered: Bool = true) -> EngineOptions {
    var options = seededOptions(mode)
    options.isMetered = isMetered
    // The flusher sleeps through the test unless it is asked.
    options.flushInterval = 3_600_000
    return options
}

/// A log whose meter has been written once, so that nothing of it is still to come.
private func opened(_ storage: any Storage, _ options: EngineOptions) throws -> LocalLog {
    let log = try LocalLog(in: storage, options: options, creating: true)
    while try options.isMetered && MeterReading(of: storage) == .none { usleep(1_000) }
    return log
}

/// A clock that moves on by a number of milliseconds each time it is looked at.
private final class SteppingClock: Clock {
    private let steps: Lock<UInt64> = Lock(0)
    let milliseconds: UInt64

    init(milliseconds: UInt64) { self.milliseconds = milliseconds }

    func wallMilliseconds() -> UInt64 { 1_700_000_000_000 }

    func monotonicNanoseconds() -> UInt64 {
        steps.withLock { steps in
            steps += 1
            return steps * milliseconds * 1_000_000
        }
    }
}

/// A clock that moves on by a second each time it is looked at, and that something can come in between: after the time
/// was taken, and before it is told.
private final class InterruptedClock: Clock {
    private let state = Lock<(seconds: UInt64, interruption: (@Sendable () -> Void)?)>((0, nil))

    func wallMilliseconds() -> UInt64 { 1_700_000_000_000 }

    func monotonicNanoseconds() -> UInt64 {
        let (seconds, interruption) = state.withLock { state in
            state.seconds += 1
            return (state.seconds, state.interruption.take())
        }
        interruption?()
        return seconds * 1_000_000_000
    }

    /// Runs `body` when the time is asked for next.
    func interrupt(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.interruption = body } }
}

@Suite struct MeterTests {
    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `the counters say what was appended`(mode: SegmentHeader.CommitMode) throws {
        let storage = SimulatedStorage()
        let log = try opened(storage, metered(mode))
        for (session, count) in [("a", 5), ("b", 20), ("c", 1)] {
            var appender = try Appender(log, session)
            for number in 0..<count { try appender.append(message(number)) }
        }
        try log.close()
        guard case .closed(let sample) = try MeterReading(of: storage) else {
            Issue.record("the store is closed")
            return
        }
        #expect(sample.totals.records == 26)
        #expect(sample.recent == sample.totals && sample.totals.failures == 0)
        #expect(sample.busiest.map(\.session.text) == ["b", "a", "c"])
        #expect(sample.busiest.map(\.records) == [20, 5, 1])
        #expect(sample.batch.median == 1)
        // The marks at the end of directly written segments may be queued together.
        #expect(mode == .journal ? sample.queue.largest == 1 : (1...3).contains(sample.queue.largest))
        #expect(sample.unflushedBytes == 0)
        #expect(sample.commitMode == (mode == .journal ? "journal" : "segment"))
        let segments = try ["a", "b", "c"].map { session in
            try storage.readAll(StoreLayout.segmentFile(id(session), 1), limit: 1 << 20).count
        }
        // In commit mode segment a mark follows that is no record.
        let bytes = Int(sample.totals.bytes)
        #expect(mode == .journal ? bytes == segments.reduce(0, +) : bytes < segments.reduce(0, +))
        #expect(sample.busiest.reduce(0) { $0 + Int($1.bytes) } == bytes)
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `counting takes no call of the disk for an append`(mode: SegmentHeader.CommitMode) throws {
        let calls = try [false, true].map { isMetered -> StorageCounts in
            let storage = CountingStorage(SimulatedStorage())
            let log = try opened(storage, metered(mode, isMetered: isMetered))
            var a = try Appender(log, "a")
            try a.append("{}")
            storage.counters.reset()
            for number in 0..<200 { try a.append(message(number)) }
            defer { log.abandon() }
            return storage.counters.counts
        }
        #expect(calls[0] == calls[1])
        #expect(calls[0].syncs >= 200, "the syncs are counted")
    }

    @Test func `the file is written at most once a second and never synced`() throws {
        let storage = SimulatedStorage()
        var options = metered()
        options.clock = SystemClock()
        options.flushInterval = 10
        let log = try opened(storage, options)
        var a = try Appender(log, "a")
        let begun = options.clock.monotonicNanoseconds()
        while options.clock.monotonicNanoseconds() - begun < 2_300_000_000 { try a.append("{}") }
        guard case .running(let sample) = try MeterReading(of: storage) else {
            Issue.record("this process has it open")
            return
        }
        log.abandon()
        let operations = storage.operations.filter { $0.path == StoreLayout.meterFile }
        #expect(operations.filter { $0.kind == .sync }.isEmpty)
        // Once at the start, after one and two seconds, at the end.
        #expect((3...5).contains(operations.filter { $0.kind == .write }.count))
        #expect((1_000...2_000).contains(sample.milliseconds))
        #expect(sample.recent.records > 0 && sample.recent.records < sample.totals.records)
    }

    @Test func `when nothing happens any more the file says so, once`() throws {
        let storage = SimulatedStorage()
        let clock = SimulatedClock()
        var options = metered()
        options.clock = clock
        options.flushInterval = 5
        let log = try opened(storage, options)
        var a = try Appender(log, "a")
        try a.append("{}")
        var seen: [UInt64] = []
        for _ in 0..<40 {
            clock.advance(milliseconds: 600)
            usleep(15_000)
            let records = try MeterReading(of: storage).sample?.recent.records ?? 99
            if seen.last != records { seen.append(records) }
        }
        #expect(seen == [0, 1, 0] || seen == [1, 0])
        let writes = storage.operations.filter { $0.kind == .write && $0.path == StoreLayout.meterFile }
        #expect(writes.count == 3)
        log.abandon()
    }

    @Test func `latencies are those of the clock`() throws {
        let storage = SimulatedStorage()
        var options = metered()
        options.clock = SteppingClock(milliseconds: 7)
        let log = try opened(storage, options)
        var a = try Appender(log, "a")
        for number in 0..<50 { try a.append(message(number)) }
        log.abandon()
        let commit = try #require(try MeterReading(of: storage).sample).commit
        #expect(commit.largest >= 7_000 && commit.largest % 7_000 == 0)
        #expect((7_000...7_875).contains(commit.median), "a percentile is at most an eighth too high")
    }

    @Test func `a batch that is counted while the clock is looked at does not make time go backwards`() throws {
        let clock = InterruptedClock()
        var options = metered()
        options.clock = clock
        let meter = Meter(in: SimulatedStorage(), options: options)
        let calls: [() -> Void] = [{ meter.writeIfDue(unflushed: 0) }, { meter.write(unflushed: 0) }]
        for call in calls {
            // Twice, so that nothing is new and the next batch begins a stretch.
            for _ in 0..<2 { meter.write(unflushed: 0) }
            clock.interrupt {
                let counted = Monitor(false)
                _ = try? Thread.start(name: "committer") {
                    meter.count([], failed: 1, queued: 0, since: meter.now())
                    counted.withLock { $0 = true }
                    counted.broadcast()
                }
                // In vain where the clock is looked at with the lock held.
                counted.wait(until: { $0 }, milliseconds: 200) { _, _ in }
            }
            call()
        }
    }

    @Test func `the busiest of many sessions are found in little memory`() throws {
        let storage = SimulatedStorage()
        let log = try opened(storage, metered())
        var busy = try (0..<3).map { try Appender(log, "busy-\($0)") }
        for number in 0..<500 {
            var other = try Appender(log, "other-\(number)")
            try other.append("{}")
            for index in busy.indices where index == 0 || number % (index * 2) == 0 { try busy[index].append("{}") }
        }
        log.abandon()
        let sample = try #require(try MeterReading(of: storage).sample)
        let truth = [500, 250, 125]
        #expect(sample.busiest.prefix(3).map(\.session.text) == ["busy-0", "busy-1", "busy-2"])
        #expect(sample.busiest.count == MeterSample.busiestLimit)
        for (found, records) in zip(sample.busiest, truth) {
            #expect(found.records <= records)
            #expect(Int(found.records) + Int(sample.totals.records) / 64 >= records)
        }
    }

    @Test func `a disk that refuses the file costs the store nothing`() throws {
        let storage = SimulatedStorage()
        storage.inject(Fault(.noSpace, on: .open, path: StoreLayout.meterFile, isLasting: true))
        let log = try LocalLog(in: storage, options: metered(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<5 { try a.append(message(number)) }
        try log.close()
        storage.clearFaults()
        #expect(try MeterReading(of: storage) == .none)
        #expect(try StoreCheck(storage).run().findings.isEmpty)
    }
}

/// The file is data from outside.
@Suite struct MeterReadingTests {
    private func sampled(_ storage: SimulatedStorage) throws -> [UInt8] {
        let log = try opened(storage, metered())
        var a = try Appender(log, "a \u{1B}[2J")
        try a.append("{}")
        try log.flushToSegments()
        log.abandon()
        return try storage.readAll(StoreLayout.meterFile, limit: 1 << 16)
    }

    private func put(_ bytes: [UInt8], in storage: any Storage) throws {
        let file = try storage.open(StoreLayout.meterFile, .create)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
    }

    private func reading(_ bytes: [UInt8]) throws -> MeterReading {
        let storage = SimulatedStorage()
        try put(bytes, in: storage)
        return try MeterReading(of: storage)
    }

    @Test func `only the process that wrote it counts as running`() throws {
        let storage = SimulatedStorage()
        let log = try opened(storage, metered())
        defer { log.abandon() }
        let own = UInt64(getpid())
        #expect(ProcessMark.of(own) != nil)
        guard case .running(let sample) = try MeterReading(of: storage) else {
            Issue.record("this process runs")
            return
        }
        #expect(sample.process.id == own)
        #expect(try MeterReading(of: storage, mark: { _ in nil }) == .gone(sample))
        #expect(try MeterReading(of: storage, mark: { _ in "the next process with this id" }) == .gone(sample))
        // Not the parent: it can be of the same tick of the clock.
        #expect(ProcessMark.of(1) != ProcessMark.of(own))
        #expect(ProcessMark.of(1 << 61) == nil)
    }

    @Test func `a flipped bit, a cut and an empty file are no sample`() throws {
        let whole = try sampled(SimulatedStorage())
        let end = try #require(whole.firstIndex(of: 10))
        #expect(try reading(whole).sample != nil)
        for index in stride(from: 0, to: end, by: 17) {
            var damaged = whole
            damaged[index] ^= 1 << (index % 8)
            #expect(try reading(damaged) == .unreadable)
            #expect(try reading(Array(whole[..<index])) == .unreadable)
        }
    }

    @Test func `what a longer sample has left behind the line does not matter`() throws {
        let whole = try sampled(SimulatedStorage())
        #expect(try reading(whole + Array("left over\n{".utf8)) == reading(whole))
    }

    @Test func `a forged seal does not get nonsense in`() throws {
        let whole = String(decoding: try sampled(SimulatedStorage()), as: UTF8.self)
        let open = String(whole[..<(try #require(whole.range(of: ",\"check\"")).lowerBound)])
        #expect(try reading(SealedJSON.sealed(Array(open.utf8)) + [10]).sample != nil)
        let edits = [
            ("\"format_version\":\(Limits.formatVersion)", "\"format_version\":\(Limits.formatVersion + 1)"),
            ("\"process\":", "\"process\":-"),
            ("\"opened_at\":", "\"opened_at\":9223372036854775807,\"x\":"),
            ("\"closed\":true", "\"closed\":1"), ("\"totals\":{", "\"totals\":{\"x\":{"),
            ("\"session\":\"a ", "\"session\":\"\\u0000"), ("\"p99\":", "\"p98\":"),
            ("\"busiest\":[", "\"busiest\":[7,"),
            ("\"busiest\":[", "\"busiest\":\(String(repeating: "[", count: 500))"),
            ("\"process_mark\":\"", "\"process_mark\":\"\(String(repeating: "x", count: 100))"),
        ]
        for (old, new) in edits {
            let range = try #require(open.range(of: old), "\(old)")
            let forged = open.replacingCharacters(of: range, with: new)
            #expect(try reading(SealedJSON.sealed(Array(forged.utf8)) + [10]) == .unreadable, "\(new.prefix(40))")
        }
    }

    @Test func `more sessions than are ever named are passed over`() throws {
        let whole = String(decoding: try sampled(SimulatedStorage()), as: UTF8.self)
        let open = String(whole[..<(try #require(whole.range(of: "\"busiest\"")).lowerBound)])
        let busy = Array(repeating: #"{"session":"s","records":1,"bytes":1}"#, count: 400).joined(separator: ",")
        let forged = SealedJSON.sealed(Array("\(open)\"busiest\":[\(busy)]".utf8)) + [10]
        #expect(try reading(forged).sample?.busiest.count == MeterSample.busiestLimit)
    }

    @Test func `neither opening nor checking looks at it`() throws {
        let storage = SimulatedStorage()
        _ = try sampled(storage)
        for content in ["", "nonsense", String(repeating: "x", count: 1 << 20)] {
            try put(Array(content.utf8), in: storage)
            #expect(try MeterReading(of: storage) == .unreadable)
            #expect(try StoreCheck(storage).run().findings.isEmpty)
            let log = try opened(storage, metered(isMetered: false))
            #expect(log.recovery.findings.isEmpty)
            #expect(try payloads(log, "a \u{1B}[2J") == ["{}"])
            try log.close()
        }
    }

    @Test func `beside a meter a missing store file is still called that`() throws {
        let storage = SimulatedStorage()
        _ = try sampled(storage)
        try storage.remove(StoreLayout.storeFile)
        let error = #expect(throws: LogError.self) { _ = try LocalLog(in: storage, options: metered(), creating: true) }
        #expect(error?.code == .damaged)
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }

    fileprivate func replacingCharacters(of range: Range<Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
