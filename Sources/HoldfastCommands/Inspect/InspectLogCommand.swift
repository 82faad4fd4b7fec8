import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastStorage

extension Command {
    /// `holdfast inspect log`.
    static let inspectLog = Command(
        name: "inspect log",
        summary: "Show the records of a session, behind damage too.",
        operands: [.store, .session],
        options: RecordFilter.options + [
            OptionRule("limit", .count("N"), "at most so many records"), .json,
            OptionRule("hex", "the stored bytes, with the fields of the format marked"),
            OptionRule("payload", "show payloads whole, and not only how the text of the first message begins"),
        ],
        details: [
            "One line per record: its number, time and type, its bytes before and after compression, its place "
                + "(segment:offset), its state, the turn, and how its first message begins. States: 'ok'; 'new': "
                + "only in "
                + "the journal yet; 'blind': the bytes are right, but the compressed block is damaged further up. What "
                + "cannot be read has a line of its own that names the records, the place and the reason; then it goes "
                + "on. Records that a snapshot has replaced are named as such.",
            "Takes no lock and writes nothing: the store may be in use, damaged, or on a read-only disk.",
        ],
        examples: [
            ("holdfast inspect log ./store s1 --since 1h", "what was written in the last hour"),
            ("holdfast inspect log ./store s1 --role tool --min-bytes 100000", "the large results of tools"),
            ("holdfast inspect log ./store s1 --from 41 --to 41 --hex --payload", "every byte of one record"),
        ],
        exitCodes: [
            (.success, "everything that is there can be read"),
            (.data, "a part of the session cannot be read; the rest was shown"),
            (.noInput, "the store or the session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            guard !arguments.has("json") || !arguments.has("hex") else {
                throw CommandError(.usage, "Give --json or --hex, not both.")
            }
            let filter = try RecordFilter(arguments)
            StoreAccess.tellOfStoreFile(arguments, console)
            let inspector = try StoreAccess.inspect(arguments.store)
            return try LogPrinter(arguments, filter, console).run(inspector, try sessionID(arguments.operands[1]))
        })
}

/// Prints the records of one session.
private struct LogPrinter {
    private let arguments: Arguments
    private let filter: RecordFilter
    private let console: any Console
    private let matcher: TextMatcher?
    private let printer: RecordPrinter
    private let dump: ByteDump

    init(_ arguments: Arguments, _ filter: RecordFilter, _ console: any Console) throws(CommandError) {
        self.arguments = arguments
        self.filter = filter
        self.console = console
        matcher = try filter.pattern.map { (pattern) throws(CommandError) in try TextMatcher(pattern) }
        printer = RecordPrinter(showsPayload: arguments.has("payload"), columns: console.columns)
        dump = ByteDump(showsPayload: arguments.has("payload"))
    }

    func run(_ inspector: StoreInspector, _ session: SessionID) throws(CommandError) -> ExitCode {
        let walk = try inspecting { () throws(LogError) in
            try inspector.walk(
                session,
                WalkOptions(from: filter.sequences.lowerBound, keepsBytes: arguments.has("hex"), namesBits: true))
        }
        var left = arguments.count("limit") ?? .max
        var isDamaged = false
        if !arguments.has("json"), !arguments.has("hex") {
            try console.row(printer.heading)
        }
        while left > 0, let item = try inspecting({ () throws(LogError) in try walk.next() }) {
            if case .unreadable = item { isDamaged = true }
            if case .record(let record) = item, record.sequence > filter.sequences.upperBound { break }
            guard filter.matches(item, matcher) else { continue }
            if case .record = item { left -= 1 }
            try show(session, item)
        }
        return isDamaged ? .data : .success
    }

    private func show(_ session: SessionID, _ item: WalkItem) throws(CommandError) {
        if arguments.has("json") {
            if let line = printer.json(session, item) { try console.write(line) }
        } else if arguments.has("hex"), let text = dump.text(item) {
            try console.line(text)
        } else if let text = printer.text(session, item) {
            try printer.isWhole(item) ? console.line(text) : console.rows(text)
        }
    }
}

extension StoreAccess {
    /// Opens the store in the folder `path` for looking at how it is stored. Takes no lock, writes nothing.
    static func inspect(_ path: String) throws(CommandError) -> StoreInspector {
        do throws(CommandError) {
            let folder = try folder(path)
            return try inspecting { () throws(LogError) in try StoreInspector(folder) }
        } catch {
            throw CommandError(error.code, "The store '\(path)': \(error.message)")
        }
    }
}

/// Runs `body` and turns what the log throws into the end of the command.
func inspecting<Result>(_ body: () throws(LogError) -> Result) throws(CommandError) -> Result {
    do throws(LogError) { return try body() } catch { throw CommandError(HoldfastError(error)) }
}

/// The id that `text` is.
func sessionID(_ text: String) throws(CommandError) -> SessionID {
    if let id = SessionID(text) { return id }
    throw CommandError(.usage, DisplayText.oneLine("'\(text)' is no session id: those have 1 to 255 bytes."))
}
