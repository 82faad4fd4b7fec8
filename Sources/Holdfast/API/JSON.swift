/// One JSON value (RFC 8259), kept byte for byte as it is spelled: key order, unknown keys, number spelling,
/// escapes and inner whitespace included.
///
/// Making one checks nothing; an operation that is given bytes which are not one JSON value, or not of the
/// kind that it wants, throws ``HoldfastError`` with code `bad_request`. Values that a store returns are
/// always valid.
public struct JSON: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The value as it is spelled, in UTF-8.
    public var bytes: [UInt8]

    /// Takes the spelling of a value in UTF-8.
    public init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }

    /// Takes the spelling of a value.
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// Takes the spelling of a value.
    public init(stringLiteral text: String) { self.init(text) }

    /// The spelling as text.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
