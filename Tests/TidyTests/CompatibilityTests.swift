import Testing

@Suite struct CompatibilityTests {
    /// The tests that docs/compatibility.md names: `Suite.test`, or a suite alone, in the last cell of a row.
    private func named(in page: SourceTree.File) -> [String] {
        page.text.split(separator: "\n").filter { $0.hasPrefix("| ") }.flatMap { row -> [String] in
            guard let cell = row.split(separator: "|").dropFirst().last(where: { $0.contains("`") }) else { return [] }
            return cell.matches(of: #/`([A-Z]\w*Tests(?:\.[^`]+)?)`/#).map { String($0.1) }
        }
    }

    @Test func `every test that the page names is there`() throws {
        let page = try #require(SourceTree.file("docs/compatibility.md"))
        let names = named(in: page)
        #expect(names.count > 70, "the rows end with the names of their tests")
        let missing = names.filter { name in
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            let files = SourceTree.tests.filter { $0.text.contains("struct \(parts[0])") }
            guard parts.count == 2 else { return files.isEmpty }
            return !files.contains { $0.text.contains("func \(parts[1])(") || $0.text.contains("func `\(parts[1])`(") }
        }
        #expect(missing.isEmpty, "name the test that there is, or write it")
    }
}
