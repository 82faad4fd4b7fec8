import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

extension Command {
    /// `holdfast tail`.
    static let tail = Command(
        name: "tail",
        summary: "Show the last records of a store or a session, and with -f those that come.",
        operands: [.store, OperandRule("SESSION", .any, "the id of a session; all sessions when it is not given")],
        options: [
            OptionRule("follow", letter: "f", "go on with the records that are written from now on, until Ctrl-C"),
            OptionRule("limit", letter: "n", .count("N"), "how many of the records that are there; 10 if not given"),
            .json, OptionRule("payload", "show payloads whole, and not only how the text of the first message begins"),
        ],
        details: [
            "Lines are those of 'holdfast inspect log', with the session in front when all are shown. Each record "
                + "comes once, and those of a session in their order, also while the writer begins new files and "
                + "compacts old ones. Should a compaction drop records before they could be shown, a line says which.",
            "The store is looked at ten times a second, and less often while nothing happens, so a record comes at "
                + "most a second late. Takes no lock and writes nothing.",
        ],
        examples: [
            ("holdfast tail -f ./store", "watch all sessions"),
            ("holdfast tail -f -n 0 --json ./store s1 | jq .type", "only what comes, for a program"),
        ],
        exitCodes: [
            (.success, "the records were shown"), (.data, "some of them cannot be read; the rest was shown"),
            (.noInput, "the store or the session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            guard arguments.rest.count <= 1 else {
                throw CommandError(.usage, "Name one session, or none for all.")
            }
            let session = try arguments.rest.first.map { (text) throws(CommandError) in try sessionID(text) }
            StoreAccess.tellOfStoreFile(arguments, console)
            let tail = try Tail(arguments, session, console)
            let isDamaged = try tail.printLast(arguments.count("limit") ?? 10)
            if arguments.has("follow") { try tail.follow() }
            return isDamaged ? .data : .success
        })
}

/// The shell of ``StoreFollower``: finds where to begin, waits, prints.
private struct Tail {
    private let store: String
    private let session: SessionID?
    private let follower: StoreFollower
    private let printer: RecordPrinter
    private let isJSON: Bool
    private let console: any Console

    init(_ arguments: Arguments, _ session: SessionID?, _ console: any Console) throws(CommandError) {
        store = arguments.store
        self.session = session
        self.console = console
        isJSON = arguments.has("json")
        printer = RecordPrinter(
            showsSession: session == nil, showsPayload: arguments.has("payload"), columns: console.columns)
        let inspector = try StoreAccess.inspect(store)
        follower = try inspecting { () throws(LogError) in try StoreFollower(inspector, only: session) }
    }

    /// Prints the last `count` records that were there at the beginning; answers whether some cannot be read.
    func printLast(_ count: Int) throws(CommandError) -> Bool {
        if !isJSON { try console.row(printer.heading) }
        let sessions = if let session { [session] } else { try newestSessions(count) }
        let last = try inspecting { () throws(LogError) in try follower.last(count, of: sessions) }
        for (session, item) in last { try show(session, item) }
        return last.contains { Gap($0.item, $0.session)?.isDamage ?? false }
    }

    /// Prints what comes; ends with the process, or when the reader leaves.
    func follow() throws(CommandError) {
        var pace = PollPace()
        while true {
            let begun = Moment.monotonic()
            var failure: CommandError?
            let hasCome = try inspecting { () throws(LogError) in
                try follower.poll { session, item in
                    guard failure == nil else { return }
                    do throws(CommandError) { try show(session, item) } catch { failure = error }
                }
            }
            if let failure { throw failure }
            usleep(UInt32(pace.microseconds(after: hasCome, took: (Moment.monotonic() - begun) / 1_000)))
        }
    }

    /// The sessions that the last `count` records of the store are in: as many as were used last.
    private func newestSessions(_ count: Int) throws(CommandError) -> [SessionID] {
        guard count > 0 else { return [] }
        let store = try StoreAccess.openReadOnly(store)
        defer { try? store.close() }
        var newest = SessionQuery()
        newest.order = .updated
        let query = newest
        let page = try asking { () throws(HoldfastError) in
            try store.listBlocking(query, after: nil, limit: min(count, 10_000))
        }
        return page.rows.compactMap { SessionID($0.summary.session) }
    }

    private func show(_ session: SessionID, _ item: WalkItem) throws(CommandError) {
        if isJSON {
            if let line = printer.json(session, item) { try console.write(line) }
        } else if let text = printer.text(session, item) {
            try printer.isWhole(item) ? console.line(text) : console.rows(text)
        }
    }
}

/// How long to wait between two looks. Pure.
struct PollPace {
    private static let shortest: UInt64 = 100_000
    private static let longest: UInt64 = 1_000_000
    private var idle: UInt64 = 0

    /// The wait after a look that has found something or not, and took so many microseconds. It gets longer while
    /// nothing comes, and is never less than four times the look, so that looking costs a fifth of a processor at most.
    mutating func microseconds(after hasCome: Bool, took: UInt64) -> UInt64 {
        idle = hasCome ? 0 : idle + Self.shortest
        let wait = min(Self.longest, max(Self.shortest, idle / 20))
        return max(wait, min(took, 15_000_000) * 4)
    }
}
