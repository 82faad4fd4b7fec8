import Holdfast
import HoldfastBytes
import HoldfastCommands
import HoldfastStorage
import Testing

/// A file is imported once: what became of its messages here stays so, however often it is imported again.
struct ReimportTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func importing() -> Ran { holdfast("import", store, scratch.at("in")) }

    private func export(_ session: String, _ words: String...) -> String {
        let console = TestConsole()
        return Ran(code: Program.run(["export", store, session] + words, on: console), console: console).output
    }

    @discardableResult
    private func pipe(_ requests: String...) -> String {
        let input = requests.joined(separator: "\n") + "\n"
        return holdfast("pipe", store, console: TestConsole(input: input)).output
    }

    private func document(_ messages: [String], _ more: String = "") -> String {
        "{\(more)\"messages\":[\(messages.joined(separator: ","))]}"
    }

    private func message(_ n: Int) -> String { #"{"role":"user","content":"m\#(n)"}"# }

    /// What a user may do with a session, and how many of its four messages are left.
    @Test(arguments: [
        (#"{"op":"undo_last","session":"s"}"#, 3), (#"{"op":"retry_last","session":"s"}"#, 3),
        (#"{"op":"truncate","session":"s","count":1}"#, 1), (#"{"op":"clear","session":"s"}"#, 0),
        (#"{"op":"take_back","session":"s","count":2}"#, 2),
        (#"{"op":"replace","session":"s","messages":[{"n":1}]}"#, 1),
        (#"{"op":"compact_messages","session":"s","messages":[{"n":1}]}"#, 1),
        (#"{"op":"edit","session":"s","index":3,"message":{"role":"user","content":"other"}}"#, 4),
    ])
    func `D W2914 W5532 messages that were taken away here do not come back with their file`(
        _ request: String, _ count: Int
    ) {
        scratch.write("in/s.json", document((0..<4).map(message)))
        scratch.write("in/s.json.bak", document((0..<4).map(message)))
        #expect(importing().code == .success)
        #expect(pipe(request).contains(#""ok":true"#))
        let left = export("s")
        #expect(left.split(separator: "\n").count == count, "\(left)")
        for _ in 0..<2 {
            let again = importing()
            #expect(again.code == .success, "\(again.errors)")
            #expect(again.output.contains("0 sessions new, 0 extended, 1 unchanged"), "\(again.output)")
            #expect(export("s") == left)
        }
        pipe(#"{"op":"compact"}"#)
        #expect(importing().code == .success && export("s") == left)
        scratch.write("in/s.json", document((0..<6).map(message)))
        let grown = importing()
        #expect(grown.code == .data && grown.errors.contains("the file has 2 new messages"), "\(grown.errors)")
        #expect(export("s") == left)
    }

    @Test func aSessionThatWentOnHereIsNoConflict() {
        scratch.write("in/s.jsonl", message(0) + "\n")
        #expect(importing().code == .success)
        pipe(#"{"op":"append","session":"s","messages":[{"n":1},{"n":2}]}"#)
        let again = importing()
        #expect(again.code == .success && again.output.contains("1 unchanged"), "\(again.errors)")
        #expect(again.output.contains("0 messages read back from the store, same as in the files"), "\(again.output)")
        // A file that went the same way is as good as imported.
        scratch.write("in/s.jsonl", export("s"))
        #expect(importing().output.contains("0 extended, 1 unchanged"))
        pipe(#"{"op":"truncate","session":"s","count":1}"#)
        #expect(importing().output.contains("0 extended, 1 unchanged"))
        #expect(export("s") == message(0) + "\n")
    }

    @Test func aSessionThatWasNotImportedIsNotExtended() {
        pipe(
            #"{"op":"create","session":"s"}"#, #"{"op":"append","session":"s","messages":[{"n":1},{"n":2}]}"#)
        scratch.write("in/s.jsonl", export("s"))
        #expect(importing().output.contains("1 unchanged"))
        pipe(#"{"op":"undo_last","session":"s"}"#, #"{"op":"truncate","session":"s","count":1}"#)
        let again = importing()
        #expect(again.code == .data && again.errors.contains("was not imported"), "\(again.errors)")
        #expect(export("s") == "{\"n\":1}\n")
    }

    @Test func theModelsListIsImportedOnce() {
        let write = { (context: String) in
            _ = scratch.write("in/s.json", document([message(0)], #""context_messages":[{"role":"\#(context)"}],"#))
        }
        write("a")
        #expect(importing().code == .success)
        pipe(#"{"op":"compact_messages","session":"s","messages":[{"role":"sum"}],"list":"context"}"#)
        for _ in 0..<2 {
            #expect(importing().output.contains("1 unchanged"))
            #expect(export("s", "--list", "context") == "{\"role\":\"sum\"}\n")
        }
        write("b")
        let changed = importing()
        #expect(changed.code == .data && changed.errors.contains("the model's messages"), "\(changed.errors)")
        #expect(export("s", "--list", "context") == "{\"role\":\"sum\"}\n")
    }

    @Test func `D W5498 sessions that hermes-webui deleted are deleted here, and nothing brings them back`() {
        for id in ["live", "used", "kept"] { scratch.write("in/\(id).json", document([message(0)])) }
        #expect(importing().code == .success)
        pipe(#"{"op":"append","session":"used","messages":[{"n":2}]}"#)
        for id in ["live", "used"] { scratch.delete("in/\(id).json") }
        scratch.write("in/_deleted_webui_sessions.json", #"{"version":1,"ids":["a/b","gone","kept","live","used"]}"#)
        scratch.write("in/_pruned_webui_orphans.json", #"{"version":1,"ids":["never"]}"#)
        let ran = importing()
        #expect(ran.code == .data && ran.errors.contains("session 'used': it was deleted in hermes-webui"))
        #expect(ran.output.contains("4 deleted sessions taken over"), "\(ran.output)\(ran.errors)")
        for id in ["live", "gone", "never", "a/b"] {
            #expect(pipe(#"{"op":"get","session":"\#(id)"}"#).contains("session_deleted"), "\(id)")
        }
        #expect(export("kept").contains("m0") && export("used").contains("m0"))
        #expect(
            !importing().errors.contains("does not bring it back"), "what is deleted in both places is as it should be")
        // A copy of one that turns up later, as a file or a backup, is told of and stays away.
        scratch.write("in/gone.json", document([message(0)]))
        scratch.write("in/never.jsonl", message(0))
        scratch.delete("in/_deleted_webui_sessions.json")
        let later = importing()
        #expect(later.code == .success, "\(later.errors)")
        #expect(later.errors.contains("Session 'gone' was deleted in the store; "), "\(later.errors)")
        #expect(later.output.contains("0 sessions new"), "\(later.output)")
        #expect(pipe(#"{"op":"get","session":"gone"}"#).contains("session_deleted"))
    }

    /// What an import leaves that was killed in the middle: some messages, and a note that there are more.
    private func interruptImport() throws {
        let storage = try PosixStorage(root: store, create: true)
        let opened = try HoldfastStore.opened(in: storage)
        let write = { (mutation: Mutation, seen: Imported.List) in
            var mutation = mutation
            mutation.imported = Imported(visible: seen, isUnfinished: true)
            try opened.store.writeBlocking(mutation)
        }
        try write(.create("s", fields: #"{"title":"T"}"#), Imported.List(count: 0, hash: 0))
        let first = Imported.List(count: 1, hash: Checksum.of(Array(message(0).utf8)))
        try write(.append(to: "s", [JSON(message(0)), #"{"to be":"hidden"}"#]), first)
        try opened.store.close()
    }

    @Test func anInterruptedImportBeginsAnew() throws {
        try interruptImport()
        scratch.write(
            "in/s.json",
            document((0..<3).map(message), #""active_stream_id":"st","pending_user_message":"waits","title":"T","#))
        let ran = importing()
        #expect(ran.code == .success && ran.output.contains("1 session new"), "\(ran.errors)")
        #expect(export("s") == (0..<3).map { message($0) + "\n" }.joined())
        #expect(pipe(#"{"op":"pending"}"#).contains(#""content":"waits""#))
        #expect(importing().output.contains("0 sessions new, 0 extended, 1 unchanged"))
    }

    @Test func anInterruptedImportThatWasUsedIsNotThrownAway() throws {
        try interruptImport()
        pipe(#"{"op":"undo_last","session":"s"}"#)
        scratch.write("in/s.json", document((0..<3).map(message)))
        for _ in 0..<2 {
            let ran = importing()
            #expect(ran.code == .data && ran.errors.contains("the file has 2 new messages"), "\(ran.errors)")
            #expect(export("s") == "")
        }
    }

    @Test func sessionsHaveTheTimesOfTheirSource() throws {
        let times = #""created_at":1500000000.25,"updated_at":1500000009,"#
        scratch.write("in/new.json", document([#"{"role":"user","timestamp":1500000005.5}"#], times))
        scratch.write("in/old.json", document([], #""created_at":1400000000,"updated_at":1400000001.0,"#))
        let line = { (type: String, time: String) in #"{"type":"\#(type)","timestamp":"\#(time)"}"# }
        scratch.write(
            "in/talk.jsonl",
            line("user", "2015-03-01T10:00:00.125Z") + "\n" + line("assistant", "2015-03-01T12:00:00+01:00") + "\n")
        scratch.write(
            "in/waits.json",
            document(
                [],
                #""created_at":1450000000,"updated_at":1450000001,"active_stream_id":"st","#
                    + #""pending_user_message":"hi","pending_started_at":1450000002.5,"#))
        #expect(importing().code == .success)
        let order = { (order: String) in
            let answer = try JSONTree.parse(Array(pipe(#"{"op":"list","order":"\#(order)"}"#).utf8)).root
            return answer["sessions"]?.elements.map { $0["session"]?.string ?? "" } ?? []
        }
        #expect(try order("updated") == ["new", "waits", "talk", "old"])
        #expect(try order("created") == ["new", "waits", "talk", "old"])
        #expect(try order("sidebar") == ["new", "waits", "talk", "old"])
        let found = pipe(#"{"op":"list","updated_from":1425207600000,"updated_before":1425207600001}"#)
        #expect(found.contains(#""session":"talk""#) && !found.contains(#""session":"new""#), "\(found)")
        #expect(found.contains(#""created_at":1425204000125,"updated_at":1425207600000"#), "\(found)")
        let new = pipe(#"{"op":"compact"}"#, #"{"op":"get","session":"new"}"#)
        #expect(
            new.contains(
                #""created_at":1500000000250,"updated_at":1500000009000,"last_message_at":1500000005500"#), "\(new)")
        #expect(pipe(#"{"op":"pending"}"#).contains(#""begun_at":1450000002500"#))
        pipe(#"{"op":"append","session":"old","messages":[{"n":1}]}"#)
        #expect(try order("updated").first == "old")
    }
}
