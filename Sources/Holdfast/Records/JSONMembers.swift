import HoldfastBytes

extension JSONRef {
    /// The decoded string; `nil` when it is not Unicode, which is to say that an escaped surrogate has no
    /// partner. Unlike ``string`` it never makes one text of two.
    var text: String? { stringBytes.flatMap { String(validating: $0, as: UTF8.self) } }

    /// The whole number; `nil` also when it is so large that counting on from it could overflow.
    var number: UInt64? { unsigned.flatMap { $0 < Limits.numberLimit ? $0 : nil } }
}

// Reading the members of the store's own objects.
extension JSONTree {
    /// The value that `bytes` spell, in the words of this layer's errors.
    static func parsed(_ bytes: [UInt8], detail: Int) throws(ContentError) -> JSONRef {
        do {
            return try parse(bytes, detail: detail, depthLimit: SessionLimits.documentDepth).root
        } catch {
            throw ContentError(error.description)
        }
    }
}

extension JSONRef {
    /// The member `name`.
    func required(_ name: String) throws(ContentError) -> JSONRef {
        guard let value = self[name] else { throw ContentError("the member '\(name)' is missing") }
        return value
    }

    /// The spelling of the member `name`, an object.
    func object(_ name: String) throws(ContentError) -> [UInt8] {
        let value = try required(name)
        guard value.kind == .object else { throw ContentError("the member '\(name)' is not an object") }
        return Array(value.raw)
    }

    /// The member `name`, a number of things.
    func count(_ name: String) throws(ContentError) -> Int {
        guard let value = try required(name).number, let count = Int(exactly: value) else {
            throw ContentError("the member '\(name)' is not a count")
        }
        return count
    }

    /// The member `name`, a number of things that may be negative; `nil` when it is missing.
    func change(_ name: String) throws(ContentError) -> Int? {
        guard let member = self[name] else { return nil }
        guard let value = member.int, value.magnitude < Limits.numberLimit else {
            throw ContentError("the member '\(name)' is not a change of a count")
        }
        return Int(value)
    }

    /// The member `name`, a whole number.
    func unsigned(_ name: String) throws(ContentError) -> UInt64 {
        guard let value = try required(name).number else {
            throw ContentError("the member '\(name)' is not a whole number")
        }
        return value
    }

    /// The member `name`, a label, or `nil` when it is missing.
    func label(_ name: String) throws(ContentError) -> Label? {
        guard let value = self[name] else { return nil }
        guard let label = value.text.flatMap(Label.init) else {
            throw ContentError("the member '\(name)' is not 1 to 255 bytes of text")
        }
        return label
    }

    /// The member `messages`, placed as the member `list` says.
    func messages() throws(ContentError) -> MessageList {
        try MessageList(elementsOf: try required("messages")).placed(by: self["list"])
    }
}

extension JSONWriter {
    mutating func member(_ name: StaticString, _ messages: MessageList) {
        key(name)
        messages.write(to: &self)
    }
}
