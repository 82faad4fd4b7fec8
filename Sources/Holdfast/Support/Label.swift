/// The id of a turn, or an idempotency key: 1 to 255 bytes of UTF-8.
///
/// Two labels are the same when their bytes are. `String` would take two spellings of one glyph for the same.
struct Label: Hashable, Sendable, CustomStringConvertible {
    let text: String

    /// The longest label, in bytes.
    static let longestByteCount = 255

    /// Takes `text`, or answers `nil` when it is empty or too long.
    init?(_ text: String) {
        guard (1...Self.longestByteCount).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// A label that no other call has made: 96 random bits.
    static func random() -> Label {
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<24).map { _ in "0123456789abcdef".utf8.randomDigit(using: &generator) }
        guard let label = Label(String(decoding: digits, as: UTF8.self)) else {
            preconditionFailure("24 digits")
        }
        return label
    }

    var description: String { text }

    static func == (a: Label, b: Label) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String.UTF8View {
    fileprivate func randomDigit(using generator: inout SystemRandomNumberGenerator) -> UInt8 {
        randomElement(using: &generator) ?? UInt8(ascii: "0")
    }
}
