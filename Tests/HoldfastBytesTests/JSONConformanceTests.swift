import HoldfastBytes
import Testing

struct JSONConformanceTests {
    static let valid: [String] = [
        "null", "true", "false", "0", "-0", "1", "-1", "10", "1234567890", "0.0", "-0.5", "1.25", "1e5",
        "1E5",
        "1e+5", "1e-5", "0e0", "0E-0", "-1.5E+10", "1700000000.0", "1.10", "123456789012345678901234567890",
        "-123456789012345678901234567890", "1e400", "-1e400", "1e-9999", "0.1e99999999999999999999",
        #""""#, #""a""#, #"" ""#, #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0000""#, #""\u00e9""#,
        #""\uD83D\uDE00""#, #""\ud800""#, #""\udc00""#, #""\udc00\ud800""#, #""\ud800x""#, #""\ud800\n""#,
        #""\ud800\ud800""#, #""\uFFFF""#, "\"\u{7F}\"", "\"é\"", "\"日本\"", "\"😀\"", "\"\u{FEFF}\"",
        "\"\u{10FFFF}\"",
        #""{[,:]}""#, #""\\\\""#, #""\\\"""#, #""// no comment""#,
        "[]", "{}", "[ ]", "{ }", "[\n]", "{\r\n\t}", "[1]", "[1,2]", "[[]]", "[{}]", "[[],[]]",
        "[[[[]]],{}]",
        #"{"a":1}"#, #"{"a":1,"b":2}"#, #"{"a":1,"a":2}"#, #"{"":0}"#, #"{"a":{"a":{"a":[]}}}"#,
        #"{"\u0061":1}"#, #"{"\ud800":1}"#, " 1", "1 ", "\t\n\r 1 \r\n\t", " [ 1 , 2 ] ", " { \"a\" : 1 } ",
        #"[null,true,false,0,"",[],{}]"#, #"["a","b"]"#, #"{"a":"}","b":"]"}"#,
    ]

    static let invalid: [String] = [
        "nul", "nulL", "NULL", "truE", "fals", "True", "None", "nullx", "null null", "truefalse", "undefined",
        "NaN", "Infinity", "-Infinity", "inf", "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e",
        "1e+",
        "1e-", "1.5.5", "1e5.5", "1e5e5", "0x10", "1_000", "1a", "--1", "1-", "1+1", "１", "0 1", "1,", "1,2",
        #"""#, #""a"#, #"a""#, #"'a'"#, "a", #""a"b"#, #""a""b""#, #"true"a""#, #"1"a""#, #""a"1"#, #""\""#,
        #""\x""#, #""\'""#, #""\a""#, #""\v""#, #""\0""#, #""\u""#, #""\u1""#, #""\u12""#, #""\u123""#,
        #""\u123g""#,
        #""\U0041""#, #""\u 041""#, #""\ud800\u""#, #""\ud800\u12""#, #"\"a""#, #"\""#, #"\"#, #""a"\"#,
        #"1\" ""#,
        "\"\n\"", "\"\t\"", "\"\u{0}\"", "\"\u{1F}\"", "\"a\\\n\"",
        "[", "]", "{", "}", "[1", "1]", "[1,", "[1,]", "[,]", "[,1]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]",
        "[[]",
        "[]]", "[}", "{]", "[1}", #"["a"}"#, "[]1", "[][]", "{}{}", "[] ,", ",", ":", ",[]",
        #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1"#, #"{"a":"#, #"{"a""#, #"{"a"1}"#, #"{"a",1}"#,
        #"{"a"::1}"#,
        #"{"a":1 "b":2}"#, #"{"a":1,,"b":2}"#, #"{,"a":1}"#, "{1:1}", "{a:1}", "{'a':1}", "{null:1}",
        "{[]:1}",
        #"{"a":1]"#, #"{"a":1:2}"#, #"{"a":1;"b":2}"#, "{:1}", "{,}", "/**/1", "1//", "#1", "1 #", "[1]x",
        "\u{FEFF}1", "\u{A0}1", "1\u{2028}", "\u{0C}1", "1\u{0C}", "\u{0B}1", "1\u{0}", "\u{0}", "[1\u{1A}2]",
        "\u{1A}",
        "[\u{0C}]", "[1\u{0C}2]", "{\"a\"\u{1A}1}", "\u{1B}1]", "[1\u{1D}",
    ]

