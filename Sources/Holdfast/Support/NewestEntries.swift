/// A map that keeps the newest entries only, so that it cannot grow with the session.
struct NewestEntries<Value: Sendable & Equatable>: Sendable, Equatable {
    private struct Entry: Sendable, Equatable {
        var value: Value
        var byteCount: Int
    }

    /// The labels, oldest first.
    private(set) var labels: [Label] = []
    private var entries: [Label: Entry] = [:]
    private var byteCount = 0
    let capacity: Int
    /// Bytes that the entries have together, unless the newest one alone has more.
    let byteLimit: Int

    init(capacity: Int, byteLimit: Int = .max) {
        self.capacity = capacity
        self.byteLimit = byteLimit
    }

    /// The entry at `label`, or `nil` when there never was one or it has been pushed out.
    subscript(label: Label) -> Value? { entries[label]?.value }

    /// Adds an entry that is newer than all others; the oldest go when there is no room. An entry that is
    /// there keeps its age and changes its value.
    mutating func add(_ value: Value, at label: Label, byteCount: Int = 0) {
        let old = entries.updateValue(Entry(value: value, byteCount: byteCount), forKey: label)
        self.byteCount += byteCount - (old?.byteCount ?? 0)
        if old == nil { labels.append(label) }
        while labels.count > capacity || (self.byteCount > byteLimit && labels.count > 1) {
            self.byteCount -= entries.removeValue(forKey: labels.removeFirst())?.byteCount ?? 0
        }
    }
}
