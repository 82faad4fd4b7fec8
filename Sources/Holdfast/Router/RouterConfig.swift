/// How a router of requests keeps its sessions.
public struct RouterConfig: Hashable, Sendable {
    /// Whether sessions are kept at all. If not, nothing is written and nothing is found.
    public var isEnabled = true
    /// After how much idle time an entry is gone, in milliseconds.
    public var timeout: UInt64 = 30 * 60_000
    /// The header that names the session.
    public var headerName = Router.defaultHeaderName
    /// How often idle entries are dropped that nobody asks for, in milliseconds.
    public var cleanupInterval: UInt64 = 5 * 60_000
    /// Touches of a session are written at most once in this many milliseconds. A crash loses those since.
    public var touchInterval: UInt64 = 30_000

    /// Enabled, with the usual times.
    public init() {}

    /// What DOSRouter calls `DefaultConfig`: as above, and **not enabled**.
    public static let dosRouterDefault = {
        var config = RouterConfig()
        config.isEnabled = false
        return config
    }()

    /// Entries that were last used before this moment are gone: they had expired at the last cleanup, the first of
    /// which was when the store was opened.
    func horizon(now: UInt64, openedAt: UInt64) -> UInt64 {
        let open = now - min(now, openedAt)
        let lastCleanup = min(now, openedAt) + open - open % max(1, cleanupInterval)
        return lastCleanup - min(lastCleanup, timeout)
    }
}

/// The entries of a router, to look at.
public struct RouterStats: Hashable, Sendable {
    /// One entry.
    public struct Session: Hashable, Sendable {
        /// The session's id; of one that is longer than 8 bytes those and `...`.
        public var id: String
        /// The model.
        public var model: String
        /// Seconds since the entry came to be.
        public var age: UInt64
    }

    /// How many entries there are, expired ones that were not cleaned up yet included.
    public var count: Int
    /// Them, in the byte order of their ids.
    public var sessions: [Session]
}
