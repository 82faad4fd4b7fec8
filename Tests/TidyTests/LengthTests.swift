import Testing

@Suite struct LengthTests {
    @Test(arguments: SourceTree.sources)
    func `a source file has at most 500 lines`(_ file: SourceTree.File) {
        #expect(file.lines.count <= 501, "split \(file) by what its parts do")
    }

    @Test(arguments: SourceTree.tests)
    func `a test file has at most 800 lines`(_ file: SourceTree.File) {
        #expect(file.lines.count <= 801)
    }

    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func `a line has at most 120 columns`(_ file: SourceTree.File) {
        let long = file.places { $0.utf8.count > 120 && $0.count > 120 }
        #expect(long.isEmpty)
    }

    @Test(arguments: SourceTree.sources)
    func `a function has at most 70 lines`(_ file: SourceTree.File) {
        let long = functions(in: file.lines).filter { $0.length > 70 }
            .map { "\(file):\($0.line): \($0.length) lines" }
        #expect(long.isEmpty, "aim at 20")
    }

    @Test func `the ruler measures functions`() {
        let text = """
            struct A {
                func short() { one() }

                func long(
                    argument: Int
                ) {
                    two()

                    three()
                }

                var x: Int { 3 }
            }
            """
        let lengths = functions(in: text.split(separator: "\n", omittingEmptySubsequences: false)).map(
            \.length)
        #expect(lengths == [1, 7])
    }

    /// The functions in `lines`, which swift-format has indented: each ends with a brace in its own first column.
    private func functions(in lines: [Substring]) -> [(line: Int, length: Int)] {
        lines.indices.compactMap { first in
            let mayBegin = Self.words.contains { lines[first].contains($0) }
            guard mayBegin, lines[first].contains(Self.beginning) else { return nil }
            return (line: first + 1, length: length(of: lines[first...]))
        }
    }

    /// The lines of the function that `lines` begin with; 1 for one without a body.
    private func length(of lines: ArraySlice<Substring>) -> Int {
        let column = indentation(lines[lines.startIndex])
        for index in lines.indices.dropFirst() where !lines[index].isEmpty {
            let line = lines[index].drop { $0 == " " }
            if indentation(lines[index]) > column || line.hasPrefix(")") || line.hasPrefix("{") { continue }
            let isEnd = indentation(lines[index]) == column && line.hasPrefix("}")
            return isEnd ? index - lines.startIndex + 1 : 1
        }
        return 1
    }

    private func indentation(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }

    /// What a line that begins a function has in it; looked for first, as the regular expression is slow.
    private static let words = ["func ", "init", "subscript"]

    private static var beginning: Regex<Substring> {
        #/^ *(?:(?:@\w+|[a-z]+(?:\(set\))?) +)*(?:func |init[?(<]|deinit|subscript)/#
    }
}
