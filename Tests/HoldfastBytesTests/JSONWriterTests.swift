import HoldfastBytes
import Testing

struct JSONWriterTests {
    @Test func `commas and colons come by themselves`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("id")
        writer.integer(7)
        writer.key("list" as String)
        writer.beginArray()
        writer.beginArray()
        writer.endArray()
        writer.bool(true)
        writer.bool(false)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.string("s")
        writer.endArray()
        writer.key(raw: utf8(#""\u0061""#))
        writer.raw(utf8("1e400"))
        writer.endObject()
        #expect(text(writer.finish()) == #"{"id":7,"list":[[],true,false,null,{},"s"],"\u0061":1e400}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("a\"b\\c", #""a\"b\\c""#), ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
        ("\0\u{1F}", #""\u0000\u001f""#),
        ("\u{7F}é日😀/", "\"\u{7F}é日😀/\""), ("\n", #""\n""#),
    ])
    func `strings are escaped as little as possible`(_ source: String, _ expected: String) throws {
        var writer = JSONWriter()
        writer.string(source)
        let bytes = writer.finish()
        #expect(text(bytes) == expected)
        #expect(try JSONTree.parse(bytes).root.string == source)
    }

    @Test func `every string comes back through the parser`() throws {
        var random = Seeded(state: 3)
        for _ in 0..<2000 {
            var source = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...80, using: &random) {
                let value = UInt32.random(
                    in: 0...(Bool.random(using: &random) ? 0x7F : 0x10FFFF), using: &random)
                if let scalar = Unicode.Scalar(value) { source.append(scalar) }
            }
            var writer = JSONWriter()
            writer.beginObject()
            writer.key(String(source))
            writer.string(String(source))
            writer.endObject()
            let (key, value) = try #require(
                try JSONTree.parse(writer.finish()).root.members.first { _ in true })
            #expect(key.stringBytes == Array(String(source).utf8))
            #expect(value.stringBytes == Array(String(source).utf8))
        }
    }

    @Test func `integers of every width`() throws {
        var writer = JSONWriter()
        writer.beginArray()
        writer.integer(Int64.min)
        writer.integer(Int64.max)
        writer.integer(UInt64.max)
        writer.integer(Int8(-128))
        writer.integer(0)
        writer.endArray()
        #expect(
            text(writer.finish()) == "[-9223372036854775808,9223372036854775807,18446744073709551615,-128,0]")
    }

    @Test func `every double comes back through the parser`() throws {
        var random = Seeded(state: 4)
        var values = [
            0, 0.1, 1e16, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -1.5, 1_700_000_000.123456,
        ]
        while values.count < 5000 {
            let value = Double(bitPattern: random.next())
            if value.isFinite { values.append(value) }
        }
        var writer = JSONWriter()
        writer.beginArray()
        for value in values { writer.double(value) }
        writer.endArray()
        #expect(try JSONTree.parse(writer.finish()).root.elements.map(\.double) == values)
    }

    @Test func `a writer can be used again`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.reset()
        writer.integer(1)
        #expect(writer.bytes == utf8("1"))
    }

    @Test func `misuse traps`() async {
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginObject()
            writer.null()
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginArray()
            writer.key("a")
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("a")
            writer.endObject()
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginArray()
            writer.endObject()
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.null()
            writer.null()
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginArray()
            writer.null()
            _ = writer.finish()
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.double(.nan)
        }
    }
}

struct JSONTextTests {
    static let spaced =
        "{ \"a b\" : [ 1.0 , \"x\\\" , y\" , { } , [ ] , [ [ ] ] ] ,\n\t\"c\" : { \"d\" : null } }"

    @Test func `minified takes the whitespace outside strings only`() {
        #expect(
            text(JSONText.minified(utf8(Self.spaced)))
                == #"{"a b":[1.0,"x\" , y",{},[],[[]]],"c":{"d":null}}"#)
    }

    @Test func `indented has the layout of json dumps`() {
        let expected = """
            {
              "a b": [
                1.0,
                "x\\" , y",
                {},
                [],
                [
                  []
                ]
              ],
              "c": {
                "d": null
              }
            }
            """
        #expect(text(JSONText.indented(utf8(Self.spaced))) == expected)
        #expect(text(JSONText.indented(utf8("[1]"), by: 4)) == "[\n    1\n]")
        #expect(text(JSONText.indented(utf8(" {\n} "))) == "{}")
        #expect(text(JSONText.indented(utf8(#" "a,b" "#))) == #""a,b""#)
    }
}
