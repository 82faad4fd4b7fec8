import Holdfast
import HoldfastBytes

extension Command {
    /// `holdfast show`.
    static let show = Command(
        name: "show",
        summary: "Show a session: its fields, its open turn and its messages.",
        operands: [.store, OperandRule("SESSION", .one, "the id of the session")],
        options: [
            .json, OptionRule("from", .count("N"), "the place of the first message to show, counted from 0"),
            OptionRule("limit", .count("N"), "at most so many messages; all when it is not given"),
        ] + MessageChoice.options,
        details: [
            "For people each message is one line: its place, its role and how its text begins. With --json the "
                + "session is one object with every byte of the fields and messages as they were given. With --hidden "
                + "places count hidden messages too, and each is said to be 'compacted' or 'taken_back'. The store "
                + "may be in use."
        ],
        examples: [
            ("holdfast show ./store s1 --from 100 --limit 20", "twenty messages from the middle"),
            ("holdfast show ./store s1 --list context --hidden", "what the model was sent and is sent"),
            ("holdfast show ./store s1 --json > s1.json", "keep the whole session"),
        ],
        exitCodes: [
            (.success, "the session was shown"),
            (.data, "the session is damaged; what comes before the damage was shown"),
            (.noInput, "the store or the session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            let store = try StoreAccess.openReadOnly(arguments.store)
            defer { try? store.close() }
            let view = SessionPrinter(
                store: store, session: arguments.operands[1], from: arguments.count("from") ?? 0,
                limit: arguments.count("limit") ?? .max, choice: MessageChoice(arguments), console: console)
            let damage = try arguments.has("json") ? view.printJSON() : view.printText()
            guard let damage else { return .success }
            console.complain(damage.sentence(arguments.operands[1]))
            return .data
        })
}

/// Prints one session, as far as it can be read.
private struct SessionPrinter {
    let store: HoldfastStore
    let session: String
    let from: Int
    let limit: Int
    let choice: MessageChoice
    let console: any Console

    private var state: SessionState {
        get throws(CommandError) {
            try asking { () throws(HoldfastError) in try store.getBlocking(session, Window(limit: 0)) }
        }
    }

    /// Calls `body` with each message to be shown, its place and its state.
    private func forEachMessage(
        _ body: (Int, [UInt8], MessageState?) throws(CommandError) -> Void
    ) throws(CommandError) {
        if limit == 0 { return }
        var place = from
        try store.forEachMessage(of: session, choice, from: from) { (message, state) throws(CommandError) in
            try body(place, message, state)
            place += 1
            return place - from < limit
        }
    }

    func printText() throws(CommandError) -> SessionDamage? {
        let state = try state
        let width = console.columns ?? .max
        for line in head(state).lines(width: width) { try console.line(line) }
        try console.line("")
        try forEachMessage { (place, message, state) throws(CommandError) in
            let preview = MessagePreview(message)
            let role = DisplayText.fitted(preview.role, to: 12)
            let padding = String(repeating: " ", count: 12 - DisplayText.width(of: role))
            let number = String(place)
            let indent = String(repeating: " ", count: max(0, 6 - number.count))
            let hidden = state.flatMap { $0 == .active ? nil : "(\($0.rawValue)) " } ?? ""
            let line = "\(indent)\(number)  \(role)\(padding)  \(hidden)\(preview.text)"
            try console.line(DisplayText.fitted(line, to: console.columns ?? 200))
        }
        return state.damage
    }

    private func head(_ state: SessionState) -> TextTable {
        let now = Moment.wall()
        let summary = state.summary
        var table = TextTable([.init(heading: "session", limit: 32), .init(heading: DisplayText.oneLine(session))])
        table.add(["messages", Human.count(summary.messageCount)])
        table.add(["records", Human.count(summary.sequence)])
        table.add(["created", Human.time(summary.createdAt, now: now)])
        table.add(["updated", Human.time(summary.updatedAt, now: now)])
        if let lineage = state.lineage { table.add(["made from", DisplayText.oneLine(lineage.parent)]) }
        if let rotatedTo = state.rotatedTo { table.add(["goes on as", DisplayText.oneLine(rotatedTo)]) }
        if let turn = state.turn {
            let text = MessagePreview(turn.message.bytes).text
            let begun = Human.time(turn.begunAt, now: now)
            table.add(["pending", "begun \(begun), attempt \(turn.attempts): \(text)"])
        }
        if let fields = try? JSONTree.parse(state.fields.bytes, detail: 1, depthLimit: .max).root {
            for (key, value) in fields.members {
                let text = value.string ?? String(decoding: value.raw.prefix(1000), as: UTF8.self)
                table.add([DisplayText.oneLine("." + (key.string ?? "")), DisplayText.oneLine(text)])
            }
        }
        return table
    }

    func printJSON() throws(CommandError) -> SessionDamage? {
        let state = try state
        var head = JSONWriter()
        head.beginObject()
        head.key("session")
        head.string(session)
        head.key("sequence")
        head.integer(state.summary.sequence)
        head.key("message_count")
        head.integer(state.summary.messageCount)
        head.key("created_at")
        head.integer(state.summary.createdAt)
        head.key("updated_at")
        head.integer(state.summary.updatedAt)
        head.key("fields")
        head.raw(state.fields.bytes)
        if let rotatedTo = state.rotatedTo {
            head.key("rotated_to")
            head.string(rotatedTo)
        }
        if let turn = state.turn {
            head.key("turn")
            head.beginObject()
            turn.writeMembers(to: &head)
            head.endObject()
        }
        head.endObject()
        // The messages may not fit into memory: they follow as they are read.
        try console.write(head.finish().dropLast() + Array(",\"from\":\(from),\"messages\":[".utf8))
        var separator = ""
        var states: [String] = []
        try forEachMessage { (_, message, state) throws(CommandError) in
            try console.write(Array(separator.utf8) + message)
            separator = ","
            if let state { states.append("\"\(state.rawValue)\"") }
        }
        try console.write(choice.showsHidden ? "],\"states\":[\(states.joined(separator: ","))]}\n" : "]}\n")
        return state.damage
    }
}

extension OpenTurn {
    /// Writes the turn as members of an open object.
    func writeMembers(to writer: inout JSONWriter) {
        writer.key("turn")
        writer.string(turn)
        writer.key("begun_at")
        writer.integer(begunAt)
        writer.key("attempts")
        writer.integer(attempts)
        writer.key("message")
        writer.raw(message.bytes)
    }
}
