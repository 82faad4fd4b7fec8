import HoldfastBytes
import HoldfastLog

// One mutation, three ways to wait for its answer.
extension HoldfastStore {
    /// Makes the change `mutation` and calls `completion` exactly once with what it did.
    ///
    /// Returns without waiting for the disk, except to read a session that is not ready yet, messages that the change
    /// depends on, as an undo does, or the titles of all sessions, and for rotations, branches and copies, which
    /// concern two sessions and are done on return. What was submitted for one session before is done, and answered,
    /// before.
    /// `completion` runs on this thread or on one of the log and must not block. Refusals, such as `conflict` or
    /// `unknown_session`, come through it too.
    public func submit(
        _ mutation: Mutation, _ completion: @escaping @Sendable (Result<WriteResult, HoldfastError>) -> Void
    ) { submit(mutation, isAwaited: false, completion) }

    /// The same, and says whether this thread calls ``SessionLog/commitAwaited()`` next.
    private func submit(_ mutation: Mutation, isAwaited: Bool, _ completion: @escaping Completion) {
        if case .router = mutation.change {
            var mutation = mutation
            mutation.isAwaited = isAwaited
            return RouterStore(self).submit(mutation, completion)
        }
        do throws(HoldfastError) {
            try operate { () throws(HoldfastError) in
                let id = try Self.sessionID(mutation.session)
                var mutation = try mutation.checked()
                mutation.isAwaited = isAwaited
                switch mutation.change {
                case .fork(let fork): completion(.success(try self.fork(mutation, fork, on: id)))
                case .delete:
                    try perform(mutation, on: id, completion)
                    guard sessions.lineage(of: id) != nil else { return }
                    workers.run {
                        self.releaseParent(of: id)
                        self.sessions.letGo(id)
                    }
                default: try perform(mutation, on: id, completion)
                }
            }
        } catch {
            completion(.failure(error))
        }
    }

    /// Makes the change `mutation`; suspends until it is durable, or until it is queued for `.soon`.
    @discardableResult
    public func write(_ mutation: Mutation) async throws(HoldfastError) -> WriteResult {
        // What has to read first would block, and the threads of `async` code must not.
        let mayRead = mutation.readsOutput || mutation.change.readsMessages || mutation.isFork || mutation.claimsTitle
        let isQuick = !mayRead && sessions.isReady(mutation.session)
        let result = await withCheckedContinuation { continuation in
            let answer: @Sendable (Result<WriteResult, HoldfastError>) -> Void = { continuation.resume(returning: $0) }
            if isQuick { submit(mutation, answer) } else { workers.run { self.submit(mutation, answer) } }
        }
        return try result.get()
    }

    /// Makes the change `mutation`; blocks until it is durable, or until it is queued for `.soon`.
    ///
    /// When no other write is on its way, this thread syncs the write itself, which no thread must be woken for.
    @discardableResult
    public func writeBlocking(_ mutation: Mutation) throws(HoldfastError) -> WriteResult {
        let answer = Awaited<Result<WriteResult, HoldfastError>>()
        submit(mutation, isAwaited: true) { answer.fulfil($0) }
        if mutation.durability == .durable { log.commitAwaited() }
        return try answer.wait().get()
    }

    /// Takes `text` as the id of a session.
    static func sessionID(_ text: String) throws(HoldfastError) -> SessionID {
        guard let id = SessionID(text) else {
            throw HoldfastError(.badRequest, "a session id has 1 to 255 bytes of UTF-8 and no NUL")
        }
        return id
    }
}

extension Mutation {
    /// Whether the change is made while the caller waits.
    fileprivate var isFork: Bool {
        if case .fork = change { true } else { false }
    }
}
