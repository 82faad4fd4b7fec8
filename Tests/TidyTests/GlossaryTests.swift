import Testing

@Suite struct GlossaryTests {
    /// The terms of docs/glossary.md: the bold word that begins a row.
    private func terms(in glossary: SourceTree.File) -> [String] {
        glossary.text.matches(of: #/(?m)^\| \*\*([^*]+)\*\* \|/#).map { String($0.1) }
    }

    @Test func `every word of the glossary is used`() throws {
        let glossary = try #require(SourceTree.file("docs/glossary.md"))
        let terms = terms(in: glossary)
        #expect(terms.count > 20, "the rows of the glossary begin with '| **word** |'")
        let readers = SourceTree.sources + SourceTree.pages.filter { $0.path != glossary.path }
        let text = readers.map { $0.text.lowercased() }.joined(separator: "\n")
        let unused = terms.filter { !text.contains($0.lowercased()) }
        #expect(unused.isEmpty, "drop them from the glossary, or use them")
    }

    @Test func `every word is there once, in order`() throws {
        let terms = terms(in: try #require(SourceTree.file("docs/glossary.md")))
        #expect(terms == Set(terms).sorted())
    }
}
