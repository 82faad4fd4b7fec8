import HoldfastBytes
import Testing

struct JSONFieldsTests {
    private func fields(_ source: String) throws -> JSONFields { try #require(JSONFields(json(source))) }

    private func written(_ fields: JSONFields) -> String {
        var writer = JSONWriter()
        fields.write(to: &writer)
        return text(writer.finish())
    }

    @Test(arguments: [
        "{}", #"{"a":1}"#, #"{"b":1.0,"a":1e400,"\u0061\n":"\ud800"}"#, #"{"":null,"é":{"x" : [ 1,2 ]}}"#,
        #"{"é":1,"e\u0301":2,"\ud800":3,"\ud801":4,"\ufffd":5}"#,
    ])
    func `what is read is written again`(_ source: String) throws {
        #expect(written(try fields(source)) == source)
    }

    @Test func `only an object has fields`() throws {
        #expect(JSONFields(try json("[]")) == nil)
        #expect(JSONFields(try json("null")) == nil)
    }

    @Test func `of equal keys the last value counts, at the first place`() throws {
        #expect(written(try fields(#"{"a":1,"b":2,"\u0061":3}"#)) == #"{"a":3,"b":2}"#)
    }

    @Test func `set and remove keep the place of the others`() throws {
        var fields = try fields(#"{"\u0061":1,"b":2,"c":3}"#)
        #expect(fields["a"]?.rawValue == utf8("1"))
        #expect(fields["a"]?.rawKey == utf8(#""\u0061""#))
        #expect(fields["a"]?.key == "a")
        fields.set("a", raw: utf8("10"))
        fields.remove("b")
        fields.set("d\n", raw: utf8("4"))
        fields.set("b", raw: utf8("5"))
        fields.remove("none")
        #expect(written(fields) == #"{"\u0061":10,"c":3,"d\n":4,"b":5}"#)
        #expect(fields.count == 4)
        #expect(fields["none"] == nil)
        #expect(fields.fields.map(\.key) == ["a", "c", "d\n", "b"])
    }

    @Test func `many removals leave the rest in order`() {
        var fields = JSONFields()
        for number in 0..<500 { fields.set("k\(number)", raw: utf8("\(number)")) }
        for number in 0..<500 where number % 7 != 0 { fields.remove("k\(number)") }
        let kept = (0..<500).filter { $0 % 7 == 0 }
        #expect(fields.fields.map(\.key) == kept.map { "k\($0)" })
        for number in 0..<500 {
            #expect(fields["k\(number)"]?.rawValue == (number % 7 == 0 ? utf8("\(number)") : nil))
        }
    }

    // The examples of RFC 7396, appendix A, each as the value of one member: fields are always an object.
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
        (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
        (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
        (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
        (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
        ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ])
    func `merge patch as in the RFC`(_ target: String, _ patch: String, _ result: String) throws {
        for detail in [1, 2, Int.max] {
            var nested = try fields(#"{"v":\#(target)}"#)
            try nested.merge(patch: json(#"{"v":\#(patch)}"#, detail: detail))
            #expect(written(nested) == #"{"v":\#(result)}"#)
            guard target.hasPrefix("{"), patch.hasPrefix("{") else { continue }
            var top = try fields(target)
            try top.merge(patch: json(patch, detail: detail))
            #expect(written(top) == result)
        }
    }

    @Test func `a null removes a field and a new object drops its nulls`() throws {
        var merged = try fields(#"{"a":1,"b":2}"#)
        try merged.merge(patch: json(#"{"a":null,"c":{"x":null,"y":{"z":null},"w":[null]}}"#))
        #expect(written(merged) == #"{"b":2,"c":{"y":{},"w":[null]}}"#)
    }

    @Test func `what a patch does not name keeps place and spelling`() throws {
        var merged = try fields(#"{"n":1.0,"o":{ "\u0061" : 1e400, "b" : [ 1, 2 ], "c":"\ud800" },"z":0}"#)
        try merged.merge(patch: json(#"{"o":{"b":3,"d":4},"n2":1.10}"#))
        #expect(
            written(merged) == #"{"n":1.0,"o":{"\u0061":1e400,"b":3,"c":"\ud800","d":4},"z":0,"n2":1.10}"#)
    }

    @Test func `objects in objects are merged too`() throws {
        var merged = try fields(#"{"a":{"b":{"c":{"x":1,"y":2},"d":3}},"e":4}"#)
        try merged.merge(patch: json(#"{"a":{"b":{"c":{"y":null,"z":5}}}}"#))
        #expect(written(merged) == #"{"a":{"b":{"c":{"x":1,"z":5},"d":3}},"e":4}"#)
    }

    @Test func `a patch with a key twice counts its last value`() throws {
        var merged = try fields("{}")
        try merged.merge(patch: json(#"{"a":{"x":1},"a":{"y":2}}"#))
        #expect(written(merged) == #"{"a":{"y":2}}"#)
        try merged.merge(patch: json(#"{"a":1,"a":null}"#))
        #expect(written(merged) == "{}")
    }

    @Test func `a merge beyond the depth limit changes nothing`() throws {
        var merged = try fields(#"{"first":1,"deep":{"a":{"b":{}}}}"#)
        let before = merged
        let patch = try json(#"{"first":2,"deep":{"x":1}}"#)
        #expect(throws: JSONError.self) { try merged.merge(patch: patch, depthLimit: 2) }
        #expect(merged == before)
        try merged.merge(patch: patch, depthLimit: 3)
        #expect(written(merged) == #"{"first":2,"deep":{"a":{"b":{}},"x":1}}"#)
    }

    @Test func `a patch as deep as the limit is merged`() throws {
        let deep = String(repeating: #"{"a":"#, count: 511) + "{}" + String(repeating: "}", count: 511)
        var merged = JSONFields()
        try merged.merge(patch: json(deep))
        try merged.merge(patch: json(deep))
        #expect(written(merged) == deep)
    }
}
