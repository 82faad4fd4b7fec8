import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// Gives the rows of one session, of as many records as it was told of; holds back the first who asks.
private final class SlowProvider: SummaryProvider {
    private struct State {
        var sequence: UInt64 = 0
        var askedCount = 0
        var holdsBack = true
    }

    private let state = Monitor(State())

    func note(_ sequence: UInt64) { state.withLock { $0.sequence = sequence } }

    func waitUntilAsked(_ count: Int) { state.wait(until: { $0.askedCount >= count }) { _ in } }

    func letGo() {
        state.withLock { $0.holdsBack = false }
        state.broadcast()
    }

    func summaryRow(of session: SessionID) -> SummaryRow? {
        let (row, isFirst) = state.withLock { state in
            state.askedCount += 1
            let row = SummaryRow(session: session, sequence: state.sequence, row: Array("{}".utf8))
            return (row, state.askedCount == 1)
        }
        state.broadcast()
        if isFirst { state.wait(until: { !$0.holdsBack }) { _ in } }
        return row
    }
}

/// Gives rows of sessions that all have as many records.
private final class CountingProvider: SummaryProvider {
    private let sequence = Lock<UInt64>(0)

    func note() { sequence.withLock { $0 += 1 } }

    func summaryRow(of session: SessionID) -> SummaryRow? {
        SummaryRow(session: session, sequence: sequence.withLock { $0 }, row: Array("{}".utf8))
    }
}

/// Gives the row of a session of one record; when it is first asked, the session is given up before it answers.
private final class LeavingProvider: SummaryProvider {
    private let isFirst = Lock(true)
    private let leave: @Sendable () -> Void

    init(_ leave: @escaping @Sendable () -> Void) { self.leave = leave }

    func summaryRow(of session: SessionID) -> SummaryRow? {
        let isFirst = isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
        }
        guard isFirst else { return SummaryRow(session: session, sequence: 1, row: Array("{}".utf8)) }
        leave()
        return nil
    }
}

