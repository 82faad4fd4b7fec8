import HoldfastBytes

/// A session that is one JSON document with a `messages` array, as hermes-webui keeps it. Pure.
struct SessionDocument {
    /// The metadata: one object of every other member, byte for byte and in order.
    let fields: [UInt8]
    /// The messages, and what stands between them.
    let items: [ImportItem]
    /// The model's messages, and what stands between them, when they are others than `items`.
    let context: [ImportItem]?
    /// The prompt of the turn that was being answered.
    var pending: PendingPrompt?
    private let root: JSONRef

    /// What the store keeps by itself.
    private static let notFields = [WebUIKeys.sessionID, WebUIKeys.messages, WebUIKeys.messageCount]

    /// Why a document is no session.
    enum Refusal: Error, Equatable {
        /// JSON of another kind: no session, and nothing is wrong with it.
        case otherContent
        case damaged(String)
    }

    /// Reads the document `text`.
    init(_ text: [UInt8]) throws(Refusal) {
        do throws(JSONError) {
            root = try JSONTree.parse(text, detail: 2).root
        } catch {
            throw .damaged(error.description)
        }
        guard let messages = root[WebUIKeys.messages], messages.kind == .array else { throw .otherContent }
        items = Self.items(of: messages)
        context = root[WebUIKeys.context].flatMap { Self.context(in: $0, besides: messages) }
        pending = Self.pending(in: root)
        fields = Self.fields(of: root, without: pending == nil ? [] : WebUIKeys.runtime)
    }

    /// How many messages there are.
    var messageCount: Int { items.count }

    /// The value of the member `name`, as it is spelled.
    func field(_ name: String) -> [UInt8]? { root[name].map { Array($0.raw) } }

    /// The id that the document says it is of.
    var sessionID: String? { root[WebUIKeys.sessionID]?.string }

    private static func fields(of root: JSONRef, without others: [String]) -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        for (key, value) in root.members where !(notFields + others).contains(where: key.isString) {
            // Of a list of the model's own only that it is empty is worth a field: the file is written so again.
            if key.isString(WebUIKeys.context), value.kind == .array, !isEmpty(value) { continue }
            writer.key(raw: key.raw)
            writer.raw(value.raw)
        }
        writer.endObject()
        return writer.finish()
    }

    private static func isEmpty(_ array: JSONRef) -> Bool { array.elements.first { _ in true } == nil }

    /// A list of the model's own that is empty, or is the list of messages, is none.
    private static func context(in value: JSONRef, besides messages: JSONRef) -> [ImportItem]? {
        guard value.kind == .array, !isEmpty(value) else { return nil }
        let isSame =
            value.count == messages.count && zip(value.elements, messages.elements).allSatisfy { $0.raw == $1.raw }
        return isSame ? nil : items(of: value)
    }

    private static func pending(in root: JSONRef) -> PendingPrompt? {
        guard let content = root["pending_user_message"], content.kind == .string else { return nil }
        let attachments = root["pending_attachments"].flatMap { $0.kind == .array && !isEmpty($0) ? $0 : nil }
        return PendingPrompt(
            message: prompt(content.raw, timestamp: root["pending_started_at"]?.raw),
            attachments: attachments.map { Array($0.raw) }, stream: root["active_stream_id"]?.string,
            source: root["pending_user_source"]?.string)
    }

    /// A prompt as a message, of values as they are spelled.
    static func prompt(_ content: ArraySlice<UInt8>, timestamp: ArraySlice<UInt8>?) -> [UInt8] {
        var writer = JSONWriter(capacity: content.count + 128)
        writer.beginObject()
        writer.member("role", "user")
        writer.key("content")
        writer.raw(content)
        if let timestamp {
            writer.key("timestamp")
            writer.raw(timestamp)
        }
        writer.endObject()
        return writer.finish()
    }

    private static func items(of array: JSONRef) -> [ImportItem] {
        array.elements.enumerated().map { item($0.element, $0.offset + 1) }
    }

    private static func item(_ value: JSONRef, _ number: Int) -> ImportItem {
        let raw = Array(value.raw)
        var piece = DamagedPiece(
            place: "message \(number)", reason: "", offset: UInt64(value.range.lowerBound), bytes: raw)
        if value.kind != .object {
            piece.reason = "a message must be a JSON object, this is \(value.kind.withArticle)"
        } else if raw.count > ImportLimits.messageByteCount {
            piece.reason = "\(Human.bytes(UInt64(raw.count))), more than a message may have"
            piece.bytes = []
        } else {
            return .message(raw)
        }
        return .damaged(piece)
    }
}
