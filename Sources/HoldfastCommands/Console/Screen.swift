/// A terminal that a command has to itself: what it shows is drawn over itself, and keys come one by one.
package protocol Screen: AnyObject {
    /// The size, which may change at any time.
    var columns: Int { get }
    var rows: Int { get }

    /// Shows `lines`, as many as there is room for, in place of what was there.
    func show(_ lines: [String]) throws(CommandError)

    /// Waits so long for a key and answers its byte. Answers ``Key/interrupt`` too when the process is told to end.
    func key(milliseconds: Int) throws(CommandError) -> UInt8?

    /// Gives the terminal back as it was.
    func restore()
}

/// Keys that commands know.
enum Key {
    static let interrupt: UInt8 = 3
    static let quit = UInt8(ascii: "q")
}
