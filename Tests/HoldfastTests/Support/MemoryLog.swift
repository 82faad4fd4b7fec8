package import HoldfastBytes
package import HoldfastLog
import HoldfastThreads

/// A log in memory, which keeps what the protocol of ``SessionLog`` promises and can be told to fail.
package final class MemoryLog: SessionLog {
    struct Session {
        var records: [LogRecord] = []
        /// The first record that was not trimmed.
        var first: Sequence = 1
        var durable: Sequence = 0
        var last: Sequence = 0
        var epoch: UInt64 = 0
        var isClaimed = false
        var hasFailed = false
        /// In the order of their sequences.
        var snapshots: [MemorySnapshot] = []
        var row: SummaryRow?
    }

    struct Queued {
        let session: SessionID
        let epoch: UInt64
        let record: LogRecord
        let completion: @Sendable (LogError?) -> Void
    }

    struct State {
        var sessions: [SessionID: Session] = [:]
        var queue: [Queued] = []
        /// Completions that are being called.
        var completing = 0
        var isHeld = false
        var flushes = 0
        var isStopping = false
        var appendError: LogError?
        /// How many appends work before `appendError` counts.
        var appendsLeft = 0
        var commitError: LogError?
        var claims = 0
        var isReadOnly = false
        var isEager = false
        /// How many records were given out.
        var readCount = 0
    }

    let state: Monitor<State>
    private let provider = Lock<(any SummaryProvider)?>(nil)
    private let thread = Lock<Thread?>(nil)
    package let payloadLimit: Int
    package let softWindow: Milliseconds = 20

    convenience init(payloadLimit: Int = 1 << 26) { self.init(State(), payloadLimit: payloadLimit) }

    private init(_ state: State, payloadLimit: Int) {
        self.state = Monitor(state)
        self.payloadLimit = payloadLimit
        let monitor = self.state
        let started = try? Thread.start(name: "memory-log") { Self.commit(monitor) }
        thread.withLock { $0 = started }
    }

    /// Ends the commit thread.
    func stop() {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        thread.withLock { $0.take() }?.join()
    }

    /// What a new process finds after this one was killed: the durable records, no claims, and rows as old as
    /// the last release.
    func afterCrash() -> MemoryLog {
        stop()
        var survivor = State()
        survivor.sessions = state.withLock { $0.sessions }
        for id in survivor.sessions.keys {
            survivor.sessions[id]?.recover()
        }
        survivor.sessions = survivor.sessions.filter { $0.value.durable > 0 }
        return MemoryLog(survivor, payloadLimit: payloadLimit)
    }

    /// Makes commits wait until `body` is done.
    func holdingCommits<Result>(_ body: () throws -> Result) rethrows -> Result {
        setHeld(true)
        defer { setHeld(false) }
        return try body()
    }

    func setHeld(_ isHeld: Bool) {
        state.withLock { $0.isHeld = isHeld }
        state.broadcast()
    }

    /// Waits until someone waits for a flush, or a second has passed.
    func awaitFlush() { state.wait(until: { $0.flushes > 0 }, milliseconds: 1_000) { _, _ in } }

    /// How many appends are queued after some milliseconds of waiting for ever more of them.
    func mostQueued(within milliseconds: UInt64) -> Int {
        state.wait(until: { $0.queue.count > 100 }, milliseconds: milliseconds) { state, _ in state.queue.count }
    }

    /// Waits until the session has a snapshot, or a minute has passed.
    func awaitSnapshot(of id: String) {
        guard let id = SessionID(id) else { return }
        state.wait(until: { $0.sessions[id]?.snapshots.isEmpty == false }, milliseconds: 60_000) { _, _ in }
    }

    /// Makes each append fail at once with `error`, until told otherwise.
    func setAppendError(_ error: LogError?) { state.withLock { $0.appendError = error } }

    /// Makes each append after the next `count` fail with `error`, until told otherwise.
    func failAppends(after count: Int, with error: LogError) {
        state.withLock { ($0.appendsLeft, $0.appendError) = (count, error) }
    }

    /// Makes what the record at `index`, from 0, says unreadable.
    func damageRecord(of id: String, at index: Int) {
        state.withLock { state in
            if let id = SessionID(id) { state.sessions[id]?.records[index].payload = Array("?".utf8) }
        }
    }

    /// Makes the next commit of anything fail.
    func failNextCommit(_ error: LogError) { state.withLock { $0.commitError = error } }

    /// Makes each append return only when its record is committed and the session's row has been written, which a log
    /// may do as soon as the record is queued.
    func setEager() { state.withLock { $0.isEager = true } }

    /// Makes claims fail from now on.
    func setReadOnly() { state.withLock { $0.isReadOnly = true } }

    /// Takes the session away from whoever has it.
    func claimForAnother(_ id: String) throws {
        if let id = SessionID(id) { _ = try claim(id) }
    }

    /// Adds a durable record behind the store's back.
    func addRecord(to id: String, kind: UInt8, payload: [UInt8]) {
        state.withLock { state in
            guard let id = SessionID(id), var session = state.sessions[id] else { return }
            session.last += 1
            session.durable = session.last
            session.records.append(LogRecord(sequence: session.last, kind: kind, time: 1, payload: payload))
            state.sessions[id] = session
        }
    }

    func records(of id: String) -> [LogRecord] {
        state.withLock { state in SessionID(id).flatMap { state.sessions[$0]?.records } ?? [] }
    }

    func snapshotText(of id: String) -> String? {
        let snapshot = state.withLock { state in SessionID(id).flatMap { state.sessions[$0]?.snapshots.last } }
        return snapshot.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    var claimedCount: Int { state.withLock { $0.sessions.values.count { $0.isClaimed } } }
}

// Appending.
extension MemoryLog {
    package func claim(_ session: SessionID) throws(LogError) -> LogClaim {
        try state.withLock { (state) throws(LogError) in
            if state.isReadOnly { throw LogError(.readOnly, "read only") }
            state.claims += 1
            var entry = state.sessions[session] ?? Session()
            entry.epoch += 1
            entry.isClaimed = true
            entry.hasFailed = false
            state.sessions[session] = entry
            return LogClaim(session: session, epoch: entry.epoch, lastSequence: entry.last)
        }
    }

    package func release(_ claim: LogClaim) {
        let isCurrent = state.withLock { $0.sessions[claim.session]?.epoch == claim.epoch }
        let row = isCurrent ? provider.withLock { $0 }?.summaryRow(of: claim.session) : nil
        state.withLock { state in
            guard state.sessions[claim.session]?.epoch == claim.epoch else { return }
            state.sessions[claim.session]?.isClaimed = false
            if let row { state.sessions[claim.session]?.row = row }
            if state.sessions[claim.session]?.last == 0 { state.sessions[claim.session] = nil }
        }
    }

    package func append(
        _ claim: LogClaim, expected: Sequence, kind: UInt8, time: Milliseconds, payload: [UInt8],
        durability: Durability, completion: @escaping @Sendable (LogError?) -> Void
    ) throws(LogError) -> Sequence {
        try state.withLock { (state) throws(LogError) in
            if let error = state.appendError {
                if state.appendsLeft == 0 { throw error }
                state.appendsLeft -= 1
            }
            guard let session = state.sessions[claim.session], session.epoch == claim.epoch else {
                throw LogError(.fenced, "claimed by another")
            }
            if session.hasFailed { throw LogError(.failed, "the claim has failed") }
            guard session.last == expected else {
                throw LogError(.conflict, "conflict", sequence: session.last)
            }
            state.sessions[claim.session]?.last = expected + 1
            let record = LogRecord(sequence: expected + 1, kind: kind, time: time, payload: payload)
            state.queue.append(
                Queued(session: claim.session, epoch: claim.epoch, record: record, completion: completion))
        }
        state.broadcast()
        if state.withLock({ $0.isEager }) { writeRow(of: claim.session) }
        return expected + 1
    }

    private func writeRow(of session: SessionID) {
        state.wait(until: { $0.queue.isEmpty && $0.completing == 0 }) { _ in }
        let row = provider.withLock { $0 }?.summaryRow(of: session)
        if let row { state.withLock { $0.sessions[session]?.row = row } }
    }

    package func flush() throws(LogError) {
        state.withLock { $0.flushes += 1 }
        state.broadcast()
        state.wait(until: { $0.queue.isEmpty && $0.completing == 0 }) { $0.flushes -= 1 }
    }

    private static func commit(_ monitor: Monitor<State>) {
        while true {
            let batch = monitor.wait(until: { $0.isStopping || (!$0.queue.isEmpty && !$0.isHeld) }) { state in
                state.isStopping ? [] : state.takeBatch()
            }
            if batch.isEmpty { return }
            for (completion, error) in batch { completion(error) }
            monitor.withLock { $0.completing = 0 }
            monitor.broadcast()
        }
    }

    package func setSummaryProvider(_ provider: any SummaryProvider) {
        self.provider.withLock { $0 = provider }
    }
}

extension MemoryLog.State {
    fileprivate mutating func takeBatch() -> [(@Sendable (LogError?) -> Void, LogError?)] {
        let batch = queue
        queue = []
        completing = batch.count
        return batch.map { queued in
            let error = sessions[queued.session]?.commit(queued.record, failing: commitError)
            if error != nil { commitError = nil }
            return (queued.completion, error)
        }
    }
}

extension MemoryLog.Session {
    /// Keeps the record, or fails like everything after a failure.
    fileprivate mutating func commit(_ record: LogRecord, failing error: LogError?) -> LogError? {
        if let error = error ?? (hasFailed ? LogError(.failed, "after a failure") : nil) {
            hasFailed = true
            last = durable
            return error
        }
        records.append(record)
        durable = record.sequence
        return nil
    }

    fileprivate mutating func recover() {
        last = durable
        isClaimed = false
        hasFailed = false
    }
}

// Reading.
extension MemoryLog {
    package func read(
        _ session: SessionID, from first: Sequence, _ body: (LogRecord) throws(LogError) -> Bool
    ) throws(LogError) {
        guard let entry = state.withLock({ $0.sessions[session] }), entry.durable > 0 else {
            throw LogError(.unknownSession, "unknown")
        }
        if first < entry.first { throw LogError(.trimmed, "records before \(entry.first) were trimmed") }
        for record in entry.records where record.sequence >= first {
            state.withLock { $0.readCount += 1 }
            if try !body(record) { return }
        }
    }

    package func snapshot(
        _ session: SessionID, through limit: Sequence
    ) throws(LogError) -> (any SnapshotSource)? {
        state.withLock { $0.sessions[session]?.snapshots.last { $0.sequence <= limit } }
    }

    package func putSnapshot(
        _ session: SessionID, through sequence: Sequence,
        _ write: (any SnapshotSink) throws(LogError) -> Void
    ) throws(LogError) {
        let sink = MemorySink()
        try write(sink)
        let snapshot = MemorySnapshot(sequence: sequence, bytes: sink.bytes)
        state.withLock { state in
            state.sessions[session]?.snapshots.removeAll { $0.sequence == sequence }
            state.sessions[session]?.snapshots.append(snapshot)
        }
        state.broadcast()
    }

    package func beginSegment(_ claim: LogClaim) throws(LogError) {}

    package func trim(_ session: SessionID, keeping pinned: Sequence?, isFinal: Bool) throws(LogError) {
        state.withLock { state in
            guard var entry = state.sessions[session],
                let oldest = entry.snapshots.last(where: { $0.sequence <= pinned ?? .max })
            else { return }
            entry.snapshots.removeAll { $0.sequence < oldest.sequence }
            entry.records.removeAll { $0.sequence <= oldest.sequence }
            entry.first = oldest.sequence + 1
            state.sessions[session] = entry
        }
    }

    package func list(_ body: (SummaryRow) throws(LogError) -> Bool) throws(LogError) {
        let sessions = state.withLock { $0.sessions }
        for (id, entry) in sessions where entry.durable > 0 {
            if try !body(entry.row ?? SummaryRow(session: id, sequence: 0, row: [])) { return }
        }
    }

    package func summary(_ session: SessionID) throws(LogError) -> SummaryRow? {
        state.withLock { $0.sessions[session]?.row }
    }
}

final class MemorySnapshot: SnapshotSource {
    let sequence: Sequence
    let bytes: [UInt8]
    /// How many pieces were read.
    let readCount = Lock(0)

    init(sequence: Sequence, bytes: [UInt8]) {
        self.sequence = sequence
        self.bytes = bytes
    }

    var byteCount: Int { bytes.count }

    func read(at offset: Int, count: Int) throws(LogError) -> [UInt8] {
        readCount.withLock { $0 += 1 }
        return Array(bytes[offset..<min(bytes.count, offset + count)])
    }
}

private final class MemorySink: SnapshotSink {
    var bytes: [UInt8] = []

    func write(_ bytes: [UInt8]) throws(LogError) { self.bytes += bytes }
}
