import HoldfastLog
@testable import Holdfast
import Testing

@Suite struct PreservationTests {
    /// Spellings that a program which parses and writes JSON again would change.
    static let odd = [
        #"{"b":1,"a":2,"b":3}"#, #"{"n":1.0,"m":1e400,"k":-0,"l":123456789012345678901234567890}"#,
        "{ \"spaced\" :\t[ 1 ,2 ] }", #"{"esc":"\u00e9\/\ud800","raw":"é"}"#, #"{"":{"":[[],{}]}}"#,
        "{\"lines\":\r\n[\n]}", #"{"quote":"\"],[{","back":"\\"}"#, "{\"u\":\"\u{2028}\u{FEFF}e\u{301}\"}",
    ]

    /// The same as an answer has them, which is one line: line breaks between values are spaces.
    static let oddOnOneLine = odd.map { $0.replacing("\r\n", with: "  ").replacing("\n", with: " ") }

    let log = MemoryLog()

    @Test func messagesComeBackByteForByte() throws {
        let store = try HoldfastStore.testing(log)
        let client = try Client(store)
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
        let reply = client.call(
            #"{"id":1,"op":"append","session":"s","messages":[\#(Self.odd.joined(separator: ", "))]}"#)
        #expect(reply["message_count"] == "\(Self.odd.count)")
        let payload = String(decoding: log.records(of: "s")[1].payload, as: UTF8.self)
        #expect(payload == "[" + Self.odd.joined(separator: ",") + "]", "no envelope")
        for step in ["", #"{"id":2,"op":"compact","session":"s"}"#] {
            if !step.isEmpty { #expect(client.call(step).isOK) }
            #expect(client.call(#"{"id":3,"op":"get","session":"s"}"#).list("messages") == Self.oddOnOneLine)
            #expect(try store.getBlocking("s").messages.map(\.description) == Self.odd)
        }
        let survivor = try HoldfastStore.testing(log.afterCrash())
        #expect(try survivor.getBlocking("s").messages.map(\.description) == Self.odd)
        let reader = try Client(survivor)
        #expect(reader.call(#"{"id":3,"op":"get","session":"s"}"#).list("messages") == Self.oddOnOneLine)
    }

    @Test func fieldsKeepTheirOrderAndSpelling() throws {
        let client = try Client(.testing(log))
        let fields = #"{"z":1.0,"\u0061":"x","deep":{"k":[1, 2],"j":null},"m":{"\ud800":1}}"#
        _ = client.call(#"{"id":0,"op":"create","session":"s","fields":\#(fields)}"#)
        _ = client.call(#"{"id":0,"op":"set","session":"s","fields":{"deep":{"new":1e0},"a":"y"}}"#)
        let expected = #"{"z":1.0,"\u0061":"y","deep":{"k":[1, 2],"j":null,"new":1e0},"m":{"\ud800":1}}"#
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#)["fields"] == expected)
        _ = client.call(#"{"id":0,"op":"compact","session":"s"}"#)
        let survivor = try Client(.testing(log.afterCrash()))
        #expect(survivor.call(#"{"id":1,"op":"get","session":"s"}"#)["fields"] == expected)
    }

    @Test func theSnapshotIsAPlainDocument() throws {
        let client = try Client(.testing(log))
        _ = client.call(#"{"id":0,"op":"create","session":"s","fields":{"title":"T"}}"#)
        _ = client.call(#"{"id":0,"op":"append","session":"s","messages":[{"a":1},{"b":2}]}"#)
        _ = client.call(#"{"id":0,"op":"compact"}"#)
        let text = try #require(log.snapshotText(of: "s"))
        #expect(
            text
                == (#"{"session_id":"s","title":"T","holdfast":{"format_version":1,"sequence":2,"created_at":1000,"#
                    + #""updated_at":1000,"last_message_at":1000,"user_count":0},"message_count":2,"messages":["#
                    + "\n{\"a\":1},\n{\"b\":2}\n]}\n"),
            "\(text)")
        #expect(log.records(of: "s").isEmpty)
    }

    @Test func swiftValuesAreCheckedAndTrimmed() throws {
        let store = try HoldfastStore.testing(log)
        try store.writeBlocking(.create("s"))
        for bad: JSON in ["{}, {}", "{", "[]", "1", "", "{\"a\":}"] {
            #expect(throws: HoldfastError.self) { try store.writeBlocking(.append(to: "s", [bad])) }
            #expect(throws: HoldfastError.self) { try store.writeBlocking(.set("s", fields: bad)) }
            #expect(throws: HoldfastError.self) { try store.writeBlocking(.beginTurn(in: "s", message: bad)) }
        }
        try store.writeBlocking(.append(to: "s", [" {\"a\":1}\n"]))
        try store.writeBlocking(.beginTurn(in: "s", message: "\t{\"b\":2} "))
        let state = try store.getBlocking("s")
        #expect(state.messages == ["{\"a\":1}"] && state.turn?.message == "{\"b\":2}")
    }

    @Test func elementsAreSplitAtAnyPieceBoundary() throws {
        let text = Array("\n\(Self.odd.joined(separator: " ,\n"))\n],\"deltas\":\"]\"}".utf8)
        for cut in 0...text.count {
            var splitter = ElementSplitter(window: 0..<100)
            var found: [String] = []
            for piece in [text[..<cut], text[cut...]] where !splitter.isDone {
                splitter.next(piece) { (element, _) throws(Never) in
                    found.append(String(decoding: element, as: UTF8.self))
                    return true
                }
            }
            #expect(found == Self.odd)
            #expect(splitter.isDone)
        }
    }

    @Test func arraysAreFoundAtAnyPieceBoundary() {
        let text = Array(
            #"{"a":"messages","b":{"messages":[1]},"c":["messages",[2]],"\"messages\"":[3], "messages" : [4]}"#
                .utf8)
        let expected = text.count - 3
        for cut in 0...text.count {
            var finder = ArrayFinder([.hiddenMessages, .messages])
            let head = finder.next(Array(text[..<cut]))
            let found = head ?? finder.next(Array(text[cut...])).map { $0 + cut }
            #expect(found == expected)
            #expect(finder.found == .messages)
        }
    }
}
