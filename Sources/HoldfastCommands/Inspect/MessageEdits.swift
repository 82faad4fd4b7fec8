import HoldfastBytes

/// Stands for the bytes of a message.
struct MessageDigest: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ message: [UInt8]) {
        high = Checksum.of(message, seed: 1)
        low = Checksum.of(message, seed: 2)
    }
}

/// How to make one list of messages into another one. Pure.
///
/// What is the same at both ends is set aside; of the rest, the messages that each list has once hold the two together,
/// as many as stand in the same order ("patience"). Cost: n log n, also for lists that have nothing in common.
struct MessageEdits: Equatable {
    /// What comes next in the reading of both.
    enum Step: Equatable {
        case same(count: Int)
        /// A message at this place of the first list.
        case removed(place: Int)
        /// A message at this place of the second list.
        case inserted(place: Int)
    }

    private(set) var steps: [Step] = []

    init<Message: Hashable>(_ old: [Message], _ new: [Message]) {
        let (front, back) = Self.common(old[...], new[...])
        addSame(front)
        let (left, right) = (front..<old.count - back, front..<new.count - back)
        var (oldStart, newStart) = (left.lowerBound, right.lowerBound)
        for anchor in Self.anchors(old[left], new[right]) {
            addChanges(old[oldStart..<anchor.old], new[newStart..<anchor.new])
            addSame(1)
            (oldStart, newStart) = (anchor.old + 1, anchor.new + 1)
        }
        addChanges(old[oldStart..<left.upperBound], new[newStart..<right.upperBound])
        addSame(back)
    }

    /// Whether there is nothing to do.
    var isEmpty: Bool { removed.isEmpty && inserted.isEmpty }
    var removed: [Int] { steps.compactMap { if case .removed(let place) = $0 { place } else { nil } } }
    var inserted: [Int] { steps.compactMap { if case .inserted(let place) = $0 { place } else { nil } } }
    var sameCount: Int { steps.reduce(0) { if case .same(let count) = $1 { $0 + count } else { $0 } } }

    /// How many messages are the same at the beginning, and at the end of what is behind.
    private static func common<Message: Hashable>(
        _ old: ArraySlice<Message>, _ new: ArraySlice<Message>
    ) -> (front: Int, back: Int) {
        let front = zip(old, new).prefix { $0 == $1 }.count
        let back = zip(old.dropFirst(front).reversed(), new.dropFirst(front).reversed()).prefix { $0 == $1 }.count
        return (front, back)
    }

    private mutating func addChanges<Message: Hashable>(_ old: ArraySlice<Message>, _ new: ArraySlice<Message>) {
        let (front, back) = Self.common(old, new)
        addSame(front)
        for place in old.indices.dropFirst(front).dropLast(back) { steps.append(.removed(place: place)) }
        for place in new.indices.dropFirst(front).dropLast(back) { steps.append(.inserted(place: place)) }
        addSame(back)
    }

    private mutating func addSame(_ count: Int) {
        guard count > 0 else { return }
        if case .same(let before)? = steps.last {
            steps[steps.count - 1] = .same(count: before + count)
        } else {
            steps.append(.same(count: count))
        }
    }

    /// The places of messages that each list has once: the most that follow each other in both.
    private static func anchors<Message: Hashable>(
        _ old: ArraySlice<Message>, _ new: ArraySlice<Message>
    ) -> [(old: Int, new: Int)] {
        let oldPlaces = uniquePlaces(old)
        let pairs = uniquePlaces(new).compactMap { message, place in oldPlaces[message].map { (old: $0, new: place) } }
            .sorted { $0.old < $1.old }
        // The longest rising run: for each length the run that ends lowest, and what comes before each pair.
        var ends: [Int] = []
        var before = [Int?](repeating: nil, count: pairs.count)
        for (index, pair) in pairs.enumerated() {
            let length = ends.indices.partitionPoint { pairs[ends[$0]].new < pair.new }
            before[index] = length > 0 ? ends[length - 1] : nil
            if length < ends.count { ends[length] = index } else { ends.append(index) }
        }
        var run: [(old: Int, new: Int)] = []
        var next = ends.last
        while let index = next {
            run.append(pairs[index])
            next = before[index]
        }
        return run.reversed()
    }

    private static func uniquePlaces<Message: Hashable>(_ messages: ArraySlice<Message>) -> [Message: Int] {
        var places: [Message: Int?] = [:]
        for (place, message) in zip(messages.indices, messages) {
            places[message] = places.keys.contains(message) ? .some(nil) : place
        }
        return places.compactMapValues(\.self)
    }
}
