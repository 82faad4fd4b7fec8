import Glibc
import HoldfastBytes
import HoldfastCommands
import Testing

/// Files of hermes-webui in and out.
@Suite struct WebUITests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func exporting(_ words: String...) -> Ran {
        let console = TestConsole()
        let words = ["export", store, "--format", "hermes-webui", "--to", scratch.at("out")] + words
        return Ran(code: Program.run(words, on: console), console: console)
    }

    private func importing(_ name: String = "in") -> Ran { holdfast("import", store, scratch.at(name), "--json") }

    /// The files of the folder with this name beside the tests.
    private func fixtures() throws -> [(name: String, text: [UInt8])] {
        let folder = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
        let path = "/\(folder)/Fixtures/webui"
        return try ["context-only", "empty", "full-1", "pending-null", "pending_2"].map { name in
            let text = Scratch.bytes(of: "\(path)/\(name).json")
            return (name + ".json", try #require(text))
        }
    }

    @Test func filesComeBackByteForByte() throws {
        let files = try fixtures()
        for (name, text) in files { scratch.write("in/\(name)", text) }
        let ran = importing()
        #expect(ran.code == .success, "\(ran.errors)")
        #expect(exporting().code == .success)
        #expect(scratch.names("out") == ["_index.json"] + files.map(\.name).sorted())
        for (name, text) in files {
            #expect(scratch.bytes("out/\(name)") == text, "\(name): \(scratch.read("out/\(name)") ?? "missing")")
            #expect(scratch.mode("out/\(name)") == 0o600)
        }
        #expect(importing().code == .success)
        // Once more around, from what was written.
        let again = holdfast("import", scratch.at("store2"), scratch.at("out"))
        #expect(again.code == .success, "\(again.errors)")
        #expect(
            holdfast("export", scratch.at("store2"), "--format", "hermes-webui", "--to", scratch.at("out2")).code
                == .success)
        for name in scratch.names("out") {
            #expect(scratch.bytes("out2/\(name)") == scratch.bytes("out/\(name)"), "\(name)")
        }
    }

    @Test(.enabled(if: vectors != nil, "HOLDFAST_VECTORS names no folder with webui/"))
    func theProgramsOwnFilesComeBackByteForByte() throws {
        let vectors = try #require(Self.vectors)
        let session = try #require(Scratch.bytes(of: "\(vectors)/session_abc123.json"))
        scratch.write("in/abc123.json", session)
        #expect(importing().code == .success)
        #expect(exporting().code == .success)
        #expect(scratch.bytes("out/abc123.json") == session)
        #expect(scratch.bytes("out/_index.json") == Scratch.bytes(of: "\(vectors)/index_one.json"))
    }

    /// Files that hermes-webui wrote.
    private static var vectors: String? {
        guard let folder = getenv("HOLDFAST_VECTORS") else { return nil }
        let path = String(cString: folder) + "/webui"
        return access(path, R_OK) == 0 ? path : nil
    }

    @Test func theIndexSaysWhatTheProgramWouldSay() throws {
        for (name, text) in try fixtures() { scratch.write("in/\(name)", text) }
        #expect(importing().code == .success && exporting().code == .success)
        let rows = try JSONTree.parse(try #require(scratch.bytes("out/_index.json"))).root.elements
        let spelled = rows.map { row in
            ["session_id", "message_count", "user_message_count", "last_message_at", "has_pending_user_message"]
                .map { key in row[key].map { String(decoding: $0.raw, as: UTF8.self) } ?? "-" }.joined(separator: " ")
        }
        #expect(
            spelled == [
                #""full-1" 5 1 1700000002.125 false"#, #""pending_2" 2 1 1700000099.75 true"#,
                #""pending-null" 1 0 1600000000.0 true"#, #""context-only" 0 0 1500000001.0 false"#,
                #""empty" 0 0 1500000000.0 false"#,
            ])
        #expect(rows.first { _ in true }?["parent_session_id"]?.string == "full-0")
        #expect(rows.first { _ in true }?["worktree_path"]?.string == "/tmp/w")
        #expect(rows.map { $0["worktree_path"] }.dropFirst().allSatisfy { $0 == nil })
    }

    @Test func aPromptThatWaitsIsPendingHere() throws {
        for (name, text) in try fixtures() where name.hasPrefix("pending_2") { scratch.write("in/\(name)", text) }
        scratch.write(
            "in/_turn_journal/pending_2~12.jsonl",
            #"{"event":"submitted","stream_id":"9f86d081884c7d65","content":"What is\n\"this\"?","#
                + #""turn_id":"20231114T2-aa","#
                + #""created_at":1700000099.75}"# + "\nno json\n")
        let ran = importing()
        #expect(ran.code == .data && ran.errors.contains("_turn_journal/pending_2~12.jsonl' line 2"), "\(ran.errors)")
        let shown = holdfast("show", store, "pending_2", "--json").output
        #expect(shown.contains(#""turn":"20231114T2-aa""#), "\(shown)")
        #expect(
            shown.contains(#"{"role":"user","content":"What is\n\"this\"?","timestamp":1700000099.75}"#), "\(shown)")
    }

    @Test func aPromptThatOnlyTheJournalHasIsKept() {
        let session = #"{"messages":[{"role":"user","content":"caf\u00e9"},{"role":"assistant","content":"x"}]}"#
        for id in ["lost", "done", "known"] { scratch.write("in/\(id).json", session) }
        let event = { (turn: String, event: String, content: String) in
            #"{"event":"\#(event)","stream_id":"s","content":"\#(content)","turn_id":"\#(turn)","created_at":1.5}"#
                + "\n"
        }
        scratch.write(
            "in/_turn_journal/lost.jsonl", event("t1", "submitted", "where?") + event("t1", "worker_started", ""))
        scratch.write("in/_turn_journal/done~1.jsonl", event("t2", "submitted", "where?"))
        scratch.write("in/_turn_journal/done~2.jsonl", event("t2", "completed", ""))
        scratch.write("in/_turn_journal/known~1.jsonl", event("t3", "submitted", "café"))
        let ran = importing()
        #expect(ran.code == .success, "\(ran.errors)")
        #expect(ran.errors.contains("turn 't1'") && !ran.errors.contains("t3"), "\(ran.errors)")
        #expect(holdfast("show", store, "lost", "--json").output.contains(#""content":"where?","timestamp":1.5"#))
        for id in ["done", "known"] { #expect(!holdfast("show", store, id, "--json").output.contains(#""turn":"#)) }
        let again = importing()
        #expect(again.code == .success && again.errors.isEmpty, "\(again.errors)")
    }

    @Test func backupsCountWhenNobodyWantedLess() {
        let messages = { (count: Int) in (0..<count).map { #"{"n":\#($0)}"# }.joined(separator: ",") }
        let document = { (count: Int, more: String) in "{\(more)\"messages\":[\(messages(count))]}" }
        scratch.write("in/shrunk.json", document(1, ""))
        scratch.write("in/shrunk.json.bak", document(3, ""))
        scratch.write("in/undone.json", document(1, #""intentional_shrink_generation":"g2","#))
        scratch.write("in/undone.json.bak", document(3, #""intentional_shrink_generation":"g1","#))
        scratch.write("in/later.json", document(1, #""intentional_shrink_generation":"g1","#))
        scratch.write("in/later.json.bak", document(3, #""intentional_shrink_generation":"g1","#))
        scratch.write("in/torn.json", #"{"messages":[{"n":0"#)
        scratch.write("in/torn.json.bak", document(2, ""))
        scratch.write("in/orphan.json.bak", document(2, ""))
        scratch.write("in/deleted.json.bak", document(2, ""))
        scratch.write("in/_deleted_webui_sessions.json", #"{"version":1,"ids":["deleted"]}"#)
        scratch.write("in/_turn_journal/gone~1.jsonl", "\n")
        scratch.write("in/bad.json", document(1, ""))
        scratch.write("in/bad.json.bak", "not json")
        let ran = importing()
        #expect(ran.code == .data, "\(ran.errors)")
        let count = { holdfast("export", store, $0).console.outputLines.count }
        #expect([count("shrunk"), count("undone"), count("later")] == [3, 1, 3])
        #expect([count("torn"), count("orphan"), count("bad")] == [2, 2, 1])
        #expect(holdfast("export", store, "deleted").code == .noInput)
        #expect(ran.errors.contains("deleted.json.bak' is what is left of a deleted session"), "\(ran.errors)")
        #expect(ran.errors.contains("bad.json.bak' is a backup that cannot be read"))
        #expect(ran.errors.contains("_turn_journal/gone~1.jsonl' is of a session that is not here"), "\(ran.errors)")
        #expect(importing().output.contains(#""new":0,"extended":0,"unchanged":7"#))
    }

    @Test func theReportProvesWhatWasDone() throws {
        for (name, text) in try fixtures() { scratch.write("in/\(name)", text) }
        let before = scratch.names("in").map { scratch.bytes("in/\($0)") }
        let report = try JSONTree.parse(Array(importing().output.utf8)).root
        #expect(report["before"]?["messages"]?.int == 7 && report["after"]?["messages"]?.int == 7)
        #expect(report["before"]?["hash"]?.string == report["after"]?["hash"]?.string)
        #expect(report["sources"]?["files"]?.int == 5 && report["sources"]?["changed"]?.count == 0)
        #expect(scratch.names("in").map { scratch.bytes("in/\($0)") } == before)
    }

    @Test func whatTheProgramCannotReadIsNamedAndNeverLeavesTheFolder() {
        for id in ["../escape", "a/b", "..", "_private", "a.b", "ok", "é"] {
            _ = holdfast("pipe", store, console: TestConsole(input: #"{"op":"create","session":"\#(id)"}"# + "\n"))
        }
        let ran = exporting()
        #expect(ran.code == .data)
        #expect(scratch.names("out") == ["_index.json", "ok.json"], "\(ran.errors)")
        #expect(scratch.names().sorted() == ["out", "store"])
        for id in ["../escape", "a/b", "_private", "a.b"] { #expect(ran.errors.contains("'\(id)'"), "\(ran.errors)") }
        #expect(ran.errors.hasSuffix("1 session, 0 messages.\n"))
        #expect(holdfast("export", store, "a/b", "--format", "hermes-webui").code == .data)
    }

    @Test func aSessionOfItsOwnGetsTheStandards() throws {
        let lines = [
            #"{"op":"create","session":"s","fields":{"title":"T","mine":[1]}}"#,
            #"{"op":"append","session":"s","messages":[{"role":"user","content":"hi"}]}"#,
            #"{"op":"begin_turn","session":"s","turn":"t","#
                + #""message":{"role":"user","content":[{"type":"text","text":"a\"b"}]}}"#,
        ]
        _ = holdfast("pipe", store, console: TestConsole(input: lines.joined(separator: "\n") + "\n"))
        let text = holdfast("export", store, "s", "--format", "hermes-webui").output
        let root = try JSONTree.parse(Array(text.utf8)).root
        #expect(root.members.map { $0.key.string ?? "" }.prefix(3) == ["session_id", "title", "model_provider"])
        #expect(root["pending_user_message"]?.string == #"a"b"#)
        #expect(root["context_messages"]?.count == 1 && root["pinned"]?.bool == false && root["mine"]?.count == 1)
        #expect((root["pending_started_at"]?.double ?? 0) > 1_700_000_000)
    }

    @Test func jsonDocumentsComeBackToo() throws {
        for (name, text) in try fixtures() { scratch.write("in/\(name)", text) }
        #expect(importing().code == .success)
        #expect(holdfast("export", store, "--format", "json", "--to", scratch.at("json")).code == .success)
        let again = holdfast("import", scratch.at("store2"), scratch.at("json"))
        #expect(again.code == .success, "\(again.errors)")
        let out = ["export", scratch.at("store2"), "--format", "hermes-webui", "--to", scratch.at("out")]
        #expect(Program.run(out, on: TestConsole()) == .success)
        for (name, text) in try fixtures() {
            let same = scratch.bytes("out/\(name)").map { $0 == text } ?? false
            #expect(same, "\(name): \(scratch.read("json/\(name)") ?? "")")
        }
    }

    @Test func theModelsListFollowsUnlessTheSessionConflicts() throws {
        let document = { (count: Int, context: String) in
            let messages = (0..<count).map { #"{"n":\#($0)}"# }.joined(separator: ",")
            return #"{"messages":[\#(messages)],"context_messages":[{"role":"\#(context)"}]}"#
        }
        let context = {
            let text = holdfast("export", store, "s", "--format", "json").output
            return try JSONTree.parse(Array(text.utf8)).root["context_messages"]?.elements.map { $0["role"]?.string }
        }
        for (count, role, code, kept) in [
            (2, "a", ExitCode.success, "a"), (3, "b", .success, "b"), (3, "c", .success, "c"), (1, "d", .data, "c"),
        ] {
            scratch.write("in/s.json", document(count, role))
            let ran = importing()
            #expect(ran.code == code, "\(ran.errors)")
            #expect(try context() == [kept], "\(role)")
        }
        #expect(importing().output.contains(#""conflicting":1"#))
        scratch.write("in/s.json", document(3, "c"))
        #expect(importing().output.contains(#""unchanged":1"#))
    }

    @Test func longSessionsAreWrittenInPieces() throws {
        let messages = (0..<3000).map { #"{"role":"user","content":"\#(String(repeating: "x", count: $0 % 700))"}"# }
        scratch.write("in/long.json", #"{"messages":[\#(messages.joined(separator: ","))],"context_messages":[]}"#)
        #expect(importing().code == .success && exporting().code == .success)
        let root = try JSONTree.parse(try #require(scratch.bytes("out/long.json"))).root
        #expect(root["messages"]?.count == 3000 && root["message_count"]?.int == 3000)
        #expect(root["context_messages"]?.count == 0)
    }
}
