/// Writes help from the command table.
enum HelpText {
    private static let width = 80

    /// The help of one command.
    static func of(_ command: Command) -> String {
        var sections = ["\(command.summary)", "Usage: holdfast \(command.usage)"]
        sections += command.details.map { wrapped($0, indent: 0) }
        if !command.operands.isEmpty {
            sections.append(list("Arguments:", command.operands.map { ($0.usage, $0.help) }))
        }
        sections.append(list("Options:", command.allOptions.map { ($0.listing, $0.help) }))
        if !command.examples.isEmpty {
            let lines = command.examples.map { "  \($0.line)\n      \($0.what)" }
            sections.append((["Examples:"] + lines).joined(separator: "\n"))
        }
        sections.append(list("Exit codes:", command.allExitCodes.map { ("\($0.code.rawValue)", $0.meaning) }))
        return sections.joined(separator: "\n\n") + "\n"
    }

    /// The help of the program.
    static func ofProgram(_ commands: [Command]) -> String {
        let sections = [
            "Holdfast keeps the conversations of agent servers in durable, append-only logs.",
            "Usage: holdfast COMMAND [OPTION…] STORE [ARGUMENT…]",
            list("Commands:", commands.map { ($0.name, $0.summary) }),
            list("Options:", [("-h, --help", "print this text"), ("--version", "print the program's version")]),
            "'holdfast COMMAND --help' explains a command.",
        ]
        return sections.joined(separator: "\n\n") + "\n"
    }

    /// Two columns under a title, the second one wrapped.
    private static func list(_ title: String, _ rows: [(String, String)]) -> String {
        let indent = (rows.map(\.0.count).max() ?? 0) + 4
        let lines = rows.map { name, help in
            "  \(name)" + String(repeating: " ", count: indent - 2 - name.count)
                + wrapped(help, indent: indent)
        }
        return ([title] + lines).joined(separator: "\n")
    }

    /// `text` broken between words into lines that end before the width; all but the first are indented.
    private static func wrapped(_ text: String, indent: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.joined(separator: "\n" + String(repeating: " ", count: indent))
    }
}
