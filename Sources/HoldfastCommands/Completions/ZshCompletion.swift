/// The script that teaches zsh the command line. Pure.
enum ZshCompletion {
    static func script(for commands: [Command]) -> String {
        """
        #compdef holdfast
        # zsh completion for holdfast, made by 'holdfast completions zsh'.
        # Put it as _holdfast into a folder of $fpath, or load it with: source <(holdfast completions zsh)

        _holdfast() {
            local -a commands
            commands=(
        \(names(commands.filter { $0.secondWord == nil }))
                'help:Explain a command.'
            )
            if (( CURRENT == 2 )); then
                _describe -t commands command commands
                _arguments '--help[print the help]' '--version[print the version of the program]'
                return
            fi
            local command=$words[2]
            shift words
            (( CURRENT-- ))
            case "$command $words[2]" in
        \(twoWords(commands))
                *) ;;
            esac
            case $command in
                help) (( CURRENT == 2 )) && _describe -t commands command commands ;;
        \(commands.map { arguments(of: $0, commands) }.joined(separator: "\n"))
            esac
        }

        if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _holdfast "$@"; else compdef _holdfast holdfast; fi

        """
    }

    /// Names with summaries, for `_describe`.
    private static func names(_ commands: [Command]) -> String {
        commands.map { "        " + quoted("\($0.secondWord ?? $0.name):\(escaped($0.summary, ":\\"))") }
            .joined(separator: "\n")
    }

    /// Takes the second word of a name for a part of it, once it is written.
    private static func twoWords(_ commands: [Command]) -> String {
        commands.groups.flatMap(\.commands).map { command in
            "        '\(command.name)') if (( CURRENT > 2 )); then command='\(command.name)'; shift words; "
                + "(( CURRENT-- )); fi ;;"
        }
        .joined(separator: "\n")
    }

    private static func arguments(of command: Command, _ commands: [Command]) -> String {
        var secondWords = ""
        if let group = commands.groups.first(where: { $0.first == command.name }) {
            let list = "commands=(\n\(names(group.commands))\n        )"
            secondWords = "\(list)\n        (( CURRENT == 2 )) && _describe -t commands command commands\n        "
        }
        let options = command.allOptions.flatMap { option -> [String] in
            let help = escaped(option.help, "[]:\\")
            let names = ["--\(option.name)"] + (option.letter.map { ["-\($0)"] } ?? [])
            guard let kind = option.wordKind else { return names.map { "\($0)[\(help)]" } }
            return names.map { "\($0)\($0.hasPrefix("--") ? "=" : "+")[\(help)]:value:\(action(kind))" }
        }
        let operands = command.operands.enumerated().map { index, operand in
            let place = operand.count == .one ? "\(index + 1)" : "*"
            return "\(place):\(escaped(operand.help, ":\\")):\(action(operand.wordKind))"
        }
        let specs = (options + operands).map { "            " + quoted($0) }
        return "        '\(command.name)') \(secondWords)_arguments \\\n" + specs.joined(separator: " \\\n") + " ;;"
    }

    private static func action(_ kind: WordKind) -> String {
        switch kind {
        case .folder: "_directories"
        case .file: "_files"
        case .choice(let words): "(\(words.joined(separator: " ")))"
        case .other: " "
        }
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    private static func escaped(_ text: String, _ special: String) -> String {
        text.reduce(into: "") { $0 += special.contains($1) ? "\\\($1)" : String($1) }
    }
}
