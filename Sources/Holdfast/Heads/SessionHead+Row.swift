import HoldfastBytes
import HoldfastLog

// The row that lists a session: one object.
//
//     {"session":"s1","sequence":9,"message_count":2,["user_message_count":1,]["context_count":3,]
//      "created_at":…,"updated_at":…,["last_message_at":…,]["deleted":true,]
//      ["turn":{"turn":"t","begun_at":…,"attempts":1},]
//      ["router":{"model":"m","created_at":…,"last_used_at":…},]["queued":2,]["last_turn":"t",]
//      ["lineage":{…},]["rotated_to":"n",]"fields":{…}[,"newest_child":"c"]}
//
// While a turn is open, `message_count` is at least 1 and `last_message_at` is when the turn began: lists show a
// session whose first prompt is being answered. `fields` has the short metadata fields only, because rows are held in
// memory. `newest_child`, which nobody outside is shown, is the session that was made from this one last, if it may
// still have to read it.
//
// The log keeps the row beside the session and its sequence. So there it is without these two, and without `fields`
// where there are none.
extension SessionHead {
    /// The row as the log keeps it.
    func row(_ session: SessionID) -> SummaryRow {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        listed.summary(session).writeCounts(to: &writer)
        if isDeleted { writer.member("deleted", true) }
        if let turn {
            writer.object("turn") { writer in
                writer.member("turn", turn.id.text)
                writer.member("begun_at", turn.begunAt)
                writer.member("attempts", turn.attempts)
            }
        }
        if let entry = router.entry {
            writer.object("router") { writer in
                writer.member("model", entry.model)
                writer.member("created_at", entry.createdAt)
                writer.member("last_used_at", entry.lastUsedAt)
            }
        }
        if !queue.isEmpty { writer.member("queued", queue.count) }
        if let last = runs.last { writer.member("last_turn", last.id.text) }
        if let lineage { SessionLineage(lineage).write(to: &writer) }
        if let rotatedTo { writer.member("rotated_to", rotatedTo.text) }
        writeShortFields(to: &writer)
        if let pin = pins.last { writer.member(SummaryRow.newestChild, pin.child.text) }
        writer.endObject()
        return SummaryRow(session: session, sequence: sequence, row: writer.finish())
    }

    /// The head as lists count it: with the prompt that is being answered.
    private var listed: SessionHead {
        guard let turn else { return self }
        var head = self
        head.lastMessageAt = turn.begunAt
        if messageCount == 0 { (head.messageCount, head.contextCount) = (1, max(1, contextCount)) }
        return head
    }

    private func writeShortFields(to writer: inout JSONWriter) {
        var room = SessionLimits.rowByteCount
        let short = fields.fields.filter { field in
            let size = field.rawKey.count + field.rawValue.count + 2
            // Titles are looked for in rows, so there is always room for them.
            guard size <= SessionLimits.rowFieldByteCount, size <= room || field.key == "title" else { return false }
            room -= size
            return true
        }
        guard !short.isEmpty else { return }
        writer.object("fields") { writer in
            for field in short {
                writer.key(raw: field.rawKey)
                writer.raw(field.rawValue)
            }
        }
    }

    /// Counts and times.
    func summary(_ session: SessionID) -> SessionSummary {
        SessionSummary(
            session: session.text, sequence: sequence, messageCount: messageCount, userMessageCount: userCount,
            contextCount: contextCount, createdAt: createdAt, updatedAt: updatedAt, lastMessageAt: lastMessageAt,
            shrinking: shrinking,
            imported: imported)
    }
}

/// A row as it was read back.
struct ListedRow {
    /// All that the row says.
    let root: JSONRef
    let summary: SessionSummary
    /// The open turn's id.
    let turn: String?
    /// How many messages are queued.
    let queued: Int
    let isDeleted: Bool
    /// The turn that ended last.
    let lastTurn: String?

    /// Reads what ``SessionHead/row(_:)`` wrote; `nil` when it is of another shape, such as empty.
    init?(_ row: SummaryRow) {
        guard let root = try? JSONTree.parsed(row.row, detail: 2), root.kind == .object,
            let count = root["message_count"]?.int,
            let createdAt = root["created_at"]?.number, let updatedAt = root["updated_at"]?.number
        else { return nil }
        summary = SessionSummary(
            session: row.session.text, sequence: row.sequence, messageCount: Int(count),
            userMessageCount: root["user_message_count"]?.int.flatMap { Int(exactly: $0) },
            contextCount: Int(root["context_count"]?.int ?? count), createdAt: createdAt, updatedAt: updatedAt,
            lastMessageAt: root["last_message_at"]?.number)
        self.root = root
        turn = root["turn"]?["turn"]?.text
        queued = Int(root["queued"]?.int ?? 0)
        isDeleted = root["deleted"]?.bool ?? false
        lastTurn = root["last_turn"]?.text
    }

    /// The row as callers are shown it: with what the log says beside it, and without what is the store's own business.
    var row: SessionRow {
        var writer = JSONWriter(capacity: root.range.count + 128)
        writer.beginObject()
        summary.writePlace(to: &writer)
        for (key, value) in root.members where key.string != "\(SummaryRow.newestChild)" {
            writer.key(raw: key.raw)
            writer.raw(value.raw)
        }
        if root["fields"] == nil { writer.object("fields") { _ in } }
        writer.endObject()
        return SessionRow(summary: summary, turn: turn, queued: queued, json: JSON(writer.finish()))
    }
}

extension SummaryRow {
    fileprivate static let newestChild: StaticString = "newest_child"

    /// The session that was made from this one last, if it may still have to read it.
    var newestChild: SessionID? {
        // Few rows have one, and all are looked at when a store is opened: only those are parsed.
        guard row.withBytes({ row in Self.newestChild.withUTF8Buffer { row.contains(UnsafeRawBufferPointer($0)) } })
        else {
            return nil
        }
        let root = try? JSONTree.parsed(row, detail: 1)
        return root?["\(Self.newestChild)"]?.text.flatMap(SessionID.init)
    }
}
