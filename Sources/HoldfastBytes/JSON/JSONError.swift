/// Why a text was refused as JSON, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// The kinds of refusal.
    package enum Code: String, Sendable {
        /// Not JSON as RFC 8259 defines it.
        case syntax
        /// Bytes that are not UTF-8.
        case utf8
        /// More containers inside each other than the limit allows.
        case depth
        /// Longer than 4 GiB - 1, or than memory allows.
        case tooLarge
        /// No value: no bytes, or whitespace only.
        case empty
    }

    /// The kind of refusal, for programs.
    package let code: Code
    /// Offset of the first byte that cannot be right; the length of the text when something is missing at its
    /// end.
    package let offset: Int
    /// What is wrong there, for people.
    package let reason: String

    /// One line for people: what is wrong, and where.
    package var description: String { "invalid JSON at byte \(offset): \(reason)" }
}
