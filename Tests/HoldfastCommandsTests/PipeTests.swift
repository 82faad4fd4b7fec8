import Glibc
import HoldfastCommands
import Testing

struct PipeTests {
    private func pipe(_ store: String, _ lines: [String], pieceByteCount: Int = .max) -> Ran {
        let input = lines.map { $0 + "\n" }.joined()
        return holdfast("pipe", store, console: TestConsole(input: input, pieceByteCount: pieceByteCount))
    }

    @Test(arguments: [1, 7, .max])
    func requestsAreAnsweredInOrderAndDurableAtTheEnd(pieceByteCount: Int) {
        let scratch = Scratch()
        let written = pipe(
            scratch.at("store"),
            [
                #"{"id":1,"op":"create","session":"s1","fields":{"title":"A talk"}}"#,
                #"{"id":2,"op":"append","session":"s1","messages":[{"role":"user","content":"hi"}]}"#,
                #"{"id":3,"op":"append","session":"s1","messages":[{"n":1.0},{"n":2}]}"#,
            ], pieceByteCount: pieceByteCount)
        #expect(written.code == .success && written.errors.isEmpty, "\(written.errors)")
        #expect(
            written.console.outputLines == [
                #"{"id":1,"ok":true,"session":"s1","sequence":1,"message_count":0}"#,
                #"{"id":2,"ok":true,"session":"s1","sequence":2,"message_count":1}"#,
                #"{"id":3,"ok":true,"session":"s1","sequence":3,"message_count":3}"#,
            ])
        let read = pipe(scratch.at("store"), [#"{"id":1,"op":"get","session":"s1"}"#])
        #expect(read.output.contains(#""messages":[{"role":"user","content":"hi"},{"n":1.0},{"n":2}]"#))
    }

    @Test func theLastLineNeedsNoNewlineAndABadOneIsAnswered() {
        let scratch = Scratch()
        let console = TestConsole(input: "nonsense\n\n{\"id\":9,\"op\":\"create\",\"session\":\"x\"}")
        #expect(holdfast("pipe", scratch.at("store"), "--commit", "segment", console: console).code == .success)
        #expect(console.outputLines.count == 2)
        #expect(console.output.contains("bad_request") && console.output.contains(#""id":9,"ok":true"#))
    }

    @Test func aStoreThatIsOpenIsRefusedWithTheProcessThatHasIt() throws {
        let scratch = Scratch()
        // A console that opens the store a second time while the first command waits for input.
        let console = ReentrantConsole(store: scratch.at("store"))
        #expect(Program.run(["pipe", scratch.at("store")], on: console) == .success)
        let second = try #require(console.second)
        #expect(second.code == .temporary)
        #expect(second.errors.contains("process \(getpid())"), "\(second.errors)")
    }

    @Test func aFolderOfSomethingElseIsLeftAlone() {
        let scratch = Scratch()
        scratch.write("precious.txt", "x")
        let ran = pipe(scratch.path, [])
        #expect(ran.code == .cannotCreate && ran.errors.contains("precious.txt"), "\(ran.errors)")
        #expect(pipe(scratch.at("no/such/parent"), []).code == .cannotCreate)
    }

    @Test func aReaderThatHasLeftIsToldInTheExitCodeAndNothingIsLost() {
        let scratch = Scratch()
        let console = TestConsole(input: #"{"id":1,"op":"create","session":"s1"}"# + "\n", outputLimit: 0)
        #expect(holdfast("pipe", scratch.at("store"), console: console).code == .inputOutput)
        #expect(holdfast("ls", scratch.at("store"), "--json").output.contains(#""session":"s1""#))
    }
}

/// Runs a second command on the same store from inside the first one's first read.
private final class ReentrantConsole: Console, @unchecked Sendable {
    private let store: String
    private(set) var second: Ran?
    let columns: Int? = nil
    let canRedraw = false

    init(store: String) { self.store = store }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandError) -> Int {
        second = holdfast("pipe", store)
        return 0
    }
    func write(_ bytes: [UInt8]) throws(CommandError) {}
    func writeError(_ text: String) {}
}
