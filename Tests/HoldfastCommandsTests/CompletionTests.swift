import HoldfastCommands
import Testing

/// What is generated from the table of commands has all of it. `tools/lib/test-commands` has the shells try it.
@Suite struct CompletionTests {
    @Test(arguments: ["bash", "zsh", "fish"])
    func `every command, option and choice is in the script`(shell: String) {
        let script = holdfast("completions", shell).output
        #expect(script.contains("help"))
        for command in Program.commands {
            #expect(command.words.allSatisfy { script.contains($0) })
            for option in command.options {
                let name = shell == "fish" ? "-l \(option.name) " : "--\(option.name)"
                #expect(lines(of: command, in: script, shell).contains { $0.contains(name) }, "\(command.name) \(name)")
                guard case .choice(let words) = option.value else { continue }
                let choices = words.joined(separator: " ")
                #expect(
                    lines(of: command, in: script, shell).contains { $0.contains(choices) }, "\(command.name) \(name)")
            }
        }
    }

    /// The lines about one command; for zsh all of them, because its lines do not repeat the name.
    private func lines(of command: Command, in script: String, _ shell: String) -> [Substring] {
        script.split(separator: "\n").filter { line in
            switch shell {
            case "zsh": true
            case "fish": command.words.allSatisfy { line.contains($0) }
            default: line.contains(command.name)
            }
        }
    }

    @Test func `there are three shells`() {
        let ran = holdfast("completions", "tcsh")
        #expect(ran.code == .usage && ran.errors.contains("'tcsh'"))
        #expect(holdfast("completions").code == .usage)
    }

    @Test func `the manual has every command with everything that help says of it`() {
        let page = plain(holdfast("manual").output)
        for command in Program.commands {
            #expect(page.contains("\n.SS holdfast \(plain(command.usage)) "))
            let texts =
                [command.summary] + command.details + command.operands.map(\.help) + command.options.map(\.help)
                + command.options.map(\.listing) + command.examples.flatMap { [$0.line, $0.what] }
                + command.exitCodes.map(\.meaning)
            for text in texts { #expect(page.contains(plain(text)), "\(command.name): \(text)") }
        }
    }

    /// Text without what roff writes in another way. Lines that are not commands of roff are joined.
    private func plain(_ text: String) -> String {
        var text = text.replacing("…", with: "...").replacing("\n.", with: "\u{0}.").replacing("\n", with: " ")
            .replacing("\u{0}", with: "\n")
        for (escape, character) in [
            ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\-", "-"), ("\\e", "\\"), ("\\&", ""),
        ] { text = text.replacing(escape, with: character) }
        return text
    }

    @Test func `a line of the manual that begins with a dot or an apostrophe is text`() {
        let control = holdfast("manual").output.split(separator: "\n").filter { $0.hasPrefix("'") || $0.hasPrefix(".") }
        let macros = [".\\\"", ".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".EX", ".EE"]
        #expect(control.allSatisfy { line in macros.contains { line.split(separator: " ")[0] == $0 } })
    }

    @Test func `a command that uses no store promises no code for one`() {
        #expect(!holdfast("help", "manual").output.contains("there is no such store"))
        #expect(holdfast("help", "ls").output.contains("there is no such store"))
    }
}
