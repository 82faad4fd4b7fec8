@testable import HoldfastCommands
import Testing

struct ArgumentsTests {
    @Test func optionsStandAnywhereAndTakeTheirValueInTwoWays() throws {
        let arguments = try Arguments(["--limit", "3", "store", "--json", "s1", "--from=7"], for: .show)
        #expect(arguments.operands == ["store", "s1"])
        #expect(arguments.count("limit") == 3 && arguments.count("from") == 7)
        #expect(arguments.has("json") && !arguments.has("pending"))
    }

    @Test func afterTwoDashesEverythingIsAnOperand() throws {
        let arguments = try Arguments(["store", "--", "--json"], for: .show)
        #expect(arguments.operands == ["store", "--json"] && !arguments.has("json"))
    }

    @Test(arguments: [
        (["show", "store"], "SESSION is missing"),
        (["show"], "STORE is missing"),
        (["show", "store", "s1", "s2"], "'s2' is one argument too many"),
        (["show", "store", "s1", "--limit"], "'--limit' needs a value"),
        (["show", "store", "s1", "--limit", "-1"], "wants a whole number, not '-1'"),
        (["show", "store", "s1", "--limit", "99999999999999999999"], "wants a whole number"),
        (["show", "store", "s1", "--json=yes"], "takes no value"),
        (["show", "store", "s1", "--jsno"], "no option '--jsno'. Did you mean '--json'?"),
        (["pipe", "store", "--commit", "segmnt"], "not 'segmnt'. Did you mean 'segment'?"),
        (["ls", "-x", "store"], "no option '-x'"),
        (["improt", "store"], "no command 'improt'. Did you mean 'import'?"),
        (["verfy"], "Did you mean 'verify'?"),
        (["--vresion"], "no option '--vresion'"),
        ([], "A command is missing"),
        (["frobnicate"], "no command 'frobnicate'.\n"),
    ])
    func aWrongCommandLineIsExplained(words: [String], sentence: String) {
        let console = TestConsole()
        #expect(Program.run(words, on: console) == .usage)
        #expect(console.errors.contains(sentence), "\(console.errors)")
        #expect(console.output.isEmpty)
    }

    @Test func everyCommandHasHelpThatNamesItsOptionsAndFitsATerminal() {
        for command in Program.commands {
            let console = TestConsole()
            let ran = Ran(code: Program.run(command.words + ["--help"], on: console), console: console)
            #expect(ran.code == .success && ran.errors.isEmpty)
            #expect(ran.output.hasPrefix(command.summary))
            for option in command.options { #expect(ran.output.contains("--\(option.name)")) }
            for part in ["Usage:", "Options:", "Exit codes:", "Examples:"] { #expect(ran.output.contains(part)) }
            let longest = ran.console.outputLines.filter { !$0.contains("holdfast ") }.map(\.count).max() ?? 0
            #expect(longest <= 80, "\(command.name): \(longest)")
            let help = TestConsole()
            #expect(Program.run(["help"] + command.words, on: help) == .success && help.output == ran.output)
        }
    }

    @Test func theProgramListsItsCommands() {
        for words in [["help"], ["--help"], ["-h"]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .success)
            let text = console.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            for command in Program.commands { #expect(text.contains("\(command.name) \(command.summary)")) }
        }
        #expect(holdfast("--version").output == "holdfast \(Program.version)\n")
    }

    @Test func aSwapOfNeighboursIsOneMistake() {
        #expect(Suggestion.distance("improt", "import") == 1)
        #expect(Suggestion.distance("", "abc") == 3)
        #expect(Suggestion.distance("kitten", "sitting") == 3)
    }
}
