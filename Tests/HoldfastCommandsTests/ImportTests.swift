import Glibc
import HoldfastCommands
import Testing

struct ImportTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func importing(_ names: String...) -> Ran {
        let console = TestConsole()
        let words = ["import", store] + names.map { scratch.at($0) }
        return Ran(code: Program.run(words, on: console), console: console)
    }

    private func export(_ session: String) -> String { holdfast("export", store, session).output }

    @Test func aFolderIsTakenOverOnceAndByteForByte() {
        let talk = "{\"role\":\"user\", \"n\":1.0}\n{\"role\":\"assistant\",\"x\":\"\\u00e9 é\"}\n"
        scratch.write("in/project/one.jsonl", talk)
        scratch.write("in/project/two.jsonl", "{\"a\":1}")
        let first = importing("in")
        #expect(first.code == .success, "\(first.errors)")
        #expect(first.output.contains("2 sessions new, 0 extended, 0 unchanged"))
        #expect(first.output.contains("3 messages added"))
        #expect(export("one") == talk && export("two") == "{\"a\":1}\n")
        let second = importing("in")
        #expect(second.code == .success && second.output.contains("0 sessions new, 0 extended, 2 unchanged"))
        #expect(export("one") == talk)
    }

    @Test func whatHasGrownIsContinuedAndWhatDiffersIsLeft() {
        scratch.write("in/grown.jsonl", "{\"n\":1}\n")
        scratch.write("in/other.jsonl", "{\"n\":1}\n")
        scratch.write("in/shorter.jsonl", "{\"n\":1}\n{\"n\":2}\n")
        #expect(importing("in").code == .success)
        scratch.write("in/grown.jsonl", "{\"n\":1}\n{\"n\":2}\n")
        scratch.write("in/other.jsonl", "{\"n\":9}\n{\"n\":2}\n")
        scratch.write("in/shorter.jsonl", "{\"n\":1}\n")
        let ran = importing("in")
        #expect(ran.code == .data)
        #expect(ran.output.contains("0 sessions new, 1 extended, 0 unchanged, 2 conflicting"))
        #expect(ran.errors.contains("message 1 is another one"), "\(ran.errors)")
        #expect(ran.errors.contains("the file has 1 message less than were imported"), "\(ran.errors)")
        #expect(export("grown") == "{\"n\":1}\n{\"n\":2}\n")
        #expect(export("other") == "{\"n\":1}\n" && export("shorter") == "{\"n\":1}\n{\"n\":2}\n")
    }

    /// A file is an older copy of a session that was deleted or goes on elsewhere: it brings nothing back.
    @Test func deletedAndRotatedSessionsAreLeftAsTheyAre() {
        for name in ["gone", "moved", "same"] { scratch.write("in/\(name).jsonl", "{\"n\":1}\n") }
        #expect(importing("in").code == .success)
        let requests = [
            #"{"id":1,"op":"delete","session":"gone"}"#,
            #"{"id":2,"op":"rotate","session":"moved","new_session":"on"}"#,
            #"{"id":3,"op":"rotate","session":"same","new_session":"same2"}"#,
            #"{"id":4,"op":"append","session":"on","messages":[{"n":2}]}"#,
        ]
        #expect(holdfast("pipe", store, console: TestConsole(input: requests.joined(separator: "\n"))).code == .success)
        scratch.write("in/moved.jsonl", "{\"n\":1}\n{\"n\":7}\n")
        for _ in 0..<2 {
            let ran = importing("in")
            #expect(
                ran.code == .data && ran.output.contains("0 sessions new, 0 extended, 2 unchanged"), "\(ran.output)")
            #expect(ran.errors.contains("Session 'gone' was deleted in the store"), "\(ran.errors)")
            #expect(ran.errors.contains("moved.jsonl': the session goes on as 'on'"), "\(ran.errors)")
            #expect(holdfast("export", store, "gone").code == .noInput)
            #expect(export("moved") == "{\"n\":1}\n" && export("on") == "{\"n\":1}\n{\"n\":2}\n")
        }
    }

    @Test func aDamagedLineIsNamedSetAsideAndTheRestIsImported() throws {
        scratch.write("in/a.jsonl", "{\"n\":1}\n{\"n\":NaN}\n{\"n\":2}\n")
        let ran = importing("in")
        #expect(ran.code == .data)
        #expect(ran.errors.contains("a.jsonl' line 2: invalid JSON at byte 5"), "\(ran.errors)")
        #expect(export("a") == "{\"n\":1}\n{\"n\":2}\n")
        let copies = scratch.names("store/quarantine").filter { $0.hasSuffix(".bytes") }
        try #require(copies.count == 1)
        #expect(scratch.read("store/quarantine/\(copies[0])") == "{\"n\":NaN}")
        #expect(importing("in").output.contains("0 sessions new, 0 extended, 1 unchanged"))
        #expect(scratch.names("store/quarantine").filter { $0.hasSuffix(".bytes") } == copies)
    }

    @Test func aSessionDocumentBringsItsFields() {
        scratch.write(
            "in/abc.json",
            #"{"session_id":"abc","title":"T","cost":1.50,"messages":[{"role":"user"}],"message_count":1}"#)
        scratch.write("in/_index.json", "[]")
        scratch.write("in/_deleted.json", #"{"messages":[]}"#)
        scratch.write("in/_turn_journal/abc.jsonl", "\n")
        scratch.write("in/abc.json.bak", #"{"messages":[]}"#)
        scratch.write("in/settings.json", "{\"theme\":\"dark\"}")
        let ran = importing("in")
        #expect(ran.code == .success, "\(ran.errors)")
        #expect(ran.output.contains("1 session new") && ran.output.contains("3 other files skipped"))
        let shown = holdfast("show", store, "abc", "--json").output
        #expect(shown.contains(#""fields":{"title":"T","cost":1.50}"#) && shown.contains(#"[{"role":"user"}]}"#))
    }

    @Test func aFileOfDamageOnlyMakesNoSessionAndAnEmptyOneDoes() {
        scratch.write("in/bad.jsonl", "nonsense\n")
        scratch.write("in/bad2.json", "{\"messages\":[")
        scratch.write("in/empty.jsonl", "")
        #expect(importing("in").code == .data)
        #expect(holdfast("ls", store, "--json").console.outputLines.count == 1)
        #expect(export("empty") == "")
    }

    @Test func linksAreNotFollowedAndUnusableNamesAreNamed() {
        scratch.write("secret.jsonl", "{\"n\":1}\n")
        scratch.write("in/ok.jsonl", "{\"n\":1}\n")
        symlink(scratch.at("secret.jsonl"), scratch.at("in/link.jsonl"))
        symlink(scratch.path, scratch.at("in/loop"))
        scratch.write("in/.jsonl", "{}")
        let ran = importing("in")
        #expect(ran.output.contains("1 session new"), "\(ran.output)")
        #expect(holdfast("ls", store, "--json").console.outputLines.count == 1)
    }

    @Test func aPathThatIsNotThereOrNoSessionEndsBeforeTheStoreIsMade() {
        #expect(importing("missing").code == .noInput)
        scratch.write("notes.txt", "x")
        #expect(importing("notes.txt").code == .usage)
        #expect(!scratch.names().contains("store"))
    }

    @Test func whatAStoreKeepsIsNotImported() {
        scratch.write("in/a.jsonl", "{\"n\":1}\n")
        #expect(importing("in").code == .success)
        symlink(store, scratch.at("link"))
        for path in ["store", "store/sessions", "store/store.json", "link"] {
            let ran = importing(path)
            #expect(ran.code == .usage && ran.errors.contains("belongs to the store"), "\(path): \(ran.errors)")
        }
        let around = holdfast("import", scratch.at("other"), scratch.path)
        #expect(around.code == .data && around.errors.contains("store' is a store"), "\(around.errors)")
        #expect(around.output.contains("1 session new"), "\(around.output)")
    }

    @Test func manyMessagesShareRecordsAndKeepTheirOrder() {
        let lines = (0..<1000).map { "{\"n\":\($0),\"text\":\"\(String(repeating: "abc ", count: $0 % 50))\"}\n" }
        scratch.write("in/long.jsonl", lines.joined())
        #expect(importing("in/long.jsonl").code == .success)
        #expect(export("long") == lines.joined())
        #expect(holdfast("show", store, "long", "--json", "--limit", "0").output.contains(#""sequence":6,"#))
    }

    @Test func theSummaryIsThereForPrograms() {
        scratch.write("in/a.jsonl", "{\"n\":1}\n")
        let console = TestConsole()
        #expect(Program.run(["import", store, scratch.at("in"), "--json"], on: console) == .success)
        let start = #"{"new":1,"extended":0,"unchanged":0,"conflicting":0,"failed":0,"messages":1"#
        #expect(console.output.hasPrefix(start))
    }

    @Test func aFieldNameOfTheStoreFailsThatSessionOnly() {
        scratch.write("in/a.json", #"{"holdfast":1,"messages":[{"n":1}]}"#)
        scratch.write("in/b.json", #"{"messages":[{"n":1}]}"#)
        let ran = importing("in")
        #expect(ran.code == .data && ran.output.contains("1 session new") && ran.output.contains("1 failed"))
        #expect(ran.errors.contains("'holdfast'"), "\(ran.errors)")
    }
}
