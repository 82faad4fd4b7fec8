import HoldfastBytes
import Testing

struct JSONRobustnessTests {
    static let sample = utf8(
        #" {"id":7,"op":"append","session":"s\u00e9\ud83d\ude00","messages":[{"role":"user","#
            + #""content":"a\nb\\\"日本 😀"},{"n":-1.5e+10,"big":123456789012345678901234567890,"#
            + #""t":[true,false,null,[],{}]}],"if_sequence":4} "#)

    @Test func `every truncation is refused`() throws {
        let whole = Self.sample.dropLast()
        _ = try JSONTree.parse(whole)
        for length in whole.indices {
            #expect(refusal(Array(whole[..<length])) != nil, "cut to \(length) bytes")
        }
    }

    @Test func `mutations never crash, and what is accepted has right spans`() throws {
        var random = Seeded(state: 1)
        let interesting = utf8("\"\\{}[]:,0-e. \n\u{1}tu")
        for _ in 0..<20_000 {
            var bytes = Self.sample
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[at] = interesting.randomElement(using: &random)!
                case 2: bytes.remove(at: at)
                default: bytes.insert(interesting.randomElement(using: &random)!, at: at)
                }
            }
            guard refusal(bytes) == nil else { continue }
            let root = try JSONTree.parse(bytes).root
            #expect(rewritten(root) == JSONText.minified(bytes))
            #expect(rewritten(try JSONTree.parse(JSONText.indented(bytes)).root) == rewritten(root))
        }
    }

    @Test func `text tools take any bytes`() {
        var random = Seeded(state: 2)
        for _ in 0..<2000 {
            let bytes = (0..<40).map { _ in utf8("\"\\{}[]:, a").randomElement(using: &random)! }
            #expect(JSONText.minified(bytes).count <= bytes.count)
            #expect(JSONText.minified(JSONText.indented(bytes)) == JSONText.minified(bytes))
        }
    }

    @Test func `a token may lie on any place of a block`() throws {
        // Stage 1 works on blocks of 64 bytes; escapes, quotes and scalars must not care where they fall.
        for padding in 0..<130 {
            let lead = String(repeating: " ", count: padding)
            let value = try json(lead + #"["\\\\","a\\\"b",true,-12.5e3,"\ud83d\ude00"]"#)
            #expect(
                value.elements.map { text($0.raw) } == [
                    #""\\\\""#, #""a\\\"b""#, "true", "-12.5e3", #""\ud83d\ude00""#,
                ])
            #expect(refusal(lead + "[1") != nil)
            #expect(refusal(lead + #"["a\"]"#) != nil)
        }
    }

    @Test func `a string of 16 MiB comes back`() throws {
        let content = [UInt8](repeating: UInt8(ascii: "x"), count: 16 << 20)
        let tree = try JSONTree.parse(utf8("{\"a\":\"") + content + utf8("\",\"b\":1}"))
        #expect(tree.root["a"]?.stringBytes == content)
        #expect(tree.root["b"]?.int == 1)
        // The next, small text is not bothered by what a large one left behind.
        #expect(try json("[1]").count == 1)
    }

    @Test func `many threads may parse at once`() async throws {
        let sample = Self.sample
        let expected = JSONText.minified(sample)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    (0..<200).allSatisfy { _ in
                        guard let tree = try? JSONTree.parse(sample) else { return false }
                        return rewritten(tree.root) == expected
                    }
                }
            }
            for await right in group { #expect(right) }
        }
    }

    @Test func `many equal keys and many fields stay fast`() throws {
        let count = 50_000
        let object = "{" + (0..<count).map { #""k\#($0)":\#($0)"# }.joined(separator: ",") + "}"
        let nulls = "{" + (0..<count).map { #""k\#($0)":null"# }.joined(separator: ",") + "}"
        var fields = try #require(JSONFields(json(object)))
        #expect(fields.count == count)
        try fields.merge(patch: json(nulls))
        #expect(fields.isEmpty)
    }
}
