import HoldfastBytes

// Changes of fields that lists and composers know.
extension Mutation {
    /// Sets the field `archived`.
    public static func archive(_ session: String, _ archived: Bool = true) -> Mutation {
        .set(session, fields: JSON("{\"archived\":\(archived)}"))
    }

    /// Sets the field `pinned`.
    public static func pin(_ session: String, _ pinned: Bool = true) -> Mutation {
        .set(session, fields: JSON("{\"pinned\":\(pinned)}"))
    }

    /// Sets the field `title` to what ``Title/displayed(_:)`` makes of `title`, and `manual_title`: whether a person
    /// chose it, so that no program changes it.
    public static func rename(_ session: String, to title: String) -> Mutation {
        let shown = Title.displayed(title)
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("title", shown)
        writer.member("manual_title", Title.isManual(shown))
        writer.endObject()
        return .set(session, fields: JSON(writer.finish()))
    }

    /// Keeps what somebody is writing, in the field `composer_draft`: an object with `text` and `files`. Does not count
    /// as use of the session.
    ///
    /// - Throws: `bad_request` when the text has more than 50,000 code points or there are more than 50 files.
    public static func draft(
        _ session: String, text: String, files: [JSON] = []
    ) throws(HoldfastError) -> Mutation {
        guard text.unicodeScalars.count <= SessionLimits.draftLength else {
            throw HoldfastError(.badRequest, "'text' is longer than \(SessionLimits.draftLength) characters")
        }
        guard files.count <= SessionLimits.draftFiles else {
            throw HoldfastError(.badRequest, "'files' has more than \(SessionLimits.draftFiles) elements")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("composer_draft")
        writer.beginObject()
        writer.member("text", text)
        writer.key("files")
        writer.beginArray()
        for file in files { writer.raw(file.bytes) }
        writer.endArray()
        writer.endObject()
        writer.endObject()
        var mutation = Mutation.set(session, fields: JSON(writer.finish()))
        mutation.touches = false
        return mutation
    }
}
