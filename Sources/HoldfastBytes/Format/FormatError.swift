/// Why bytes are not what the format says they are.
package enum FormatError: Error, Equatable, Sendable {
    /// Fewer bytes than the structure needs.
    case truncated
    /// Only zero bytes: space that was never written.
    case neverWritten
    /// The bytes do not begin with the structure's magic.
    case wrongMagic
    /// A version that this code does not know; the bytes may be perfectly good.
    case unknownVersion(UInt64)
    /// The checksum of a header or a document does not match.
    case checksumMismatch
    /// The checksum matches and a field still breaks a rule; the text says which.
    case invalid(String)
}
