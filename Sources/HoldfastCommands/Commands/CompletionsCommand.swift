extension Command {
    /// `holdfast completions`.
    static let completions = Command(
        name: "completions",
        summary: "Print the script with which a shell completes this program's command lines.",
        operands: [OperandRule("bash|zsh|fish", .one, "the shell")],
        options: [],
        examples: [
            ("source <(holdfast completions bash)", "in ~/.bashrc"),
            ("holdfast completions zsh > ~/.zfunc/_holdfast", "into a folder of $fpath"),
            (
                "holdfast completions fish > ~/.config/fish/completions/holdfast.fish",
                "for fish, which loads it by itself"
            ),
        ],
        exitCodes: [(.success, "the script was printed")],
        run: { arguments, console throws(CommandError) in
            let shell = arguments.operands[0]
            let script =
                switch shell {
                case "bash": BashCompletion.script(for: Program.commands)
                case "zsh": ZshCompletion.script(for: Program.commands)
                case "fish": FishCompletion.script(for: Program.commands)
                default: throw CommandError(.usage, "There are completions for bash, zsh and fish, not for '\(shell)'.")
                }
            try console.write(script)
            return .success
        })

    /// `holdfast manual`.
    static let manual = Command(
        name: "manual",
        summary: "Print the manual page of this program, for man.",
        operands: [],
        options: [],
        examples: [
            ("holdfast manual | man -l -", "read it"),
            ("holdfast manual > /usr/local/share/man/man1/holdfast.1", "install it"),
        ],
        exitCodes: [(.success, "the page was printed")],
        run: { _, console throws(CommandError) in
            try console.write(Manual(commands: Program.commands).page)
            return .success
        })
}
