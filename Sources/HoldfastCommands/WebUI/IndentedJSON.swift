import HoldfastBytes

/// Writes one JSON text as Python's `json.dumps(indent=2, ensure_ascii=False)` lays it out, member by member, so
/// that a long list need not be in memory.
///
/// That program's texts are Unicode: an escaped surrogate without its partner becomes U+FFFD.
struct IndentedJSON {
    /// How many surrogates were replaced.
    private(set) var replacedCount = 0
    /// What was written and not taken yet.
    private(set) var bytes: [UInt8] = []
    private var depth = 0
    private var isFirst = true

    /// Opens the text's object, or an object in an array.
    mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes it.
    mutating func endObject() { close(UInt8(ascii: "}")) }

    /// Opens the text's array, or the one that a key was written for.
    mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes it.
    mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes a key; a value follows.
    mutating func key(_ name: String) {
        var writer = JSONWriter(capacity: name.utf8.count + 2)
        writer.string(name)
        key(raw: writer.finish())
    }

    /// Writes a key as it is spelled.
    mutating func key(raw: [UInt8]) {
        newElement()
        bytes += unicode(raw)
        bytes += ": ".utf8
    }

    /// Writes the value that belongs to the key before.
    mutating func value(_ raw: some Collection<UInt8>) { append(raw) }

    /// Writes one member.
    mutating func member(_ name: String, _ raw: some Collection<UInt8>) {
        key(name)
        append(raw)
    }

    /// Writes one element of an array.
    mutating func element(_ raw: [UInt8]) {
        newElement()
        append(raw)
    }

    /// Begins an element of an array that is an object.
    mutating func beginElement() {
        newElement()
        beginObject()
    }

    /// Takes what was written so far.
    mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    private mutating func open(_ bracket: UInt8) {
        bytes.append(bracket)
        depth += 1
        isFirst = true
    }

    private mutating func close(_ bracket: UInt8) {
        depth -= 1
        if !isFirst { newLine() }
        bytes.append(bracket)
        isFirst = false
    }

    private mutating func newElement() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        newLine()
        isFirst = false
    }

    private mutating func newLine() {
        bytes.append(10)
        bytes += repeatElement(UInt8(ascii: " "), count: 2 * depth)
    }

    /// Appends a value on its lines. Line breaks of a text stand outside its strings only.
    private mutating func append(_ raw: some Collection<UInt8>) {
        for byte in JSONText.indented(unicode(Array(raw))) {
            if byte == 10 { newLine() } else { bytes.append(byte) }
        }
    }

    private mutating func unicode(_ raw: [UInt8]) -> [UInt8] {
        let (text, count) = JSONText.replacingLoneSurrogates(raw)
        replacedCount += count
        return text
    }
}
