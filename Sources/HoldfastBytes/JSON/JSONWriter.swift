/// Writes one compact JSON text: no whitespace, commas by itself, the order as called.
///
/// A value in the wrong place (a value without its key in an object, a key outside one, a second root) is a
/// bug of the caller and traps. Nothing is allocated per value, except by ``double(_:)`` for long spellings.
package struct JSONWriter: Sendable {
    /// What has been written so far. A whole text once every container is closed; see ``finish()``.
    package private(set) var bytes: [UInt8]

    private enum Container { case object, array }
    private var innermost: Container?
    /// The open containers around it. Texts that nest nothing, as most records, need no memory for them.
    private var outer: [Container] = []
    private var needsComma = false
    private var hasKey = false

    /// An empty writer with room for `capacity` bytes.
    package init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// The written text. Traps when a container is still open or nothing was written.
    package consuming func finish() -> [UInt8] {
        precondition(innermost == nil && needsComma, "a JSON text that is not whole")
        return bytes
    }

    /// Forgets what was written and keeps the memory, for the next text.
    package mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        innermost = nil
        outer.removeAll(keepingCapacity: true)
        needsComma = false
        hasKey = false
    }

    /// Opens an object.
    package mutating func beginObject() { begin(.object, UInt8(ascii: "{")) }

    /// Closes the innermost container, which must be an object that does not wait for a value.
    package mutating func endObject() { end(.object, UInt8(ascii: "}")) }

    /// Opens an array.
    package mutating func beginArray() { begin(.array, UInt8(ascii: "[")) }

    /// Closes the innermost container, which must be an array.
    package mutating func endArray() { end(.array, UInt8(ascii: "]")) }

    /// Writes the key of the next member, escaped as need be.
    package mutating func key(_ text: String) {
        beginKey()
        appendQuoted(text)
        endKey()
    }

    /// Writes the key of the next member; the cheapest way for keys known when compiling.
    package mutating func key(_ text: StaticString) {
        beginKey()
        text.withUTF8Buffer { appendQuoted($0) }
        endKey()
    }

    /// Writes the key of the next member as it is spelled: a checked JSON string with its quotes.
    package mutating func key(raw: ArraySlice<UInt8>) {
        precondition(raw.first == UInt8(ascii: "\""), "a raw JSON key without its quotes")
        beginKey()
        bytes.append(contentsOf: raw)
        endKey()
    }

    /// As above.
    package mutating func key(raw: [UInt8]) { key(raw: raw[...]) }

    /// Writes a value as it is spelled: bytes that were checked to be one JSON value.
    package mutating func raw(_ value: ArraySlice<UInt8>) {
        precondition(!value.isEmpty, "an empty JSON value")
        beginValue()
        bytes.append(contentsOf: value)
    }

    /// As above.
    package mutating func raw(_ value: [UInt8]) { raw(value[...]) }

    /// Writes a string: quotes, backslashes and control characters escaped, everything else as it is.
    package mutating func string(_ text: String) {
        beginValue()
        appendQuoted(text)
    }

    /// Writes an integer of at most 64 bits.
    @inlinable package mutating func integer(_ value: some FixedWidthInteger) {
        integer(magnitude: UInt64(value.magnitude), isNegative: value < 0)
    }

    /// Writes an integer given as magnitude and sign.
    package mutating func integer(magnitude: UInt64, isNegative: Bool) {
        beginValue()
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        appendDigits(magnitude)
    }

    /// Writes the shortest spelling that reads back as the same double. Traps when `value` is not finite.
    package mutating func double(_ value: Double) {
        precondition(value.isFinite, "JSON has no spelling for a number that is not finite")
        beginValue()
        bytes.append(contentsOf: value.description.utf8)
    }

    /// Writes `true` or `false`.
    package mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    /// Writes `null`.
    package mutating func null() { literal("null") }
}

// The grammar: what may stand where.
extension JSONWriter {
    private mutating func begin(_ container: Container, _ opener: UInt8) {
        beginValue()
        bytes.append(opener)
        if let innermost { outer.append(innermost) }
        innermost = container
        needsComma = false
    }

    private mutating func end(_ container: Container, _ closer: UInt8) {
        precondition(innermost == container && !hasKey, "the end of a JSON container in the wrong place")
        innermost = outer.popLast()
        bytes.append(closer)
        needsComma = true
    }

    private mutating func beginKey() {
        precondition(innermost == .object && !hasKey, "a JSON key in the wrong place")
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func endKey() {
        bytes.append(UInt8(ascii: ":"))
        hasKey = true
    }

    /// Writes the comma that is due in an array, and accounts for a value: it takes the place that a key
    /// gave.
    private mutating func beginValue() {
        switch innermost {
        case .object: precondition(hasKey, "a JSON value without its key")
        case .array: if needsComma { bytes.append(UInt8(ascii: ",")) }
        case nil: precondition(!needsComma, "a second JSON value at the root")
        }
        hasKey = false
        needsComma = true
    }
}

// The scalars.
extension JSONWriter {
    private mutating func literal(_ text: StaticString) {
        beginValue()
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func appendDigits(_ value: UInt64) {
        var digits: [20 of UInt8] = .init(repeating: 0)
        var start = 20
        var rest = value
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        for index in start..<20 { bytes.append(digits[index]) }
    }

    private mutating func appendQuoted(_ text: String) {
        var text = text
        text.withUTF8 { appendQuoted($0) }
    }

    /// Appends `text` in quotes: runs of plain bytes as a whole, the few others one by one.
    private mutating func appendQuoted(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var plain = text.startIndex
        for (index, byte) in text.enumerated() where JSONEscapes.isNeeded(for: byte) {
            bytes.append(contentsOf: text[plain..<index])
            JSONEscapes.append(byte, to: &bytes)
            plain = index + 1
        }
        bytes.append(contentsOf: text[plain...])
        bytes.append(UInt8(ascii: "\""))
    }
}

// Members of an open object: key and value at once.
extension JSONWriter {
    package mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    package mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
        key(name)
        integer(value)
    }

    package mutating func member(_ name: StaticString, raw value: [UInt8]) {
        key(name)
        raw(value)
    }

    package mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Nothing when there is no text.
    package mutating func member(_ name: StaticString, _ text: String?) {
        if let text { member(name, text) }
    }

    /// An object, of which `body` writes the members.
    package mutating func object(_ name: StaticString, _ body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }

    /// An array of objects: for each of `elements` the one of which `body` writes the members.
    package mutating func objects<Elements: Sequence>(
        _ name: StaticString, _ elements: Elements, _ body: (Elements.Element, inout JSONWriter) -> Void
    ) {
        key(name)
        beginArray()
        for element in elements { object { body(element, &$0) } }
        endArray()
    }

    private mutating func object(_ body: (inout JSONWriter) -> Void) {
        beginObject()
        body(&self)
        endObject()
    }
}
