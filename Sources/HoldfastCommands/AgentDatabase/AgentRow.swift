import HoldfastBytes

// Rows of hermes-agent's tables as JSON: every column that has a value, under its own name.
extension SQLiteRow {
    /// A session's metadata: one object.
    var sessionFields: [UInt8] { object { $0 != "id" && $0 != "message_count" } }

    /// A message: one object.
    var message: [UInt8] {
        object { name in
            switch name {
            case "session_id", "active", "compacted": false
            case "observed": self["observed"] != .integer(0)
            default: true
            }
        }
    }

    /// The columns whose bytes no JSON can hold.
    var blobs: [String] {
        names.indices.compactMap { column in
            if case .blob = self[column] { names[column] } else { nil }
        }
    }

    private func object(_ isWanted: (String) -> Bool) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        for (column, name) in names.enumerated() where isWanted(name) {
            switch self[column] {
            case .null, .blob: continue
            case .integer(let number):
                writer.key(name)
                writer.integer(number)
            case .real(let number):
                guard number.isFinite else { continue }
                writer.key(name)
                writer.double(number)
            case .text(let text):
                writer.key(name)
                if let json = Self.json(in: text, of: name) { writer.raw(json) } else { writer.string(text) }
            }
        }
        writer.endObject()
        return writer.finish()
    }

    /// Columns whose text is the JSON of a value.
    private static let jsonColumns: Set<String> = [
        "tool_calls", "reasoning_details", "codex_reasoning_items", "codex_message_items",
    ]
    /// What stands in front of a content that is a list or an object.
    private static let contentMark = "\u{0}json:"

    /// The value that `text` is the JSON of; `nil` when it is text, or when it is not JSON although it says so.
    private static func json(in text: String, of column: String) -> [UInt8]? {
        let spelling: Substring
        if jsonColumns.contains(column) {
            spelling = text[...]
        } else if column == "content", text.utf8.starts(with: contentMark.utf8) {
            spelling = Substring(text.utf8.dropFirst(contentMark.utf8.count))
        } else {
            return nil
        }
        let root = try? JSONTree.parse(Array(spelling.utf8), detail: 0, depthLimit: ImportLimits.messageDepth - 1).root
        guard let root, root.kind == .array || root.kind == .object else { return nil }
        return Array(root.raw)
    }
}
