import Glibc
import HoldfastBytes
import HoldfastCommands
import Testing

/// `ls`, `show` and `export`, on a store that the test makes through `pipe`.
struct ReadingTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func write(_ lines: String...) {
        let console = TestConsole(input: lines.map { $0 + "\n" }.joined())
        let ran = holdfast("pipe", store, console: console)
        #expect(ran.code == .success && !ran.output.contains("\"ok\":false"), "\(ran.output)")
    }

    private func makeSessions() {
        write(
            #"{"id":1,"op":"create","session":"s1","fields":{"title":"First \u001b[2Jtalk"}}"#,
            #"{"id":2,"op":"append","session":"s1","messages":[{"role":"user","content":"hi\nthere"},{"n":2}]}"#,
            #"{"id":3,"op":"create","session":"a/b","fields":{}}"#,
            #"{"id":4,"op":"begin_turn","session":"a/b","turn":"t1","message":{"role":"user","content":"wait"}}"#)
    }

    @Test func sessionsAreListed() throws {
        makeSessions()
        let lines = holdfast("ls", store).console.outputLines
        try #require(lines.count == 3)
        #expect(lines[0].hasPrefix("SESSION  MESSAGES  UPDATED"))
        let first = try #require(lines.first { $0.hasPrefix("s1") })
        #expect(first.contains("just now") && first.hasSuffix("First ·[2Jtalk"))
        #expect(lines.contains { $0.hasPrefix("a/b") && $0.contains("pending") })
        let narrow = holdfast("ls", store, console: TestConsole(columns: 50)).console.outputLines
        #expect(narrow.allSatisfy { $0.count <= 50 })
    }

    @Test func aListCanBeCutAndFiltered() {
        makeSessions()
        #expect(holdfast("ls", store, "--limit", "1").console.outputLines.count == 2)
        let pending = holdfast("ls", store, "--pending", "--json")
        #expect(pending.console.outputLines.count == 1 && pending.output.contains(#""session":"a/b""#))
    }

    @Test func aSessionIsShown() {
        makeSessions()
        let shown = holdfast("show", store, "s1")
        #expect(shown.code == .success)
        #expect(shown.output.contains("     0  user          hi there\n"), "\(shown.output)")
        #expect(shown.output.contains(#"     1  ?             {"n":2}"#))
        #expect(holdfast("show", store, "s1", "--from", "1").output.contains(#"     1  ?  "#))
        #expect(!holdfast("show", store, "s1", "--limit", "1").output.contains(#"{"n":2}"#))
        #expect(holdfast("show", store, "a/b").output.contains("attempt 1: wait"))
        let json = holdfast("show", store, "s1", "--json", "--from", "1").output
        #expect(json.hasPrefix(#"{"session":"s1","sequence":2,"message_count":2,"#))
        #expect(json.hasSuffix(",\"from\":1,\"messages\":[{\"n\":2}]}\n"), "\(json)")
        write(#"{"id":1,"op":"append","session":"s1","messages":[{"n":3},{"n":4}]}"#)
        let window = holdfast("show", store, "s1", "--json", "--from", "1", "--limit", "2").output
        #expect(window.hasSuffix(",\"from\":1,\"messages\":[{\"n\":2},{\"n\":3}]}\n"), "\(window)")
    }

    @Test func theListsAndTheirHiddenMessagesCanBeSeen() {
        write(
            #"{"id":1,"op":"create","session":"s"}"#,
            #"{"id":2,"op":"append","session":"s","messages":[{"n":1},{"n":2},{"n":3}]}"#,
            #"{"id":3,"op":"take_back","session":"s","count":2}"#,
            #"{"id":4,"op":"compact_messages","session":"s","messages":[{"sum":1}],"list":"context"}"#,
            #"{"id":5,"op":"rotate","session":"s","new_session":"next"}"#)
        func messages(_ options: String...) -> String {
            let console = TestConsole()
            #expect(Program.run(["export", store, "s"] + options, on: console) == .success)
            return console.output
        }
        #expect(messages() == "{\"n\":1}\n{\"n\":2}\n")
        #expect(messages("--hidden") == "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
        #expect(messages("--list", "context") == "{\"sum\":1}\n")
        #expect(messages("--list", "context", "--hidden").hasSuffix("{\"n\":3}\n{\"sum\":1}\n"))
        let shown = holdfast("show", store, "s", "--hidden").output
        #expect(shown.contains("     2  ?             (taken_back) {\"n\":3}\n"), "\(shown)")
        #expect(shown.contains("goes on as") && holdfast("show", store, "next").output.contains("made from"))
        let json = holdfast("show", store, "s", "--json", "--list", "context", "--hidden", "--from", "2").output
        #expect(json.contains(#""rotated_to":"next""#))
        #expect(json.hasSuffix(#"[{"n":3},{"sum":1}],"states":["taken_back","active"]}"# + "\n"), "\(json)")
        #expect(holdfast("show", store, "s", "--list", "all").code == .usage)
        #expect(holdfast("export", store, "s", "--format", "json", "--hidden").code == .usage)
    }

    @Test func whatIsNotThereHasItsExitCode() {
        makeSessions()
        #expect(holdfast("show", store, "nobody").code == .noInput)
        #expect(holdfast("show", scratch.at("nowhere"), "s1").code == .noInput)
        #expect(holdfast("ls", scratch.path).code == .noInput)
        #expect(holdfast("export", store).code == .usage)
        #expect(holdfast("export", store, "nobody").code == .noInput)
    }

    @Test func aReaderThatHasEnoughIsNoFailure() {
        makeSessions()
        for words in [["ls", store], ["ls", store, "--json"], ["show", store, "s1"], ["export", store, "s1"]] {
            let console = TestConsole(outputLimit: 0)
            #expect(Program.run(words, on: console) == .success)
            #expect(console.errors.isEmpty)
        }
    }

    @Test func anExportIsAFolderOfPrivateFilesThatImportTakesBack() {
        makeSessions()
        write(#"{"id":1,"op":"append","session":"a/b","messages":[{"n":1}]}"#)
        #expect(holdfast("export", store, "--to", scratch.at("out")).code == .success)
        #expect(scratch.names("out") == ["a%2fb.jsonl", "s1.jsonl"])
        #expect(scratch.mode("out/s1.jsonl") == 0o600)
        #expect(scratch.read("out/s1.jsonl") == "{\"role\":\"user\",\"content\":\"hi\\nthere\"}\n{\"n\":2}\n")
        #expect(holdfast("import", scratch.at("copy"), scratch.at("out")).code == .success)
        #expect(holdfast("export", scratch.at("copy"), "a/b").output == holdfast("export", store, "a/b").output)
    }

    @Test func ofADamagedSessionTheBeginningIsShownAndExported() throws {
        write(#"{"id":1,"op":"create","session":"s1"}"#, #"{"id":2,"op":"create","session":"s2"}"#)
        for n in 1...6 { write(#"{"id":1,"op":"append","session":"s1","messages":[{"n":\#(n)}]}"#) }
        let segment = StoreLayout.segmentFile(try #require(SessionID("s1")), 1)
        var bytes = try #require(scratch.bytes("store/\(segment)"))
        bytes[bytes.count / 2] ^= 1
        scratch.write("store/\(segment)", bytes)
        let shown = holdfast("show", store, "s1")
        #expect(shown.code == .data && shown.output.contains(#"     0  ?             {"n":1}"#), "\(shown.output)")
        #expect(shown.errors.contains("Session 's1' is cut short after record"), "\(shown.errors)")
        let json = holdfast("show", store, "s1", "--json")
        #expect(json.code == .data && json.output.contains(#""messages":[{"n":1}"#))
        #expect(try JSONTree.parse(Array(json.output.utf8)).root["damage"]?.string?.contains("record") ?? false)
        let one = holdfast("export", store, "s1")
        #expect(one.code == .data && one.output.hasPrefix("{\"n\":1}\n") && !one.output.contains("6"))
        let all = holdfast("export", store, "--to", scratch.at("out"))
        #expect(all.code == .data && all.errors.contains("Session 's1' is cut short"), "\(all.errors)")
        #expect(scratch.read("out/s1.jsonl") == one.output && scratch.read("out/s2.jsonl") == "")
    }

    @Test func anExportStaysInItsFolder() {
        makeSessions()
        scratch.write("victim", "precious")
        mkdir(scratch.at("out"), 0o755)
        symlink(scratch.at("victim"), scratch.at("out/s1.jsonl"))
        symlink(scratch.at("victim"), scratch.at("out/a%2fb.jsonl.tmp"))
        let ran = holdfast("export", store, "--to", scratch.at("out"))
        #expect(ran.code == .cannotCreate)
        #expect(scratch.read("victim") == "precious")
        unlink(scratch.at("out/a%2fb.jsonl.tmp"))
        #expect(holdfast("export", store, "--to", scratch.at("out")).code == .success)
        #expect(scratch.read("victim") == "precious")
    }

    @Test func aMessageWithLineBreaksIsWrittenOnOneLineAndToldSo() {
        scratch.write("in/x.json", "{\"messages\":[{\n  \"role\": \"user\"\n}]}")
        #expect(holdfast("import", store, scratch.at("in")).code == .success)
        let ran = holdfast("export", store, "x")
        #expect(ran.output == "{\"role\":\"user\"}\n" && ran.errors.contains("1 message with line breaks"))
    }
}
