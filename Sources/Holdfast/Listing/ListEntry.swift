import HoldfastBytes

/// A session as lists know it: its row, and what filters, orders and titles ask of it.
final class ListEntry: Sendable {
    let session: SessionID
    let row: SessionRow
    let isArchived: Bool
    let isPinned: Bool
    /// Whether the conversation goes on under another id.
    let isRotated: Bool
    let source: String?
    let project: String?
    let profile: String?
    let parent: String?
    let title: String?
    /// The title in small letters, as bytes.
    let foldedTitle: [UInt8]

    /// `nil` for the row of a session that was deleted.
    init?(_ session: SessionID, _ listed: ListedRow) {
        if listed.isDeleted { return nil }
        self.session = session
        row = listed.row
        isArchived = listed.flag("archived")
        isPinned = listed.flag("pinned")
        isRotated = listed.root["rotated_to"] != nil
        source = listed.text("source") ?? listed.text("session_source")
        project = listed.text("project_id")
        profile = listed.text("profile") ?? listed.text("profile_name")
        parent = listed.root["lineage"]?["parent"]?.text ?? listed.text("parent_session_id")
        title = listed.text("title")
        foldedTitle = Self.folded(title ?? "")
    }

    /// `text` as titles are compared with it.
    static func folded(_ text: String) -> [UInt8] { Array(text.lowercased().utf8) }

    /// Whether something of the session waits to be done.
    var isPending: Bool { row.turn != nil || row.queued > 0 }
}

extension ListedRow {
    /// The field `name`, a string.
    fileprivate func text(_ name: String) -> String? { root["fields"]?[name]?.text }

    /// Whether the field `name` is true, or a number that stands for it.
    fileprivate func flag(_ name: String) -> Bool {
        guard let value = root["fields"]?[name] else { return false }
        return value.bool ?? (value.int.map { $0 != 0 } ?? false)
    }
}
