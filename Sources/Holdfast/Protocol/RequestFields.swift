import HoldfastBytes

/// The members of a request, taken out one by one; what is left at the end is refused. A member that is
/// `null` counts as missing, except where any value will do.
struct RequestFields {
    /// The fields of all operations.
    private static let names: Set = [
        "activity", "after", "after_delta", "archived", "around", "attachments", "attempt", "begin_turn", "cause",
        "claim", "context_count", "count", "cursor", "data", "deltas", "durability", "event", "fields", "files", "from",
        "hash", "hidden", "id", "if_empty", "if_sequence", "index", "keep_message", "key", "last", "lease_ms", "limit",
        "list", "max_age_ms", "max_attempts", "max_bytes", "max_rows", "message", "messages", "micros", "min_age_ms",
        "model", "new_session", "notice", "old_fields", "op", "order", "owner", "parent", "patch", "pending", "pinned",
        "profile", "project", "provider", "queued", "reason", "resume", "rotated", "session", "source", "status",
        "stream", "text", "through", "tier", "title", "touch", "turn", "updated_before", "updated_from",
        "user_explicit",
    ]

    private var members: [String: JSONRef] = [:]

    /// The members of `root`.
    init(_ root: JSONRef) throws(HoldfastError) {
        guard root.kind == .object else { throw HoldfastError(.badRequest, "a request is a JSON object") }
        var names: Set<String> = []
        for (name, value) in root.members {
            let text = name.string ?? ""
            guard names.insert(text).inserted else {
                throw HoldfastError(.badRequest, "the field '\(text)' is there twice")
            }
            members[text] = value
        }
    }

    /// Takes out the field `name`, whatever it is, `null` included.
    mutating func value(_ name: String) -> JSONRef? { members.removeValue(forKey: name) }

    /// Takes out a string. One that is not Unicode is refused: replacing what is wrong in it would make one
    /// id of two.
    mutating func string(_ name: String) throws(HoldfastError) -> String? {
        try take(name, "a string of valid Unicode") { $0.text }
    }

    /// Takes out a whole number that is not negative.
    mutating func unsigned(_ name: String) throws(HoldfastError) -> UInt64? {
        try take(name, "a whole number from 0 and below 2^62") { $0.number }
    }

    /// Takes out a number of things.
    mutating func count(_ name: String) throws(HoldfastError) -> Int? {
        try take(name, "a whole number from 0 and below 2^62") { $0.number.flatMap { Int(exactly: $0) } }
    }

    /// Takes out a whole number.
    mutating func signed(_ name: String) throws(HoldfastError) -> Int64? { try take(name, "a whole number") { $0.int } }

    /// Takes out a truth value.
    mutating func bool(_ name: String) throws(HoldfastError) -> Bool? {
        try take(name, "true or false") { $0.bool }
    }

    /// Takes out an object, as it is spelled.
    mutating func object(_ name: String) throws(HoldfastError) -> JSON? {
        try take(name, "an object") { $0.kind == .object ? JSON($0.raw) : nil }
    }

    /// Takes out an array, as it is spelled.
    mutating func array(_ name: String) throws(HoldfastError) -> JSON? {
        try take(name, "an array") { $0.kind == .array ? JSON($0.raw) : nil }
    }

    /// Takes out an array of objects.
    mutating func messages() throws(HoldfastError) -> MessageList? {
        try take("messages", "an array of objects") { try? MessageList(elementsOf: $0) }
    }

    /// Takes out where messages are to stand: a word for all, or one for each.
    mutating func placement() throws(HoldfastError) -> (all: Placement, each: [Placement]?)? {
        let words = "\"both\", \"visible\" or \"context\", or an array of these with one for each message"
        return try take("list", words) { value in
            guard value.kind == .array else { return Placement(value).map { ($0, nil) } }
            let each = value.elements.compactMap(Placement.init)
            return each.count == value.count ? (.both, each) : nil
        }
    }

    /// Takes out one of a few words.
    mutating func word<Word: RawRepresentable<String>>(
        _ name: String, _ words: String
    ) throws(HoldfastError) -> Word? {
        try take(name, words) { $0.string.flatMap(Word.init(rawValue:)) }
    }

    /// `error` and, in front of it, a field that no operation has: one that is misspelt is missing elsewhere.
    func explained(_ error: HoldfastError) -> HoldfastError {
        guard error.code == .badRequest, let name = members.keys.filter({ !Self.names.contains($0) }).min() else {
            return error
        }
        return HoldfastError(.badRequest, "no operation has a field '\(name)'; \(error.message)")
    }

    /// Refuses what was not taken out.
    func finish() throws(HoldfastError) {
        guard let name = members.keys.min() else { return }
        throw HoldfastError(.badRequest, "the operation has no field '\(name)'")
    }

    private mutating func take<Value>(
        _ name: String, _ kind: String, _ convert: (JSONRef) -> Value?
    ) throws(HoldfastError) -> Value? {
        guard let member = members.removeValue(forKey: name), !member.isNull else { return nil }
        guard let value = convert(member) else {
            throw HoldfastError(.badRequest, "'\(name)' must be \(kind)")
        }
        return value
    }
}

extension Optional {
    /// The value of a field that must be there.
    func required(_ name: String) throws(HoldfastError) -> Wrapped {
        guard let self else { throw HoldfastError(.badRequest, "the operation needs the field '\(name)'") }
        return self
    }
}
