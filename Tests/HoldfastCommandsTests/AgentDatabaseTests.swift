import CSQLite
import HoldfastBytes
import HoldfastCommands
import Testing

/// The database of hermes-agent.
@Suite struct AgentDatabaseTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func importing() -> Ran { holdfast("import", store, scratch.at("in"), "--json") }

    private func lines(_ session: String) -> [String] { holdfast("export", store, session).console.outputLines }

    private static let schema = """
        CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, model TEXT, parent_session_id TEXT,
            started_at REAL NOT NULL, ended_at REAL, message_count INTEGER DEFAULT 0, title TEXT,
            archived INTEGER DEFAULT 0);
        CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, role TEXT NOT NULL, content TEXT,
            tool_calls TEXT, timestamp REAL NOT NULL, observed INTEGER DEFAULT 0, active INTEGER DEFAULT 1,
            compacted INTEGER DEFAULT 0);
        """

    /// A database with `sql` in it, which is in use until the test ends: its newest rows are in its log.
    private func database(_ sql: String) -> Database {
        scratch.write("in/.keep", "")
        return Database(scratch.at("in/state.db"), Self.schema + sql)
    }

    private func row(_ session: String, _ role: String, _ content: String, _ state: (Int, Int) = (1, 0)) -> String {
        "INSERT INTO messages (session_id, role, content, timestamp, active, compacted) "
            + "VALUES ('\(session)', '\(role)', \(content), 1700000000.5, \(state.0), \(state.1));"
    }

    @Test func sessionsAndMessagesComeWithAllTheirColumns() throws {
        let database = database(
            """
            INSERT INTO sessions (id, source, model, started_at, title)
            VALUES ('s1', 'cli', 'm1', 1700000000.0, 'Käse');
            INSERT INTO sessions (id, source, parent_session_id, started_at) VALUES ('s2', 'telegram', 's1', 1.5);
            """ + row("s1", "user", "'a'||char(0)||'b'")
                + row("s1", "user", #"char(0)||'json:[{"type": "text", "text": "h\u00e9"}]'"#)
                + "INSERT INTO messages (session_id, role, tool_calls, timestamp) "
                + "VALUES ('s1', 'assistant', '[{\"id\":\"c\"}]', 2);"
                + row("s1", "tool", "x'00ff'") + row("gone", "user", "'orphan'"))
        defer { database.close() }
        let before = scratch.names("in").map { scratch.bytes("in/\($0)") }
        let ran = importing()
        #expect(ran.code == .data, "\(ran.errors)")
        #expect(
            lines("s1") == [
                #"{"id":1,"role":"user","content":"a\u0000b","timestamp":1700000000.5}"#,
                #"{"id":2,"role":"user","content":[{"type": "text", "text": "h\u00e9"}],"timestamp":1700000000.5}"#,
                #"{"id":3,"role":"assistant","tool_calls":[{"id":"c"}],"timestamp":2.0}"#,
                #"{"id":4,"role":"tool","timestamp":1700000000.5}"#,
            ])
        #expect(lines("s2") == [])
        let shown = holdfast("show", store, "s1", "--json").output
        #expect(
            shown.contains(
                #""fields":{"source":"cli","model":"m1","started_at":1700000000.0,"title":"Käse","archived":0}"#),
            "\(shown)")
        #expect(
            ran.errors.contains("message 4: the column 'content'") && ran.errors.contains("1 message of no session"))
        #expect(scratch.names("in").map { scratch.bytes("in/\($0)") } == before)
        let report = try JSONTree.parse(Array(ran.output.utf8)).root
        #expect(report["sources"]?["files"]?.int == 2 && report["sources"]?["changed"]?.count == 0)
        #expect(report["before"]?["hash"]?.string == report["after"]?["hash"]?.string)
        #expect(report["before"]?["messages"]?.int == 4)
        #expect(importing().output.contains(#""new":0,"extended":0,"unchanged":2"#))
    }

    @Test func hiddenRowsAreKeptHidden() throws {
        let database = database(
            "INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1);"
                + row("s", "user", "'c1'", (0, 1)) + row("s", "user", "'t1'", (0, 0)) + row("s", "user", "'c2'", (0, 1))
                + row("s", "user", "'l1'") + row("s", "user", "'t2'", (0, 0)) + row("s", "user", "'t3'", (0, 0))
                + row("s", "user", "'l2'"))
        defer { database.close() }
        let ran = importing()
        #expect(ran.code == .success, "\(ran.errors)")
        let contents = { (lines: [String]) in
            try lines.compactMap { try JSONTree.parse(Array($0.utf8)).root["content"]?.string }
        }
        #expect(try contents(lines("s")) == ["l1", "l2"])
        let request = #"{"op":"get","session":"s","hidden":true}"# + "\n"
        let answer = holdfast("pipe", store, console: TestConsole(input: request)).output
        let root = try JSONTree.parse(Array(answer.utf8)).root
        let all = root["messages"]?.elements.map { $0["content"]?.string ?? "" } ?? []
        #expect(all == ["c1", "t1", "c2", "l1", "t2", "t3", "l2"], "\(answer)")
        let states = root["states"]?.elements.map { $0.string ?? "" } ?? []
        let hidden = ["compacted", "taken_back", "compacted", "active", "taken_back", "taken_back", "active"]
        #expect(states == hidden, "\(answer)")
    }

    /// A message may come after the end: of a session that was reopened.
    @Test func aSessionWasUsedLastAtItsLatestTime() {
        let database = database(
            "INSERT INTO sessions (id, source, started_at, ended_at) VALUES ('a', 'cli', 1600000000.5, 1600000009);"
                + "INSERT INTO sessions (id, source, started_at, ended_at) VALUES ('b', 'cli', 1600000000, 1600000001);"
                + row("b", "user", "'1'"))
        defer { database.close() }
        #expect(importing().code == .success)
        let listed = holdfast("pipe", store, console: TestConsole(input: "{\"op\":\"list\"}\n")).output
        #expect(listed.contains(#""created_at":1600000000500,"updated_at":1600000009000"#), "\(listed)")
        #expect(
            listed.contains(
                #""created_at":1600000000000,"updated_at":1700000000500,"last_message_at":1700000000500"#), "\(listed)")
    }

    @Test func newRowsExtendAndOtherRowsConflict() {
        let database = database(
            "INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1), ('o', 'cli', 1);"
                + row("s", "user", "'1'") + row("o", "user", "'1'"))
        defer { database.close() }
        #expect(importing().code == .success)
        database.run(row("s", "user", "'2'") + "UPDATE messages SET content = 'other' WHERE session_id = 'o';")
        let ran = importing()
        #expect(ran.code == .data && ran.errors.contains("session 'o': message 1 is another one"), "\(ran.errors)")
        #expect(ran.output.contains(#""new":0,"extended":1,"unchanged":0,"conflicting":1"#))
        #expect(lines("s").count == 2)
    }

    @Test func anotherDatabaseAndNoDatabaseAreNamed() {
        scratch.write("in/a/.keep", "")
        Database(scratch.at("in/a/state.db"), "CREATE TABLE t (x); CREATE VIEW sessions AS SELECT 1 AS id;").close()
        scratch.write("in/b/state.db", "this is no database, but long enough to be taken for one by its name")
        scratch.write("in/ok.jsonl", "{}\n")
        let ran = importing()
        #expect(ran.code == .data && ran.output.contains(#""new":1"#), "\(ran.output)")
        #expect(ran.errors.contains("a/state.db': this is no database of hermes-agent"), "\(ran.errors)")
        #expect(ran.errors.contains("b/state.db'"))
    }

    @Test func aDatabaseCutShortGivesWhatItHas() throws {
        let rows = (0..<400).map { row("s", "user", "'\($0) \(String(repeating: "x", count: 200))'") }
        let database = database("INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1);" + rows.joined())
        database.close()
        let whole = try #require(scratch.bytes("in/state.db"))
        scratch.write("in/state.db", Array(whole.prefix(whole.count / 2)))
        let ran = importing()
        #expect(ran.code == .data, "\(ran.errors)")
        #expect(ran.errors.contains("damaged") || ran.errors.contains("malformed"), "\(ran.errors)")
    }
}

/// A database that a test writes.
private final class Database {
    private var handle: OpaquePointer?

    init(_ path: String, _ sql: String) {
        sqlite3_open(path, &handle)
        run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;" + sql)
    }

    func run(_ sql: String) {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        #expect(result == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    }

    func close() { sqlite3_close(handle) }
}
