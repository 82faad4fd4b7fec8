import Glibc
import Holdfast
import HoldfastBytes
import HoldfastStorage

/// The database of hermes-agent: its sessions, with the messages that are live, compacted away and taken back.
///
/// SQLite never sees the user's file: opening one can write beside it, and not taking its log in would miss the
/// newest messages. It reads a private copy of both.
enum AgentDatabase {
    static let fileName = "state.db"
    static let logSuffix = "-wal"

    /// Hands over every session of the database `file`. What cannot be read is named, and does not keep the rest back.
    static func read(
        _ file: ImportFile, _ body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) {
        let copy = try TemporaryCopy(of: file)
        defer { copy.remove() }
        let database = try SQLiteDatabase(path: copy.path)
        let columns = try tables(in: database)
        guard columns.sessions.contains("id"), columns.messages.isSuperset(of: ["id", "session_id", "role"]) else {
            throw CommandError(.data, "this is no database of hermes-agent: it has no sessions and messages")
        }
        try database.query("PRAGMA quick_check(1)") { (row) throws(CommandError) in
            guard case .text(let text) = row[0], text != "ok" else { return }
            try body(.problem("'\(file.shownPath)' is damaged: \(text). What can be read is imported."))
        }
        let reader = AgentReader(database, file, hasStates: columns.messages.isSuperset(of: ["active", "compacted"]))
        try reader.read(body)
    }

    private static func tables(
        in database: SQLiteDatabase
    ) throws(CommandError) -> (sessions: Set<String>, messages: Set<String>) {
        var names: [String: Set<String>] = [:]
        for table in ["sessions", "messages"] {
            try database.query("SELECT name FROM pragma_table_info('\(table)')") { row in
                if case .text(let name) = row[0] { names[table, default: []].insert(name) }
            }
        }
        return (names["sessions"] ?? [], names["messages"] ?? [])
    }
}

/// Reads the sessions one after the other.
private struct AgentReader {
    private let database: SQLiteDatabase
    private let file: ImportFile
    /// Whether rows say whether they are live: older databases have live ones only.
    private let hasStates: Bool

    init(_ database: SQLiteDatabase, _ file: ImportFile, hasStates: Bool) {
        self.database = database
        self.file = file
        self.hasStates = hasStates
    }

    func read(_ body: (ImportItem) throws(CommandError) -> Void) throws(CommandError) {
        var number = 0
        try database.query("SELECT * FROM sessions ORDER BY rowid") { (row) throws(CommandError) in
            number += 1
            guard case .text(let text) = row["id"], let id = SessionID(text) else {
                return try body(.problem("'\(file.shownPath)', session \(number): its id is no session id."))
            }
            try nameBlobs(of: row, "session '\(id)'", body)
            try body(.session(ImportedSession(id: id, fields: row.sessionFields)))
            do throws(CommandError) {
                try readMessages(of: text, body)
            } catch {
                guard error.code == .data else { throw error }
                try body(.problem("'\(file.shownPath)', session '\(id)' is cut short: \(error.message)"))
            }
        }
        let orphans = try database.number(
            "SELECT count(*) FROM messages WHERE session_id NOT IN (SELECT id FROM sessions)")
        if let orphans, orphans > 0 {
            let messages = Human.count(Int(orphans), "message")
            try body(.problem("'\(file.shownPath)': \(messages) of no session in the database left out."))
        }
    }

    /// In the order of the row numbers, for clocks go back; but what was compacted away comes first, to be hidden
    /// together.
    private func readMessages(
        of session: String, _ body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) {
        let all = "SELECT * FROM messages WHERE session_id = ?"
        guard hasStates else { return try readRows("\(all) ORDER BY id", [session], body) }
        let last = try database.number(
            "SELECT max(id) FROM messages WHERE session_id = ? AND active = 0 AND compacted <> 0", [session])
        let place = last.map { "\($0)" } ?? "-1"
        if last != nil {
            try readRows("\(all) AND id <= \(place) AND active = 0 ORDER BY id", [session], body)
            try body(.compacted)
        }
        try readRows("\(all) AND (id > \(place) OR active <> 0) ORDER BY id", [session], body)
    }

    private func readRows(
        _ sql: String, _ texts: [String], _ body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) {
        try database.query(sql, texts) { (row) throws(CommandError) in
            if case .integer(let number) = row["id"] { try nameBlobs(of: row, "message \(number)", body) }
            let message = row.message
            guard message.count <= ImportLimits.messageByteCount else {
                let size = Human.bytes(UInt64(message.count))
                return try body(.problem("'\(file.shownPath)': a message of \(size) is more than a message may have."))
            }
            switch (hasStates ? row["active"] : .integer(1), row["compacted"]) {
            case (.integer(0), .integer(0)), (.integer(0), .null): try body(.hidden(message, .takenBack))
            case (.integer(0), _): try body(.hidden(message, .compacted))
            default: try body(.message(message))
            }
        }
    }

    private func nameBlobs(
        of row: SQLiteRow, _ place: String, _ body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) {
        for column in row.blobs {
            try body(.problem("'\(file.shownPath)', \(place): the column '\(column)' is no text, and was left out."))
        }
    }
}

/// A copy of a database and its log, in a folder that only this user can read.
private final class TemporaryCopy {
    private let folder: String
    /// The copy.
    let path: String

    /// Copies `file`, and its log if there is one.
    init(of file: ImportFile) throws(CommandError) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/holdfast-import-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandError(StorageError(errno: errno, "mkdtemp", parent))
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = "\(folder)/\(AgentDatabase.fileName)"
        do throws(CommandError) {
            try filing { () throws(StorageError) in
                let copies = try PosixStorage(root: folder, create: false)
                for suffix in ["", AgentDatabase.logSuffix] {
                    try Self.copy(file.path + suffix, of: file.folder, to: AgentDatabase.fileName + suffix, copies)
                }
            }
        } catch {
            remove()
            throw error
        }
    }

    /// Removes the copy, and what SQLite put beside it.
    func remove() {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
        rmdir(folder)
    }

    private static func copy(
        _ source: String, of folder: any Storage, to target: String, _ copies: any Storage
    ) throws(StorageError) {
        guard let attributes = try folder.attributes(source), !attributes.isDirectory else { return }
        guard attributes.byteCount <= ImportLimits.databaseByteCount else {
            throw StorageError(.invalid, "copy", source, detail: "\(attributes.byteCount) bytes are too many")
        }
        let from = try folder.open(source, .read)
        let to = try copies.open(target, .createNew)
        var offset: UInt64 = 0
        while offset < attributes.byteCount {
            let piece = try from.read(count: ImportLimits.pieceByteCount, at: offset)
            if piece.isEmpty { break }
            try to.write(piece, at: offset)
            offset += UInt64(piece.count)
        }
        try to.close()
        try from.close()
    }
}
