import Holdfast
import HoldfastBytes

/// Writes one session after the other, in pieces.
struct SessionExporter {
    typealias Output = ([UInt8]) throws(CommandError) -> Void

    let store: HoldfastStore
    let format: ExportFormat
    /// Which messages to write, of a format that can have others than those that people see.
    private let choice: MessageChoice
    private(set) var messageCount = 0
    /// The rows of the index, of formats that have one.
    private(set) var index = WebUIIndex()
    /// Messages that could not be written as they are.
    private var minifiedCount = 0
    /// The surrogates without partners that were replaced, and the sessions that had them.
    private var replacedCount = 0
    private var replacedSessions: [String] = []
    private static let pieceByteCount = 1 << 18

    init(_ store: HoldfastStore, _ format: ExportFormat, _ choice: MessageChoice) {
        self.store = store
        self.format = format
        self.choice = choice
    }

    /// Gives `output` the text of `session` in large pieces, and answers what damage cuts it short.
    mutating func write(_ session: String, _ output: Output) throws(CommandError) -> SessionDamage? {
        if format == .jsonl { return try writeLines(session, output) }
        let state = try asking { () throws(HoldfastError) in try store.getBlocking(session, Window(limit: 0)) }
        var document = WebUISession(state, lastKept: try lastKept(state))
        if format == .json {
            try writeDocument(document, state, output)
        } else {
            try writeIndented(&document, state, output)
            index.add(document)
        }
        return state.damage
    }

    /// Says what is not byte for byte.
    func explain(on console: any Console) {
        if minifiedCount > 0 {
            let messages = Human.count(minifiedCount, "message")
            console.complain("\(messages) with line breaks between values: written without that whitespace.")
        }
        if let first = replacedSessions.first {
            let others = replacedSessions.count > 1 ? " and \(Human.count(replacedSessions.count - 1)) more" : ""
            let surrogates = Human.count(replacedCount, "escaped surrogate")
            console.complain(
                DisplayText.oneLine(
                    "\(surrogates) without partner, in session '\(first)'\(others): written as U+FFFD."))
        }
    }
}

// One message per line.
extension SessionExporter {
    private mutating func writeLines(_ session: String, _ output: Output) throws(CommandError) -> SessionDamage? {
        var piece: [UInt8] = []
        let damage = try store.forEachMessage(of: session, choice) { (message, _) throws(CommandError) in
            piece += line(message)
            if piece.count < Self.pieceByteCount { return true }
            try output(piece)
            piece.removeAll(keepingCapacity: true)
            return true
        }
        if !piece.isEmpty { try output(piece) }
        return damage
    }

    private mutating func line(_ message: [UInt8]) -> [UInt8] {
        messageCount += 1
        guard message.contains(where: { $0 == 10 || $0 == 13 }) else { return message + [10] }
        minifiedCount += 1
        return JSONText.minified(message) + [10]
    }
}

// One document per session.
extension SessionExporter {
    /// The document as ``SessionDocument`` reads it, each message on a line of its own.
    private mutating func writeDocument(
        _ session: WebUISession, _ state: SessionState, _ output: Output
    ) throws(CommandError) {
        let hasOwnContext = try hasOwnContext(state)
        var opening = JSONWriter(capacity: 1024)
        opening.beginObject()
        opening.key(WebUIKeys.sessionID)
        opening.string(session.id)
        let replaced = Set(session.runtime.map(\.name) + (hasOwnContext ? [WebUIKeys.context] : []))
        for field in session.fields.fields where !replaced.contains(field.key) {
            opening.key(raw: field.rawKey)
            opening.raw(field.key == "updated_at" ? session.updatedAtValue : field.rawValue)
        }
        for (name, value) in session.runtime {
            opening.key(name)
            opening.raw(value)
        }
        opening.key(WebUIKeys.messageCount)
        opening.integer(state.summary.messageCount)
        var piece = opening.bytes
        let lists: [SessionList] = hasOwnContext ? [.visible, .context] : [.visible]
        for list in lists {
            piece += ",\"\(list == .visible ? WebUIKeys.messages : WebUIKeys.context)\":[".utf8
            var separator = "\n"
            try forEachMessage(of: state, in: list) { (message) throws(CommandError) in
                piece += separator.utf8
                piece += message
                separator = ",\n"
                try Self.hand(&piece, to: output, when: Self.pieceByteCount)
            }
            piece += "\n]".utf8
        }
        try output(piece + "}\n".utf8)
    }

