import HoldfastBytes
import HoldfastLog
import HoldfastThreads

/// A session's head as others are shown it: without what only a writer needs.
///
/// An object, so that an append hands on a reference and not a copy of everything.
final class PublishedHead: Sendable {
    let value: SessionHead

    init(_ head: SessionHead) {
        var head = head
        head.keys = NewestEntries(capacity: SessionLimits.keys)
        value = head
    }
}

/// A session that is ready to append to.
///
/// Two locks, taken in this order: `state` for the length of an operation, calls of the log included, so that
/// a session's records are decided and appended one at a time; `progress` for moments only, so that the log's
/// own threads, which report through it, never wait for an operation that waits for the log.
final class HotSession: Sendable {
    /// What an operation works on.
    struct State {
        /// The right to append; `nil` when the log is for reading only.
        var claim: LogClaim?
        /// The fold of every record that was appended, durable or not.
        var head: SessionHead
        var load: CompactionLoad
        /// Bytes that would have to be read to make the head again.
        var unkeptBytes: Int
        /// As many as make it worthwhile to keep the head before the session is given up.
        var nextKeep = State.busyByteCount

        /// Bytes that are appended to a session in use before its head is kept once more.
        static let busyByteCount = 1 << 20
    }

    /// How far the log has come with what was appended.
    struct Progress {
        /// The last durable record.
        var durable: Sequence = 0
        /// The published fold up to that record; `nil` until the session was read.
        var durableHead: PublishedHead?
        /// The published fold of every record appended.
        var appendedHead: PublishedHead?
        /// Why the log gave the session up. Never `nil` again: a failed session is read anew by its
        /// successor.
        var failure: LogError?
        /// Who waits for a record to become durable.
        var waiters: [(sequence: Sequence, resume: @Sendable (LogError?) -> Void)] = []
    }

    let id: SessionID
    let state = Lock<State?>(nil)
    let progress = Monitor(Progress())
    // Safe because only the table of sessions touches it, under its lock.
    @exclusivity(unchecked) nonisolated(unsafe) var use = SessionTable.Use()

    init(_ id: SessionID) { self.id = id }

    /// Whether the log has given the session up.
    var hasFailed: Bool { progress.withLock { $0.failure != nil } }

    /// Runs `body` on the state, which is read from `log` when it is not there. Blocks until no other
    /// operation has it.
    func withState<Result>(
        from log: any SessionLog, _ body: (inout State) throws(HoldfastError) -> Result
    ) throws(HoldfastError) -> Result {
        try state.withLock { (state) throws(HoldfastError) in
            if state == nil { state = try load(from: log) }
            // Changed where it stands, which is large.
            guard let result = try state?.run(body) else { preconditionFailure("a state that was read") }
            return result
        }
    }

    private func load(from log: any SessionLog) throws(HoldfastError) -> State {
        try translated { () throws(LogError) in
            let claim = try claim(from: log)
            do throws(LogError) {
                return try load(under: claim, from: log)
            } catch {
                if let claim { log.release(claim) }
                throw error
            }
        }
    }

    private func load(under claim: LogClaim?, from log: any SessionLog) throws(LogError) -> State {
        // Whoever claims a session learns whether it has records.
        var loaded = claim?.lastSequence == 0 ? LoadedHead() : try log.loadHead(of: id)
        if let claim, loaded.head.sequence < claim.lastSequence {
            // Records of an earlier claim may be on their way still.
            try log.flush()
            loaded = try log.loadHead(of: id)
        }
        if let claim, loaded.head.sequence != claim.lastSequence {
            throw LogError(
                .damaged,
                "of \(claim.lastSequence) records \(loaded.head.sequence) can be read; repair the store")
        }
        progress.withLock { progress in
            progress.durable = loaded.head.sequence
            progress.appendedHead = PublishedHead(loaded.head)
            progress.durableHead = progress.appendedHead
        }
        let load = CompactionLoad(
            payloadBytes: loaded.payloadBytes, snapshotBytes: loaded.snapshotBytes,
            lastUse: loaded.head.updatedAt)
        return State(claim: claim, head: loaded.head, load: load, unkeptBytes: loaded.readBytes)
    }

    private func claim(from log: any SessionLog) throws(LogError) -> LogClaim? {
        do {
            return try log.claim(id)
        } catch {
            guard error.code == .readOnly else { throw error }
            return nil
        }
    }