    static let notUTF8: [(bytes: [UInt8], offset: Int)] = [
        ([0xFF], 0), ([0x22, 0xFF, 0x22], 1), ([0x22, 0x80, 0x22], 1), ([0x22, 0xC3, 0x22], 1),
        ([0x22, 0xC0, 0xAF, 0x22], 1), ([0x22, 0xC1, 0xBF, 0x22], 1), ([0x22, 0xE0, 0x80, 0x80, 0x22], 1),
        ([0x22, 0xED, 0xA0, 0x80, 0x22], 1), ([0x22, 0xED, 0xBF, 0xBF, 0x22], 1),
        ([0x22, 0xE2, 0x82, 0x22], 1),
        ([0x22, 0xF0, 0x80, 0x80, 0x80, 0x22], 1), ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
        ([0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], 1), ([0x22, 0x61, 0xF0, 0x9F, 0x98, 0x22], 2),
        ([0x22, 0xE2], 1),
        ([0x5B, 0xC3, 0xA9, 0x2C, 0xE9, 0x5D], 4), ([0x31, 0x20, 0xA0], 2),
    ]

    @Test(arguments: valid)
    func `valid text is accepted and its bytes kept`(_ text: String) throws {
        let tree = try JSONTree.parse(utf8(text))
        #expect(tree.bytes == utf8(text))
        #expect(rewritten(tree.root) == JSONText.minified(utf8(text)))
    }

    @Test(arguments: invalid)
    func `invalid text is refused`(_ text: String) {
        #expect(refusal(text)?.code == .syntax)
    }

    @Test(arguments: invalid)
    func `invalid text is refused far from the start too`(_ text: String) {
        let padding = String(repeating: "[1,\"x\\n\",", count: 40) + text + String(repeating: "]", count: 40)
        // What opens or closes with its surroundings may become valid; those few are left out.
        guard text != "1,2", text != "1,", text != "1]", text != "]" else { return }
        #expect(refusal(padding) != nil)
    }

    @Test(arguments: notUTF8)
    func `bytes that are not UTF-8 are refused where they are`(_ bytes: [UInt8], _ offset: Int) {
        #expect(refusal(bytes)?.code == .utf8)
        #expect(refusal(bytes)?.offset == offset)
    }

    @Test(arguments: ["", " ", "\n", " \t\r\n ", String(repeating: " ", count: 1000)])
    func `no value is its own refusal`(_ text: String) {
        #expect(refusal(text)?.code == .empty)
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `of all single bytes only the digits are JSON`(_ byte: UInt8) {
        let expected: JSONError.Code? =
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): nil
            case 0x09, 0x0A, 0x0D, 0x20: .empty
            case 0x80...: .utf8
            default: .syntax
            }
        #expect(refusal([byte])?.code == expected)
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `a byte after a backslash is an escape or refused`(_ byte: UInt8) {
        let isEscape = #""\/bfnrt"#.utf8.contains(byte)
        #expect((refusal([0x22, 0x5C, byte, 0x22]) == nil) == isEscape)
    }

    @Test(arguments: UInt8.min...0x7F)
    func `a control character in a string is refused where it is`(_ byte: UInt8) {
        guard byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
        let error = refusal([0x5B, 0x22, 0x61, byte, 0x22, 0x5D])
        #expect(error?.code == (byte < 0x20 ? .syntax : nil))
        #expect(error?.offset == (byte < 0x20 ? 3 : nil))
    }

    @Test(arguments: [
        ("[1 2]", 3), (#"{"a" 1}"#, 5), ("[1,]", 3), (#"{"a":1,}"#, 7), ("[01]", 1), (#"["\x"]"#, 2),
        ("[1", 2), ("{} x", 3),
        (#"["abc"#, 1), (#"{"a":"#, 5), (#"["a","\u12"]"#, 6),
        (#"["\\\\",1,"abc"#, 10),
    ])
    func `a refusal says where`(_ text: String, _ offset: Int) {
        #expect(refusal(text)?.offset == offset)
        #expect(refusal(text)?.description.contains("byte \(offset)") == true)
    }

    @Test func `the depth limit is exact and named`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(refusal(nested(512)) == nil)
        #expect(refusal(nested(513))?.code == .depth)
        #expect(refusal(nested(513))?.offset == 512)
        #expect(refusal(nested(513))?.reason == "nested deeper than 512 levels")
        #expect(refusal(utf8("[{}]"), depthLimit: 1)?.code == .depth)
        #expect(refusal(utf8("1"), depthLimit: 0) == nil)
        #expect(refusal(String(repeating: "[", count: 2_000_000))?.code == .depth)
    }
}
