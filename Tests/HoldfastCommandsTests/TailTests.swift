import Holdfast
import HoldfastBytes
import HoldfastCommands
import Testing

@Suite struct TailTests {
    private func stored(_ scratch: Scratch) throws -> String {
        let store = scratch.at("store")
        var lines = ""
        for session in ["a", "b"] {
            lines += #"{"id":1,"op":"create","session":"\#(session)"}"# + "\n"
            for number in 1...12 {
                lines +=
                    #"{"id":1,"op":"append","session":"\#(session)","messages":[{"role":"user","content":"\#(number)"#
                    + #""}]}"#
                lines += "\n"
            }
        }
        #expect(holdfast("pipe", store, console: TestConsole(input: lines)).code == .success)
        return store
    }

    @Test func `the last records of a session are those of inspect log`() throws {
        let scratch = Scratch()
        let store = try stored(scratch)
        let log = holdfast("inspect", "log", store, "a").console.outputLines
        #expect(log.count == 14)
        #expect(holdfast("tail", store, "a").console.outputLines == [log[0]] + log.suffix(10))
        #expect(holdfast("tail", store, "a", "-n", "3").console.outputLines == [log[0]] + log.suffix(3))
        #expect(holdfast("tail", store, "a", "-n", "99").console.outputLines == log)
        #expect(holdfast("tail", store, "a", "-n", "0").console.outputLines == [log[0]])
        let json = holdfast("inspect", "log", store, "a", "--json").console.outputLines
        #expect(holdfast("tail", store, "a", "--json", "--limit=2").console.outputLines == Array(json.suffix(2)))
    }

    @Test func `the last records of a store name their sessions`() throws {
        let scratch = Scratch()
        let store = try stored(scratch)
        let lines = holdfast("tail", store, "--json", "-n", "20").console.outputLines
        let sessions = try lines.map { try JSONTree.parse(Array($0.utf8)).root["session"]?.string }
        #expect(lines.count == 20 && Set(sessions) == ["a", "b"])
    }

    @Test func `nothing in the store changes, and what is not there is named`() throws {
        let scratch = Scratch()
        let store = try stored(scratch)
        let before = scratch.contents("store")
        #expect(holdfast("tail", store).code == .success)
        #expect(holdfast("tail", store, "nobody").code == .noInput)
        #expect(holdfast("tail", store, "a", "b").code == .usage)
        #expect(holdfast("tail", scratch.at("nowhere")).code == .noInput)
        #expect(holdfast("tail", store, "").code == .usage)
        #expect(scratch.contents("store") == before)
    }
}
