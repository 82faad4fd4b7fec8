import Holdfast
import HoldfastBytes

/// A session as hermes-webui has it in its file and in its index. Pure.
struct WebUISession {
    let id: String
    /// The metadata.
    let fields: JSONFields
    private let state: SessionState
    /// What the index says of the messages.
    var messages = WebUIMessageFacts()
    private let provenance: ShrinkProvenance?

    /// Takes a session's state, whose window of messages is not looked at, and the last message that stayed when others
    /// were taken away.
    init(_ state: SessionState, lastKept: [UInt8]? = nil) {
        id = state.summary.session
        self.state = state
        provenance = state.summary.shrinking.map { ShrinkProvenance(state.summary.session, $0, lastKept: lastKept) }
        let root = try? JSONTree.parse(state.fields.bytes, detail: 1).root
        fields = root.flatMap(JSONFields.init) ?? JSONFields()
    }

    /// Whether the file of the session had no list of its own for the model.
    var hadNoContext: Bool { fields[WebUIKeys.context]?.rawValue == Array("[]".utf8) }

    /// The value of a key, as it is spelled; `nil` when the program is to use its own default.
    func value(_ key: WebUIKeys.Key) -> [UInt8]? {
        switch key.name {
        case WebUIKeys.sessionID: return Self.string(id)
        case WebUIKeys.messageCount: return Array("\(state.summary.messageCount)".utf8)
        case _ where state.turn != nil && WebUIKeys.runtime.contains(key.name): return pending(key.name)
        case "updated_at": return updatedAtValue
        default: break
        }
        if let value = provenance?.value(key.name) ?? fields[key.name]?.rawValue { return value }
        if key.name == "created_at" { return Self.seconds(state.summary.createdAt) }
        return key.standard.map { Array($0.utf8) }
    }

    /// The field, unless the session was used after it.
    var updatedAtValue: [UInt8] {
        let used = state.summary.updatedAt
        guard let field = fields["updated_at"]?.rawValue,
            let time = SourceTime.milliseconds(try? JSONTree.parse(field, detail: 0).root), time >= used
        else { return Self.seconds(used) }
        return field
    }

    /// What is written about the open turn; nothing when there is none.
    var runtime: [(name: String, value: [UInt8])] {
        state.turn == nil ? [] : WebUIKeys.runtime.map { ($0, pending($0)) }
    }

    /// The fields that the program does not know, in order.
    var otherFields: [JSONFields.Field] {
        let known = Set((WebUIKeys.beforeMessages + WebUIKeys.afterMessages).map(\.name) + [WebUIKeys.context])
        return fields.fields.filter { !known.contains($0.key) }
    }

    /// What the open turn is in the program's words.
    private func pending(_ name: String) -> [UInt8] {
        let null = Array("null".utf8)
        guard let turn = state.turn, let message = try? JSONTree.parse(turn.message.bytes, detail: 2).root else {
            return null
        }
        switch name {
        case "active_stream_id": return turn.stream.map(Self.string) ?? null
        case "pending_user_source": return turn.source.map(Self.string) ?? null
        case "pending_attachments":
            return turn.attachments?.bytes ?? message["attachments"].map { Array($0.raw) } ?? Array("[]".utf8)
        case "pending_started_at": return message["timestamp"].map { Array($0.raw) } ?? Self.seconds(turn.begunAt)
        default: return message["content"].map(Self.text) ?? Self.string("")
        }
    }

    /// The text of a message's content: of parts, theirs together.
    private static func text(_ content: JSONRef) -> [UInt8] {
        if content.kind == .string { return Array(content.raw) }
        guard content.kind == .array, content.isListed else { return string("") }
        let parts = content.elements.compactMap { part -> String? in
            guard let root = try? JSONTree.parse(part.raw, detail: 1).root else { return nil }
            return root.kind == .string ? root.string : root["text"]?.string
        }
        return string(parts.joined(separator: "\n"))
    }

    static func string(_ text: String) -> [UInt8] {
        var writer = JSONWriter(capacity: text.utf8.count + 2)
        writer.string(text)
        return writer.finish()
    }

    /// Seconds as Python spells a float.
    static func seconds(_ milliseconds: UInt64) -> [UInt8] { Array((Double(milliseconds) / 1000).description.utf8) }
}

// The row in the index.
extension WebUISession {
    /// When the session was last updated, to sort by.
    var updatedAt: Double { number("updated_at") ?? 0 }

    /// Writes the session's row as an element of an array.
    func writeRow(to writer: inout IndentedJSON) {
        writer.beginElement()
        for name in WebUIKeys.indexRow { writer.member(name, rowValue(name)) }
        for name in WebUIKeys.indexRowWhenSet {
            let value = standardValue(name)
            if value != Array("null".utf8) { writer.member(name, value) }
        }
        writer.endObject()
    }

    private var isPending: Bool { state.turn != nil || standardValue("pending_user_message") != Array("null".utf8) }

    private func rowValue(_ name: String) -> [UInt8] {
        switch name {
        case WebUIKeys.messageCount: return Array("\(max(state.summary.messageCount, isPending ? 1 : 0))".utf8)
        case "last_message_at":
            let pendingSince = isPending ? number("pending_started_at") : nil
            guard let time = pendingSince ?? messages.lastTime ?? number("updated_at") else {
                return Array("null".utf8)
            }
            return Array(time.description.utf8)
        case "user_message_count": return Array("\(messages.userCount)".utf8)
        case "has_pending_user_message": return Array("\(isPending)".utf8)
        case "is_streaming": return Array("false".utf8)
        case "cache_hit_percent": return Array("null".utf8)
        default: return standardValue(name)
        }
    }

    private func standardValue(_ name: String) -> [UInt8] {
        let key = WebUIKeys.beforeMessages.first { $0.name == name }
        return key.flatMap { value($0) } ?? Array("null".utf8)
    }

    private func number(_ name: String) -> Double? { try? JSONTree.parse(standardValue(name), detail: 0).root.double }
}

/// What the index says of a session's messages.
struct WebUIMessageFacts: Equatable {
    /// Messages of the user.
    var userCount = 0
    /// When the last message was that people see as one, in seconds.
    var lastTime: Double?

    /// Takes the next message.
    mutating func take(_ message: [UInt8]) {
        guard let message = SourceMessage(message) else { return }
        if message.role == "user" { userCount += 1 }
        if message.counts { lastTime = message.seconds }
    }
}
