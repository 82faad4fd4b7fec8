/// A map that keeps the newest entries only, so that it cannot grow with the session.
struct NewestEntries<Value: Sendable & Equatable>: Sendable, Equatable {
    /// The labels, oldest first.
    private(set) var labels: [Label] = []
    private var values: [Label: Value] = [:]
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// The entry at `label`, or `nil` when there never was one or it has been pushed out.
    subscript(label: Label) -> Value? { values[label] }

    /// Adds an entry that is newer than all others; the oldest goes when there is no room. An entry that is
    /// there keeps its age and changes its value.
    mutating func add(_ value: Value, at label: Label) {
        guard values.updateValue(value, forKey: label) == nil else { return }
        labels.append(label)
        if labels.count > capacity { values[labels.removeFirst()] = nil }
    }
}
