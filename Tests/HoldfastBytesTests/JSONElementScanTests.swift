import HoldfastBytes
import Testing

/// The scan, which looks at 64 bytes at once, against one that looks at one.
struct JSONElementScanTests {
    /// The bytes that mean something, and such that differ from them in one bit.
    private static let alphabet = Array("\"\"\\\\{}[],, a;|\u{C}\n".utf8)

    @Test(arguments: 0..<200)
    func anyTextInAnyPiecesIsSplitAsByteByByte(seed: UInt64) {
        var random = Seeded(state: seed)
        let length = Int.random(in: 0...300, using: &random)
        // Long runs of one byte, so that series of backslashes and strings cross the 64 bytes.
        var text: [UInt8] = []
        while text.count < length {
            let byte = Self.alphabet.randomElement(using: &random) ?? 0
            text += repeatElement(byte, count: Bool.random(using: &random) ? 1 : Int.random(in: 1...70, using: &random))
        }
        let expected = Self.ends(text)
        for _ in 0..<20 {
            let cuts = (0..<3).map { _ in Int.random(in: 0...text.count, using: &random) }.sorted()
            #expect(Self.ends(text, cuts) == expected, "\(String(decoding: text, as: UTF8.self)) cut at \(cuts)")
        }
    }

    @Test func stringsHideWhatIsInThem() {
        let text = Array(#"{"a":"],[\"{\\","b":[1,{}]},"x,y" ,3]"#.utf8)
        #expect(Self.ends(text, []) == [text.count - 10, text.count - 3, text.count - 1])
    }

    /// Where elements end, by the scan, in the pieces between `cuts`.
    private static func ends(_ text: [UInt8], _ cuts: [Int]) -> [Int] {
        var scan = JSONElementScan()
        var found: [Int] = []
        for (start, end) in zip([0] + cuts, cuts + [text.count]) {
            text[start..<end].withBytes { piece in
                var next = 0
                while !scan.isAtEnd, let place = scan.elementEnd(in: piece, from: next) {
                    found.append(start + place)
                    next = place + 1
                }
            }
        }
        return found
    }

    /// The same, byte by byte.
    private static func ends(_ text: [UInt8]) -> [Int] {
        var (found, depth, isInString, isEscaped) = ([Int](), 0, false, false)
        for (index, byte) in text.enumerated() {
            let wasEscaped = isEscaped
            isEscaped = byte == UInt8(ascii: "\\") && !wasEscaped
            if byte == UInt8(ascii: "\""), !wasEscaped { isInString.toggle() }
            if isInString { continue }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth < 0 { return found + [index] }
            case UInt8(ascii: ","): if depth == 0 { found.append(index) }
            default: break
            }
        }
        return found
    }
}
