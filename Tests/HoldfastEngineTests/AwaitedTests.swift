import Glibc
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// Who commits what a caller waits for.
@Suite struct AwaitedTests {
    private static let modes: [SegmentHeader.CommitMode] = [.journal, .segment]
    private let log: LocalLog

    init() throws {
        var options = seededOptions()
        // Nothing but the tests asks for a commit.
        options.flushInterval = 3_600_000
        log = try LocalLog(in: SimulatedStorage(), options: options, creating: true)
    }

    @Test func `who is alone and waits commits by itself`() throws {
        var a = try alone("a")
        let (me, committer) = (ThreadID.current, Lock(ThreadID?.none))
        try submit("{}", to: &a, .awaited) { _ in committer.withLock { $0 = .current } }
        log.commitAwaited()
        #expect(committer.withLock { $0 } == me)
        try log.close()
    }

    @Test func `what was queued while a caller committed is committed next`() throws {
        var a = try alone("a")
        var b = try Appender(log, "b")
        let gate = Gate()
        try submit("{}", to: &a, .awaited) { _ in gate.pass() }
        let caller = try Thread.start(name: "caller") { [log] in log.commitAwaited() }
        gate.awaitSomebody()
        let outcomes = Outcomes()
        try submit("{}", to: &b, .durable, outcomes.completion())
        gate.open()
        #expect(outcomes.wait() == [nil])
        caller.join()
        try log.close()
    }

    @Test func `nobody commits beside the committer`() throws {
        var a = try alone("a")
        var (b, c) = (try Appender(log, "b"), try Appender(log, "c"))
        let (gate, outcomes) = (Gate(), Outcomes())
        try submit("{}", to: &a, .awaited) { _ in gate.pass() }
        // Somebody else who waits has the committer's thread take both.
        try submit("{}", to: &b, .durable, outcomes.completion())
        gate.awaitSomebody()
        let isCommitted = Lock(false)
        try submit("{}", to: &c, .durable) { _ in isCommitted.withLock { $0 = true } }
        log.commitAwaited()
        #expect(!isCommitted.withLock { $0 })
        gate.open()
        #expect(outcomes.wait() == [nil])
        try log.close()
        #expect(isCommitted.withLock { $0 })
    }

    @Test(arguments: modes) func `awaited appends of many are durable`(mode: SegmentHeader.CommitMode) throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(mode), creating: true)
        let threads = try (0..<4).map { number in
            try Thread.start(name: "writer") {
                guard var appender = try? Appender(log, "s\(number)") else { return }
                for index in 0..<100 { try? appender.append(message(index), durability: .awaited) }
            }
        }
        for thread in threads { thread.join() }
        let after = storage.crash(.dropAll)
        log.abandon()
        let survivor = try LocalLog(in: after, options: seededOptions(mode, seed: 2))
        for number in 0..<4 { #expect(try payloads(survivor, "s\(number)") == (0..<100).map { message($0) }) }
        try survivor.close()
    }

    /// A session that has been written until this thread committed what it wrote, for nobody else seemed to write.
    private func alone(_ session: String) throws -> Appender {
        var appender = try Appender(log, session)
        let (me, committer) = (ThreadID.current, Lock(ThreadID?.none))
        for number in 0..<1_000 where committer.withLock({ $0 }) != me {
            let outcomes = Outcomes()
            let completion = outcomes.completion()
            try submit(message(number), to: &appender, .awaited) { error in
                committer.withLock { $0 = .current }
                completion(error)
            }
            log.commitAwaited()
            #expect(outcomes.wait() == [nil])
            // The committer's thread acknowledges before it looks whether there is more. Let it find nothing, or it
            // may take each append that its acknowledgement brings about.
            usleep(1_000)
        }
        try #require(committer.withLock { $0 } == me)
        return appender
    }

    private func submit(
        _ text: String, to appender: inout Appender, _ durability: Durability,
        _ completion: @escaping @Sendable (LogError?) -> Void
    ) throws {
        appender.last = try log.append(
            appender.claim, expected: appender.last, kind: 3, time: 1_700_000_000_000, payload: Array(text.utf8),
            durability: durability, completion: completion)
    }
}

/// Which thread runs.
private struct ThreadID: Equatable {
    let value: pthread_t
    static var current: Self { Self(value: pthread_self()) }
}

/// Holds up whoever wants to pass until it is opened, or a minute has passed.
private final class Gate: Sendable {
    private let state = Monitor((isOpen: false, isReached: false))

    func pass() {
        state.withLock { $0.isReached = true }
        state.broadcast()
        state.wait(until: \.isOpen, milliseconds: 60_000) { _, _ in }
    }

    func awaitSomebody() { state.wait(until: \.isReached, milliseconds: 60_000) { _, _ in } }

    func open() {
        state.withLock { $0.isOpen = true }
        state.broadcast()
    }
}
