package import HoldfastLog
package import HoldfastThreads

/// How a store of sessions works above its log.
public struct StoreOptions: Sendable {
    /// How many sessions are kept ready to append to; beyond that the one used longest ago is let go, unless
    /// something of it is in flight. About 1 KiB each, plus metadata and pending message.
    public var hotSessions = 4096
    /// Whether snapshots are taken in the background.
    public var compactsInBackground = true
    /// When one is due.
    public var compaction = CompactionPolicy()
    /// How many snapshots before the newest one are kept, with all records since; `nil` keeps everything for ever.
    public var retainedGenerations: Int? = 1
    /// The head of a session is kept where so many bytes would have to be read to make it again: those of others cost
    /// less to read than to keep.
    package var keptHeadByteCount = 64 << 10
    /// Where durations are measured; for tests.
    package var clock: any Clock = SystemClock()
    /// What time it is, in milliseconds since 1970; for tests.
    package var now: @Sendable () -> Milliseconds = { SystemClock.shared.wallMilliseconds() }
    /// What tells one opening of the store from another; tests, in which a seed decides everything, name it.
    package var opening: String?

    /// The defaults.
    public init() {}
}

extension SystemClock {
    fileprivate static let shared = SystemClock()
}
