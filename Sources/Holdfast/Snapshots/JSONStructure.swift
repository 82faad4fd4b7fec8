import HoldfastBytes

/// Follows the structure of a JSON text byte by byte, with constant memory, for documents too long to parse
/// at once. Elements of an array are found faster by ``JSONElementScan``.
///
/// Expects a text that was checked when it was written; of any other it makes some tokens, without a trap.
struct JSONStructure {
    /// What a byte is.
    enum Token {
        case opening, closing, comma, colon
        /// The quotes around a string.
        case quote
        case whitespace
        /// Part of a string, a number or a name.
        case content
    }

    /// Containers open behind the last byte.
    private(set) var depth = 0
    /// Whether the last byte was in a string, its opening quote included.
    private(set) var isInString = false
    private var isEscaped = false

    /// Takes the next byte.
    @inline(__always)
    mutating func next(_ byte: UInt8) -> Token {
        if isInString { return nextInString(byte) }
        switch byte {
        case UInt8(ascii: "\""):
            isInString = true
            return .quote
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            return .opening
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            return .closing
        case UInt8(ascii: ","): return .comma
        case UInt8(ascii: ":"): return .colon
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): return .whitespace
        default: return .content
        }
    }

    /// Takes the bytes from `index` on as far as they belong to the string that is open; answers the index behind them.
    ///
    /// Messages are strings nearly as a whole, and their bytes are nobody's concern.
    mutating func skipString(_ bytes: ArraySlice<UInt8>, from index: Int) -> Int {
        precondition(isInString && bytes.indices.contains(index))
        return bytes.withUnsafeBytes { buffer in
            bytes.startIndex + skipString(buffer, from: index - bytes.startIndex)
        }
    }

    private mutating func skipString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var start = start
        if isEscaped {
            isEscaped = false
            start += 1
        }
        while start < bytes.count {
            let quote = bytes.firstIndex(of: UInt8(ascii: "\""), from: start)
            let end = quote ?? bytes.count
            let backslashes = bytes[start..<end].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
            let isEscaping = backslashes % 2 == 1
            if quote == nil {
                isEscaped = isEscaping
                return end
            }
            start = end + 1
            if !isEscaping {
                isInString = false
                return start
            }
        }
        return start
    }

    @inline(__always)
    private mutating func nextInString(_ byte: UInt8) -> Token {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
            return .quote
        }
        return .content
    }
}
