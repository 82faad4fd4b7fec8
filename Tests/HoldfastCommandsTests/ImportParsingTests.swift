@testable import HoldfastCommands
import Testing

struct TranscriptParserTests {
    private func items(_ text: [UInt8], limit: Int = 1 << 20) -> [ImportItem] {
        var items: [ImportItem] = []
        var parser = TranscriptParser()
        var splitter = LineSplitter(limit: limit)
        let take = { (line: LineSplitter.Line) in
            if let item = parser.take(line) { items.append(item) }
        }
        text.withUnsafeBytes { splitter.take($0, take) }
        splitter.finish(take)
        return items
    }

    private func message(_ text: String) -> ImportItem { .message(Array(text.utf8)) }

    @Test func lineEndingsMarksAndBlanksAreNotPartOfMessages() {
        let text = [0xEF, 0xBB, 0xBF] + Array("{\"a\":1}\r\n\r\n  \n {\"b\" : 2.0} \n{\"c\":\"\\u00e9\"}".utf8)
        #expect(items(text) == [message(#"{"a":1}"#), message(#"{"b" : 2.0}"#), message(#"{"c":"\u00e9"}"#)])
    }

    @Test(arguments: [
        ("{\"a\":", "invalid JSON at byte 5"), ("[1]", "this is an array"), ("NaN", "invalid JSON at byte 0"),
        ("{\"a\":NaN}", "invalid JSON at byte 5"), ("\"x\"", "this is a string"),
        ("{} {}", "invalid JSON at byte 3"), ("\u{FEFF}{}", "invalid JSON"),
    ])
    func aDamagedLineIsNamedWithItsPlaceAndKept(line: String, reason: String) throws {
        let found = items(Array("{}\n\(line)\n{}\n".utf8))
        try #require(found.count == 3)
        guard case .damaged(let piece) = found[1] else { throw Unexpected() }
        #expect(piece.place == "line 2" && piece.offset == 3 && piece.bytes == Array(line.utf8))
        #expect(piece.reason.contains(reason), "\(piece.reason)")
    }

    @Test func depthAndLengthAreBounded() throws {
        let deep = String(repeating: "[", count: 511) + String(repeating: "]", count: 511)
        let found = items(Array("{\"a\":\(deep)}\n{\"long\":\"xxxxx\"}\n{}".utf8), limit: 1100)
        try #require(found.count == 3)
        guard case .damaged(let piece) = found[0] else { throw Unexpected() }
        #expect(piece.reason.contains("510"))
        guard case .damaged(let long) = items(Array("{\"long\":\"xxxxx\"}\n{}".utf8), limit: 4)[0]
        else { throw Unexpected() }
        #expect(long.reason == "16 bytes, more than a message may have" && long.bytes.isEmpty)
    }

    @Test func invalidUTF8IsDamage() throws {
        guard case .damaged(let piece) = items(Array("{\"a\":\"".utf8) + [0xFF] + Array("\"}".utf8))[0]
        else { throw Unexpected() }
        #expect(piece.bytes.contains(0xFF))
    }
}

struct SessionDocumentTests {
    @Test func everyOtherMemberIsAFieldByteForByteAndInOrder() throws {
        let text = """
            { "session_id": "abc", "title": "T\\u00ebst", "created_at": 1700000000.0, "messages": [
              {"role": "user",  "content": "hi"}, 7 ], "message_count": 2, "empty": { } }
            """
        let document = try SessionDocument(Array(text.utf8))
        let fields = #"{"title":"T\u00ebst","created_at":1700000000.0,"empty":{ }}"#
        #expect(String(decoding: document.fields, as: UTF8.self) == fields)
        #expect(document.items.first == .message(Array(#"{"role": "user",  "content": "hi"}"#.utf8)))
        guard case .damaged(let piece) = document.items[1] else { throw Unexpected() }
        #expect(piece.place == "message 2" && piece.bytes == [UInt8(ascii: "7")])
    }

    @Test func otherDocumentsAreNoSessions() {
        for text in ["[]", "{}", "{\"messages\":{}}", "3"] {
            #expect(throws: SessionDocument.Refusal.otherContent) { try SessionDocument(Array(text.utf8)) }
        }
        #expect(throws: SessionDocument.Refusal.self) { try SessionDocument(Array(#"{"messages":[NaN]}"#.utf8)) }
    }
}

struct SourceTimeTests {
    @Test func timesAreReadAsTheirProgramsSpellThem() {
        for (text, expected) in [
            ("2023-11-14T22:13:20Z", 1_700_000_000_000), ("2023-11-14 22:13:20", 1_700_000_000_000),
            ("2023-11-15T00:13:20.6789+02:00", 1_700_000_000_678), ("2023-11-14T17:43:20.5-0430", 1_700_000_000_500),
            ("2024-02-29T00:00:00+00:00", 1_709_164_800_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] as [(String, UInt64)] {
            #expect(SourceTime.milliseconds(iso: text) == expected, "\(text)")
        }
    }

    @Test func whatIsNoTimeIsNotTakenForAnother() {
        for text in [
            "2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z", "2023-11-14T22:13:61Z", "2023-02-29T22:13:20Z",
            "2023-04-31T22:13:20Z", "2023-00-14T22:13:20Z", "2023-11-00T22:13:20Z", "2023-11-14T22:13:20+24:00",
            "2023-11-14T22:13:20+00:60", "2023-11-14T22:13-20Z", "2023-11-14x22:13:20Z", "2023-11-14T22:13:2",
            "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "20 3-11-14T22:13:20Z", "",
        ] {
            #expect(SourceTime.milliseconds(iso: text) == nil, "\(text)")
        }
    }
}

struct MessagePreviewTests {
    @Test(arguments: [
        (#"{"role":"user","content":"a\nb"}"#, "user", "a b"),
        (
            #"{"message":{"role":"assistant","content":[{"type":"text","text":"x"},{"type":"tool_use","name":"ls"}]}}"#,
            "assistant", "x [tool_use ls]"
        ),
        (#"{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f"}}]}"#, "assistant", "[calls f]"),
        (#"{"a":1}"#, "?", #"{"a":1}"#), ("broken", "?", "broken"),
        (#"{"role":7,"content":{"x":1}}"#, "?", #"{"x":1}"#),
    ])
    func theCommonShapesAreKnown(message: String, role: String, text: String) {
        let preview = MessagePreview(Array(message.utf8))
        #expect(preview.role == role && preview.text == text)
    }
}

struct Unexpected: Error {}
