import Holdfast
import HoldfastBytes

extension Command {
    /// `holdfast ls`.
    static let list = Command(
        name: "ls",
        summary: "List the sessions of a store, the newest first.",
        operands: [.store],
        options: [
            .json, OptionRule("pending", "only the sessions in which a turn is open or messages are queued"),
            OptionRule("limit", .count("N"), "at most so many sessions"),
            OptionRule("title", .text("TEXT"), "only sessions with this in their title, in small or capital letters"),
            OptionRule("source", .text("NAME"), "only sessions of this source"),
            OptionRule("project", .text("ID"), "only sessions of this project"),
            OptionRule("profile", .text("NAME"), "only sessions of this profile"),
            OptionRule("parent", .text("SESSION"), "only sessions that were made from this one"),
            OptionRule("archived", .choice(["yes", "no"]), "only archived sessions, or only the others"),
            OptionRule("pinned", .choice(["yes", "no"]), "only pinned sessions, or only the others"),
        ],
        details: [
            "With --json each session is one line: an object with its counts, times (milliseconds since 1970), open "
                + "turn and short fields. The store may be in use."
        ],
        examples: [
            ("holdfast ls ./store --limit 20", "the twenty sessions that were used last"),
            ("holdfast ls ./store --pending --json", "what waits for an answer, for a program"),
        ],
        run: { arguments, console throws(CommandError) in
            StoreAccess.tellOfStoreFile(arguments, console)
            let store = try StoreAccess.openReadOnly(arguments.store)
            defer { try? store.close() }
            let rows = try store.allRows(query(arguments))
            let shown = rows.prefix(arguments.count("limit") ?? rows.count)
            if arguments.has("json") {
                for row in shown { try console.write(row.json.bytes + [10]) }
            } else if shown.isEmpty {
                console.writeError("No sessions.\n")
            } else {
                try console.table(table(shown))
            }
            return .success
        })

    private static func query(_ arguments: Arguments) -> SessionQuery {
        var query = SessionQuery()
        query.order = .updated
        query.pendingOnly = arguments.has("pending")
        query.title = arguments.text("title")
        query.source = arguments.text("source")
        query.project = arguments.text("project")
        query.profile = arguments.text("profile")
        query.parent = arguments.text("parent")
        query.archived = arguments.text("archived").map { $0 == "yes" }
        query.pinned = arguments.text("pinned").map { $0 == "yes" }
        return query
    }

    private static func table(_ rows: ArraySlice<SessionRow>) -> TextTable {
        let now = Moment.wall()
        var table = TextTable([
            .init(heading: "SESSION", limit: 48), .init(heading: "MESSAGES", isNumber: true),
            .init(heading: "UPDATED"), .init(heading: "TURN"), .init(heading: "TITLE"),
        ])
        for row in rows {
            table.add([
                DisplayText.oneLine(row.summary.session), Human.count(row.summary.messageCount),
                Human.time(row.summary.updatedAt, now: now), waiting(row),
                DisplayText.oneLine(row.title),
            ])
        }
        return table
    }

    /// `pending`, `2 queued` or both.
    private static func waiting(_ row: SessionRow) -> String {
        let queued = row.queued == 0 ? nil : "\(Human.count(row.queued)) queued"
        return [row.turn.map { _ in "pending" }, queued].compactMap(\.self).joined(separator: ", ")
    }
}

extension SessionRow {
    /// What the session is called; empty when it has no title.
    var title: String {
        guard let tree = try? JSONTree.parse(json.bytes, detail: 2, depthLimit: .max) else { return "" }
        return tree.root["fields"]?["title"]?.string ?? ""
    }
}