    /// Gives the claim back to `log` and forgets the state; has the log keep the head, if it was made of `limit` bytes.
    func release(to log: any SessionLog, keepingFrom limit: Int) {
        guard let state = state.withLock({ $0.take() }), let claim = state.claim else { return }
        if state.unkeptBytes >= limit, log.beginHead(claim) == state.head.sequence {
            _ = state.keep(id, in: log, claim, from: limit)
        }
        log.release(claim)
    }

    /// Has the log keep the head of the session as it is now, if it was made of `limit` bytes, once that is durable.
    /// Nobody who appends waits for it.
    func keepHead(in log: any SessionLog, from limit: Int) {
        let found = state.withLock { state -> (State, LogClaim)? in
            guard let state, state.unkeptBytes >= limit, let claim = state.claim,
                log.beginHead(claim) == state.head.sequence
            else { return nil }
            return (state, claim)
        }
        guard let (taken, claim) = found, (try? waitUntilDurable(taken.head.sequence)) != nil else { return }
        let isKept = taken.keep(id, in: log, claim, from: limit)
        state.withLock { state in
            guard var now = state else { return }
            if isKept { now.unkeptBytes -= min(taken.unkeptBytes, now.unkeptBytes) }
            now.nextKeep = isKept ? State.busyByteCount : 2 * taken.unkeptBytes
            state = now
        }
    }
}

extension HotSession.State {
    fileprivate mutating func run<Result>(
        _ body: (inout Self) throws(HoldfastError) -> Result
    ) throws(HoldfastError) -> Result {
        try body(&self)
    }

    /// Has the log keep the head, if it was made of a multiple of its own bytes: what that writes stays in proportion
    /// to what was appended. With 0 for `limit` it is kept whatever it was made of. Answers whether it was kept.
    fileprivate func keep(
        _ id: SessionID, in log: any SessionLog, _ claim: LogClaim, from limit: Int
    ) -> Bool {
        guard let kept = head.kept(id, load), limit == 0 || unkeptBytes >= 4 * kept.count else { return false }
        return log.putHead(claim, through: head.sequence, kept)
    }
}

// What the log reports, and who waits for it.
extension HotSession {
    /// Notes that the head's last record is being appended, or that it was the last one after all.
    func noteAppended(_ head: PublishedHead) {
        progress.withLock { $0.appendedHead = head }
    }

    /// Notes that the head's last record and all before it are durable, or that the log has failed.
    func noteCompleted(_ head: PublishedHead, _ error: LogError?) {
        let resumed = progress.withLock { progress in
            if let error {
                progress.failure = progress.failure ?? error
            } else if progress.failure == nil {
                progress.durable = head.value.sequence
                progress.durableHead = head
            }
            return progress.takeWaiters()
        }
        progress.broadcast()
        for resume in resumed { resume(error) }
    }

    /// Calls `resume` once the record `sequence` is durable, or the log has failed: maybe at once, else from
    /// a thread of the log.
    func whenDurable(_ sequence: Sequence, _ resume: @escaping @Sendable (LogError?) -> Void) {
        let outcome: LogError?? = progress.withLock { progress in
            if progress.durable >= sequence { return .some(nil) }
            if let failure = progress.failure { return .some(failure) }
            progress.waiters.append((sequence, resume))
            return nil
        }
        if let outcome { resume(outcome) }
    }

    /// Whether the record `sequence` is durable.
    func isDurable(_ sequence: Sequence) -> Bool { progress.withLock { $0.durable >= sequence } }

    /// Blocks until the record `sequence` is durable.
    func waitUntilDurable(_ sequence: Sequence) throws(LogError) {
        try progress.wait(until: { $0.durable >= sequence || $0.failure != nil }) {
            (progress) throws(LogError) in
            if progress.durable < sequence, let failure = progress.failure { throw failure }
        }
    }
}

extension HotSession.Progress {
    /// Takes out those who wait for nothing any more.
    fileprivate mutating func takeWaiters() -> [@Sendable (LogError?) -> Void] {
        guard !waiters.isEmpty else { return [] }
        let reached = failure == nil ? durable : .max
        let done = waiters.filter { $0.sequence <= reached }
        waiters.removeAll { $0.sequence <= reached }
        return done.map(\.resume)
    }
}
