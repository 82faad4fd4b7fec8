import CSQLite
import Glibc
import HoldfastCommands
import Testing

/// Files with random damage: an import names them, or imports what is in them, and never keeps the others from
/// being imported.
@Suite struct OddFileTests {
    private let scratch = Scratch()

    private static let seeds = getenv("HOLDFAST_QUICK") == nil ? 1...24 : 1...6

    private func importing() -> Ran { holdfast("import", scratch.at("store"), scratch.at("in"), "--json") }

    @Test(arguments: seeds)
    func aDamagedFolderOfHermesWebUI(seed: Int) throws {
        var random = Generator(seed: UInt64(seed))
        let document =
            #"{"session_id":"x","title":"T","active_stream_id":"st","pending_user_message":"q","#
            + #""pending_started_at":1.5,"messages":[{"role":"user","content":"é\u00e9"},{"n":[1,{"a":null}]}],"#
            + #""context_messages":[{"role":"system"}],"message_count":2,"x":{"y":[true,1e9]}}"#
        let journal = #"{"event":"submitted","stream_id":"st","turn_id":"t1","content":"q","created_at":1}"# + "\n"
        let files = [
            "in/x.json": document, "in/x.json.bak": document, "in/y.json.bak": document,
            "in/_turn_journal/x~1.jsonl": journal + journal,
            "in/_deleted_webui_sessions.json": #"{"version":1,"ids":["z"]}"#, "in/_index.json": "[]",
        ]
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            scratch.write(name, damaged(Array(text.utf8), &random))
        }
        try check(seed)
    }

    @Test(arguments: seeds)
    func aDamagedDatabaseOfHermesAgent(seed: Int) throws {
        var random = Generator(seed: UInt64(seed))
        scratch.write("in/.keep", "")
        var handle: OpaquePointer?
        sqlite3_open(scratch.at("in/state.db"), &handle)
        let rows = (0..<60).map {
            "INSERT INTO messages VALUES (\($0), 's\($0 % 3)', 'user', '\($0)', 1.5, \($0 % 2), 0);"
        }
        let sql = """
            PRAGMA page_size = 512;
            CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT, started_at REAL);
            CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, timestamp REAL,
                active INTEGER, compacted INTEGER);
            INSERT INTO sessions VALUES ('s0', 'cli', 1), ('s1', 'cli', 1), ('s2', 'cli', 1);
            """ + rows.joined()
        #expect(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
        sqlite3_close(handle)
        let whole = try #require(scratch.bytes("in/state.db"))
        scratch.write("in/state.db", damaged(whole, &random))
        try check(seed)
    }

    /// Imports, twice, beside a file that is whole.
    private func check(_ seed: Int) throws {
        scratch.write("in/whole.jsonl", "{\"n\":1}\n")
        for _ in 0..<2 {
            let ran = importing()
            #expect([.success, .data].contains(ran.code), "seed \(seed): \(ran.errors)")
            #expect(ran.code == .success || !ran.errors.isEmpty, "seed \(seed)")
            #expect(ran.output.contains(#""changed":[]"#), "seed \(seed)")
        }
        #expect(holdfast("export", scratch.at("store"), "whole").output == "{\"n\":1}\n", "seed \(seed)")
        let out = holdfast("export", scratch.at("store"), "--format", "hermes-webui", "--to", scratch.at("out"))
        #expect([.success, .data].contains(out.code), "seed \(seed): \(out.errors)")
    }

    /// `text` with a few bytes changed, or its end cut off, or nothing done to it.
    private func damaged(_ text: [UInt8], _ random: inout Generator) -> [UInt8] {
        var text = text
        switch random.next() % 4 {
        case 0: break
        case 1: text.removeLast(Int(random.next() % UInt64(text.count)))
        default:
            for _ in 0...random.next() % 6 {
                text[Int(random.next() % UInt64(text.count))] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return text
    }
}

/// SplitMix64.
private struct Generator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
