import CPosix
import Glibc
import Synchronization

/// The terminal of the process, on its second page: what was on it comes back at the end.
final class TerminalScreen: Screen {
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"
    /// Set by the signals that ask the process to end.
    private static let isTold = Atomic(false)
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    private let console: any Console
    private let before: termios

    /// Takes the terminal; `nil` unless both standard input and output are one.
    init?(_ console: any Console) {
        var settings = termios()
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, tcgetattr(STDIN_FILENO, &settings) == 0 else {
            return nil
        }
        self.console = console
        before = settings
        // Keys at once and unseen; Ctrl-C is a key, so that it cannot end the process before the terminal is in order.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) == 0, (try? console.write(Self.enter)) != nil else {
            return nil
        }
        // Before a handler can need it: the first use of a static makes it.
        Self.isTold.store(false, ordering: .relaxed)
        for number in Self.signals { signal(number) { _ in TerminalScreen.isTold.store(true, ordering: .relaxed) } }
    }

    var columns: Int { Int(size.ws_col) }
    var rows: Int { Int(size.ws_row) }

    private var size: winsize {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        }
        return size
    }

    func show(_ lines: [String]) throws(CommandError) {
        let width = columns
        let shown = lines.prefix(rows).map { DisplayText.fitted($0, to: width) + "\u{1B}[K" }
        try console.write("\u{1B}[H" + shown.joined(separator: "\r\n") + "\u{1B}[J")
    }

    func key(milliseconds: Int) throws(CommandError) -> UInt8? {
        if Self.isTold.load(ordering: .relaxed) { return Key.interrupt }
        var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        let ready = poll(&request, 1, Int32(milliseconds))
        // Interrupted: told to end, or the window has another size.
        if ready <= 0 { return Self.isTold.load(ordering: .relaxed) ? Key.interrupt : nil }
        var byte: UInt8 = 0
        let count = withUnsafeMutableBytes(of: &byte) { Glibc.read(STDIN_FILENO, $0.baseAddress, 1) }
        return count == 1 ? byte : Key.interrupt
    }

    func restore() {
        for number in Self.signals { signal(number, SIG_DFL) }
        var settings = before
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        try? console.write(Self.leave)
    }
}
