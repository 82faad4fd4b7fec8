import HoldfastBytes
import HoldfastCommands
import Testing

/// What hermes-webui is told of sessions that changed here.
struct WebUIExportTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func exported(_ session: String = "s") throws -> JSONRef {
        let ran = holdfast("export", store, session, "--format", "hermes-webui")
        return try JSONTree.parse(Array(ran.output.utf8)).root
    }

    private func pipe(_ requests: String...) {
        let input = requests.joined(separator: "\n") + "\n"
        let answers = holdfast("pipe", store, console: TestConsole(input: input)).output
        #expect(!answers.contains(#""ok":false"#), "\(answers)")
    }

    /// Four messages, two of them the user's, with the marks that an earlier cut has left.
    private func importSession() {
        let messages = (0..<4).map {
            #"{"role":"\#($0 % 2 == 0 ? "user" : "assistant")","content":"m\#($0)","timestamp":170000000\#($0).50}"#
        }
        scratch.write(
            "in/s.json",
            #"{"updated_at":1700000009.125,"intentional_shrink_generation":"old","messages":["#
                + messages.joined(separator: ",") + "]}")
        #expect(holdfast("import", store, scratch.at("in")).code == .success)
    }

    private func spelled(_ root: JSONRef, _ names: String...) -> [String] {
        names.map { name in root[name].map { String(decoding: $0.raw, as: UTF8.self) } ?? "-" }
    }

    private func marks(_ root: JSONRef) -> [String] { spelled(root, "truncation_watermark", "truncation_boundary") }

    private func generations(_ root: JSONRef) -> [String] {
        spelled(root, "intentional_shrink_generation", "clear_generation")
    }

    @Test func `D W2914 a cut is exported with the marks that keep older copies away`() throws {
        importSession()
        #expect(try marks(exported()) == ["null", "null"] && generations(exported()) == ["\"old\"", "null"])
        pipe(#"{"op":"undo_last","session":"s"}"#, #"{"op":"append","session":"s","messages":[{"timestamp":1}]}"#)
        let undone = try exported()
        #expect(marks(undone) == ["1700000001.50", "1700000001.50"], "\(marks(undone))")
        #expect(generations(undone)[0].count == 34 && generations(undone)[1] == "null", "\(generations(undone))")
        #expect(try generations(exported()) == generations(undone))
        pipe(#"{"op":"compact"}"#, #"{"op":"take_back","session":"s","count":1}"#)
        let hidden = try exported()
        #expect(marks(hidden)[0] == "1700000000.50" && generations(hidden)[0] != generations(undone)[0])
        pipe(#"{"op":"restore","session":"s"}"#)
        #expect(try marks(exported()) == ["1", "1"])
        pipe(#"{"op":"compact_messages","session":"s","messages":[{"role":"user"}]}"#)
        #expect(try marks(exported()) == ["null", "null"])
        #expect(try generations(exported())[0] != generations(hidden)[0])
        pipe(#"{"op":"clear","session":"s"}"#)
        let cleared = try exported()
        #expect(marks(cleared) == ["0.0", "0.0"] && generations(cleared).allSatisfy { $0.count == 34 })
        // One backup of each state; the program would bring none back.
        #expect(Set([undone, hidden, cleared].map { generations($0)[0] }).count == 3)
    }

    @Test func whoKeepsTheMarksByHimselfKeepsThem() throws {
        importSession()
        pipe(
            #"{"op":"truncate","session":"s","count":1,"fields":{"intentional_shrink_generation":"mine","#
                + #""truncation_watermark":7.0}}"#)
        #expect(try marks(exported()) == ["7.0", "null"] && generations(exported()) == ["\"mine\"", "null"])
        pipe(#"{"op":"truncate","session":"s","count":0}"#)
        #expect(try marks(exported()) == ["0.0", "0.0"])
    }

    @Test func theTimeOfTheLastUseIsTheLatest() throws {
        importSession()
        #expect(try spelled(exported(), "updated_at") == ["1700000009.125"])
        pipe(#"{"op":"pin","session":"s","touch":false}"#)
        #expect(try spelled(exported(), "updated_at") == ["1700000009.125"])
        pipe(#"{"op":"append","session":"s","messages":[{"n":1}]}"#)
        #expect(try exported()["updated_at"]?.double ?? 0 > 1_750_000_000)
        pipe(#"{"op":"set","session":"s","fields":{"updated_at":9000000000.5}}"#)
        #expect(try spelled(exported(), "updated_at") == ["9000000000.5"])
    }

    @Test func surrogatesWithoutPartnersAreReplacedAndTold() throws {
        pipe(
            #"{"op":"create","session":"s","fields":{"title":"a\ud800b"}}"#,
            #"{"op":"append","session":"s","messages":[{"k\udc00":"\ud83d\ude00 \\ud800 \uD800\ud83d\uDE00 \u00e9"}]}"#,
            #"{"op":"create","session":"t","fields":{"title":"whole"}}"#)
        let ran = holdfast("export", store, "--format", "hermes-webui", "--to", scratch.at("out"))
        #expect(ran.code == .success)
        #expect(ran.errors.contains("5 escaped surrogates without partner, in session 's': written as U+FFFD."))
        let text = try #require(scratch.read("out/s.json"))
        #expect(text.contains("\"title\": \"a\u{FFFD}b\""), "\(text)")
        #expect(text.contains("\"k\u{FFFD}\": \"\\ud83d\\ude00 \\\\ud800 \u{FFFD}\\ud83d\\uDE00 \\u00e9\""), "\(text)")
        #expect(scratch.read("out/_index.json")?.contains("a\u{FFFD}b") == true)
        #expect(holdfast("export", store, "s").output.contains(#""k\udc00""#), "lines are byte for byte")
    }
}
