/// What a cached agent was built from.
public struct AgentBaseline: Hashable, Sendable {
    /// The session whose messages the agent has; `nil` when that was not noted.
    public var session: String?
    /// How many messages the session had; `nil` when that was not noted.
    public var messageCount: Int?

    /// Takes note of both, of one, or of neither.
    public init(session: String? = nil, messageCount: Int? = nil) {
        self.session = session
        self.messageCount = messageCount
    }

    /// Whether nothing is known, as of entries that came before there was a guard. Such an entry is never found stale.
    var isUnguarded: Bool { session == nil && messageCount == nil }
}

/// How a session stands, for the guard of a cache.
public enum AgentSessionStatus: Hashable, Sendable {
    /// It has so many messages; `isEnded` says that no turn will follow.
    case known(messageCount: Int, isEnded: Bool = false)
    /// There is no such session, or not yet.
    case missing
    /// Nobody can say, because reading it failed.
    case unknown

    var messageCount: Int? {
        if case .known(let count, _) = self { count } else { nil }
    }
}

/// An agent in a cache.
public struct AgentCacheEntry<Agent: Sendable>: Sendable {
    /// The agent; `nil` while it is being built.
    public var agent: Agent?
    /// What it was configured with: one with another signature is of no use.
    public var signature: String
    /// What it was built from.
    public var baseline: AgentBaseline
    /// When it was last used, in milliseconds of the cache's clock.
    var usedAt: UInt64 = 0
    /// Its place in the order of use.
    var order: UInt64 = 0
}

// The guard: pure.
extension AgentCacheEntry {
    /// What is to be done with an entry at the start of a turn.
    enum Verdict: Equatable {
        case reuse, discard
        /// Of no use, and not to be touched: another thread is at it.
        case leave
    }

    /// The session whose end would make the agent useless though the turn is another session's.
    func otherSession(than session: String) -> String? {
        baseline.session.flatMap { $0.utf8.elementsEqual(session.utf8) ? nil : $0 }
    }

    /// Decides at the start of a turn of the session `current`, which stands as `status` says; the session of the
    /// baseline, if it is another, as `other` says.
    func verdict(signature: String, _ status: AgentSessionStatus, other: AgentSessionStatus?) -> Verdict {
        guard agent != nil else { return .leave }
        guard signature.utf8.elementsEqual(self.signature.utf8) else { return .discard }
        if let other {
            // The key has switched to another session: how many messages that one has says nothing about this agent.
            if case .known(_, isEnded: false) = other { return .reuse }
            return other == .missing ? .reuse : .discard
        }
        if baseline.isUnguarded { return .reuse }
        switch status {
        case .unknown: return .discard
        case .missing: return .reuse
        case .known(let count, _): return baseline.messageCount.map { $0 == count } ?? true ? .reuse : .discard
        }
    }

    /// The baseline after a turn of `session`, which has `messageCount` messages now: another session's stays.
    func refreshed(session: String, messageCount: Int) -> AgentBaseline {
        if agent == nil || baseline.isUnguarded || otherSession(than: session) != nil { return baseline }
        return AgentBaseline(session: baseline.session, messageCount: messageCount)
    }
}
