/// An ordered set of members of which every byte of the spelling is kept: a session's metadata fields.
///
/// A value type that owns its bytes and keeps no tree alive. Keys are told apart by their decoded bytes.
/// Getting, setting and removing one field take constant time on average.
package struct JSONFields: Sendable {
    /// One member.
    package struct Field: Sendable, Equatable {
        /// The decoded key, for people and lookups; a lone surrogate in it shows as U+FFFD.
        package let key: String
        /// The key as it is spelled, with its quotes.
        package let rawKey: [UInt8]
        /// The value as it is spelled.
        package let rawValue: [UInt8]
    }

    var list = JSONMemberList<Field>()

    /// No fields.
    package init() {}

    /// The members of `object`, or `nil` when it is no object. Of a key that is there twice the last value
    /// counts, at the place of the first. Traps when the tree was parsed with too little detail to list them.
    package init?(_ object: JSONRef) {
        guard object.kind == .object else { return nil }
        for (key, value) in object.members { set(key, raw: Array(value.raw)) }
    }

    /// The number of fields.
    package var count: Int { list.count }

    /// Whether there are none.
    package var isEmpty: Bool { count == 0 }

    /// The fields in order.
    package var fields: some Sequence<Field> { list.members.lazy.map(\.value) }

    /// The field called `key`, or `nil`.
    package subscript(_ key: String) -> Field? { list[Array(key.utf8)] }

    /// Gives the field `key` the value `raw`, which must be one checked JSON value.
    ///
    /// A known field keeps its place and the spelling of its key; a new one goes to the end.
    package mutating func set(_ key: String, raw: [UInt8]) {
        var writer = JSONWriter(capacity: key.utf8.count + 8)
        writer.string(key)
        set(Array(key.utf8), key, rawKey: writer.finish(), raw)
    }

    /// Takes the field `key` out. Nothing happens when there is none.
    package mutating func remove(_ key: String) { list[Array(key.utf8)] = nil }

    /// Writes the fields as one object.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for field in fields {
            writer.key(raw: field.rawKey)
            writer.raw(field.rawValue)
        }
        writer.endObject()
    }

    /// As ``set(_:raw:)`` and, for `nil`, ``remove(_:)``, with a key of a parsed text: a new field takes over
    /// its spelling.
    mutating func set(_ key: JSONRef, raw: [UInt8]?) {
        guard let raw else { return list[key.keyBytes] = nil }
        set(key.keyBytes, key.string ?? "", rawKey: Array(key.raw), raw)
    }

    private mutating func set(_ identity: [UInt8], _ key: String, rawKey: [UInt8], _ raw: [UInt8]) {
        precondition(!raw.isEmpty, "an empty JSON value")
        list[identity] = Field(key: key, rawKey: list[identity]?.rawKey ?? rawKey, rawValue: raw)
    }
}

extension JSONFields: Equatable {
    /// Equal when they are written with the same bytes.
    package static func == (a: JSONFields, b: JSONFields) -> Bool { a.fields.elementsEqual(b.fields) }
}
