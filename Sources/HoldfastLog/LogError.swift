/// Why a log refused or failed.
package struct LogError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case conflict = "conflict"
        case fenced = "fenced"
        case unknownSession = "unknown_session"
        case tooLarge = "too_large"
        case diskFull = "disk_full"
        case trimmed = "trimmed"
        case damaged = "damaged"
        case busy = "busy"
        case notAStore = "not_a_store"
        case newerFormat = "newer_format"
        case olderFormat = "older_format"
        case readOnly = "read_only"
        case failed = "failed"
        case closed = "closed"
    }

    package var code: Code
    /// What went wrong and what to do next, for a person.
    package var message: String
    /// For `.conflict`: the last record that the session has.
    package var sequence: UInt64?

    package init(_ code: Code, _ message: String, sequence: UInt64? = nil) {
        self.code = code
        self.message = message
        self.sequence = sequence
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
