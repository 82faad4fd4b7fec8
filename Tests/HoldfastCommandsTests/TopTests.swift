import Holdfast
import HoldfastBytes
import HoldfastCommands
import Testing

@Suite struct TopTests {
    /// A store that was served and closed, with a session of this id.
    private func served(_ scratch: Scratch, session: String = "s1") -> String {
        let store = scratch.at("store")
        var create = JSONWriter()
        create.beginObject()
        create.key("id")
        create.integer(1)
        create.key("op")
        create.string("create")
        create.key("session")
        create.string(session)
        create.endObject()
        let input = String(decoding: create.finish(), as: UTF8.self) + "\n"
        // On a slow machine the stretch with the record may be over before the store is closed.
        for _ in 0..<30 where scratch.read("store/meter")?.contains(#""busiest":[{"#) != true {
            scratch.delete("store")
            #expect(holdfast("pipe", store, console: TestConsole(input: input)).code == .success)
        }
        return store
    }

    @Test func `a store that was closed says so, and how much was written`() throws {
        let scratch = Scratch()
        let store = served(scratch)
        let ran = holdfast("top", store, "--once")
        #expect(ran.code == .success)
        #expect(ran.output.contains("No process has the store open"))
        #expect(ran.output.contains(" 1 record, "))
        #expect(scratch.mode("store/meter") == 0o600)
        let json = try JSONTree.parse(Array(holdfast("top", store, "--json").output.utf8))
        #expect(json.root["state"]?.string == "closed")
        #expect(json.root["totals"]?["records"]?.int == 1)
        #expect(json.root["busiest"]?.elements.contains { $0["session"]?.string == "s1" } == true)
    }

    @Test func `a store that is open is running, and one without counters has none`() throws {
        let scratch = Scratch()
        let opened = try HoldfastStore.open(path: scratch.at("open"))
        while scratch.bytes("open/meter") == nil {}
        #expect(holdfast("top", scratch.at("open"), "--json").output.contains(#""state":"running""#))
        try opened.close()
        let store = served(scratch)
        scratch.delete("store/meter")
        let none = holdfast("top", store, "--once")
        #expect(none.code == .success && none.output.hasPrefix("No process has left counters here"))
        #expect(holdfast("top", store, "--json").output == "{\"state\":\"none\"}\n")
        scratch.write("store/meter", "{}\n")
        #expect(holdfast("top", store, "--json").output == "{\"state\":\"unreadable\"}\n")
        #expect(holdfast("top", scratch.path, "--once").code == .noInput)
        #expect(holdfast("top", scratch.at("nowhere"), "--once").code == .noInput)
    }

    @Test func `a session id cannot take over the terminal`() throws {
        let scratch = Scratch()
        let store = served(scratch, session: "a\u{1B}[2J\nb\u{202E}")
        let ran = holdfast("top", store, "--once")
        #expect(ran.output.contains("a·[2J b·"))
        #expect(!ran.output.contains("\u{1B}"))
    }

    @Test func `counters that nobody could have counted are shown all the same`() throws {
        let scratch = Scratch()
        let store = served(scratch)
        let most = Limits.numberLimit - 1
        let text = try #require(scratch.read("store/meter")?.split(separator: "\n").first)
        let forged = text.dropLast(SealedJSON.sealByteCount)
            .replacing(#/"(records|bytes|batches|failures|p50|p99|max)":\d+/#) { "\"\($0.1)\":\(most)" }
            .replacing(#/"milliseconds":\d+/#, with: "\"milliseconds\":0")
        scratch.write("store/meter", String(decoding: SealedJSON.sealed(Array(forged.utf8)), as: UTF8.self) + "\n")
        let ran = holdfast("top", store, "--once")
        #expect(ran.code == .success && ran.output.contains("4,611,686,018,427,387,90"), "\(ran.output)")
    }

    @Test func `nothing in the store changes`() throws {
        let scratch = Scratch()
        let store = served(scratch)
        let before = scratch.contents("store")
        _ = holdfast("top", store, "--once")
        _ = holdfast("top", store, "--json")
        #expect(scratch.contents("store") == before)
    }
}
