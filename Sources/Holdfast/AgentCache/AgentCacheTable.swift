/// The entries of a cache, and the order in which they were used.
struct AgentCacheTable<Agent: Sendable>: Sendable {
    var entries: [String: AgentCacheEntry<Agent>] = [:]
    private var order: UInt64 = 0

    /// Counts a use of the entry at `key`.
    mutating func use(_ key: String, at time: UInt64) {
        order += 1
        entries[key]?.order = order
        entries[key]?.usedAt = time
    }

    /// Takes out what was last used before `time`.
    mutating func takeOut(unusedSince time: UInt64) -> [Agent] {
        let old = entries.filter { $0.value.usedAt < time }
        for key in old.keys { entries[key] = nil }
        return old.values.compactMap(\.agent)
    }

    /// Takes out the agents used longest ago until `capacity` entries are left, or all of them are being built.
    mutating func takeOut(beyond capacity: Int) -> [Agent] {
        var taken: [Agent] = []
        while entries.count > capacity {
            let ready = entries.filter { $0.value.agent != nil }
            guard let oldest = ready.min(by: { $0.value.order < $1.value.order }) else { break }
            if let agent = entries.removeValue(forKey: oldest.key)?.agent { taken.append(agent) }
        }
        return taken
    }
}
