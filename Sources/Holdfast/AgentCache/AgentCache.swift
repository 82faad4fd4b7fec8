import HoldfastThreads

/// Agents that are kept between turns, by the key of the conversation that they serve, and never beyond what they
/// know.
///
/// An agent holds its session's messages in memory. When someone else writes to the session, another process or a
/// second connection, the agent is stale, and answering with it would lose what was written. So each entry has a
/// baseline, the session and the number of messages that the agent was built from, which a turn compares with the
/// session at its start and sets anew at its end:
///
///     if let agent = cache.agent(for: key, signature: config, session: "s1") { return agent }
///     let baseline = cache.baseline(of: "s1")   // before the messages are read
///     cache.beginBuilding(key, signature: config, baseline: baseline)
///     cache.put(try await build("s1"), for: key, signature: config, baseline: baseline)
///     …                                         // the turn
///     cache.refresh(key, session: "s1")
///
/// A key may switch between sessions: an agent of another session is handed out as it is, for its owner to load
/// what it needs, and keeps its baseline until the key comes back. The count is the guard, so messages that are
/// replaced by as many others go unnoticed.
///
/// For any number of threads. At most `capacity` agents; the one used longest ago goes first, and those not used
/// for `idleTimeout`. Finding and putting cost a look at every entry.
public final class AgentCache<Agent: Sendable>: Sendable {
    /// Answers how a session stands. May block; called without a lock.
    public typealias Status = @Sendable (_ session: String) -> AgentSessionStatus

    private let state = Lock(AgentCacheTable<Agent>())
    private let capacity: Int
    private let idleTimeout: UInt64
    private let status: Status
    private let letGo: @Sendable (Agent) -> Void
    private let now: @Sendable () -> UInt64

    /// A cache of the agents of `store`'s sessions; a deleted session is one that has ended.
    public convenience init(
        of store: HoldfastStore, capacity: Int = 128, idleTimeout: UInt64 = 3_600_000,
        letGo: @escaping @Sendable (Agent) -> Void = { _ in }
    ) {
        self.init(capacity: capacity, idleTimeout: idleTimeout, letGo: letGo) { store.agentStatus(of: $0) }
    }

    /// A cache of agents whose sessions stand as `status` says.
    ///
    /// - Parameters:
    ///   - capacity: how many agents at most, from 1; those being built are not counted out.
    ///   - idleTimeout: for how long an agent is kept that is not used, in milliseconds.
    ///   - letGo: called with each agent that the cache drops, by the thread that caused it and without a lock.
    public convenience init(
        capacity: Int = 128, idleTimeout: UInt64 = 3_600_000, letGo: @escaping @Sendable (Agent) -> Void = { _ in },
        status: @escaping Status
    ) {
        let clock = SystemClock()
        self.init(capacity: capacity, idleTimeout: idleTimeout, letGo: letGo, status: status) {
            clock.monotonicNanoseconds() / 1_000_000
        }
    }

    /// As above, with the milliseconds of a clock of one's own.
    package init(
        capacity: Int, idleTimeout: UInt64, letGo: @escaping @Sendable (Agent) -> Void, status: @escaping Status,
        now: @escaping @Sendable () -> UInt64
    ) {
        self.capacity = max(1, capacity)
        self.idleTimeout = idleTimeout
        self.letGo = letGo
        self.status = status
        self.now = now
    }
}

// A turn.
extension AgentCache {
    /// The agent to begin a turn of `session` with, or `nil` when one must be built: there is none, it is being
    /// built, it has another signature, its session has ended, someone else has written to the session, or nobody
    /// can say.
    public func agent(for key: String, signature: String, session: String) -> Agent? {
        while true {
            guard let seen = withState({ $0.entries[key] }) else { return nil }
            // Outside the lock, for these may read a disk.
            let other = seen.otherSession(than: session).map(status)
            let status = other == nil ? status(session) : .unknown
            let verdict = seen.verdict(signature: signature, status, other: other)
            let isSettled = withState { state in
                // Another thread was here meanwhile: look again.
                guard state.entries[key]?.order == seen.order else { return false }
                switch verdict {
                case .reuse: state.use(key, at: now())
                case .discard: state.entries[key] = nil
                case .leave: break
                }
                return true
            }
            guard isSettled else { continue }
            if verdict == .discard, let agent = seen.agent { letGo(agent) }
            return verdict == .reuse ? seen.agent : nil
        }
    }

