/// The script that teaches fish the command line. Pure.
enum FishCompletion {
    static func script(for commands: [Command]) -> String {
        let names = commands.firstWords.joined(separator: " ")
        let head = [
            "# fish completion for holdfast, made by 'holdfast completions fish'.",
            "# Load it with: holdfast completions fish | source",
            "complete -c holdfast -f",
            "complete -c holdfast -n __fish_use_subcommand -l version -d 'print the version of the program'",
            "complete -c holdfast -n __fish_use_subcommand -a help -d 'Explain a command.'",
            "complete -c holdfast -n '__fish_seen_subcommand_from help' -a '\(names)'",
        ]
        return (head + commands.flatMap(lines)).joined(separator: "\n") + "\n"
    }

    private static func lines(for command: Command) -> [String] {
        let (first, second) = (command.firstWord, command.secondWord)
        let seen = [first, second].compactMap(\.self).map { "__fish_seen_subcommand_from \($0)" }
        let rule = "complete -c holdfast -n '\(seen.joined(separator: "; and "))'"
        let place = second == nil ? "__fish_use_subcommand" : "'\(seen[0])'"
        let begin = "complete -c holdfast -n \(place) -a \(second ?? first) -d \(quoted(command.summary))"
        let options = command.allOptions.map { option in
            let value = option.wordKind.map { " -r \(offer($0))" } ?? ""
            let letter = option.letter.map { " -s \($0)" } ?? ""
            return "\(rule) -l \(option.name)\(letter)\(value) -d \(quoted(option.help))"
        }
        let operands = command.operands.map(\.wordKind).filter { $0 != .other }.map { "\(rule) \(offer($0))" }
        return [begin] + options + operands
    }

    private static func offer(_ kind: WordKind) -> String {
        switch kind {
        case .folder: "-a '(__fish_complete_directories)'"
        case .file: "-F"
        case .choice(let words): "-a '\(words.joined(separator: " "))'"
        case .other: "-f"
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
