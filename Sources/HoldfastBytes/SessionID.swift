import Glibc

/// The name of one conversation: 1 to 255 bytes of UTF-8 without NUL.
///
/// An identifier is data from outside: it is never used as a file name; ``StoreLayout`` makes one of it.
package struct SessionID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The identifier as it was given.
    package let text: String

    /// The longest identifier, in bytes of UTF-8.
    package static let longestByteCount = 255

    /// Takes `text` as an identifier, or answers `nil` when it is empty, too long or holds a NUL.
    package init?(_ text: String) {
        let utf8 = text.utf8
        guard (1...Self.longestByteCount).contains(utf8.count), !utf8.contains(0) else { return nil }
        var contiguous = text
        contiguous.makeContiguousUTF8()
        self.text = contiguous
    }

    /// Takes `bytes` as an identifier, or answers `nil` when they are not UTF-8 or break the rules above.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard let text = bytes.withMemoryRebound(to: UInt8.self, { String(validating: $0, as: UTF8.self) }) else {
            return nil
        }
        self.init(text)
    }

    package var description: String { text }

    // Byte order, and byte equality: two spellings of one glyph are two sessions, as they are two file names.
    package static func == (a: SessionID, b: SessionID) -> Bool {
        a.withBytes { a in
            b.withBytes { b in
                guard a.count == b.count, let a = a.baseAddress, let first = b.baseAddress else { return false }
                return memcmp(a, first, b.count) == 0
            }
        }
    }
    package static func < (a: SessionID, b: SessionID) -> Bool {
        a.withBytes { a in
            b.withBytes { b in
                guard let first = a.baseAddress, let second = b.baseAddress else { return false }
                let order = memcmp(first, second, min(a.count, b.count))
                return order < 0 || order == 0 && a.count < b.count
            }
        }
    }
    package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }

    /// Every append looks its session up in several tables: all bytes at once, not one after the other.
    private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard let result = text.utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) else {
            preconditionFailure("the text was made contiguous")
        }
        return result
    }
}
