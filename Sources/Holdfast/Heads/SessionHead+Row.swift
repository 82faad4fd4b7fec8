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
extension SessionHead {
    /// The row.
    func row(_ session: SessionID) -> SummaryRow {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        listed.summary(session).write(to: &writer)
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
        writer.key("fields")
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
        writer.beginObject()
        for field in fields.fields {
            let size = field.rawKey.count + field.rawValue.count + 2
            // Titles are looked for in rows, so there is always room for them.
            guard size <= SessionLimits.rowFieldByteCount, size <= room || field.key == "title" else { continue }
            room -= size
            writer.key(raw: field.rawKey)
            writer.raw(field.rawValue)
        }
        writer.endObject()
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
    let row: SessionRow
    let isDeleted: Bool
    /// The turn that ended last.
    let lastTurn: String?

    /// Reads what ``SessionHead/row(_:)`` wrote; `nil` when it is of another shape, such as empty.
    init?(_ summary: SummaryRow) {
        guard let root = try? JSONTree.parsed(summary.row, detail: 2), root.kind == .object,
            let sequence = root["sequence"]?.number, let count = root["message_count"]?.int,
            let createdAt = root["created_at"]?.number, let updatedAt = root["updated_at"]?.number
        else { return nil }
        let summaryPart = SessionSummary(
            session: summary.session.text, sequence: sequence, messageCount: Int(count),
            userMessageCount: root["user_message_count"]?.int.flatMap { Int(exactly: $0) },
            contextCount: Int(root["context_count"]?.int ?? count), createdAt: createdAt, updatedAt: updatedAt,
            lastMessageAt: root["last_message_at"]?.number)
        row = SessionRow(
            summary: summaryPart, turn: root["turn"]?["turn"]?.text, queued: Int(root["queued"]?.int ?? 0),
            json: JSON(summary.shown(root)))
        self.root = root
        isDeleted = root["deleted"]?.bool ?? false
        lastTurn = root["last_turn"]?.text
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

    /// The row, parsed as `root`, without what is the store's own business.
    fileprivate func shown(_ root: JSONRef) -> [UInt8] {
        guard let child = root["\(Self.newestChild)"], child.range.upperBound == row.count - 1 else { return row }
        let member = ",\"\(Self.newestChild)\":"
        return Array(row[..<(child.range.lowerBound - member.utf8.count)]) + "}".utf8
    }
}
