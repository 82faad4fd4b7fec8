package import HoldfastLog

/// When a snapshot is worth its cost. Pure.
///
/// A snapshot rewrites the session, so what it costs is kept in proportion to what was appended: a busy
/// session gets one when as many bytes were appended since the last one as that one is long (all its
/// snapshots together write about twice what was appended), an idle one for an eighth of that (about nine
/// times at worst, never while anyone waits). Opening a session so reads about one snapshot's length of
/// records at most.
public struct CompactionPolicy: Sendable, Equatable {
    /// Bytes of records below which a busy session is left alone.
    public var busyByteCount = 1 << 20
    /// Bytes of records below which an idle session is left alone.
    public var idleByteCount = 64 << 10
    /// How long after its last record a session is idle, in milliseconds.
    public var idleMilliseconds: UInt64 = 10 * 60_000

    /// The defaults: 1 MiB, 64 KiB, 10 minutes.
    public init() {}

    /// Whether a session with this load should get a snapshot, when its last record is `idle` milliseconds
    /// old.
    package func shouldSnapshot(_ load: CompactionLoad, idle: Milliseconds) -> Bool {
        if load.payloadBytes >= max(busyByteCount, load.snapshotBytes) { return true }
        return idle >= idleMilliseconds && load.payloadBytes >= max(idleByteCount, load.snapshotBytes / 8)
    }
}

/// What a session's log has gathered since its last snapshot.
package struct CompactionLoad: Sendable, Equatable {
    /// Bytes of the records' payloads since the snapshot.
    package var payloadBytes: Int
    /// Bytes of the snapshot; 0 when there is none.
    package var snapshotBytes: Int
    /// When the last record was written.
    package var lastUse: Milliseconds

    package init(payloadBytes: Int = 0, snapshotBytes: Int = 0, lastUse: Milliseconds = 0) {
        self.payloadBytes = payloadBytes
        self.snapshotBytes = snapshotBytes
        self.lastUse = lastUse
    }
}
