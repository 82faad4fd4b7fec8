/// The whitespace of a JSON text, and nothing else of it.
///
/// Both functions expect a text that was checked; of any other they make some bytes, without a trap.
package enum JSONText {
    /// `text` without the whitespace outside its strings; every other byte stays. Linear.
    package static func minified(_ text: ArraySlice<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: text.count) { output, count in
            var scanner = StringScanner()
            for byte in text where scanner.isInString(byte) || !isSpace(byte) {
                output[count] = byte
                count += 1
            }
        }
    }

    /// As above.
    package static func minified(_ text: [UInt8]) -> [UInt8] { minified(text[...]) }

    /// `text` with one member or element a line, `width` spaces a level, empty containers as `{}` and `[]`:
    /// the layout of Python's `json.dumps(indent=width)`, spelling and Unicode untouched.
    ///
    /// For people and for files that other programs read: the output may be longer than the text by a factor
    /// of depth times `width`.
    package static func indented(_ text: ArraySlice<UInt8>, by width: Int = 2) -> [UInt8] {
        var layout = Layout(width: width)
        var scanner = StringScanner()
        for byte in text {
            if scanner.isInString(byte) {
                layout.append(byte)
            } else if !isSpace(byte) {
                layout.appendToken(byte)
            }
        }
        return layout.output
    }

    /// As above.
    package static func indented(_ text: [UInt8], by width: Int = 2) -> [UInt8] {
        indented(text[...], by: width)
    }

    /// `text` with U+FFFD for each escaped surrogate that has no partner, and how many those are: what programs need
    /// whose texts are Unicode. Every other byte stays. Linear.
    package static func replacingLoneSurrogates(_ text: [UInt8]) -> (text: [UInt8], count: Int) {
        var output: [UInt8] = []
        var count = 0
        var rest = text[...]
        while let backslash = rest.firstIndex(of: UInt8(ascii: "\\")) {
            let (length, isLone) = JSONEscapes.escape(at: rest[backslash...])
            let end = min(backslash + length, rest.endIndex)
            output += isLone ? rest[..<backslash] + "\u{FFFD}".utf8 : rest[..<end]
            if isLone { count += 1 }
            rest = rest[end...]
        }
        return count == 0 ? (text, 0) : (output + rest, count)
    }

    fileprivate static func isSpace(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): true
        default: false
        }
    }
}

/// Tells, byte by byte, what is inside a string. Its quotes count as inside.
private struct StringScanner {
    private var inString = false
    private var escaped = false

    mutating func isInString(_ byte: UInt8) -> Bool {
        guard inString else {
            inString = byte == UInt8(ascii: "\"")
            return inString
        }
        if escaped {
            escaped = false
        } else if byte == UInt8(ascii: "\\") {
            escaped = true
        } else if byte == UInt8(ascii: "\"") {
            inString = false
        }
        return true
    }
}

/// Puts the bytes of a text on indented lines.
private struct Layout {
    private(set) var output: [UInt8] = []
    let width: Int
    private var depth = 0
    /// A container was opened and nothing has come since, so it may still turn out to be empty.
    private var justOpened = false

    init(width: Int) { self.width = width }

    /// Appends a byte of a string or of another scalar.
    mutating func append(_ byte: UInt8) {
        if justOpened { newLine() }
        justOpened = false
        output.append(byte)
    }

    /// Appends a byte outside strings.
    mutating func appendToken(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            append(byte)
            depth += 1
            justOpened = true
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth = max(0, depth - 1)
            if !justOpened { newLine() }
            justOpened = false
            output.append(byte)
        case UInt8(ascii: ","):
            append(byte)
            newLine()
        case UInt8(ascii: ":"):
            append(byte)
            output.append(UInt8(ascii: " "))
        default:
            append(byte)
        }
    }

    private mutating func newLine() {
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * width))
    }
}
