/// A command line that fits its command's table.
package struct Arguments: Sendable, Equatable {
    /// What is not an option, in order.
    package private(set) var operands: [String] = []
    private var values: [String: String] = [:]

    /// Whether the option `name` was given.
    package func has(_ name: String) -> Bool { values[name] != nil }

    /// The text given with the option `name`; of several the last.
    package func text(_ name: String) -> String? { values[name] }

    /// The number given with the option `name`.
    package func count(_ name: String) -> Int? { values[name].flatMap { Int($0) } }

    /// The first operand.
    package var store: String { operands.first ?? "" }

    /// The operands after the store.
    package var rest: ArraySlice<String> { operands.dropFirst() }

    /// Checks `words`, the command line after the command's name, against `command`'s table.
    ///
    /// Options may stand anywhere; `--name=value` is `--name value`; after `--` everything is an operand. With
    /// `--help` nothing else is asked for.
    ///
    /// - Throws: ``CommandError`` with ``ExitCode/usage`` and a sentence that names the wrong word.
    package init(_ words: [String], for command: Command) throws(CommandError) {
        var words = words[...]
        while let word = words.popFirst() {
            if word == "--" {
                operands += words
                break
            } else if word.hasPrefix("-") && word != "-" {
                try take(word, &words, command)
            } else {
                operands.append(word)
            }
        }
        if !has(OptionRule.help.name) { try checkOperands(command) }
    }

    private mutating func take(
        _ word: String, _ words: inout ArraySlice<String>, _ command: Command
    ) throws(CommandError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let rule = try Self.rule(named: parts[0], command)
        let given = parts.count > 1 ? parts[1] : nil
        if case .none = rule.value {
            if given != nil { throw usageError("Option '--\(rule.name)' takes no value.", command) }
            values[rule.name] = ""
            return
        }
        guard let value = given ?? words.popFirst() else {
            throw usageError("Option '--\(rule.name)' needs a value: \(rule.usage).", command)
        }
        try Self.check(value, rule, command)
        values[rule.name] = value
    }

    private static func rule(named word: String, _ command: Command) throws(CommandError) -> OptionRule {
        let rules = command.options + [.help]
        let named = rules.first { rule in "--\(rule.name)" == word || rule.letter.map { "-\($0)" } == word }
        if let named { return named }
        let hint = Suggestion.text(for: word, among: rules.map { "--\($0.name)" })
        throw usageError("There is no option '\(word)'.\(hint)", command)
    }

    private static func check(_ value: String, _ rule: OptionRule, _ command: Command) throws(CommandError) {
        switch rule.value {
        case .none, .text: return
        case .count:
            if let number = Int(value), number >= 0 { return }
            throw usageError("'--\(rule.name)' wants a whole number, not '\(value)'.", command)
        case .choice(let words):
            if words.contains(value) { return }
            let hint = Suggestion.text(for: value, among: words)
            throw usageError(
                "'--\(rule.name)' wants \(words.joined(separator: " or ")), not '\(value)'.\(hint)", command)
        }
    }

    private func checkOperands(_ command: Command) throws(CommandError) {
        var left = operands.count
        for rule in command.operands {
            if left == 0 && rule.count != .any { throw usageError("\(rule.name) is missing.", command) }
            left -= rule.count == .one ? 1 : left
        }
        if left > 0 {
            throw usageError("'\(operands[operands.count - left])' is one argument too many.", command)
        }
    }
}

/// A sentence about a wrong command line, with the way to the right one.
private func usageError(_ sentence: String, _ command: Command) -> CommandError {
    CommandError(
        .usage, "\(sentence)\nUsage: holdfast \(command.usage)\nTry 'holdfast \(command.name) --help'.")
}
