import CPosix
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
        .pipe, .importing, .export, .list, .show, .cat, .diff, .grep, .blame, .inspect, .inspectLog, .inspectGaps,
        .inspectJournal, .top, .tail, .report, .compact, .recover, .verify, .completions, .manual,
    ]

    /// Runs the command line of this process on its own streams and ends it.
    package static func runProcess() -> Never {
        PosixStorage.prepareProcess()
        // A server that has seen a few records of megabytes would keep their memory: docs/performance.md, "Long runs".
        holdfast_map_large_blocks(1 << 20)
        exit(run(Array(CommandLine.arguments.dropFirst()), on: SystemConsole()).rawValue)
    }

    /// Runs the command line `words`, which does not include the program's name.
    ///
    /// Never throws: what goes wrong is told on standard error and in the exit code.
    package static func run(_ words: [String], on console: any Console) -> ExitCode {
        do throws(CommandError) {
            return try dispatch(words, console)
        } catch {
            // It may name what somebody else has named.
            let message = DisplayText.lines(error.message).joined(separator: "\n")
            if !message.isEmpty { console.complain(message) }
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
            let command = try command(in: words[...])
            let arguments = try Arguments(Array(words.dropFirst(command.words.count)), for: command)
            guard arguments.has(OptionRule.help.name) else { return try command.run(arguments, console) }
            try console.write(HelpText.of(command))
        }
        return .success
    }

    private static func help(_ words: ArraySlice<String>, _ console: any Console) throws(CommandError) {
        guard !words.isEmpty else { return try console.write(HelpText.ofProgram(commands)) }
        try console.write(HelpText.of(try command(in: words)))
    }

    /// The command that `words` begin with: the one with two words in its name before the one with the first of them.
    private static func command(in words: ArraySlice<String>) throws(CommandError) -> Command {
        let matching = commands.filter { words.starts(with: $0.words) }
        if let command = matching.max(by: { $0.words.count < $1.words.count }) { return command }
        let name = words.first ?? ""
        let hint = Suggestion.text(for: name, among: commands.map(\.name) + ["help"])
        let kind = name.hasPrefix("-") ? "option" : "command"
        throw CommandError(.usage, "There is no \(kind) '\(name)'.\(hint)\nTry 'holdfast --help'.")
    }
}
