import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastThreads

extension Command {
    /// `holdfast grep`.
    static let grep = Command(
        name: "grep",
        summary: "Find text in the messages and records of all sessions.",
        operands: [
            .store, OperandRule("PATTERN", .one, "what to look for"),
            OperandRule("SESSION", .any, "the sessions to look into; all when none is named"),
        ],
        options: [
            OptionRule("regex", "PATTERN is an extended regular expression of POSIX"),
            OptionRule("ignore-case", "small and capital letters of ASCII are the same"),
            OptionRule("hidden", "what was taken back, cut off, edited or deleted since too"),
            OptionRule("role", .text("ROLE"), "only messages of this role"),
            OptionRule("type", .text("NAME"), "only records of this type; several with commas between them"),
            OptionRule("since", .text("TIME"), "only records of this time and later"),
            OptionRule("until", .text("TIME"), "only records of this time and earlier"),
            OptionRule("sessions", "print the ids of sessions with a match, and nothing else"),
            OptionRule("count", "print how many matches each session has"),
            OptionRule("limit", .count("N"), "at most so many matches in each session"), .json,
            OptionRule("payload", "show messages whole, and not only the words around the match"),
        ],
        details: [
            "Looks at the strings in messages, decoded, and at those of records without messages, such as titles and "
                + "the output of a turn that is open. Each message with a match is one line: session:record:role: and "
                + "the words around the first match. Messages that a summary has taken the place of are found; those "
                + "that were taken back, cut off, edited or deleted since are with --hidden only, and so is the output "
                + "of turns that are over. Of records that a snapshot has replaced, the messages in the snapshot are "
                + "searched, with '≤' and the snapshot's record, unless times or types are asked for. Messages that "
                + "a branch shares are found in its parent.",
            "Two sessions are searched at a time. The store may be in use or damaged: what cannot be read is named, "
                + "and the rest is searched, what is hidden in a damaged session too.",
        ],
        examples: [
            ("holdfast grep ./store 'connection refused' --role tool", "which tools met it"),
            (
                "holdfast grep ./store --regex 'E[0-9]{4}' --since 1d --sessions",
                "the sessions of a day with such a code"
            ),
        ],
        exitCodes: [
            (.success, "something was found"), (.nothingFound, "nothing was found"),
            (.data, "a part of a session could not be searched"), (.noInput, "the store or a session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            let grep = try Grep(arguments, console)
            StoreAccess.tellOfStoreFile(arguments, console)
            return try grep.run()
        })
}

/// Searches sessions.
private struct Grep: Sendable {
    /// What the search came to.
    private struct Outcome {
        var matchCount = 0
        var isDamaged = false
    }

    private let pattern: TextPattern
    private let filter: RecordFilter
    private let arguments: Arguments
    private let console: any Console
    private let inspector: StoreInspector
    private let sessions: [SessionID]
    /// `nil` when everything is wanted, or when the store cannot be read as one.
    private let shown: ShownMessageReader?
    private let outcome = Lock(Outcome())

    init(_ arguments: Arguments, _ console: any Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        pattern = try TextPattern(
            arguments.operands[1], isExpression: arguments.has("regex"), ignoresCase: arguments.has("ignore-case"))
        filter = try RecordFilter(envelope: arguments)
        inspector = try StoreAccess.inspect(arguments.store)
        sessions = try StoreAccess.sessions(arguments.rest.dropFirst(), of: inspector)
        shown = arguments.has("hidden") ? nil : try? ShownMessageReader(arguments.store)
    }

    func run() throws(CommandError) -> ExitCode {
        try OrderedWork(sessions.count, on: console).run { (piece, output) throws(CommandError) in
            try search(sessions[piece], output)
        }
        let outcome = outcome.withLock { $0 }
        if outcome.isDamaged { return .data }
        return outcome.matchCount > 0 ? .success : .nothingFound
    }

    private func search(_ session: SessionID, _ output: OrderedWork.Output) throws(CommandError) {
        var search = SessionSearch(
            session: session, matcher: try TextMatcher(pattern), role: arguments.text("role"),
            left: arguments.count("limit") ?? .max, reader: shown)
        if arguments.has("sessions") { search.left = 1 }
        let damage = try search.run(inspector, filter) { (match) throws(CommandError) in
            guard !arguments.has("sessions"), !arguments.has("count") else { return }
            if arguments.has("json") { return try output.write(match.json(isWhole: showsAll)) }
            let line = match.line(isWhole: showsAll)
            try output.write(Array(((showsAll ? line : console.fitted(line)) + "\n").utf8))
        }
        let count = search.matchCount
        outcome.withLock { outcome in
            outcome.matchCount += count
            if damage != nil { outcome.isDamaged = true }
        }
        if let damage { console.complain(DisplayText.oneLine("Session '\(session)': \(damage)")) }
        guard count > 0 else { return }
        let name = DisplayText.oneLine(session.text)
        if arguments.has("sessions") { try output.write(Array("\(name)\n".utf8)) }
        if arguments.has("count") { try output.write(Array("\(name):\(count)\n".utf8)) }
    }

    private var showsAll: Bool { arguments.has("payload") }
}
