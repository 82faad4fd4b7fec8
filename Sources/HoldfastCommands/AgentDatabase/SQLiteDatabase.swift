internal import CSQLite

/// A database of SQLite, to read rows from. Nothing in it is trusted: neither its schema nor its lengths. One
/// thread at a time.
final class SQLiteDatabase {
    private let handle: OpaquePointer

    /// Opens the file `path`, which SQLite may change to take its write-ahead log in: give it a copy.
    init(path: String) throws(CommandError) {
        var opened: OpaquePointer?
        let result = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
        guard let opened else { throw CommandError(.inputOutput, "SQLite has no memory") }
        guard result == SQLITE_OK, holdfast_sqlite3_distrust(opened) == SQLITE_OK else {
            let message = String(cString: sqlite3_errmsg(opened))
            sqlite3_close_v2(opened)
            throw CommandError(.data, message)
        }
        handle = opened
        sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Int32(ImportLimits.messageByteCount))
    }

    deinit { sqlite3_close_v2(handle) }

    /// Calls `body` with each row of the answer to `sql`, in which `texts` stand for the question marks.
    func query(
        _ sql: String, _ texts: [String] = [], _ body: (SQLiteRow) throws(CommandError) -> Void
    ) throws(CommandError) {
        var prepared: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &prepared, nil) == SQLITE_OK, let statement = prepared else {
            throw failure()
        }
        defer { sqlite3_finalize(statement) }
        for (place, text) in texts.enumerated() {
            let result = holdfast_sqlite3_bind_text(statement, Int32(place + 1), text, Int32(text.utf8.count))
            guard result == SQLITE_OK else { throw failure() }
        }
        let row = SQLiteRow(statement)
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: try body(row)
            case SQLITE_DONE: return
            default: throw failure()
            }
        }
    }

    /// The number in the first column of the first row; `nil` when there is none.
    func number(_ sql: String, _ texts: [String] = []) throws(CommandError) -> Int64? {
        var number: Int64?
        try query(sql, texts) { (row) throws(CommandError) in
            if number == nil, case .integer(let value) = row[0] { number = value }
        }
        return number
    }

    private func failure() -> CommandError { CommandError(.data, String(cString: sqlite3_errmsg(handle))) }
}

/// What a column holds.
enum SQLiteValue: Equatable {
    case null
    case integer(Int64)
    case real(Double)
    /// Text, repaired where it is not UTF-8.
    case text(String)
    /// Bytes that are no text, so many.
    case blob(byteCount: Int)
}

/// The row that a query is at.
struct SQLiteRow {
    private let statement: OpaquePointer
    /// The names of the columns.
    let names: [String]

    fileprivate init(_ statement: OpaquePointer) {
        self.statement = statement
        names = (0..<sqlite3_column_count(statement)).map { column in
            sqlite3_column_name(statement, column).map { String(cString: $0) } ?? ""
        }
    }

    /// The value in the column of this place.
    subscript(_ column: Int) -> SQLiteValue {
        let column = Int32(column)
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
        case SQLITE_TEXT:
            // The text before its length, as the rules of SQLite have it.
            let text = sqlite3_column_text(statement, column)
            let count = Int(sqlite3_column_bytes(statement, column))
            return .text(
                String(decoding: UnsafeBufferPointer(start: text, count: text == nil ? 0 : count), as: UTF8.self))
        case SQLITE_BLOB: return .blob(byteCount: Int(sqlite3_column_bytes(statement, column)))
        default: return .null
        }
    }

    /// The value in the column `name`; null when there is no such column.
    subscript(_ name: String) -> SQLiteValue { names.firstIndex(of: name).map { self[$0] } ?? .null }
}
