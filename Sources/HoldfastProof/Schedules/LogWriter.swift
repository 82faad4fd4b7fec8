#if HOLDFAST_SCHEDULES
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastThreads

/// One thread that works on one session until its plan is done, or the store gives up.
struct LogWriter {
    private let log: LocalLog
    private let book: ScheduleBook
    private let plan: SchedulePlan
    private let number: Int
    private let session: String
    private var generator: SplitMix64

    init(_ log: LocalLog, _ run: ScheduleRun, _ number: Int, session: Int) {
        self.log = log
        book = run.book
        plan = run.plan
        self.number = number
        self.session = "s\(session)"
        generator = SplitMix64(seed: run.plan.seed &* 31 &+ UInt64(number))
    }

    func run() {
        var copy = self
        // A fenced or failed claim is taken anew a few times; then the session stays as it is.
        for _ in 0..<3 where (try? copy.work()) == nil {}
    }

    /// Claims the session and makes the planned writes.
    private mutating func work() throws {
        let before = book.claiming(session)
        let claim = try log.claim(sessionID(session))
        book.claimed(session, last: claim.lastSequence, since: before)
        let pipe = AppendPipe(log, claim, session, book)
        for index in 0..<plan.writesPerWriter {
            let durability = durability()
            try pipe.append(text(index), durability)
            if durability == .awaited { log.commitAwaited() }
            if generator.next() % 3 == 0 { pipe.wait() }
            try aside(claim, pipe)
        }
        pipe.wait()
        if generator.next() % 2 == 0 { log.release(claim) }
    }

    /// What is not waited for needs a timer.
    private mutating func durability() -> Durability {
        if plan.slowness != nil, generator.next() % 4 == 0 { return .soon }
        return generator.next() % 3 == 0 ? .awaited : .durable
    }

    private mutating func text(_ index: Int) -> String {
        let unique = "\(session) by \(number), \(index), \(generator.next())"
        // One long record now and then, so that the journal goes on to its next file.
        if plan.seed % 16 == 3, generator.next() % 4 == 0 { return unique + noise(byteCount: 90_000) }
        return generator.next() % 3 == 0 ? message(index, byteCount: 500) + unique : unique
    }

    private mutating func noise(byteCount: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        for index in bytes.indices { bytes[index] = 33 + UInt8(truncatingIfNeeded: generator.next() % 90) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Something else that happens between appends.
    private mutating func aside(_ claim: LogClaim, _ pipe: AppendPipe) throws {
        switch generator.next() % 12 {
        case 0: try log.flush()
        case 1: try log.flushToSegments()
        case 2: try read()
        case 3 where number != plan.writerCount: try snapshot(pipe)
        case 4: _ = try log.summary(sessionID(session))
        default: break
        }
    }

    /// Whatever is acknowledged by now can be read.
    private func read() throws {
        let before = book.sessions[session]?.lastAcknowledged ?? 0
        let start = book.sessions[session]?.snapshot ?? 0
        let texts = try payloads(log, session, from: start + 1)
        guard let after = book.sessions[session] else { return }
        for wrong in after.judge(session, texts, after: start, least: before) { book.blame("read: \(wrong)") }
    }

    private func snapshot(_ pipe: AppendPipe) throws {
        pipe.wait()
        guard let sequence = pipe.lastDurable, plan.seed % 2 == 1 else { return }
        book.snapshot(session, sequence)
        try log.putSnapshot(sessionID(session), through: sequence) { (sink) throws(LogError) in
            try sink.write(Array("{\"session_id\":\"\(session)\",\"sequence\":\(sequence)}".utf8))
        }
        try log.trim(sessionID(session), keeping: nil)
    }
}

/// The appends of one claim, in flight side by side, and what is promised of their completions.
final class AppendPipe: Sendable {
    private struct State {
        var next: UInt64
        /// In the order of their appends.
        var inFlight: [UInt64] = []
        var lastDurable: UInt64?
        var failure: LogError?
    }

    private let log: LocalLog
    private let claim: LogClaim
    private let session: String
    private let book: ScheduleBook
    private let state: Monitor<State>

    init(_ log: LocalLog, _ claim: LogClaim, _ session: String, _ book: ScheduleBook) {
        self.log = log
        self.claim = claim
        self.session = session
        self.book = book
        state = Monitor(State(next: claim.lastSequence + 1))
    }

    var lastDurable: UInt64? { state.withLock { $0.failure == nil ? $0.lastDurable : nil } }

    func append(_ text: String, _ durability: Durability) throws {
        let sequence = state.withLock { state in
            state.inFlight.append(state.next)
            return state.next
        }
        book.submit(session, sequence, text)
        do {
            let given = try log.append(
                claim, expected: sequence - 1, kind: 3, time: 1_700_000_000_000, payload: Array(text.utf8),
                durability: durability, completion: { self.complete(sequence, text, $0) })
            if given != sequence { book.blame("\(session): append answered \(given), not \(sequence)") }
            state.withLock { $0.next += 1 }
        } catch {
            book.withdraw(session, sequence, text)
            state.withLock { state in state.inFlight.removeAll { $0 == sequence } }
            throw error
        }
    }

    private func complete(_ sequence: UInt64, _ text: String, _ error: LogError?) {
        book.complete(session, sequence, text, isDurable: error == nil)
        state.withLock { state in
            if state.inFlight.first != sequence {
                book.blame("\(session): \(sequence) was answered before or twice: \(state.inFlight) are in flight")
            }
            state.inFlight.removeAll { $0 == sequence }
            if let leader = state.failure, leader != error {
                book.blame(
                    "\(session): after '\(leader)' record \(sequence) ended with \(String(describing: error))")
            }
            state.failure = state.failure ?? error
            if error == nil { state.lastDurable = sequence }
        }
        state.broadcast()
    }

    /// Waits until nothing is in flight.
    func wait() { state.wait(until: { $0.inFlight.isEmpty }) { _ in } }
}
#endif
