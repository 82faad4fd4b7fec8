@testable import HoldfastCommands
import Testing

struct LineSplitterTests {
    private func lines(_ text: String, limit: Int, pieces: Int) -> [LineSplitter.Line] {
        var lines: [LineSplitter.Line] = []
        var splitter = LineSplitter(limit: limit)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            Array(rest.prefix(pieces)).withUnsafeBytes { piece in splitter.take(piece) { lines.append($0) } }
            rest = rest.dropFirst(pieces)
        }
        splitter.finish { lines.append($0) }
        return lines
    }

    @Test(arguments: [1, 2, 3, 5, 100])
    func linesComeOutTheSameHoweverTheStreamIsCut(pieces: Int) {
        let whole = { (text: String) in LineSplitter.Line.whole(Array(text.utf8)) }
        #expect(lines("ab\n\ncd\r\nlast", limit: 4, pieces: pieces) == ["ab", "", "cd\r", "last"].map(whole))
        #expect(lines("ab\n", limit: 4, pieces: pieces) == [whole("ab")])
        #expect(lines("", limit: 4, pieces: pieces).isEmpty)
        #expect(
            lines("12345678\nok\n12345\n1234", limit: 4, pieces: pieces)
                == [.tooLong(byteCount: 8), whole("ok"), .tooLong(byteCount: 5), whole("1234")])
        #expect(lines("123456789", limit: 4, pieces: pieces) == [.tooLong(byteCount: 9)])
    }
}