    /// The document as hermes-webui writes it.
    private mutating func writeIndented(
        _ session: inout WebUISession, _ state: SessionState, _ output: Output
    ) throws(CommandError) {
        let writesContext = try hasOwnContext(state) || !session.hadNoContext
        var writer = IndentedJSON()
        writer.beginObject()
        for key in WebUIKeys.beforeMessages {
            if let value = session.value(key) { writer.member(key.name, value) }
        }
        try writeList(WebUIKeys.messages, .visible, of: state, to: &writer, output) { session.messages.take($0) }
        for key in WebUIKeys.afterMessages {
            if let value = session.value(key) { writer.member(key.name, value) }
        }
        if writesContext {
            try writeList(WebUIKeys.context, .context, of: state, to: &writer, output) { _ in }
        } else {
            writer.member(WebUIKeys.context, "[]".utf8)
        }
        for field in session.otherFields {
            writer.key(raw: field.rawKey)
            writer.value(field.rawValue)
        }
        writer.endObject()
        if writer.replacedCount > 0 {
            replacedCount += writer.replacedCount
            replacedSessions.append(session.id)
        }
        try output(writer.take())
    }

    private mutating func writeList(
        _ name: String, _ list: SessionList, of state: SessionState, to writer: inout IndentedJSON, _ output: Output,
        _ see: ([UInt8]) -> Void
    ) throws(CommandError) {
        writer.key(name)
        writer.beginArray()
        try forEachMessage(of: state, in: list) { (message) throws(CommandError) in
            see(message)
            writer.element(message)
            if writer.bytes.count >= Self.pieceByteCount { try output(writer.take()) }
        }
        writer.endArray()
    }

    /// Calls `body` with the messages that `list` had in `state`.
    private mutating func forEachMessage(
        of state: SessionState, in list: SessionList, _ body: ([UInt8]) throws(CommandError) -> Void
    ) throws(CommandError) {
        let count = list == .visible ? state.summary.messageCount : state.summary.contextCount
        var left = count
        try store.forEachMessage(of: state.summary.session, MessageChoice(list: list)) {
            (message, _) throws(CommandError) in
            guard left > 0 else { return false }
            left -= 1
            try body(message)
            return left > 0
        }
        if list == .visible { messageCount += count }
        // Another process cut the list while it was written; its head has been written with the other number.
        guard left == 0 else { throw CommandError(.data, "The session was changed while it was written; try again.") }
    }

    /// The last message that stayed when those behind it were taken away.
    private func lastKept(_ state: SessionState) throws(CommandError) -> [UInt8]? {
        guard let count = state.summary.shrinking?.keptCount, count > 0, state.damage == nil else { return nil }
        return try asking { () throws(HoldfastError) in
            try store.getBlocking(state.summary.session, Window(from: count - 1, limit: 1)).messages.first?.bytes
        }
    }

    /// Whether the model's messages are others than those that people see.
    private func hasOwnContext(_ state: SessionState) throws(CommandError) -> Bool {
        let session = state.summary.session
        if state.summary.contextCount != state.summary.messageCount { return true }
        var lists = SessionProof()
        lists.context = MessageProof()
        lists = try lists.inStore(store, session, upToDamage: true)
        return lists.context != lists.visible
    }

    private static func hand(_ piece: inout [UInt8], to output: Output, when byteCount: Int) throws(CommandError) {
        guard piece.count >= byteCount else { return }
        try output(piece)
        piece.removeAll(keepingCapacity: true)
    }
}
