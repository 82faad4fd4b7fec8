import HoldfastBytes

/// A session that is one JSON document with a `messages` array, as hermes-webui keeps it. Pure.
struct SessionDocument {
    /// The metadata: one object of every other member, byte for byte and in order.
    let fields: [UInt8]
    /// The messages, and what stands between them.
    let items: [ImportItem]

    /// What the store keeps by itself.
    private static let notFields = ["session_id", "messages", "message_count"]

    /// Why a document is no session.
    enum Refusal: Error, Equatable {
        /// JSON of another kind: no session, and nothing is wrong with it.
        case otherContent
        case damaged(String)
    }

    /// Reads the document `text`.
    init(_ text: [UInt8]) throws(Refusal) {
        let root: JSONRef
        do throws(JSONError) {
            root = try JSONTree.parse(text, detail: 2).root
        } catch {
            throw .damaged(error.description)
        }
        guard let messages = root["messages"], messages.kind == .array else { throw .otherContent }
        fields = Self.fields(of: root)
        items = messages.elements.enumerated().map { Self.item($0.element, $0.offset + 1) }
    }

    private static func fields(of root: JSONRef) -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        for (key, value) in root.members where !notFields.contains(where: key.isString) {
            writer.key(raw: key.raw)
            writer.raw(value.raw)
        }
        writer.endObject()
        return writer.finish()
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
