import CPosix
import Glibc

/// The streams of the process.
package final class SystemConsole: Console {
    package init() {}

    package var columns: Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return size.ws_col == 0 ? 80 : Int(size.ws_col)
    }

    package var canRedraw: Bool { isatty(STDERR_FILENO) == 1 }

    package func takeScreen() -> (any Screen)? { TerminalScreen(self) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandError) -> Int {
        while true {
            let count = Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw Self.failure("read standard input", errno) }
        }
    }

    package func write(_ bytes: [UInt8]) throws(CommandError) {
        let failure = bytes.withUnsafeBytes { Self.write($0, to: STDOUT_FILENO) }
        switch failure {
        case 0: return
        case EPIPE: throw .outputClosed
        default: throw Self.failure("write to standard output", failure)
        }
    }

    package func writeError(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { Self.write($0, to: STDERR_FILENO) }
    }

    /// Writes all bytes and returns 0, or the number of the error that stopped it.
    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || !wait(for: descriptor, after: errno) {
                return count == 0 ? EIO : errno
            }
        }
        return 0
    }

    /// Whether the write may be tried again: at once after a signal, after a wait when the stream is a non-blocking
    /// one that its other end has made so.
    private static func wait(for descriptor: Int32, after error: Int32) -> Bool {
        if error == EINTR { return true }
        guard error == EAGAIN else { return false }
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, -1) >= 0 || errno == EINTR
    }

    private static func failure(_ what: String, _ error: Int32) -> CommandError {
        CommandError(.inputOutput, "Cannot \(what): \(String(cString: holdfast_errno_text(error))).")
    }
}
