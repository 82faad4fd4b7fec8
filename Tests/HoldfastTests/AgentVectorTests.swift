import Holdfast
import HoldfastBytes
import Testing

/// Outputs of hermes-agent's session database, from the folder that HOLDFAST_VECTORS names: what each asks of a store,
/// asked of this one in the protocol's words.
@Suite(.enabled(if: AgentVectors.path != nil, "HOLDFAST_VECTORS names no folder with hermes_agent_sessiondb.json"))
struct AgentVectorTests {
    private let client: Client

    init() throws { client = try Client(.testing(MemoryLog())) }

    /// What is the gateway's business or SQLite's, and not a session store's.
    private static let others: Set<String> = [
        "build_session_key", "_sanitize_fts5_query", "_encode_content", "resolve_session_id", "compression lock",
        "holder after foreign release", "handoff", "delete_session_if_empty", "pragmas", "files after close",
        "append throughput", "end_session twice", "reopen", "set_auto_title_if_empty", "conversation include_ancestors",
    ]

    /// Every function of the vectors is compared below or named above: a new one is not passed over.
    @Test func everyVectorIsKnown() throws {
        let asked = Set(try AgentVectors.read().map(\.name)).subtracting(Self.others)
        #expect(
            asked == [
                "sanitize_title", "create_session twice", "append x3", "append to unknown session",
                "append after end_session", "rewind_to_message", "restore_rewound", "archive_and_compact",
                "search finds compacted", "replace_messages active_only", "replace_messages", "title conflict",
                "get_next_title_in_lineage", "get_next", "resolve_session_by_title", "get_compression_tip",
                "resolve_resume_session_id", "lineage", "list_sessions_rich ids", "delete_session parent",
            ])
    }

    @Test func titlesAreCleanedTheSameWay() throws {
        for vector in try AgentVectors.read("sanitize_title") {
            guard let input = vector.input else { continue }
            switch input {
            case "100 x": #expect(try Title.sanitized(String(repeating: "x", count: 100))?.count == 100)
            case "101 x":
                let error = #expect(throws: HoldfastError.self) {
                    _ = try Title.sanitized(String(repeating: "x", count: 101))
                }
                #expect(error.map { "ValueError: \($0.message)" } == vector.output.string)
            default: #expect(try Title.sanitized(input) == vector.output.string, "\(input)")
            }
        }
    }

    private func call(_ op: String, _ members: String = "") -> Reply {
        client.call("{\"op\":\"\(op)\"\(members.isEmpty ? "" : ",")\(members)}")
    }

    private func output(_ name: String) throws -> JSONRef { try #require(try AgentVectors.read(name).first).output }

    /// Rows live and hidden, as `[live, all]`.
    private func rows(_ session: String) -> [Int] {
        [false, true].map { call("get", #""session":"\#(session)","hidden":\#($0)"#).list("messages").count }
    }

    @Test func messagesAreCountedHiddenAndReplacedTheSameWay() throws {
        let session = #""session":"s1""#
        #expect(call("create", #"\#(session),"fields":{"source":"cli","model":"m1"}"#).isOK)
        // The first one wins here too, and is told of.
        #expect(call("create", #"\#(session),"fields":{"source":"telegram"}"#).code == "session_exists")
        let first = call("get", session)
        let source = try output("create_session twice")["source"]?.string ?? ""
        #expect(first["fields", "source"] == "\"\(source)\"")
        for role in ["user", "assistant", "tool"] {
            _ = call("append", #"\#(session),"messages":[{"role":"\#(role)","content":"hello"}]"#)
        }
        #expect(
            call("get", session)["message_count"] == (try output("append x3")["message_count"]?.int).map { "\($0)" })
        #expect(call("append", #""session":"nobody","messages":[{}]"#).code == "unknown_session")
        let fourth = call("append", #"\#(session),"messages":[{"role":"user","content":"again"}]"#)
        let counted = try output("append after end_session")["message_count"]?.int
        #expect(fourth["message_count"] == counted.map { "\($0)" })
        let rewind = try output("rewind_to_message")
        let taken = call("take_back", #"\#(session),"count":3"#)
        #expect(taken["removed_count"] == rewind["rewound_count"]?.int.map { "\($0)" })
        #expect(rows("s1") == [rewind["active"]?.count, rewind["all"]?.count])
        // There the count stays at 4; here it is what the list has.
        #expect(taken["message_count"] == "3")
        #expect(call("restore", session)["restored_count"] == (try output("restore_rewound").int).map { "\($0)" })
        let compact = try output("archive_and_compact")
        let compacted = call(
            "compact_messages", #"\#(session),"messages":[{"content":"[summary]"},{"content":"ok"}]"#)
        #expect(compacted["message_count"] == compact["message_count"]?.int.map { "\($0)" })
        #expect(rows("s1") == [compact["active"]?.count, compact["total_rows"]?.int.map { Int($0) }])
        let replace = try output("replace_messages active_only")
        #expect(call("replace", #"\#(session),"messages":[{"content":"one"}]"#)["message_count"] == "1")
        #expect(rows("s1") == [replace["mc"]?.int.map { Int($0) }, replace["rows"]?.int.map { Int($0) }])
        let all = try output("replace_messages")
        _ = call("clear", session)
        _ = call("append", #"\#(session),"messages":[{"content":"one"}]"#)
        #expect(rows("s1") == [all["mc"]?.int.map { Int($0) }, all["rows"]?.int.map { Int($0) }])
    }

    @Test func titlesAreGivenTheSameWay() throws {
        for id in ["a", "b"] { #expect(call("create", #""session":"\#(id)""#).isOK) }
        #expect(call("set_title", #""session":"a","title":"proj""#).isOK)
        let conflict = call("set_title", #""session":"b","title":"proj""#)
        #expect(conflict["error", "message"] == "\"\(try output("title conflict").string ?? "")\"")
        for vector in try AgentVectors.read("get_next_title_in_lineage") {
            let next = call("next_title", #""title":"\#(vector.input ?? "")""#)["title"]
            #expect(next == "\"\(vector.output.string ?? "")\"")
        }
        #expect(call("set_title", #""session":"b","title":"proj #2""#).isOK)
        #expect(call("next_title", #""title":"proj #2""#)["title"] == "\"\(try output("get_next").string ?? "")\"")
        let found = call("find_title", #""title":"proj""#)["session"]
        #expect(found == "\"\(try output("resolve_session_by_title").string ?? "")\"")
    }

    @Test func aConversationIsFollowedTheSameWay() throws {
        #expect(call("create", #""session":"root""#).isOK)
        #expect(call("rotate", #""session":"root","new_session":"child","messages":[]"#).isOK)
        let tip = call("get", #""session":"root""#)["rotated_to"]
        #expect(tip == "\"\(try output("get_compression_tip").string ?? "")\"")
        #expect(tip == "\"\(try output("resolve_resume_session_id").string ?? "")\"")
        let lineage = try output("lineage").elements.compactMap(\.string)
        #expect(call("get", #""session":"child""#)["lineage", "root"] == "\"\(lineage.first ?? "")\"")
        // Lists show the tip with its root.
        let listed = try #require(try output("list_sessions_rich ids").elements.first { _ in true }).elements
        let row = Reply(call("list", #""rotated":false"#).list("sessions").first ?? "")
        #expect(row["session"] == "\"\(listed.first { _ in true }?.string ?? "")\"")
        #expect(row["lineage", "root"] == "\"\(listed.dropFirst().first { _ in true }?.string ?? "")\"")
        // What was deleted takes no child with it.
        #expect(call("delete", #""session":"root""#).isOK && call("get", #""session":"child""#).isOK)
        #expect(call("append", #""session":"child","messages":[{}]"#).isOK)
    }
}

private enum AgentVectors {
    struct Vector {
        let name: String
        let input: String?
        let output: JSONRef
    }

    static let path = TextFile.vectors("hermes_agent_sessiondb.json")

    /// The vectors of one function, or all.
    static func read(_ name: String? = nil) throws -> [Vector] {
        guard let bytes = path.flatMap(TextFile.bytes) else { return [] }
        return try JSONTree.parse(bytes).root.elements.compactMap { vector in
            guard let function = vector["fn"]?.string, let output = vector["out"] else { return nil }
            guard name == nil || function == name else { return nil }
            return Vector(name: function, input: vector["in"]?.string, output: output)
        }
    }
}
