import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Glibc
import Testing

/// Single faults, looked at closely. `ErrorsCampaign` fails every call there is.
@Suite struct FaultTests {
    @Test func `after a failed journal sync nothing is acknowledged and every waiter hears why`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("kept")
        storage.inject(Fault(.io, on: .sync, path: "journal"))
        let outcomes = Outcomes()
        let b = try log.claim(id("b"))
        for number in 0..<3 {
            _ = try? log.append(
                b, expected: UInt64(number), kind: 3, time: 0, payload: [1], durability: .soon,
                completion: outcomes.completion())
        }
        let error = #expect(throws: LogError.self) { try a.append("lost") }
        #expect(error?.code == .failed)
        #expect(outcomes.wait().allSatisfy { $0 != nil })
        // A second try is refused too, although the disk would work now.
        storage.clearFaults()
        #expect(throws: LogError.self) { try a.append("lost again") }
        #expect(try payloads(log, "a") == ["kept"])
        log.abandon()
        let after = try LocalLog(in: storage.crash(.dropAll), options: seededOptions(seed: 2))
        #expect(try payloads(after, "a") == ["kept"])
        try after.close()
    }

    @Test func `a store that crashed opens on a full disk, serves reads, and catches up when there is room`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<20 { try a.append(message(number)) }
        log.abandon()
        let image = storage.crash(.dropAll)
        image.setAvailableBytes(0)
        var options = seededOptions(seed: 2)
        options.flushInterval = 2
        let opened = try LocalLog(in: image, options: options)
        #expect(try payloads(opened, "a") == (0..<20).map { message($0) })
        let error = #expect(throws: LogError.self) {
            var a = try Appender(opened, "a")
            try a.append("no room")
        }
        #expect(error?.code == .diskFull)
        #expect(try payloads(opened, "a").count == 20)
        image.setAvailableBytes(nil)
        usleep(1_200_000)
        var again = try Appender(opened, "a")
        try again.append(message(20))
        try opened.close()
        let third = try LocalLog(in: image.crash(.dropAll), options: seededOptions(seed: 3))
        #expect(third.recovery.wasClosedCleanly)
        #expect(try payloads(third, "a") == (0...20).map { message($0) })
        try third.close()
    }

    @Test func `a segment that the disk refuses is written again elsewhere and the old file is kept`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<5 { try a.append(message(number)) }
        try log.flushToSegments()
        try a.append(message(5))
        storage.inject(Fault(.io, on: .sync, path: StoreLayout.segmentFile(id("a"), 1), isLasting: true))
        try log.flushToSegments()
        storage.clearFaults()
        try a.append(message(6))
        try log.close()
        let after = storage.crash(.dropAll)
        #expect(try after.list("quarantine").map(\.name).contains { $0.hasSuffix(".bytes") })
        let again = try LocalLog(in: after, options: seededOptions(seed: 2))
        #expect(try payloads(again, "a") == (0..<7).map { message($0) })
        try again.close()
    }

    @Test func `a full disk refuses appends, keeps serving reads, and the store resumes when there is room`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.flushInterval = 2
        options.unflushedByteLimit = 50_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var generator = SplitMix64(seed: 3)
        let noise = (0..<40).map { _ in Self.noise(&generator) }
        var a = try Appender(log, "a")
        try a.append("before")
        storage.setAvailableBytes(20_000)
        var kept = ["before"]
        var refusal: LogError?
        for text in noise {
            do {
                try a.append(text)
                kept.append(text)
            } catch let error as LogError {
                refusal = error
                break
            }
        }
        #expect(refusal?.code == .diskFull)
        #expect(try payloads(log, "a") == kept)
        storage.setAvailableBytes(nil)
        var resumed = false
        for _ in 0..<500 where !resumed {
            usleep(5_000)
            guard var again = try? Appender(log, "a") else { continue }
            resumed = (try? again.append("back")) != nil
        }
        #expect(resumed)
        #expect(try payloads(log, "a") == kept + ["back"])
        try log.close()
    }

    /// Text that hardly compresses.
    private static func noise(_ generator: inout SplitMix64) -> String {
        String((0..<5_000).map { _ in Character(Unicode.Scalar(UInt8(33 + generator.next() % 90))) })
    }

    /// Whoever made a session's folder was killed before its entry was durable, and no life after that may forget it.
    @Test func `what a full disk has postponed makes the folders durable too`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("kept")
        storage.inject(Fault(.io, on: .syncDirectory, path: StoreLayout.sessionsFolder, isLasting: true))
        #expect(throws: LogError.self) { try log.flushToSegments() }
        var generator = SplitMix64(seed: 3)
        let noise = Self.noise(&generator)
        try a.append(noise)  // for which the segment has to grow
        log.abandon()
        let full = storage.processCrash()
        full.setAvailableBytes(0)
        let second = try LocalLog(in: full, options: seededOptions(seed: 2))
        full.setAvailableBytes(nil)
        try second.flushToSegments()
        second.abandon()
        let third = try LocalLog(in: full.crash(.dropAll), options: seededOptions(seed: 3))
        #expect(third.recovery.findings.isEmpty)
        #expect(try payloads(third, "a") == ["kept", noise])
        try third.close()
    }

    /// The first mark takes the last room of the journal's file, for what was appended while the flush was at work.
    @Test func `a low-water mark for which there was no room is told, and made good by the next commit`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.journalByteCounts = 8_192...8_192
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        let count = Lock(0)
        let a = Lock(try Appender(log, "a"))
        let append: @Sendable () -> Bool = {
            let number = count.withLock { $0 }
            guard a.withLock({ (try? $0.append(message(number))) != nil }) else { return false }
            count.withLock { $0 += 1 }
            return true
        }
        for _ in 0..<5 { #expect(append()) }
        storage.inject(Fault(.noSpace, on: .open, path: StoreLayout.journalFolder, isLasting: true))
        let isFlushing = Lock(true)
        storage.onOperation { operation, _ in
            guard operation.kind == .sync, operation.path == StoreLayout.segmentFile(id("a"), 1) else { return }
            guard isFlushing.withLock({ $0 }) else { return }
            isFlushing.withLock { $0 = false }
            while append() {}
        }
        try log.flushToSegments()
        #expect(count.withLock { $0 } > 8)
        let error = #expect(throws: LogError.self) { try log.flushToSegments() }
        #expect(error?.code == .diskFull)
        // Whoever reads or claims a session does not hear of it.
        _ = try log.claim(id("a"))
        storage.clearFaults()
        try log.flushToSegments()
        log.abandon()
        let after = try LocalLog(in: storage.crash(.dropAll), options: seededOptions(seed: 2))
        #expect(after.recovery.sessions.isEmpty, "the journal names none any more")
        #expect(try payloads(after, "a") == (0..<count.withLock { $0 }).map { message($0) })
        try after.close()
    }
}
