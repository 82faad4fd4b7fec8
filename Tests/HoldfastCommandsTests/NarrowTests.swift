import Holdfast
import HoldfastBytes
import HoldfastEngine
import Testing

@testable import HoldfastCommands

/// What is shown on a terminal of 40 columns.
struct NarrowTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func makeStore() {
        let name = "a-session-with-a-name-that-is-long"
        let text = String(repeating: "a needle in very much hay ", count: 10)
        let message = #"{"role":"assistant","content":"\#(text)"}"#
        let lines = [
            #"{"id":1,"op":"create","session":"\#(name)","fields":{"title":"\#(text)"}}"#,
            #"{"id":2,"op":"append","session":"\#(name)","messages":[\#(message)]}"#,
            #"{"id":3,"op":"create","session":"b"}"#,
            #"{"id":4,"op":"append","session":"b","messages":[\#(message),{"role":"user","content":"x"}]}"#,
        ]
        let console = TestConsole(input: lines.map { $0 + "\n" }.joined())
        #expect(holdfast("pipe", store, console: console).code == .success)
        #expect(!console.output.contains(#""ok":false"#), "\(console.output)")
    }

    @Test(
        arguments: [
            ["ls", "S"], ["blame", "S", "b"], ["inspect", "S"],
            ["diff", "S", "a-session-with-a-name-that-is-long", "b"],
            ["grep", "S", "needle"], ["inspect", "log", "S", "b"], ["show", "S", "b"], ["tail", "S"],
        ])
    func linesAreNoLongerThanTheTerminal(_ words: [String]) {
        makeStore()
        let narrow = TestConsole(columns: 40)
        _ = Program.run(words.map { $0 == "S" ? store : $0 }, on: narrow)
        #expect(narrow.outputLines.count > 1 && narrow.errors.isEmpty, "\(narrow.errors)")
        for line in narrow.outputLines { #expect(DisplayText.width(of: line) <= 40, "\(line)") }
        let wide = TestConsole()
        _ = Program.run(words.map { $0 == "S" ? store : $0 }, on: wide)
        // What a record says has a line of its own.
        let isOfRecords = ["log", "tail"].contains { words.contains($0) }
        #expect((wide.outputLines.count < narrow.outputLines.count) == isOfRecords)
        if isOfRecords {
            #expect(narrow.output.contains("\n        assistant: a needle in"), "\(narrow.output)")
        }
        #expect(wide.outputLines.contains { $0.count > 40 })
    }

    @Test func theTablesOfTheJournalAndOfCountersDoToo() throws {
        let opened = try HoldfastStore.opened(path: store)
        try opened.store.writeBlocking(.create("a-session-with-a-name-that-is-long-and-longer"))
        try opened.store.close()
        for words in [["inspect", "journal", store], ["top", store, "--once"]] {
            let console = TestConsole(columns: 40)
            #expect(Program.run(words, on: console) == .success)
            // Sentences go on in the next line.
            for line in console.outputLines where !line.contains(". ") && !line.hasSuffix(".") && !line.contains("old")
            {
                #expect(DisplayText.width(of: line) <= 40, "\(line)")
            }
        }
    }

    @Test func whatIsDamagedIsToldWhole() throws {
        makeStore()
        let segment = try #require(scratch.contents("store").keys.first { $0.hasSuffix("/b/00000001.segment") })
        var bytes = try #require(scratch.bytes(segment))
        bytes[bytes.count - 9] ^= 1
        scratch.write(segment, bytes)
        for words in [["inspect", "log", store, "b"], ["tail", store, "b"], ["inspect", "gaps", store]] {
            let console = TestConsole(columns: 40)
            _ = Program.run(words, on: console)
            #expect(
                console.output.contains("damaged payload at record 2"), "\(console.output)")
        }
    }

    @Test func payloadsAreShownWhole() {
        makeStore()
        for words in [["grep", store, "needle", "--payload"], ["diff", store, "b", "--from", "1", "--payload"]] {
            let console = TestConsole(columns: 40)
            _ = Program.run(words, on: console)
            #expect(console.outputLines.contains { $0.count > 200 }, "\(console.output)")
        }
    }
}