@Suite struct IndexTests {
    @Test func `a row that was taken before a newer one was written does not follow it`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions(.segment)
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        let provider = SlowProvider()
        log.setSummaryProvider(provider)
        var a = try Appender(log, "a")
        try a.append("first")
        provider.note(1)
        let flush = try Thread.start(name: "flush") { try? log.flushToSegments() }
        provider.waitUntilAsked(1)
        // The flusher has the row of record 1 in its hands. Meanwhile the committer seals the segment of record 2.
        try a.append("second")
        provider.note(2)
        log.release(a.claim)
        try log.flush()
        provider.letGo()
        flush.join()
        var rows: [UInt64] = []
        try log.list { row in
            rows.append(row.sequence)
            return true
        }
        #expect(rows == [2])
        try log.close()
    }

    @Test func `a session that is given up while its row is asked for is shown as it is`() throws {
        var options = seededOptions(.journal)
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: SimulatedStorage(), options: options, creating: true)
        var a = try Appender(log, "a")
        try a.append("first")
        let claim = a.claim
        log.setSummaryProvider(LeavingProvider { log.release(claim) })
        #expect(try log.summary(try #require(SessionID("a")))?.sequence == 1)
        try log.close()
    }

    /// Every session of the index with the record that its row tells of; 0 when the row tells nothing.
    private func rows(_ log: LocalLog) throws -> [String: UInt64] {
        var rows: [String: UInt64] = [:]
        try log.list { row in
            rows[row.session.text] = row.sequence
            return true
        }
        return rows
    }

    @Test func `rows are not lost behind an index whose folder could not be synced`() throws {
        var appendCount = 0
        for occurrence in 1...20 {
            let storage = SimulatedStorage()
            var options = seededOptions(.segment)
            options.toleratedIndexLogByteCount = 1
            options.flushInterval = 1_000_000
            let log = try LocalLog(in: storage, options: options, creating: true)
            let provider = CountingProvider()
            log.setSummaryProvider(provider)
            var (a, b) = (try Appender(log, "a"), try Appender(log, "b"))
            storage.inject(Fault(.io, on: .syncDirectory, path: "", occurrence: occurrence))
            try? a.append("x")
            provider.note()
            try? log.flushToSegments()
            storage.clearFaults()
            let isAppended = (try? b.append("x")) != nil
            provider.note()
            log.release(b.claim)
            try? log.flush()
            log.abandon()
            guard isAppended else { continue }
            appendCount += 1
            let again = try LocalLog(in: storage.processCrash(), options: seededOptions(seed: 2))
            #expect(try rows(again)["b"] == 2, "the sync of a folder that failed was number \(occurrence)")
            again.abandon()
        }
        #expect(appendCount > 10)
    }

    /// With 20 sessions that are flushed 30 times, each row takes some 200 bytes.
    @Test func `the index is rewritten when its change log is longer than is tolerated`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions(.journal)
        options.flushInterval = 1_000_000
        options.toleratedIndexLogByteCount = 20_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        let provider = CountingProvider()
        log.setSummaryProvider(provider)
        var appenders = try (10..<30).map { try Appender(log, "session\($0)") }
        var (generations, longest) = (Set<String>(), UInt64(0))
        for _ in 0..<30 {
            for index in appenders.indices { try appenders[index].append("x") }
            provider.note()
            try log.flushToSegments()
            _ = try rows(log)
            for name in try storage.list("").map(\.name) where name.hasPrefix("index-") {
                generations.insert(name)
                longest = max(longest, try storage.attributes(name)?.byteCount ?? 0)
            }
        }
        #expect(generations.count > 3)
        #expect(longest > 10_000 && longest < 30_000)
        let expected = Dictionary(uniqueKeysWithValues: (10..<30).map { ("session\($0)", UInt64(30)) })
        #expect(try rows(log) == expected)
        log.abandon()
        let again = try LocalLog(in: storage.crash(.dropAll), options: seededOptions(seed: 2))
        #expect(try rows(again) == expected)
        try again.close()
    }

    /// A log whose index has rows of `sessions`, in this order, that tell of a record each.
    private func opened(_ sessions: [String]) throws -> LocalLog {
        let storage = SimulatedStorage()
        try LocalLog(in: storage, options: seededOptions(.journal), creating: true).close()
        let text = String(decoding: try storage.readAll(StoreLayout.indexFile, limit: 1 << 16), as: UTF8.self)
        let rows = sessions.map { session in
            var writer = JSONWriter()
            writer.string(session)
            return "{\"session_id\":" + String(decoding: writer.finish(), as: UTF8.self)
                + ",\"sequence\":1,\"last\":1,\"segment\":0,\"end\":0,\"chain\":\"0000000000000000\",\"summary\":{}}"
        }
        let open = try #require(text.firstMatch(of: /.*/)?.0) + "\n" + rows.joined(separator: ",\n") + "\n]"
        let file = try storage.open(StoreLayout.indexFile, .create)
        try file.truncate(to: 0)
        try file.write(SealedJSON.sealed(Array(open.utf8)) + [10], at: 0)
        try file.sync()
        return try LocalLog(in: storage, options: seededOptions(.journal))
    }

    @Test func `each row is found by its session, however that is spelled`() throws {
        let sessions = ["\u{1}", "Z", "a", "a\"b", "a\\", "aa", "\u{E9}"]
        let log = try opened(sessions)
        for session in sessions {
            #expect(try log.summary(try #require(SessionID(session)))?.sequence == 1, "\(session)")
        }
        #expect(try log.summary(try #require(SessionID("b"))) == nil)
        #expect(try rows(log) == Dictionary(uniqueKeysWithValues: sessions.map { ($0, 1) }))
        try log.close()
    }

    @Test func `rows that do not stand in order are not believed`() throws {
        let log = try opened(["a", "c", "b", "d"])
        #expect(try rows(log) == ["a": 0, "c": 0, "d": 0])
        try log.close()
    }
}
