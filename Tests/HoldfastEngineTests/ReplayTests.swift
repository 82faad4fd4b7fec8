import Glibc
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// Text that hardly compresses.
private func noise(_ number: Int, byteCount: Int) -> String {
    var generator = SplitMix64(seed: UInt64(number))
    return String(decoding: (0..<byteCount).map { _ in UInt8(33 + generator.next() % 90) }, as: UTF8.self)
}

/// Shorter and longer than what is held in memory, written at once and read at once.
private let expected = [10, 300, 7_000, 9_000, 10, 300_000, 200, 1_200_000, 10, 20_000].enumerated().map {
    noise($0.offset, byteCount: $0.element)
}

/// What a crash leaves of a store whose segments have nothing, with two sessions.
private func crashed() throws -> SimulatedStorage {
    let storage = SimulatedStorage()
    var options = seededOptions()
    options.flushInterval = 1_000_000
    options.flushByteCount = .max
    let log = try LocalLog(in: storage, options: options, creating: true)
    for session in ["a", "b"] {
        var appender = try Appender(log, session)
        for payload in expected { try appender.append(payload) }
    }
    log.abandon()
    return storage.crash(.dropAll)
}

@Suite struct ReplayTests {
    @Test(arguments: [0, 100, Limits.heldWriteByteCount, .max])
    func `a replay writes records of every length, held in memory or left in the journal`(limit: Int) throws {
        let disk = try crashed()
        var options = seededOptions(seed: 2)
        options.heldWriteByteCount = limit
        let log = try LocalLog(in: disk, options: options)
        #expect(log.recovery.replayedWriteCount == 2 * expected.count)
        #expect(!log.recovery.hasCommittedDamage)
        for session in ["a", "b"] { #expect(try payloads(log, session) == expected) }
        log.abandon()
        // What was replayed is in the segments, and durable.
        let again = try LocalLog(in: disk.crash(.dropAll), options: seededOptions(seed: 3))
        #expect(again.recovery.replayedWriteCount == 0)
        for session in ["a", "b"] { #expect(try payloads(again, session) == expected) }
        try again.close()
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment], [1, 4])
    func `journal files that are not needed after a replay are removed, without an append`(
        mode: SegmentHeader.CommitMode, threadCount: Int
    ) throws {
        let disk = try crashed()
        #expect(try disk.list(StoreLayout.journalFolder).count > 3)
        var options = seededOptions(mode, seed: 2)
        options.syncThreadCount = threadCount
        let log = try LocalLog(in: disk, options: options)
        let end = ContinuousClock.now + .seconds(30)
        while try disk.list(StoreLayout.journalFolder).count > 3, ContinuousClock.now < end { usleep(1_000) }
        #expect(try disk.list(StoreLayout.journalFolder).count == 3)
        log.abandon()
        for survival in [CrashPolicy.dropAll, .keepAll] {
            let again = try LocalLog(in: disk.crash(survival), options: seededOptions(seed: 3))
            #expect(again.recovery.replayedWriteCount == 0 && !again.recovery.hasCommittedDamage)
            again.abandon()
        }
    }

    @Test func `what the journal has is checked when it is read again, and nothing else is written`() throws {
        let disk = try crashed()
        let whole = disk.contents.filter { $0.key.hasPrefix("journal/") }
        // The plan has been made, and nothing been written yet.
        disk.onOperation { operation, disk in
            guard operation.kind == .open, operation.detail == .mode(.create), operation.path.hasSuffix(".segment")
            else { return }
            disk.onOperation(nil)
            for (path, bytes) in whole {
                let place = bytes.count / 2
                try? disk.open(path, .readWrite).write([bytes[place] ^ 1], at: UInt64(place))
            }
        }
        let refusal = #expect(throws: LogError.self) { try LocalLog(in: disk, options: seededOptions(seed: 2)) }
        #expect(refusal?.message.contains("not what they were") == true)
        for (path, bytes) in whole { try disk.open(path, .readWrite).write(bytes, at: 0) }
        let log = try LocalLog(in: disk.crash(.dropAll), options: seededOptions(seed: 3))
        #expect(!log.recovery.hasCommittedDamage)
        for session in ["a", "b"] { #expect(try payloads(log, session) == expected) }
        try log.close()
    }

    @Test func `what could not be replayed for lack of room is held, for the journal goes on`() throws {
        let disk = try crashed()
        disk.setAvailableBytes(0)
        var options = seededOptions(seed: 2)
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: disk, options: options)
        for session in ["a", "b"] { #expect(try payloads(log, session) == expected) }
        disk.setAvailableBytes(nil)
        try log.flushToSegments()
        var a = try Appender(log, "a")
        for number in 0..<50 { try a.append(noise(number, byteCount: 50_000)) }
        try log.flushToSegments()
        #expect(try payloads(log, "a") == expected + (0..<50).map { noise($0, byteCount: 50_000) })
        #expect(try payloads(log, "b") == expected)
        try log.close()
    }
}
