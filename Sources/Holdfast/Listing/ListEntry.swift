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
        let fields = listed.root["fields"]
        isArchived = fields?.flag("archived") ?? false
        isPinned = fields?.flag("pinned") ?? false
        isRotated = listed.root["rotated_to"] != nil
        source = fields?["source"]?.text ?? fields?["session_source"]?.text
        project = fields?["project_id"]?.text
        profile = fields?["profile"]?.text ?? fields?["profile_name"]?.text
        parent = listed.root["lineage"]?["parent"]?.text ?? fields?["parent_session_id"]?.text
        title = fields?["title"]?.text
        foldedTitle = Self.folded(title ?? "")
    }

    /// `text` as titles are compared with it.
    static func folded(_ text: String) -> [UInt8] { Array(text.lowercased().utf8) }

    /// Whether something of the session waits to be done.
    var isPending: Bool { row.turn != nil || row.queued > 0 }
}

extension JSONRef {
    /// Whether the member `name` is true, or a number that stands for it.
    fileprivate func flag(_ name: String) -> Bool {
        guard let value = self[name] else { return false }
        return value.bool ?? (value.int.map { $0 != 0 } ?? false)
    }
}
