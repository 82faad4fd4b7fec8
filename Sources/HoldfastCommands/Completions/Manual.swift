/// The manual page in the language of man(7). Pure.
struct Manual {
    let commands: [Command]

    var page: String {
        var lines = [
            ".\\\" Made by 'holdfast manual' from the table of commands.",
            ".TH HOLDFAST 1 \(Program.releaseDate) \"Holdfast \(Program.version)\" \"User Commands\"",
            ".SH NAME", "holdfast \\- durable logs for the conversations of agent servers",
            ".SH SYNOPSIS", ".B holdfast", ".I COMMAND", "[\\fIOPTION\\fR ...] \\fISTORE\\fR [\\fIARGUMENT\\fR ...]",
            ".SH DESCRIPTION",
            Self.text(
                "A store is a folder in which every conversation, called a session, has a log of its own. What the "
                    + "store has acknowledged is on stable storage, and is there after a crash."),
            ".PP", "\\fBholdfast help\\fR \\fICOMMAND\\fR explains a command as this page does.", ".SH COMMANDS",
        ]
        for command in commands { lines += section(command) }
        lines += [".SH EXIT STATUS", "What a code means for a command is said there. In general:"]
        lines += commonCodes.flatMap { item("\($0.code.rawValue)", $0.meaning) }
        lines += [".SH SEE ALSO", "The documents of the project: protocol.md, format.md, operations.md, glossary.md."]
        return lines.joined(separator: "\n") + "\n"
    }

    private var commonCodes: [(code: ExitCode, meaning: String)] {
        [(.success, "it was done")] + Command.commonExitCodes
    }

    private func section(_ command: Command) -> [String] {
        var lines = [".SS \(Self.escaped("holdfast \(command.usage)"))", Self.text(command.summary)]
        for paragraph in command.details { lines += [".PP", Self.text(paragraph)] }
        lines += command.operands.flatMap { item($0.usage, $0.help) }
        lines += command.allOptions.flatMap { item($0.listing, $0.help) }
        for example in command.examples {
            lines += [".PP", Self.text("Example, \(example.what):"), ".PP", ".EX"]
            lines += ["    " + Self.escaped(example.line), ".EE"]
        }
        lines += [".PP", "Exit status:"]
        return lines + command.allExitCodes.flatMap { item("\($0.code.rawValue)", $0.meaning) }
    }

    private func item(_ term: String, _ text: String) -> [String] {
        [".TP", ".B \(Self.escaped(term))", Self.text(text)]
    }

    /// `text` in lines of a length that is usual in such files.
    private static func text(_ text: String) -> String {
        var lines: [String] = []
        for word in text.split(separator: " ").map({ escaped(String($0)) }) {
            if let last = lines.last, last.count + word.count < 76 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                // A dot would make it a command.
                lines.append(word.hasPrefix(".") ? "\\&\(word)" : word)
            }
        }
        return lines.joined(separator: "\n")
    }

    /// `text` as roff prints it as it stands.
    private static func escaped(_ text: String) -> String {
        var line = ""
        for character in text {
            switch character {
            case "\\": line += "\\e"
            case "-": line += "\\-"
            case "'": line += "\\(aq"
            case "`": line += "\\(ga"
            case "^": line += "\\(ha"
            case "~": line += "\\(ti"
            case "…": line += "..."
            case "\n": line += " "
            default: line.append(character)
            }
        }
        return line
    }
}
