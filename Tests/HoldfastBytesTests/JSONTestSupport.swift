import HoldfastBytes

/// The bytes of a literal.
func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of bytes, for comparisons that a failed test prints well.
func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// The root of a text that the test knows to be JSON.
func json(_ text: String, detail: Int = .max) throws -> JSONRef {
    try JSONTree.parse(utf8(text), detail: detail).root
}

/// Why `bytes` are refused, or `nil` when they are JSON.
func refusal(_ bytes: [UInt8], depthLimit: Int = JSONTree.defaultDepthLimit) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONTree.parse(bytes, depthLimit: depthLimit)
        return nil
    } catch {
        return error
    }
}

func refusal(_ text: String) -> JSONError? { refusal(utf8(text)) }

/// Writes the value again from what the tree says of it: equal to the minified text when every span is right.
func rewritten(_ value: JSONRef, into writer: inout JSONWriter) {
    switch value.kind {
    case .object:
        writer.beginObject()
        for (key, member) in value.members {
            writer.key(raw: key.raw)
            rewritten(member, into: &writer)
        }
        writer.endObject()
    case .array:
        writer.beginArray()
        for element in value.elements { rewritten(element, into: &writer) }
        writer.endArray()
    default: writer.raw(value.raw)
    }
}

func rewritten(_ value: JSONRef) -> [UInt8] {
    var writer = JSONWriter()
    rewritten(value, into: &writer)
    return writer.finish()
}

/// A small seeded generator (SplitMix64), so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
