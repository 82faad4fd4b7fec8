package import Holdfast

/// What the process answers the shell with; the numbers above 63 are those of sysexits.h.
package enum ExitCode: Int32, Sendable {
    case success = 0
    /// `recover`: something that was never acknowledged was cut off.
    case tornTail = 1
    /// `recover` and `verify`: acknowledged data is damaged or lost.
    case committedDamage = 2
    /// `recover` and `verify`: the store cannot be opened.
    case cannotOpen = 3
    /// The command line is wrong.
    case usage = 64
    /// What was read is not what it should be.
    case data = 65
    /// A file, store or session is not there.
    case noInput = 66
    /// The store cannot be used by this program.
    case unavailable = 69
    /// An output file or a new store cannot be made.
    case cannotCreate = 73
    /// Reading or writing failed, or the disk is full.
    case inputOutput = 74
    /// Another process holds the store; try again.
    case temporary = 75
    /// The system does not allow it.
    case permission = 77
}

extension ExitCode {
    /// `diff`: the two differ. As in diff(1), 1.
    package static let different = ExitCode.tornTail
    /// `verify --receipt`: nothing was altered, but compaction has replaced some of what the receipt covers.
    package static let unproved = ExitCode.tornTail
    /// `grep`: nothing was found. As in grep(1), 1.
    package static let nothingFound = ExitCode.tornTail

    /// The code for what a store refused.
    package init(_ code: HoldfastError.Code) {
        switch code {
        case .busy: self = .temporary
        case .notAStore, .unknownSession, .sessionDeleted: self = .noInput
        case .newerFormat, .olderFormat, .closed, .fenced: self = .unavailable
        case .readOnly: self = .permission
        case .diskFull, .failed: self = .inputOutput
        default: self = .data
        }
    }
}

/// Why a command stops early: the exit code and what to tell the user.
package struct CommandError: Error, Sendable, Equatable {
    package var code: ExitCode
    /// One or more sentences; empty when there is nothing to tell.
    package var message: String

    /// Makes an error from its parts.
    package init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The reader of our output has left, as `head` does: no fault of anybody.
    package static let outputClosed = CommandError(.success, "")

    /// What a store refused, in the user's terms.
    package init(_ error: HoldfastError) { self.init(ExitCode(error.code), error.message) }
}

/// Runs `body` and turns what the store throws into the end of the command.
func asking<Result>(_ body: () throws(HoldfastError) -> Result) throws(CommandError) -> Result {
    do throws(HoldfastError) { return try body() } catch { throw CommandError(error) }
}
