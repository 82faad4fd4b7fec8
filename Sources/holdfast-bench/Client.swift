import Glibc
import Holdfast

/// Nanoseconds from a fixed point.
func nanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// One client of the store: it appends its records one after the other, each when the one before is durable.
///
/// Used by one thread or task at a time.
struct Client: Sendable {
    private let records: [InputRecord]
    private let sessionCount: UInt32
    private var next = 0
    private var round: UInt32 = 0
    private var created: Set<UInt64> = []
    private(set) var latencies: [UInt32] = []
    private(set) var byteCount = 0

    /// `sessionCount` is that of the whole input.
    init(_ records: [InputRecord], sessionCount: UInt32) {
        self.records = records
        self.sessionCount = sessionCount
        latencies.reserveCapacity(1 << 18)
    }

    /// The next writes: the append of a record, and before it the creation of its session when that is new. An
    /// append that is durable makes all before it durable too, so that the creation need not be waited for.
    ///
    /// After the last record it begins again, with sessions that nobody has seen.
    mutating func nextWrites() -> (create: Mutation?, append: Mutation) {
        if next == records.count { (next, round) = (0, round + 1) }
        let record = records[next]
        next += 1
        byteCount += record.json.count
        let number = UInt64(record.session) + UInt64(round) * UInt64(sessionCount)
        let session = "s\(number)"
        var create: Mutation?
        if created.insert(number).inserted {
            create = .create(session)
            create?.durability = .soon
        }
        return (create, .append(to: session, [JSON(record.json)]))
    }

    /// Notes how long an append took, in nanoseconds.
    mutating func note(_ elapsed: UInt64) { latencies.append(UInt32(clamping: elapsed)) }
}
