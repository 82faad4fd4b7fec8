import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

private let modes: [SegmentHeader.CommitMode] = [.journal, .segment]

@Suite struct AppendTests {
    @Test(arguments: modes) func `what was appended is read back in order`(mode: SegmentHeader.CommitMode) throws {
        let log = try LocalLog(in: SimulatedStorage(), options: seededOptions(mode), creating: true)
        var a = try Appender(log, "a")
        var b = try Appender(log, "b")
        let texts = (1...50).map { message($0) }
        for (index, text) in texts.enumerated() {
            try a.append(text)
            if index % 7 == 0 { try b.append("{}") }
        }
        #expect(try payloads(log, "a") == texts)
        #expect(try payloads(log, "a", from: 41) == Array(texts[40...]))
        #expect(try payloads(log, "b").count == 8)
        try log.close()
    }

    /// Of the lengths, some are more than what shares memory with others, some fill it together.
    @Test(arguments: modes) func `a batch of short and long records is read back before and after it is flushed`(
        mode: SegmentHeader.CommitMode
    ) throws {
        var options = seededOptions(mode)
        options.softWindow = 60_000
        let log = try LocalLog(in: SimulatedStorage(), options: options, creating: true)
        var generator = SplitMix64(seed: 7)
        let texts = [10, 200_000, 500, 40_000, 40_000, 10, 90_000, 90_000, 1, 60_000].map { count in
            String(decoding: (0..<count).map { _ in UInt8(33 + generator.next() % 90) }, as: UTF8.self)
        }
        let claims = try ["a", "b"].map { try log.claim(id($0)) }
        let outcomes = Outcomes()
        for (index, text) in texts.enumerated() {
            for claim in claims {
                _ = try log.append(
                    claim, expected: UInt64(index), kind: 3, time: 1, payload: Array(text.utf8), durability: .soon,
                    completion: outcomes.completion())
            }
        }
        try log.flush()
        for session in ["a", "b"] { #expect(try payloads(log, session) == texts) }
        try log.flushToSegments()
        for session in ["a", "b"] { #expect(try payloads(log, session) == texts) }
        #expect(outcomes.wait().allSatisfy { $0 == nil })
        try log.close()
    }

    @Test(arguments: modes) func `a store that was closed opens cleanly and goes on`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let storage = SimulatedStorage()
        for round in 0..<5 {
            let log = try LocalLog(in: storage, options: seededOptions(mode, seed: UInt64(round + 1)), creating: true)
            #expect(log.recovery.wasClosedCleanly)
            #expect(log.recovery.findings.isEmpty)
            var a = try Appender(log, "a")
            #expect(a.last == UInt64(round * 10))
            for number in 0..<10 { try a.append(message(round * 10 + number)) }
            try log.close()
        }
        let log = try LocalLog(in: storage, options: seededOptions(mode, seed: 9))
        #expect(try payloads(log, "a") == (0..<50).map { message($0) })
        try log.close()
    }

    @Test(arguments: modes) func `what was acknowledged survives the death of the process`(
        mode: SegmentHeader.CommitMode
    ) throws {
        var storage = SimulatedStorage()
        for round in 0..<6 {
            let log = try LocalLog(in: storage, options: seededOptions(mode, seed: UInt64(round + 1)), creating: true)
            #expect(!log.recovery.hasCommittedDamage)
            var a = try Appender(log, "a")
            #expect(a.last == UInt64(round * 10))
            for number in 0..<10 { try a.append(message(round * 10 + number)) }
            storage = round % 2 == 0 ? storage.crash(.dropAll) : storage.processCrash()
            log.abandon()
        }
        let log = try LocalLog(in: storage, options: seededOptions(mode, seed: 9))
        #expect(log.recovery.sessions == [id("a")])
        #expect(try payloads(log, "a") == (0..<60).map { message($0) })
        try log.close()
    }

    @Test func `a store changes its commit mode from one opening to the next`() throws {
        var storage = SimulatedStorage()
        for round in 0..<6 {
            let mode = modes[round % 2]
            let log = try LocalLog(in: storage, options: seededOptions(mode, seed: UInt64(round + 1)), creating: true)
            var a = try Appender(log, "a")
            for number in 0..<5 { try a.append(message(round * 5 + number)) }
            if round % 3 == 0 {
                try log.close()
            } else {
                storage = storage.crash(.dropAll)
                log.abandon()
            }
        }
        let log = try LocalLog(in: storage, options: seededOptions(seed: 9))
        #expect(try payloads(log, "a") == (0..<30).map { message($0) })
        try log.close()
    }

    @Test(arguments: modes) func `segments rotate and the chain goes through all of them`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let storage = SimulatedStorage()
        var options = seededOptions(mode)
        options.segmentByteCount = 2_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var a = try Appender(log, "a")
        for number in 0..<100 { try a.append(message(number)) }
        try log.flushToSegments()
        let folder = StoreLayout.sessionFolder(id("a"))
        #expect(try storage.list(folder).count > 5)
        #expect(try payloads(log, "a") == (0..<100).map { message($0) })
        #expect(try payloads(log, "a", from: 90) == (89..<100).map { message($0) })
        try log.close()
        #expect(try StoreCheck(storage).run().findings.isEmpty)
    }

