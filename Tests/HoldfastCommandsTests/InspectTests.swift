import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
@testable import HoldfastCommands
import Testing

/// A store that a test makes through `pipe` and damages by hand.
final class InspectedStore {
    let scratch = Scratch()
    var path: String { scratch.at("store") }

    init() {}

    /// A conversation with turns, an edit, a branch.
    init(conversation: Void) {
        write(
            #"{"id":1,"op":"create","session":"s1","fields":{"title":"Squares"}}"#,
            #"{"id":2,"op":"begin_turn","session":"s1","turn":"t1","message":{"role":"user","#
                + #""content":"7 \"squared\"?"}}"#,
            #"{"id":3,"op":"delta","session":"s1","turn":"t1","data":"secret"}"#,
            #"{"id":4,"op":"end_turn","session":"s1","turn":"t1","status":"completed","#
                + #""messages":[{"role":"assistant","content":"It is 49: 7 times 7. It is 49, 7 times 7, or 49."}]}"#,
            #"{"id":5,"op":"append","session":"s1","messages":[{"role":"tool","content":"E1234 \u001b[2J"},"#
                + #"{"role":"user","content":"gone"}]}"#,
            #"{"id":6,"op":"undo_last","session":"s1"}"#,
            #"{"id":7,"op":"edit","session":"s1","index":0,"message":{"role":"user","content":"9 squared?"}}"#,
            #"{"id":8,"op":"branch","session":"s1","new_session":"s2"}"#,
            #"{"id":9,"op":"append","session":"s2","messages":[{"role":"user","content":"in the branch"}]}"#)
    }

    func write(_ lines: String...) { write(lines) }

    func write(_ lines: [String]) {
        let console = TestConsole(input: lines.map { $0 + "\n" }.joined())
        let ran = holdfast("pipe", path, console: console)
        #expect(ran.code == .success && !ran.output.contains("\"ok\":false"), "\(ran.output)")
    }

    /// Appends messages `message <number>` to a session.
    func append(_ numbers: Range<Int>, to session: String) {
        write(
            numbers.map {
                #"{"id":1,"op":"append","session":"\#(session)","messages":[{"role":"user","#
                    + #""content":"message \#($0)"}]}"#
            })
    }

    func segment(of session: String, _ number: UInt32 = 1) throws -> String {
        StoreLayout.segmentFile(try #require(SessionID(session)), number)
    }

    /// What a record's line of `inspect log --json` says.
    func record(_ session: String, _ sequence: Int) throws -> JSONRef {
        let line = holdfast("inspect", "log", path, session, "--from", "\(sequence)", "--limit", "1", "--json").output
        return try JSONTree.parse(Array(line.utf8)).root
    }

    /// Changes one byte of a file of the store.
    func flip(_ file: String, at offset: Int) throws {
        var bytes = try #require(scratch.bytes("store/\(file)"))
        bytes[offset] ^= 0x10
        scratch.write("store/\(file)", bytes)
    }

    /// Damages the payload of a record.
    func damage(_ session: String, record sequence: Int) throws {
        let offset = try #require(try record(session, sequence)["offset"]?.int)
        try flip(try segment(of: session), at: Int(offset) + 33)
    }
}

struct InspectLogTests {
    private let store = InspectedStore(conversation: ())

    private func log(_ words: String...) -> Ran {
        let console = TestConsole()
        return Ran(code: Program.run(["inspect", "log", store.path] + words, on: console), console: console)
    }

    /// The sequences in JSON lines.
    private func sequences(_ words: String...) throws -> [Int] {
        let console = TestConsole()
        #expect(Program.run(["inspect", "log", store.path, "s1", "--json"] + words, on: console) == .success)
        return try console.outputLines.map {
            Int(try #require(try JSONTree.parse(Array($0.utf8)).root["sequence"]?.int))
        }
    }

    @Test func recordsAreShownInOrderWithoutTheirPayloads() {
        let shown = log("s1")
        #expect(shown.code == .success && shown.errors.isEmpty)
        let lines = shown.console.outputLines
        #expect(lines.count == 9 && lines[0].hasPrefix("RECORD  TIME"))
        #expect(lines[2].contains("begin_turn") && lines[2].contains("turn t1; user: 7 \"squared\"?"))
        #expect(lines[4].contains("completed") && lines[4].contains("(and 1 more)"))
        #expect(lines[5].contains("tool: E1234 ·[2J"))
        #expect(!shown.output.contains("secret") && log("s1", "--payload").output.contains("secret"))
    }

    @Test func filtersChooseRecords() throws {
        #expect(try sequences() == Array(1...8))
        #expect(try sequences("--from", "3", "--to", "5") == [3, 4, 5])
        #expect(try sequences("--limit", "2") == [1, 2])
        #expect(try sequences("--type", "append,edit") == [5, 7])
        #expect(try sequences("--role", "tool") == [5])
        #expect(try sequences("--text", "\"squared\"") == [2, 4])
        #expect(try sequences("--regex", "E[0-9]+ ") == [5])
        #expect(try sequences("--since", "1h") == Array(1...8))
        #expect(try sequences("--until", "1h") == [])
        #expect(try sequences("--min-bytes", "150") == [4])
        #expect(try sequences("--max-bytes", "30") == [1, 3])
        #expect(log("s1", "--type", "apend").errors.contains("Did you mean 'append'?"))
        #expect(log("s1", "--since", "soon").code == .usage)
        #expect(log("s1", "--regex", "(").code == .usage)
        #expect(log("s1", "--regex", "[0-9a-f]{64} +([]{}]{64}|\\{x)").code == .success)
        for tooMuch in ["((a{99}){99}){99}", "(a*){9999}", "(a)\\1", "a" + String(repeating: "+", count: 30)] {
            #expect(log("s1", "--regex", tooMuch).code == .usage, "\(tooMuch)")
        }
        #expect(log("s1", "--json", "--hex").code == .usage)
        #expect(log("nobody").code == .noInput)
    }

    @Test func theBytesAreThoseOfTheFile() throws {
        let dump = log("s1", "--from", "3", "--to", "3", "--hex", "--payload").output
        let bytes = try #require(store.scratch.bytes("store/\(try store.segment(of: "s1"))"))
        let record = try store.record("s1", 3)
        let offset = Int(try #require(record["offset"]?.int))
        let count = try ["header_bytes", "stored_bytes"].reduce(0) { $0 + Int(try #require(record[$1]?.int)) }
        var shown: [UInt8] = []
        for line in dump.split(separator: "record 3")[1].split(separator: "\n").dropFirst() {
            shown += line.dropFirst(12).split(separator: " ").prefix {
                $0.utf8.count == 2 && UInt8($0, radix: 16) != nil
            }
            .compactMap { UInt8($0, radix: 16) }
        }
        #expect(shown == Array(bytes[offset..<offset + count]))
        #expect(dump.contains("header check") && dump.contains("|"))
        #expect(!log("s1", "--hex").output.contains("secret"))
        #expect(log("s1", "--hex").output.contains("bytes of payload, which --payload shows"))
    }

    @Test func damageIsNamedWhereItIsAndTheRestIsShown() throws {
        let place = try store.record("s1", 3)
        try store.damage("s1", record: 3)
        let shown = log("s1")
        #expect(shown.code == .data)
        let line = shown.console.outputLines[3]
        #expect(line.contains("     3  unreadable: '\(try store.segment(of: "s1"))'"), "\(line)")
        #expect(line.contains("at offset \(try #require(place["offset"]?.int))): damaged payload at record 3"))
        #expect(shown.console.outputLines.count == 9)
        // The damaged record was not compressed, so the others of the block are whole.
        #expect(shown.output.contains("assistant") || shown.output.contains("(and 1 more)"))
        let json = log("s1", "--json")
        #expect(json.output.contains(#"{"unreadable":{"kind":"committed_damage","session":"s1""#))
        #expect(json.output.contains(#""first_sequence":3,"last_sequence":3"#))
        #expect(log("s1", "--from", "4").code == .success)
        #expect(log("s2").code == .success)
    }

    @Test func whatOnlyTheJournalHasIsShownAsNew() throws {
        let other = Scratch()
        let opened = try HoldfastStore.opened(path: other.at("store"))
        try opened.store.writeBlocking(.create("s1"))
        let shown = holdfast("inspect", "log", other.at("store"), "s1")
        #expect(shown.code == .success && shown.output.contains("new"), "\(shown.output)")
        #expect(
            holdfast("inspect", "log", other.at("store"), "s1", "--json").output.contains(#""only_in_journal":true"#))
        try opened.store.close()
        #expect(
            holdfast("inspect", "log", other.at("store"), "s1", "--json").output.contains(#""only_in_journal":false"#))
    }
}

struct LookingBackTests {
    private let store = InspectedStore(conversation: ())

    @Test func aSessionIsShownAsEachRecordLeftIt() throws {
        // What `show` said after each record, from stores that had no more.
        let messages = [0, 0, 0, 2, 4, 3, 3, 3]
        for (index, count) in messages.enumerated() {
            let document = holdfast("cat", store.path, "s1", "--at", "\(index + 1)", "--json").output
            let root = try JSONTree.parse(Array(document.utf8)).root
            #expect(root["sequence"]?.int == Int64(index + 1))
            #expect(root["messages"]?.count == count, "\(document)")
            #expect((root["turn"] != nil) == (index == 1 || index == 2))
        }
        let now = holdfast("cat", store.path, "s1", "--json").output
        #expect(now == holdfast("show", store.path, "s1", "--json").output)
        #expect(holdfast("cat", store.path, "s1", "--at", "6").output.contains("7 \"squared\"?"))
        #expect(holdfast("cat", store.path, "s1", "--at", "7").output.contains("9 squared?"))
        #expect(holdfast("cat", store.path, "s1", "--at", "0s").output == holdfast("cat", store.path, "s1").output)
    }

    @Test func pointsThatCannotBeHadAreNamed() throws {
        #expect(holdfast("cat", store.path, "s1", "--at", "9").errors.contains("has 8 records"))
        let early = holdfast("cat", store.path, "s1", "--at", "1d")
        #expect(early.code == .data && early.errors.contains("was not there yet"))
        #expect(holdfast("cat", store.path, "nobody").code == .noInput)
    }

    @Test func beforeWhatCompactionHasReplacedTheOldestPointIsNamed() throws {
        let trimmed = InspectedStore()
        try makeTrimmed(trimmed)
        let log = holdfast("inspect", "log", trimmed.path, "s").output
        #expect(log.contains("and those before: replaced by a snapshot"), "\(log)")
        let refused = holdfast("cat", trimmed.path, "s", "--at", "2")
        #expect(refused.code == .data)
        let oldest = try #require(refused.errors.firstMatch(of: #/The oldest point is record (\d+)\./#)?.1)
        #expect(holdfast("cat", trimmed.path, "s", "--at", String(oldest)).code == .success)
        let before = try #require(Int(oldest)) - 1
        #expect(holdfast("cat", trimmed.path, "s", "--at", "\(before)").code == .data)
        // What a snapshot has replaced is found in it, once.
        for number in [0, 5, 25, 29] {
            let found = holdfast("grep", trimmed.path, "message \(number)").console.outputLines
            #expect(found.filter { $0.hasSuffix("message \(number)") }.count == 1, "\(number): \(found)")
        }
        let blamed = holdfast("blame", trimmed.path, "s").console.outputLines
        #expect(blamed[1].contains("≤ ") && blamed[30].contains("append"))
    }

    /// A session whose first segments were dropped.
    private func makeTrimmed(_ store: InspectedStore) throws {
        var engine = EngineOptions()
        engine.segmentByteCount = 300
        let opened = try HoldfastStore.opened(path: store.path, engine: engine)
        try opened.store.writeBlocking(.create("s"))
        for number in 0..<30 {
            let message = JSON("{\"role\":\"user\",\"content\":\"message \(number)\"}")
            try opened.store.writeBlocking(.append(to: "s", [message]))
            if number % 10 == 9 { try opened.store.compactBlocking("s") }
        }
        try opened.store.close()
    }

    @Test func pointsAndBranchesAreCompared() {
        let points = holdfast("diff", store.path, "s1", "--from", "4")
        #expect(points.code == .different)
        #expect(
            points.output == """
                --- s1 at record 4
                +++ s1 at record 8
                - 0  user: 7 "squared"?
                + 0  user: 9 squared?
                  1 message the same
                + 2  tool: E1234 ·[2J

                """)
        let branch = holdfast("diff", store.path, "s1", "s2", "--json").output
        #expect(
            branch.contains(#""same_messages":3}"#) && branch.contains(#"{"added":3,"preview":"user: in the branch"}"#))
        #expect(branch.contains(#"{"field":"title","from":"Squares","to":"Squares (fork)"}"#))
        #expect(holdfast("diff", store.path, "s1", "--from", "8").code == .success)
        #expect(holdfast("diff", store.path, "s1").code == .usage)
        #expect(holdfast("diff", store.path, "s1", "s2", "s3").code == .usage)
    }

    @Test func eachMessageHasItsRecord() {
        let lines = holdfast("blame", store.path, "s2", "--json").console.outputLines
        #expect(lines.count == 4)
        #expect(lines[0].hasPrefix(#"{"place":0,"session":"s1","sequence":4,"in_snapshot":false,"edited":7,"time":"#))
        #expect(lines[1].contains(#""sequence":4"#) && lines[1].contains(#""type":"end_turn","turn":"t1""#))
        #expect(lines[3].hasPrefix(#"{"place":3,"session":"s2","sequence":2"#))
        #expect(holdfast("blame", store.path, "s1", "1").console.outputLines.count == 2)
        #expect(holdfast("blame", store.path, "s1", "7").code == .data)
        #expect(holdfast("blame", store.path, "s1", "x").code == .usage)
    }
}

struct GrepTests {
    private let store = InspectedStore(conversation: ())

    @Test func matchesAreGivenOutWithSessionRecordAndRole() {
        let found = holdfast("grep", store.path, "7 times")
        #expect(found.code == .success)
        #expect(found.output == "s1:4:assistant: It is 49: 7 times 7. It is 49, 7 times 7, or 49.\n")
        #expect(holdfast("grep", store.path, "E[0-9]{4}", "--regex").output == "s1:5:tool: E1234 ·[2J\n")
        #expect(holdfast("grep", store.path, "E[0-9]{4}").code == .nothingFound)
        #expect(holdfast("grep", store.path, "squared", "--role", "tool").code == .nothingFound)
        #expect(holdfast("grep", store.path, "squared", "--count").output == "s1:1\n")
        #expect(holdfast("grep", store.path, "in the", "--sessions").output == "s2\n")
        #expect(holdfast("grep", store.path, "in the", "s1").code == .nothingFound)
        #expect(holdfast("grep", store.path, "user").code == .nothingFound)
        #expect(holdfast("grep", store.path, "x", "nobody").code == .noInput)
        #expect(holdfast("grep", store.path, "").code == .usage)
        #expect(holdfast("grep", store.path, "in", "--limit", "1").console.outputLines.count == 1)
    }

    @Test func textOfAnyScriptIsFound() {
        store.write(
            #"{"id":1,"op":"append","session":"s2","messages":[{"role":"user","content":"京都\u306b行く"}]}"#)
        for text in ["京都", "に", "都に行"] {
            #expect(holdfast("grep", store.path, text).output == "s2:3:user: 京都に行く\n", "\(text)")
        }
    }

    /// What was taken away is hidden from view and from search, and kept in the log.
    @Test func whatWasTakenAwayIsFoundWhenItIsAskedForOnly() {
        store.write(
            #"{"id":1,"op":"append","session":"s2","messages":[{"role":"user","content":"regretted"}]}"#,
            #"{"id":2,"op":"take_back","session":"s2","count":3}"#,
            #"{"id":3,"op":"create","session":"s3"}"#,
            #"{"id":4,"op":"append","session":"s3","messages":[{"content":"old facts"},{"content":"cut off"}]}"#,
            #"{"id":5,"op":"truncate","session":"s3","count":1}"#,
            #"{"id":6,"op":"compact_messages","session":"s3","messages":[{"content":"summary"}]}"#,
            #"{"id":7,"op":"create","session":"s4","fields":{"title":"deleted title"}}"#,
            #"{"id":8,"op":"append","session":"s4","messages":[{"content":"deleted words"}]}"#,
            #"{"id":9,"op":"delete","session":"s4"}"#,
            #"{"id":10,"op":"begin_turn","session":"s3","turn":"t","message":{"content":"asked now"}}"#,
            #"{"id":11,"op":"delta","session":"s3","turn":"t","data":"said now"}"#,
            #"{"id":12,"op":"enqueue","session":"s3","message":{"content":"asked next"}}"#,
            // What a branch has in its list is found in its parent, although that has taken it back.
            #"{"id":13,"op":"take_back","session":"s1","count":1}"#)
        let find = { (text: String, words: [String]) in
            let console = TestConsole()
            _ = Program.run(["grep", self.store.path, text] + words, on: console)
            return console.output
        }
        for text in ["regretted", "cut off", "gone", "secret", "7 \"squared"] {
            #expect(find(text, []) == "", "\(text)")
            #expect(find(text, ["--hidden"]) != "", "\(text)")
        }
        // Of a deleted session nothing is kept, once the store has compacted it.
        for text in ["deleted title", "deleted words"] { #expect(find(text, []) == "", "\(text)") }
        for text in ["old facts", "summary", "asked now", "said now", "asked next", "It is 49", "Squares"] {
            #expect(find(text, []) != "", "\(text)")
        }
        #expect(
            find("GONE", ["--ignore-case", "--hidden"]) == "s1:5:user: gone\ns1:6:undo_last: gone\n")
        #expect(find("squared", ["--count", "--hidden"]) == "s1:3\n")
        #expect(find("secret", ["--json", "--hidden"]).contains(#""sequence":3,"#))
    }

    @Test func whatCannotBeSearchedIsNamed() throws {
        try store.damage("s1", record: 3)
        let found = holdfast("grep", store.path, "49")
        #expect(found.code == .data && found.output.hasPrefix("s1:4:assistant"))
        #expect(found.errors.contains("Session 's1': not searched: record 3: damaged payload"))
    }

    @Test func sessionsComeInTheirOrder() {
        let many = InspectedStore()
        for number in 0..<40 {
            many.write(#"{"id":1,"op":"create","session":"s\#(100 + number)"}"#)
            many.append(0..<(number % 7 + 1), to: "s\(100 + number)")
        }
        let sessions = holdfast("grep", many.path, "message").console.outputLines.map { $0.prefix { $0 != ":" } }
        #expect(sessions == sessions.sorted() && Set(sessions).count == 40)
        #expect(sessions.count == (0..<40).reduce(0) { $0 + $1 % 7 + 1 })
        let console = TestConsole(outputLimit: 100)
        #expect(Program.run(["grep", many.path, "message"], on: console) == .success)
    }
}

struct MessageEditsTests {
    @Test(arguments: [
        ("", ""), ("abc", "abc"), ("abc", "axc"), ("abc", "bca"), ("", "ab"), ("aab", "aba"), ("abcdef", "fedcba"),
    ])
    func whatIsSaidMakesOneListIntoTheOther(_ lists: (old: String, new: String)) {
        let (old, new) = (Array(lists.old), Array(lists.new))
        let edits = MessageEdits(old, new)
        var made: [Character] = []
        var place = 0
        for step in edits.steps {
            switch step {
            case .same(let count):
                made += old[place..<place + count]
                place += count
            case .removed(let removed):
                #expect(removed == place)
                place += 1
            case .inserted(let inserted):
                #expect(inserted == made.count)
                made.append(new[inserted])
            }
        }
        #expect(made == new && place == old.count)
        #expect(edits.isEmpty == (old == new))
    }

    @Test func theSameIsFoundBetweenChanges() {
        let edits = MessageEdits(Array("abcdefgh"), Array("abXdefYh"))
        #expect(edits.removed == [2, 6] && edits.inserted == [2, 6])
    }
}

struct PointInTimeTests {
    @Test func pointsAreRead() throws {
        let now: UInt64 = 1_790_000_000_000
        #expect(try PointInTime("12", now: now) == .sequence(12))
        #expect(try PointInTime("90s", now: now) == .time(now - 90_000))
        #expect(try PointInTime("2h", now: now) == .time(now - 7_200_000))
        #expect(try PointInTime("@1700000000000", now: now) == .time(1_700_000_000_000))
        #expect(try PointInTime("2023-11-14T22:13:20Z", now: now) == .time(1_700_000_000_000))
        #expect(try PointInTime.time(Moment.localSeconds(1_700_000_000_000)) == 1_700_000_000_000)
        for wrong in [
            "", "2h3", "2023-13-01", "2023-02-29", "2023-04-31", "2023-11-14 25:00", "yesterday", "-5", "2023-11", "@x",
            "2023-11-14 10:00:00:00",
        ] {
            #expect(throws: CommandError.self, "\(wrong)") { _ = try PointInTime(wrong, now: now) }
        }
    }
}
