import Glibc
import HoldfastStorage

/// The program `holdfast`: finds the command, checks its arguments, runs it.
package enum Program {
    /// The version of the program.
    package static let version = "0.1.0"
    /// The day of that version, for the manual page.
    static let releaseDate = "2026-11-21"

    /// Every command, in the order of the help.
    package static let commands: [Command] = [
        .pipe, .importing, .export, .list, .show, .top, .compact, .recover, .verify, .completions,
        .manual,
    ]

    /// Runs the command line of this process on its own streams and ends it.
    package static func runProcess() -> Never {
        PosixStorage.prepareProcess()
        exit(run(Array(CommandLine.arguments.dropFirst()), on: SystemConsole()).rawValue)
    }

    /// Runs the command line `words`, which does not include the program's name.
    ///
    /// Never throws: what goes wrong is told on standard error and in the exit code.
    package static func run(_ words: [String], on console: any Console) -> ExitCode {
        do throws(CommandError) {
            return try dispatch(words, console)
        } catch {
            if !error.message.isEmpty { console.complain(error.message) }
            return error.code
        }
    }

    private static func dispatch(_ words: [String], _ console: any Console) throws(CommandError) -> ExitCode {
        guard let name = words.first else {
            throw CommandError(.usage, "A command is missing.\nTry 'holdfast --help'.")
        }
        switch name {
        case "help", "--help", "-h": try help(words.dropFirst(), console)
        case "--version": try console.line("holdfast \(version)")
        default:
            let command = try command(named: name)
            let arguments = try Arguments(Array(words.dropFirst()), for: command)
            guard arguments.has(OptionRule.help.name) else { return try command.run(arguments, console) }
            try console.write(HelpText.of(command))
        }
        return .success
    }

    private static func help(_ words: ArraySlice<String>, _ console: any Console) throws(CommandError) {
        guard let name = words.first else { return try console.write(HelpText.ofProgram(commands)) }
        try console.write(HelpText.of(try command(named: name)))
    }

    private static func command(named name: String) throws(CommandError) -> Command {
        if let command = commands.first(where: { $0.name == name }) { return command }
        let hint = Suggestion.text(for: name, among: commands.map(\.name) + ["help"])
        let kind = name.hasPrefix("-") ? "option" : "command"
        throw CommandError(.usage, "There is no \(kind) '\(name)'.\(hint)\nTry 'holdfast --help'.")
    }
}
