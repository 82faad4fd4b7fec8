/// A JSON object whose last member is a checksum of everything before it: `{ … ,"check":"0123456789abcdef"}`.
///
/// Readable by people and by any JSON tool, and still proof against rot. A document is valid if and only if it
/// ends with `,"check":"` + 16 hexadecimal digits + `"}`, optionally followed by one newline, and the digits
/// are the checksum of all bytes before `,"check"`.
package enum SealedJSON {
    private static let opening: StaticString = ",\"check\":\""
    private static let closing: StaticString = "\"}"
    /// What the seal adds behind the last member.
    package static let sealByteCount = opening.utf8CodeUnitCount + 16 + closing.utf8CodeUnitCount

    /// The closing bytes of a document whose bytes so far, without the final brace, have checksum `check`.
    package static func seal(check: UInt64) -> [UInt8] { Array("\(opening)\(Hex64.text(check))\(closing)".utf8) }

    /// Closes `open`, an object with at least one member and without its final brace.
    package static func sealed(_ open: [UInt8]) -> [UInt8] {
        open + seal(check: Checksum.of(open))
    }

    /// What was sealed, an object without its final brace; `nil` unless `document` is sealed and unchanged.
    package static func content(of document: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let end = document.last == 10 ? document.count - 1 : document.count
        let start = end - sealByteCount
        guard start > 0, document.has(opening, at: start),
            document.has(closing, at: end - closing.utf8CodeUnitCount),
            case let digits = start + opening.utf8CodeUnitCount, case let content = document.slice(0..<start),
            Hex64.value(document.slice(digits..<digits + 16)) == Checksum.of(content)
        else { return nil }
        return content
    }

    /// Whether `document` is sealed and unchanged.
    package static func isIntact(_ document: [UInt8]) -> Bool { isIntact(document[...]) }

    /// Whether `document` is sealed and unchanged.
    package static func isIntact(_ document: ArraySlice<UInt8>) -> Bool {
        document.withUnsafeBytes { content(of: $0) != nil }
    }
}
