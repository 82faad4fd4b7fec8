import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
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
}
