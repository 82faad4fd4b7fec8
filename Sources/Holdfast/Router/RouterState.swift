/// What a router learns about one session.
public enum RouterEvent: Hashable, Sendable {
    /// The session's requests go to `model`. The entry is made when there is none, and the session too.
    case set(model: String, tier: RouterTier, isUserExplicit: Bool = false)
    /// The session was used.
    case touch
    /// A request with this hash came in; see ``Router/hashRequestContent(_:tools:)``.
    case requestHash(String)
    /// The tier was too low.
    case escalate
    /// A request has cost so many millionths of a dollar; less than nothing takes some back.
    case cost(micros: Int64)
    /// The session is worth keeping at `provider`, which has it cached.
    case cacheSticky(provider: String)
    /// The entry goes.
    case clear
    /// The entry goes if the session has been idle for longer than the timeout.
    case expire

    /// The name in records and requests.
    var name: String {
        switch self {
        case .set: "set"
        case .touch: "touch"
        case .requestHash: "hash"
        case .escalate: "escalate"
        case .cost: "cost"
        case .cacheSticky: "sticky"
        case .clear: "clear"
        case .expire: "expire"
        }
    }
}

/// Uses of a session that have no record yet.
struct RouterTouches: Sendable, Equatable {
    var count = 0
    /// When the last one was, in milliseconds since 1970.
    var lastAt: UInt64 = 0
}

/// An event with all that its effect depends on.
struct RouterRequest: Sendable, Equatable {
    var event: RouterEvent
    /// What time it is, in milliseconds since 1970.
    var now: UInt64 = 0
    /// An entry that was last used before this moment is gone.
    var horizon: UInt64 = 0
    /// Uses that come before the event.
    var touches = RouterTouches()
}

/// The router's part of a session. Pure: an event and a moment decide what comes next.
struct RouterState: Sendable, Equatable {
    var entry: RouterEntry?

    /// The entry as it is to be seen at a moment: with the uses that have no record yet, or gone.
    func entry(after touches: RouterTouches, horizon: UInt64) -> RouterEntry? {
        var entry = entry
        entry?.touch(touches)
        return entry.flatMap { $0.lastUsedAt < horizon ? nil : $0 }
    }

    /// The state after `request`.
    func applying(_ request: RouterRequest) -> RouterState {
        var known = entry(after: request.touches, horizon: request.horizon)
        switch request.event {
        case .set(let model, let tier, let isUserExplicit):
            known?.pin(model: model, tier: tier, isUserExplicit: isUserExplicit, now: request.now)
            known = known ?? RouterEntry(model: model, tier: tier, isUserExplicit: isUserExplicit, now: request.now)
        case .touch: known?.touch(RouterTouches(count: 1, lastAt: request.now))
        case .requestHash(let hash): known?.add(hash: hash)
        case .escalate: known?.escalate()
        case .cost(let micros): known?.add(micros: micros)
        case .cacheSticky(let provider): known?.pinCache(provider: provider, now: request.now)
        case .clear: known = nil
        case .expire: break
        }
        return RouterState(entry: known)
    }
}
