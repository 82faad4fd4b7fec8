/// The three streams of a command, and what is at their ends. Tests put their own in.
///
/// Calls block. The commands make them from one thread at a time per stream.
package protocol Console: AnyObject, Sendable {
    /// The width of the terminal that standard output is; `nil` when it is none.
    var columns: Int? { get }

    /// Whether standard error is a terminal, on which a line may be drawn over.
    var canRedraw: Bool { get }

    /// Takes the terminal for a command that draws on all of it; `nil` when there is none. Whoever takes it gives it
    /// back.
    func takeScreen() -> (any Screen)?

    /// Fills `buffer` from standard input and returns how many bytes came: at least one, or 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandError) -> Int

    /// Writes all of `bytes` to standard output.
    ///
    /// - Throws: ``CommandError/outputClosed`` when the reader has left.
    func write(_ bytes: [UInt8]) throws(CommandError)

    /// Writes `text` to standard error. Nobody can be told when that fails, so it never does.
    func writeError(_ text: String)
}

extension Console {
    package func takeScreen() -> (any Screen)? { nil }

    /// Writes `text` to standard output.
    func write(_ text: String) throws(CommandError) { try write(Array(text.utf8)) }

    /// Writes one line to standard output.
    func line(_ text: String) throws(CommandError) { try write(text + "\n") }

    /// Writes one line of a list to standard output: where that is a terminal, no longer than it is wide.
    func row(_ text: String) throws(CommandError) { try line(fitted(text)) }

    /// The same of several lines.
    func rows(_ text: String) throws(CommandError) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { try row(String(line)) }
    }

    /// Writes `table` to standard output, which it fits when that is a terminal.
    func table(_ table: TextTable) throws(CommandError) {
        for text in table.lines(width: columns ?? .max) { try line(text) }
    }

    /// `text` cut to the width of the terminal, with `…` at its end; as it is where there is none.
    func fitted(_ text: String) -> String { columns.map { DisplayText.fitted(text, to: $0) } ?? text }

    /// Writes one line to standard error, with the program's name in front.
    func complain(_ text: String) { writeError("holdfast: \(text)\n") }
}
