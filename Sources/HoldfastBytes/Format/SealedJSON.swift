/// A JSON object whose last member is a checksum of everything before it: `{ … ,"check":"0123456789abcdef"}`.
///
/// Readable by people and by any JSON tool, and still proof against rot. A document is valid if and only if it
/// ends with `,"check":"` + 16 hexadecimal digits + `"}`, optionally followed by one newline, and the digits
/// are the checksum of all bytes before `,"check"`.
package enum SealedJSON {
    private static let opening = Array(",\"check\":\"".utf8)
    private static let closing = Array("\"}".utf8)
    /// What the seal adds behind the last member.
    package static let sealByteCount = opening.count + 16 + closing.count

    /// The closing bytes of a document whose bytes so far, without the final brace, have checksum `check`.
    package static func seal(check: UInt64) -> [UInt8] {
        opening + Array(Hex64.text(check).utf8) + closing
    }

    /// Closes `open`, an object with at least one member and without its final brace.
    package static func sealed(_ open: [UInt8]) -> [UInt8] {
        open + seal(check: Checksum.of(open))
    }

    /// The checksum that stands in the last bytes of a document, or `nil` if they are not a seal.
    package static func check(inSeal tail: some Collection<UInt8>) -> UInt64? {
        guard tail.count == sealByteCount, tail.starts(with: opening), tail.suffix(closing.count).elementsEqual(closing)
        else { return nil }
        return Hex64.value(String(decoding: tail.dropFirst(opening.count).prefix(16), as: UTF8.self))
    }

    /// Whether `document` is sealed and unchanged.
    package static func isIntact(_ document: some RandomAccessCollection<UInt8>) -> Bool {
        let text = document.last == 10 ? document.dropLast() : document[...]
        guard text.count > sealByteCount, let check = check(inSeal: text.suffix(sealByteCount)) else { return false }
        let sealed = text.dropLast(sealByteCount)
        let found = sealed.withContiguousStorageIfAvailable { Checksum.of(UnsafeRawBufferPointer($0)) }
        return found ?? Checksum.of(Array(sealed)) == check
    }
}
