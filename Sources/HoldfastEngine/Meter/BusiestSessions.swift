import HoldfastBytes

/// Finds the sessions with the most records among any number of them in fixed memory (the *space-saving* algorithm of
/// Metwally, Agrawal and El Abbadi). Pure.
///
/// A session that is not among those that are counted takes the place of the one with the fewest records, and starts
/// with its count. So what is known of a session is its count less what it started with: never too many.
struct BusiestSessions {
    private struct Slot {
        var session: SessionID
        var records: UInt64
        var bytes: UInt64
        /// How many of the records may have been another session's.
        var surplus: UInt64
    }

    static let slotCount = 64

    // Apart from the rest, because they are searched for each record.
    private var keys: [Int] = []
    private var slots: [Slot] = []

    init() {
        keys.reserveCapacity(Self.slotCount)
        slots.reserveCapacity(Self.slotCount)
    }

    /// Counts one record of `session`. `key` is any number that is the same for each record of the session.
    mutating func add(_ session: SessionID, key: Int, byteCount: Int) {
        if let index = keys.firstIndex(of: key), slots[index].session == session {
            slots[index].records += 1
            slots[index].bytes += UInt64(byteCount)
        } else if slots.count < Self.slotCount {
            keys.append(key)
            slots.append(Slot(session: session, records: 1, bytes: UInt64(byteCount), surplus: 0))
        } else {
            let index = fewest
            let surplus = slots[index].records
            keys[index] = key
            slots[index] = Slot(session: session, records: surplus + 1, bytes: UInt64(byteCount), surplus: surplus)
        }
    }

    /// The `count` busiest sessions, the busiest first, with what is certain of each.
    func first(_ count: Int) -> [MeterSample.Busy] {
        let busy = slots.map {
            MeterSample.Busy(session: $0.session, records: $0.records - $0.surplus, bytes: $0.bytes)
        }
        return Array(busy.sorted { ($1.records, $0.session) < ($0.records, $1.session) }.prefix(count))
    }

    /// Forgets all sessions and keeps the memory.
    mutating func reset() {
        keys.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
    }

    private var fewest: Int {
        var index = 0
        for other in slots.indices where slots[other].records < slots[index].records { index = other }
        return index
    }
}
