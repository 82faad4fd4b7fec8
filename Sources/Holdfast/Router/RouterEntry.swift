/// What a router remembers of one session: the model that it is pinned to, and how it has gone so far.
public struct RouterEntry: Hashable, Sendable {
    /// The model that the session's requests go to.
    public internal(set) var model: String
    /// How hard its tasks are.
    public internal(set) var tier: RouterTier
    /// When the entry came to be, in milliseconds since 1970.
    public internal(set) var createdAt: UInt64
    /// When the session was last pinned or touched. Idle time counts from here, for the timeout and for the cache.
    public internal(set) var lastUsedAt: UInt64
    /// How often it was pinned or touched.
    public internal(set) var requestCount: Int = 1
    /// The newest hashes of requests, oldest first; at most ``Router/hashWindow``.
    public internal(set) var recentHashes: [String] = []
    /// How often a request was equal to the one before it. Never goes down.
    public internal(set) var strikes: Int = 0
    /// Whether the tier was raised.
    public internal(set) var isEscalated = false
    /// Whether a user chose the model, so that no router changes the tier.
    public internal(set) var isUserExplicit: Bool
    /// Whether the session was ever worth keeping at its provider; see ``isCacheSticky(now:)``.
    public internal(set) var isCachePinned = false
    /// When that was said first; 0 when never.
    public internal(set) var cachePinnedAt: UInt64 = 0
    /// The provider that has the session cached; `""` when none.
    public internal(set) var provider = ""
    /// What the session has cost, in millionths of a dollar.
    public internal(set) var costMicros: Int64 = 0

    /// A session that is pinned for the first time.
    init(model: String, tier: RouterTier, isUserExplicit: Bool, now: UInt64) {
        (self.model, self.tier, self.isUserExplicit) = (model, tier, isUserExplicit)
        (createdAt, lastUsedAt) = (now, now)
    }
}

// What can be said about an entry at a moment.
extension RouterEntry {
    /// How long the session has not been used, in milliseconds; 0 when the clock went back.
    public func idleTime(now: UInt64) -> UInt64 { now - min(now, lastUsedAt) }

    /// Whether the session has been idle for longer than `timeout` milliseconds.
    public func isExpired(now: UInt64, timeout: UInt64) -> Bool { idleTime(now: now) > timeout }

    /// Whether the session's provider is likely to have its prompt cached still. Using the session makes it so again.
    public func isCacheSticky(now: UInt64) -> Bool {
        isCachePinned && idleTime(now: now) <= Router.cacheTTLForProvider(provider)
    }

    /// What the session has cost, in dollars.
    public var costUSD: Double { Double(costMicros) / 1_000_000 }
}

extension RouterEntry: CustomStringConvertible {
    /// The entry in one line, for logs of people.
    public var description: String {
        "model=\(model) tier=\(tier.rawValue) reqs=\(requestCount) strikes=\(strikes) explicit=\(isUserExplicit)"
            + " cost=$\(dollars)"
    }

    /// The cost with six digits behind the point, to the last of them.
    private var dollars: String {
        let (whole, rest) = costMicros.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
        let digits = String(rest)
        return (costMicros < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: 6 - digits.count) + digits
    }
}

// What the events do.
extension RouterEntry {
    /// Pins the session again. The tier changes with the model only, and a user's choice stays one.
    mutating func pin(model: String, tier: RouterTier, isUserExplicit: Bool, now: UInt64) {
        if !model.utf8.elementsEqual(self.model.utf8) { (self.model, self.tier) = (model, tier) }
        if isUserExplicit { self.isUserExplicit = true }
        touch(RouterTouches(count: 1, lastAt: now))
    }

    mutating func touch(_ touches: RouterTouches) {
        guard touches.count > 0 else { return }
        lastUsedAt = touches.lastAt
        requestCount = Self.sum(requestCount, touches.count)
    }

    /// Counts a strike when the newest hashes are equal.
    mutating func add(hash: String) {
        recentHashes = (recentHashes + [hash]).suffix(Router.hashWindow)
        let equal = recentHashes.reversed().prefix { $0.utf8.elementsEqual(hash.utf8) }.count
        if equal >= Router.strikeThreshold { strikes = Self.sum(strikes, 1) }
    }

    mutating func escalate() {
        if isUserExplicit { return }
        isEscalated = true
        tier = tier.harder
    }

    mutating func add(micros: Int64) { costMicros = Self.sum(costMicros, micros) }

    /// Pins the session to the cache of `provider`. The first call counts.
    mutating func pinCache(provider: String, now: UInt64) {
        if isCachePinned { return }
        (isCachePinned, cachePinnedAt, self.provider) = (true, now, provider)
    }

    /// `a + b`, or the last number on the way there.
    private static func sum<Number: FixedWidthInteger>(_ a: Number, _ b: Number) -> Number {
        let (sum, isBeyond) = a.addingReportingOverflow(b)
        return isBeyond ? (b < 0 ? .min : .max) : sum
    }
}
