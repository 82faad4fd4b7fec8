import HoldfastBytes
import HoldfastThreads

/// The uses of sessions that have no record yet, which is what keeps a busy session from writing one for each.
final class RouterTouchTable: Sendable {
    private struct Shard {
        var touches: [SessionID: RouterTouches] = [:]
        var sweptAt: UInt64 = 0
    }

    // Held while a record is appended, so that its uses are counted exactly once; a session that must be read first
    // holds up only those that share its shard.
    private let shards = (0..<32).map { _ in Lock(Shard()) }

    /// Runs `body` with the session's uses, while no other thread looks at them.
    func withTouches<Result, Failure: Error>(
        of id: SessionID, _ body: (inout RouterTouches) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try shard(of: id).withLock { (shard) throws(Failure) in
            var touches = shard.touches[id] ?? RouterTouches()
            defer { shard.touches[id] = touches.count > 0 ? touches : nil }
            return try body(&touches)
        }
    }

    /// Gives `record` the uses, near those of `id`, of sessions that were last used an `interval` ago, and forgets
    /// them. At most once per interval.
    func sweep(near id: SessionID, now: UInt64, interval: UInt64, _ record: (SessionID, RouterTouches) -> Void) {
        shard(of: id).withLock { shard in
            guard now < shard.sweptAt || now - shard.sweptAt >= interval else { return }
            shard.sweptAt = now
            for (id, touches) in shard.touches where now - min(now, touches.lastAt) >= interval {
                shard.touches[id] = nil
                record(id, touches)
            }
        }
    }

    /// Gives `record` all uses and forgets them.
    func drain(_ record: (SessionID, RouterTouches) -> Void) {
        for shard in shards {
            shard.withLock { shard in
                for (id, touches) in shard.touches { record(id, touches) }
                shard.touches = [:]
            }
        }
    }

    private func shard(of id: SessionID) -> Lock<Shard> {
        shards[Int(truncatingIfNeeded: UInt(bitPattern: id.hashValue) % UInt(shards.count))]
    }
}