    /// What an agent of `session` would be built from now. To be taken before the messages are read: what is
    /// written in between then makes the agent stale, and is not overlooked.
    public func baseline(of session: String) -> AgentBaseline {
        AgentBaseline(session: session, messageCount: status(session).messageCount)
    }

    /// Notes that an agent is being built; answers `false`, and notes nothing, when that was noted before.
    ///
    /// Whoever begins ends with ``put(_:for:signature:baseline:)`` or ``cancelBuilding(_:)``.
    @discardableResult
    public func beginBuilding(_ key: String, signature: String, baseline: AgentBaseline = AgentBaseline()) -> Bool {
        if let entry = entry(for: key), entry.agent == nil { return false }
        insert(AgentCacheEntry(agent: nil, signature: signature, baseline: baseline), at: key)
        return true
    }

    /// Notes that the agent is not being built any more.
    public func cancelBuilding(_ key: String) {
        withState { state in
            if let entry = state.entries[key], entry.agent == nil { state.entries[key] = nil }
        }
    }

    /// Keeps an agent. One without a baseline is handed out without a guard.
    public func put(_ agent: Agent, for key: String, signature: String, baseline: AgentBaseline) {
        insert(AgentCacheEntry(agent: agent, signature: signature, baseline: baseline), at: key)
    }

    /// Notes at the end of a turn that the agent knows all that `session` has now. Nothing happens when the agent
    /// is another session's, is being built or has no guard, and when the session is missing or cannot be read:
    /// then the next turn begins with a look at what is known.
    public func refresh(_ key: String, session: String?) {
        guard let session, let seen = entry(for: key), let count = status(session).messageCount else { return }
        withState { state in
            guard state.entries[key]?.order == seen.order else { return }
            state.entries[key]?.baseline = seen.refreshed(session: session, messageCount: count)
        }
    }
}

// The entries.
extension AgentCache {
    /// The entry at `key`, which this does not count as use.
    public func entry(for key: String) -> AgentCacheEntry<Agent>? { withState { $0.entries[key] } }

    /// How many entries there are.
    public var count: Int { withState { $0.entries.count } }

    /// Drops the entry at `key`.
    public func remove(_ key: String) {
        if let agent = withState({ $0.entries.removeValue(forKey: key) })?.agent { letGo(agent) }
    }

    /// Gives the entry at `key` to the key `newKey`, as when a session goes on under another id.
    public func move(_ key: String, to newKey: String) {
        guard let entry = withState({ $0.entries.removeValue(forKey: key) }) else { return }
        insert(entry, at: newKey)
    }

    private func insert(_ entry: AgentCacheEntry<Agent>, at key: String) {
        let dropped = withState { state in
            let replaced = state.entries.updateValue(entry, forKey: key)
            state.use(key, at: now())
            return [replaced].compactMap { $0?.agent } + state.takeOut(beyond: capacity)
        }
        for agent in dropped { letGo(agent) }
    }

    /// Runs `body` on the entries, without those that have not been used for too long.
    private func withState<Result>(_ body: (inout AgentCacheTable<Agent>) -> Result) -> Result {
        let now = now()
        let (result, dropped) = state.withLock { state in
            let dropped = state.takeOut(unusedSince: now - min(now, idleTimeout))
            return (body(&state), dropped)
        }
        for agent in dropped { letGo(agent) }
        return result
    }
}

extension HoldfastStore {
    /// How a session stands, with every write that was submitted, durable or not.
    fileprivate func agentStatus(of session: String) -> AgentSessionStatus {
        do throws(HoldfastError) {
            let head = try operate { () throws(HoldfastError) in
                try sessions.view(of: try Self.sessionID(session)).head
            }
            if head.sequence == 0 { return .missing }
            return .known(messageCount: head.messageCount, isEnded: head.isDeleted)
        } catch {
            return .unknown
        }
    }
}
