import HoldfastBytes
import Testing

struct JSONRefTests {
    @Test func `spans leave the whitespace out`() throws {
        let source = "\n { \"a\" : [ 1 , \"x y\" ] , \"b\" :\ttrue } \n"
        let root = try json(source)
        #expect(text(root.raw) == source.trimmed)
        #expect(root.range.lowerBound == 2)
        let members = Array(root.members)
        #expect(members.map { text($0.key.raw) } == [#""a""#, #""b""#])
        #expect(members.map { text($0.value.raw) } == ["[ 1 , \"x y\" ]", "true"])
        #expect(members[0].value.elements.map { text($0.raw) } == ["1", #""x y""#])
        #expect(root.count == 2)
        #expect(members[0].value.count == 2)
    }

    @Test(arguments: [
        ("null", JSONKind.null), ("true", .bool), ("false", .bool), ("-1.5", .number), (#""a""#, .string),
        ("[]", .array),
        ("{}", .object),
    ])
    func `every value has its kind`(_ text: String, _ kind: JSONKind) throws {
        #expect(try json(text).kind == kind)
        #expect(
            try json("[[\(text)]]").elements.first { _ in true }?.elements.first { _ in true }?.kind == kind)
    }

    @Test func `detail bounds what is listed, not what is checked`() throws {
        let source = #"{"a":{"b":{"c":1}},"d":[]}"#
        let root = try json(source, detail: 1)
        #expect(root.isListed)
        #expect(root["a"].map { text($0.raw) } == #"{"b":{"c":1}}"#)
        #expect(root["a"]?.isListed == false)
        #expect(root["d"]?.isListed == false)
        #expect(try json(source, detail: 2)["a"]?["b"]?.isListed == false)
        #expect(try json(source, detail: 3)["a"]?["b"]?["c"]?.int == 1)
        #expect(try json(source, detail: 0).isListed == false)
        #expect(throws: JSONError.self) { try json(#"{"a":{"b":{"c":01}}}"#, detail: 0) }
    }

    @Test func `reaching below the detail traps`() async {
        await #expect(processExitsWith: .failure) {
            let root = try JSONTree.parse(Array("[[]]".utf8), detail: 1).root
            for element in root.elements { _ = element.count }
        }
    }

    @Test func `lookup compares decoded keys and takes the last`() throws {
        let root = try json(#"{"a":1,"\u0061":2,"b\n":3,"é":4,"e\u0301":5,"\ud800":6,"\ufffd":7}"#)
        #expect(root["a"]?.int == 2)
        #expect(root["b\n"]?.int == 3)
        #expect(root["\u{E9}"]?.int == 4)
        #expect(root["e\u{301}"]?.int == 5)
        #expect(root["\u{FFFD}"]?.int == 7)
        #expect(root["none"] == nil)
        #expect(try json("[1]")["a"] == nil)
        #expect(try json("1")["a"] == nil)
    }

    @Test(arguments: [
        (#""""#, ""), (#""a""#, "a"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#""\u00e9\u65E5""#, "é日"),
        (#""\uD83D\uDE00""#, "😀"), (#""x\ud83d\ude00y""#, "x😀y"), (#""\ud800""#, "\u{FFFD}"),
        (#""\ud800a""#, "\u{FFFD}a"),
        (#""\udc00\ud800""#, "\u{FFFD}\u{FFFD}"), (#""\ud800\ud83d\ude00""#, "\u{FFFD}😀"),
        (#""\ud800\n""#, "\u{FFFD}\n"),
        (#""\u0000""#, "\0"), (#""\ud800\\u""#, "\u{FFFD}\\u"), (#""日本\n""#, "日本\n"),
        (#""\uffff\ufffd""#, "\u{FFFF}\u{FFFD}"),
    ])
    func `strings are decoded`(_ source: String, _ expected: String) throws {
        let decoded = try #require(json(source).string)
        #expect(Array(decoded.unicodeScalars) == Array(expected.unicodeScalars))
        #expect(text(try json(source).raw) == source)
    }

    @Test func `lone surrogates keep strings apart`() throws {
        #expect(try json(#""\ud800""#).stringBytes == [0xED, 0xA0, 0x80])
        #expect(try json(#""\udfff""#).stringBytes == [0xED, 0xBF, 0xBF])
        #expect(try json(#""\ufffd""#).stringBytes == utf8("\u{FFFD}"))
        #expect(try json(#""\ud800""#).isString("\u{FFFD}") == false)
        #expect(try json(#""\ufffd""#).isString("\u{FFFD}"))
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("42", 42), ("-7", -7), ("9223372036854775807", Int64.max),
        ("-9223372036854775808", Int64.min), ("9223372036854775808", nil), ("-9223372036854775809", nil),
        ("1.0", nil), ("1e2", nil), ("123456789012345678901234567890", nil), (#""1""#, nil), ("null", nil),
    ])
    func `integers that fit are integers`(_ source: String, _ expected: Int64?) throws {
        #expect(try json(source).int == expected)
    }

    @Test(arguments: [
        ("18446744073709551615", UInt64.max), ("18446744073709551616", nil), ("0", 0), ("-0", 0), ("-1", nil),
        ("1.5", nil),
    ])
    func `unsigned integers that fit are integers`(_ source: String, _ expected: UInt64?) throws {
        #expect(try json(source).unsigned == expected)
    }

    @Test(arguments: [
        ("0", 0), ("1700000000.0", 1_700_000_000), ("-2.5e-3", -0.0025), ("1e400", nil), ("-1e400", nil),
        ("1e-400", 0),
        ("123456789012345678901234567890", 123456789012345678901234567890.0), ("true", nil),
        ("0." + String(repeating: "3", count: 4094), 1.0 / 3),
        ("0." + String(repeating: "3", count: 4095), nil),
    ])
    func `numbers are doubles as far as they go`(_ source: String, _ expected: Double?) throws {
        #expect(try json(source).double == expected)
    }

    @Test func `accessors of another kind answer nil`() throws {
        let values = try Array(json(#"[null,true,1,"s",[],{}]"#).elements)
        #expect(values.map(\.isNull) == [true, false, false, false, false, false])
        #expect(values.map(\.bool) == [nil, true, nil, nil, nil, nil])
        #expect(values.map(\.int) == [nil, nil, 1, nil, nil, nil])
        #expect(values.map(\.string) == [nil, nil, nil, "s", nil, nil])
        #expect(values.map(\.stringBytes) == [nil, nil, nil, utf8("s"), nil, nil])
        #expect(try json("false").bool == false)
    }
}

extension String {
    /// The text without whitespace at both ends.
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
