import Holdfast
import HoldfastBytes

/// Prints one session, as far as it can be read.
struct SessionPrinter {
    let store: HoldfastStore
    let session: String
    let console: any Console
    /// The record that left the session as it is shown; `nil` for now.
    var sequence: UInt64?
    var choice = MessageChoice()
    /// The place of the first message, and how many at most.
    var from = 0
    var limit = Int.max
    /// Whether the text of messages is shown whole.
    var isWhole = false

    private var state: SessionState { get throws(CommandError) { try store.state(of: session, at: sequence) } }

    /// Calls `body` with each message to be shown, its place and its state.
    private func forEachMessage(
        _ body: (Int, [UInt8], MessageState?) throws(CommandError) -> Void
    ) throws(CommandError) {
        if limit == 0 { return }
        var place = from
        try store.forEachMessage(of: session, at: sequence, choice, from: from) {
            (message, state) throws(CommandError) in
            try body(place, message, state)
            place += 1
            return place - from < limit
        }
    }

    func printText() throws(CommandError) -> SessionDamage? {
        let state = try state
        try console.table(head(state))
        try console.line("")
        try forEachMessage { (place, message, state) throws(CommandError) in
            let hidden = state.flatMap { $0 == .active ? nil : "(\($0.rawValue)) " } ?? ""
            if isWhole { return try printWhole(place, message, hidden) }
            let preview = MessagePreview(message)
            let role = DisplayText.fitted(preview.role, to: 12)
            let padding = String(repeating: " ", count: 12 - DisplayText.width(of: role))
            let number = String(place)
            let indent = String(repeating: " ", count: max(0, 6 - number.count))
            let line = "\(indent)\(number)  \(role)\(padding)  \(hidden)\(preview.text)"
            try console.line(DisplayText.fitted(line, to: console.columns ?? 200))
        }
        return state.damage
    }

    private func printWhole(_ place: Int, _ message: [UInt8], _ hidden: String) throws(CommandError) {
        let (role, text) = MessagePreview.whole(message)
        try console.line("\(place)  \(hidden)\(DisplayText.oneLine(role))")
        for line in DisplayText.lines(text) { try console.line("    \(line)") }
        try console.line("")
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
        head.member("session", session)
        head.member("sequence", state.summary.sequence)
        head.member("message_count", state.summary.messageCount)
        head.member("created_at", state.summary.createdAt)
        head.member("updated_at", state.summary.updatedAt)
        head.key("fields")
        head.raw(state.fields.bytes)
        if let rotatedTo = state.rotatedTo {
            head.member("rotated_to", rotatedTo)
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
        var failure: CommandError?
        do throws(CommandError) {
            try forEachMessage { (_, message, state) throws(CommandError) in
                try console.write(Array(separator.utf8) + message)
                separator = ","
                if let state { states.append("\"\(state.rawValue)\"") }
            }
        } catch {
            // What was begun is ended: the reader gets an object, and the reason.
            failure = error
        }
        var end = JSONWriter()
        end.beginObject()
        if let message = failure?.message ?? state.damage?.message { end.member("damage", message) }
        end.endObject()
        let damage = end.finish().dropFirst()
        try console.write(choice.showsHidden ? "],\"states\":[\(states.joined(separator: ","))]" : "]")
        try console.write((damage.count > 1 ? [0x2C] : []) + damage + [10])
        if let failure { throw failure }
        return state.damage
    }
}

extension OpenTurn {
    /// Writes the turn as members of an open object.
    func writeMembers(to writer: inout JSONWriter) {
        writer.member("turn", turn)
        writer.member("begun_at", begunAt)
        writer.member("attempts", attempts)
        writer.key("message")
        writer.raw(message.bytes)
    }
}
