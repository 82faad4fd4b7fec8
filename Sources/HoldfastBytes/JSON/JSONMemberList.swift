/// Values by key, in the order in which the keys came first.
///
/// A key is the decoded bytes of a JSON string (``JSONRef/stringBytes``): `String` would take two spellings
/// of one glyph for the same key, and every lone surrogate too. Finding, setting and removing are constant on
/// average, so that an object of many members cannot slow its reader down.
struct JSONMemberList<Value> {
    // A removed member leaves a hole, so that no other one moves; `removeHoles` bounds their number.
    private var slots: [(key: [UInt8], value: Value)?] = []
    private var positions: [[UInt8]: Int] = [:]

    /// The number of members.
    var count: Int { positions.count }

    /// The members in order. (With a key path instead of the closure one would be made at each call.)
    var members: some Sequence<(key: [UInt8], value: Value)> { slots.lazy.compactMap { $0 } }

    /// The value at `key`. A new key goes to the end; a known one keeps its place; `nil` removes it.
    subscript(key: [UInt8]) -> Value? {
        get { positions[key].flatMap { slots[$0]?.value } }
        set {
            switch (positions[key], newValue) {
            case (let position?, let value?): slots[position] = (key, value)
            case (let position?, nil): remove(key, at: position)
            case (nil, let value?): append(key, value)
            case (nil, nil): break
            }
        }
    }

    private mutating func append(_ key: [UInt8], _ value: Value) {
        positions[key] = slots.count
        slots.append((key, value))
    }

    private mutating func remove(_ key: [UInt8], at position: Int) {
        positions[key] = nil
        slots[position] = nil
        if slots.count > 2 * positions.count + 16 { removeHoles() }
    }

    private mutating func removeHoles() {
        slots.removeAll { $0 == nil }
        for (position, slot) in slots.enumerated() {
            if let slot { positions[slot.key] = position }
        }
    }
}

extension JSONRef {
    /// The decoded bytes of a key.
    var keyBytes: [UInt8] {
        guard let bytes = stringBytes else { preconditionFailure("a JSON key that is no string") }
        return bytes
    }
}

extension JSONMemberList: Sendable where Value: Sendable {}
