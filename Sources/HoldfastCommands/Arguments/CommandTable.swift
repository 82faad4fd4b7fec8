/// An option of a command. Parsing, help and completion are all made from this.
package struct OptionRule: Sendable {
    /// What follows the option's name.
    package enum Value: Sendable {
        /// Nothing: the option is there or not.
        case none
        /// Any text; the string is its name in help, such as `DIR`.
        case text(String)
        /// A whole number, not negative.
        case count(String)
        /// One of these words.
        case choice([String])
    }

    /// The name without the two dashes.
    package let name: String
    /// The letter that stands for it behind one dash, if there is one.
    package let letter: Character?
    package let value: Value
    /// One sentence fragment for help.
    package let help: String

    /// An option with a value.
    package init(_ name: String, letter: Character? = nil, _ value: Value, _ help: String) {
        self.name = name
        self.letter = letter
        self.value = value
        self.help = help
    }

    /// An option without a value.
    package init(_ name: String, letter: Character? = nil, _ help: String) {
        self.init(name, letter: letter, .none, help)
    }

    /// `--json`.
    static let json = OptionRule("json", "print JSON for programs instead of text for people")
    /// `--help`, which every command has.
    static let help = OptionRule("help", letter: "h", "print this text")
}

/// A part of the command line that is not an option.
package struct OperandRule: Sendable {
    /// How many of them there may be.
    package enum Count: Sendable { case one, any, oneOrMore }

    /// The name in help, such as `STORE`.
    package let name: String
    package let count: Count
    /// One sentence fragment for help.
    package let help: String

    package init(_ name: String, _ count: Count = .one, _ help: String) {
        self.name = name
        self.count = count
        self.help = help
    }

    /// The session that is looked at.
    static let session = OperandRule("SESSION", .one, "the id of the session")
    /// The store, which is the first operand of every command that uses one.
    static let store = OperandRule("STORE", .one, "the folder of the store")
}

/// One command: all that parsing and help need to know, and the function that does it.
package struct Command: Sendable {
    package typealias Run = @Sendable (Arguments, any Console) throws(CommandError) -> ExitCode

    /// One word, or two with a blank between them.
    package let name: String
    /// One line: what it does.
    package let summary: String
    package let operands: [OperandRule]
    package let options: [OptionRule]
    /// Paragraphs that help shows below the summary.
    package var details: [String] = []
    /// Command lines to copy, each with what it does.
    package var examples: [(line: String, what: String)] = []
    /// The exit codes that need a word for this command.
    package var exitCodes: [(code: ExitCode, meaning: String)] = []
    package let run: Run

    /// The words of the name.
    package var words: [String] { name.split(separator: " ").map(String.init) }

    /// What help shows after the program's name: `ls [--json] STORE`.
    package var usage: String {
        let options = options.map { "[\($0.usage)]" }
        let operands = operands.map(\.usage)
        return ([name] + options + operands).joined(separator: " ")
    }
}

extension Command {
    /// What codes mean for every command that does not say otherwise.
    static let commonExitCodes: [(code: ExitCode, meaning: String)] = [
        (.usage, "the command line is wrong"), (.noInput, "there is no such store"),
        (.inputOutput, "reading or writing failed"), (.permission, "the system does not allow it"),
    ]

    /// The command's own codes, and the common ones that it can end with, in order.
    var allExitCodes: [(code: ExitCode, meaning: String)] {
        let own = exitCodes.map(\.code)
        let usesStore = operands.first?.name == OperandRule.store.name
        let common = Self.commonExitCodes.filter { code, _ in
            if own.contains(code) { return false }
            // A command that answers 3 for every store that cannot be opened has no other codes for that.
            if code != .usage && own.contains(.cannotOpen) { return false }
            return usesStore || code == .usage || code == .inputOutput
        }
        return (exitCodes + common).sorted { $0.code.rawValue < $1.code.rawValue }
    }
}

extension OptionRule {
    /// `--limit N`.
    package var usage: String {
        switch value {
        case .none: "--\(name)"
        case .text(let placeholder), .count(let placeholder): "--\(name) \(placeholder)"
        case .choice(let words): "--\(name) \(words.joined(separator: "|"))"
        }
    }

    /// `-n, --limit N`: with all its names.
    package var listing: String { letter.map { "-\($0), \(usage)" } ?? usage }
}

extension OperandRule {
    /// `PATH…`, `[SESSION…]`.
    package var usage: String {
        switch count {
        case .one: name
        case .any: "[\(name)…]"
        case .oneOrMore: "\(name)…"
        }
    }
}
