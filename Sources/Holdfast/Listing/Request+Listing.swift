import HoldfastBytes

extension SessionQuery {
    /// Takes what belongs to a query out of `fields`.
    init(_ fields: inout RequestFields) throws(HoldfastError) {
        source = try fields.string("source")
        project = try fields.string("project")
        profile = try fields.string("profile")
        parent = try fields.string("parent")
        title = try fields.string("title")
        archived = try fields.bool("archived")
        pinned = try fields.bool("pinned")
        rotated = try fields.bool("rotated")
        updatedFrom = try fields.unsigned("updated_from")
        updatedBefore = try fields.unsigned("updated_before")
        pendingOnly = try fields.bool("pending") ?? false
        order = try fields.word("order", "\"id\", \"updated\", \"created\" or \"sidebar\"") ?? .id
    }
}

extension Mutation {
    /// The operation `name`, which sets well-known fields.
    init(setting name: String, _ fields: inout RequestFields, _ session: String) throws(HoldfastError) {
        switch name {
        case "archive": self = .archive(session, try fields.bool("archived") ?? true)
        case "pin": self = .pin(session, try fields.bool("pinned") ?? true)
        case "set_title":
            let ifEmpty = try fields.bool("if_empty") ?? false
            self = try .setTitle(session, to: try fields.string("title").required("title"), ifEmpty: ifEmpty)
        case "rename": self = .rename(session, to: try fields.string("title").required("title"))
        default:
            let files = try fields.value("files").map { (files) throws(HoldfastError) -> [JSON] in
                guard files.kind == .array else { throw HoldfastError(.badRequest, "'files' must be an array") }
                return files.elements.map { JSON($0.raw) }
            }
            self = try .draft(session, text: try fields.string("text") ?? "", files: files ?? [])
        }
        turn = try fields.string("turn")
        ifSequence = try fields.unsigned("if_sequence")
        key = try fields.string("key")
        touches = try fields.bool("touch") ?? touches
        durability = try fields.word("durability", "\"durable\" or \"soon\"") ?? .durable
    }
}
