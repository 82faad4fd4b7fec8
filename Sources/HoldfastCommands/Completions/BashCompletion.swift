/// The script that teaches bash the command line. Pure.
enum BashCompletion {
    static func script(for commands: [Command]) -> String {
        """
        # bash completion for holdfast, made by 'holdfast completions bash'.
        # Load it with: source <(holdfast completions bash)

        _holdfast_words() { mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$1" -- "$word"); }
        _holdfast_folders() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$word"); }
        _holdfast_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); }

        _holdfast() {
            local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
            # bash makes a word of the '=' in --option=value.
            if [[ $word == '=' ]]; then word=''; elif [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
            COMPREPLY=()
            if (( COMP_CWORD == 1 )); then
                _holdfast_words '\(commands.firstWords.joined(separator: " ")) help --help --version'
                return
            fi
            local first=2
            case "$command ${COMP_WORDS[2]}" in
        \(twoWords(commands))
                *) ;;
            esac
            case "$command $before" in
        \(lines(commands, values))
            esac
            if [[ $word == -* ]]; then
                case $command in
        \(lines(commands, options))
                esac
                return
            fi
            local place=1 index
            for (( index = first; index < COMP_CWORD; index++ )); do
                case "$command ${COMP_WORDS[index]}" in
        \(lines(commands, skips))
                    *' -'*) ;;
                    *) (( place++ )) ;;
                esac
            done
            case "$command $place" in
                'help 1') _holdfast_words '\(commands.firstWords.joined(separator: " "))' ;;
        \(lines(commands, operands))
            esac
            case "$command $place" in
        \(secondWords(commands))
                *) ;;
            esac
        }

        complete -F _holdfast holdfast

        """
    }

    /// Takes the second word of a name for a part of it, once it is written.
    private static func twoWords(_ commands: [Command]) -> String {
        commands.groups.flatMap(\.commands).map { command in
            "        '\(command.name)') if (( COMP_CWORD > 2 )); then command='\(command.name)' first=3; fi ;;"
        }
        .joined(separator: "\n")
    }

    /// Offers the second words of names.
    private static func secondWords(_ commands: [Command]) -> String {
        commands.groups.map { group in
            let words = group.commands.compactMap(\.secondWord).joined(separator: " ")
            return "        '\(group.first) 1') _holdfast_words '\(words)' ;;"
        }
        .joined(separator: "\n")
    }

    private static func lines(_ commands: [Command], _ make: (Command) -> [String]) -> String {
        commands.flatMap(make).joined(separator: "\n")
    }

    /// What an option before the cursor asks for.
    private static func values(_ command: Command) -> [String] {
        command.options.compactMap { option in
            option.wordKind.map { "        \(patterns(command, option))) \(call($0)); return ;;" }
        }
    }

    /// The command with the option, by each of its names.
    private static func patterns(_ command: Command, _ option: OptionRule) -> String {
        let names = ["--\(option.name)"] + (option.letter.map { ["-\($0)"] } ?? [])
        return names.map { "'\(command.name) \($0)'" }.joined(separator: " | ")
    }

    private static func options(_ command: Command) -> [String] {
        let words = command.allOptions.map { "--\($0.name)" }.joined(separator: " ")
        return ["            '\(command.name)') _holdfast_words '\(words)' ;;"]
    }

    /// Options whose value is no operand.
    private static func skips(_ command: Command) -> [String] {
        command.options.filter { $0.wordKind != nil }.map {
            "            \(patterns(command, $0))) (( index++ )) ;;"
        }
    }

    private static func operands(_ command: Command) -> [String] {
        command.operands.enumerated().filter { $0.element.wordKind != .other }.map { index, operand in
            let place = operand.count == .one ? "\(index + 1)" : "*"
            return "        '\(command.name) '\(place)) \(call(operand.wordKind)) ;;"
        }
    }

    private static func call(_ kind: WordKind) -> String {
        switch kind {
        case .folder: "_holdfast_folders"
        case .file: "_holdfast_files"
        case .choice(let words): "_holdfast_words '\(words.joined(separator: " "))'"
        case .other: ":"
        }
    }
}
