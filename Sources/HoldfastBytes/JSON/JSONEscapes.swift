/// The escapes of JSON strings.
enum JSONEscapes {
    /// What becomes of a surrogate escape without its partner, which no Unicode text can hold.
    enum LoneSurrogates {
        /// U+FFFD takes its place.
        case replaced
        /// Its three bytes in the manner of UTF-8 (WTF-8), so that different strings stay different.
        case kept
    }

    /// Resolves the escapes in `content`, which is what a checked string has between its quotes. Linear.
    static func decoded(_ content: ArraySlice<UInt8>, loneSurrogates: LoneSurrogates) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(content.count)
        var rest = content
        while let backslash = rest.firstIndex(of: UInt8(ascii: "\\")) {
            output += rest[..<backslash]
            rest = rest[(backslash + 1)...]
            decodeEscape(&rest, loneSurrogates, into: &output)
        }
        output += rest
        return output
    }

    /// Decodes the escape whose backslash was just read off `rest`.
    private static func decodeEscape(
        _ rest: inout ArraySlice<UInt8>, _ loneSurrogates: LoneSurrogates, into output: inout [UInt8]
    ) {
        guard let letter = rest.popFirst() else { preconditionFailure("an escape without its letter") }
        switch letter {
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "u"): decodeUnit(&rest, loneSurrogates, into: &output)
        default: output.append(letter)
        }
    }

    /// Decodes the four digits in front of `rest`, with the partner behind them when they are half of a pair.
    private static func decodeUnit(
        _ rest: inout ArraySlice<UInt8>, _ loneSurrogates: LoneSurrogates, into output: inout [UInt8]
    ) {
        let unit = hexValue(rest.prefix(4))
        rest = rest.dropFirst(4)
        if UTF16.isLeadSurrogate(unit), rest.starts(with: #"\u"#.utf8) {
            let partner = hexValue(rest.dropFirst(2).prefix(4))
            if UTF16.isTrailSurrogate(partner) {
                rest = rest.dropFirst(6)
                let scalar = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(partner) - 0xDC00)
                return appendUTF8(scalar, to: &output)
            }
        }
        let isLone = UTF16.isSurrogate(unit) && loneSurrogates == .replaced
        appendUTF8(isLone ? 0xFFFD : UInt32(unit), to: &output)
    }

    /// How long the escape in front of `text` is, with its partner, and whether it is a surrogate without one.
    static func escape(at text: ArraySlice<UInt8>) -> (length: Int, isLone: Bool) {
        guard text.dropFirst().first == UInt8(ascii: "u") else { return (2, false) }
        let unit = hexValue(text.dropFirst(2).prefix(4))
        guard UTF16.isSurrogate(unit) else { return (6, false) }
        let next = text.dropFirst(6)
        let hasPartner =
            UTF16.isLeadSurrogate(unit) && next.starts(with: #"\u"#.utf8)
            && UTF16.isTrailSurrogate(hexValue(next.dropFirst(2).prefix(4)))
        return hasPartner ? (12, false) : (6, true)
    }

    private static func hexValue(_ digits: ArraySlice<UInt8>) -> UInt16 {
        digits.reduce(0) { value, digit in
            let isLetter = digit >= UInt8(ascii: "A")
            let nibble = isLetter ? (digit | 0x20) - UInt8(ascii: "a") + 10 : digit - UInt8(ascii: "0")
            return value << 4 | UInt16(nibble)
        }
    }

    /// Appends the UTF-8 of `scalar`. By hand, because Unicode.Scalar has no place for a surrogate.
    private static func appendUTF8(_ scalar: UInt32, to output: inout [UInt8]) {
        func continuation(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3F) }
        switch scalar {
        case ..<0x80: output.append(UInt8(scalar))
        case ..<0x800: output += [UInt8(0xC0 | scalar >> 6), continuation(0)]
        case ..<0x10000: output += [UInt8(0xE0 | scalar >> 12), continuation(6), continuation(0)]
        default: output += [UInt8(0xF0 | scalar >> 18), continuation(12), continuation(6), continuation(0)]
        }
    }
}

// Writing.
extension JSONEscapes {
    /// Whether `byte` may not stand in a string as it is.
    static func isNeeded(for byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Appends the escape of a byte that needs one: its short form when it has one, else `\u00xx`.
    static func append(_ byte: UInt8, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        case ..<0x20:
            output.append(contentsOf: "u00".utf8)
            output.append(UInt8(ascii: "0") + byte >> 4)
            let low = byte & 0x0F
            output.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        default: output.append(byte)
        }
    }
}