    @Test func `an append with the wrong expectation is a conflict and changes nothing`() throws {
        let log = try LocalLog(in: SimulatedStorage(), options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("one")
        let claim = a.claim
        let error = #expect(throws: LogError.self) {
            _ = try log.append(
                claim, expected: 0, kind: 3, time: 0, payload: [], durability: .durable, completion: { _ in })
        }
        #expect(error?.code == .conflict)
        #expect(error?.sequence == 1)
        try a.append("two")
        #expect(try payloads(log, "a") == ["one", "two"])
        try log.close()
    }

    @Test func `a clock that goes backwards never takes the log with it`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        let claim = try log.claim(id("a"))
        for (index, time) in [5_000, 4_000, 0, 6_000, 1].enumerated() {
            _ = try log.append(
                claim, expected: UInt64(index), kind: 3, time: UInt64(time), payload: [1], durability: .durable,
                completion: { _ in })
        }
        try log.close()
        let again = try LocalLog(in: storage, options: seededOptions(seed: 2))
        var times: [UInt64] = []
        try again.read(id("a"), from: 1) { record in
            times.append(record.time)
            return true
        }
        #expect(times == [5_000, 5_000, 5_000, 6_000, 6_000])
        try again.close()
        #expect(try StoreCheck(storage).run().findings.isEmpty)
    }

    @Test func `a later claim fences the earlier one`() throws {
        let log = try LocalLog(in: SimulatedStorage(), options: seededOptions(), creating: true)
        var first = try Appender(log, "a")
        try first.append("one")
        var second = try Appender(log, "a")
        #expect(second.last == 1)
        let error = #expect(throws: LogError.self) { try first.append("late") }
        #expect(error?.code == .fenced)
        try second.append("two")
        #expect(try payloads(log, "a") == ["one", "two"])
        try log.close()
    }

    @Test func `a released session leaves nothing behind and can be claimed again`() throws {
        let log = try LocalLog(in: SimulatedStorage(), options: seededOptions(.segment), creating: true)
        for round in 0..<4 {
            var a = try Appender(log, "a")
            #expect(a.last == UInt64(round))
            try a.append("record \(round)")
            log.release(a.claim)
            try log.flush()
        }
        #expect(try payloads(log, "a").count == 4)
        try log.close()
    }

    @Test func `an append that may wait is durable within the window`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("soon", durability: .soon)
        let after = try LocalLog(in: storage.crash(.dropAll), options: seededOptions(seed: 2))
        #expect(try payloads(after, "a") == ["soon"])
        try after.close()
        try log.close()
    }

    @Test func `a payload over the limit is refused`() throws {
        var options = seededOptions()
        options.payloadLimit = 100
        let log = try LocalLog(in: SimulatedStorage(), options: options, creating: true)
        var a = try Appender(log, "a")
        let error = #expect(throws: LogError.self) { try a.append(String(repeating: "x", count: 101)) }
        #expect(error?.code == .tooLarge)
        try a.append(String(repeating: "x", count: 100))
        try log.close()
    }

    @Test func `records of every size around the reader's window are read back`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        var generator = SplitMix64(seed: 11)
        var texts: [String] = []
        for size in [200_000, 100_000, 300_000, 10, 262_144, 262_112, 50, 600_000, 1, 0, 130_000] {
            texts.append(String((0..<size).map { _ in Character(Unicode.Scalar(UInt8(33 + generator.next() % 90))) }))
            try a.append(texts[texts.count - 1])
        }
        try log.flushToSegments()
        #expect(try payloads(log, "a") == texts)
        try log.close()
    }

    @Test func `records larger than a journal file are committed`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        var generator = SplitMix64(seed: 7)
        let big = (0..<3).map { _ in
            String((0..<1_500_000).map { _ in Character(Unicode.Scalar(UInt8(33 + generator.next() % 90))) })
        }
        for text in big { try a.append(text) }
        let after = try LocalLog(in: storage.crash(.dropAll), options: seededOptions(seed: 2))
        #expect(try payloads(after, "a") == big)
        try after.close()
        try log.close()
    }

    @Test func `many sessions append at once from many threads`() throws {
        let log = try LocalLog(in: SimulatedStorage(), options: seededOptions(), creating: true)
        let failures = Lock<[String]>([])
        let threads = try (0..<8).map { thread in
            try Thread.start(name: "t\(thread)") {
                do {
                    for session in 0..<10 {
                        var appender = try Appender(log, "s\(thread)-\(session)")
                        for number in 0..<20 { try appender.append(message(number)) }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        for thread in 0..<8 {
            for session in 0..<10 { #expect(try payloads(log, "s\(thread)-\(session)").count == 20) }
        }
        try log.close()
    }
}
