import Testing

@Suite struct RequestFieldTests {
    /// Where the names of all fields stand, for errors that name one that no operation has.
    private static let page = "Sources/Holdfast/Protocol/RequestFields.swift"

    @Test func `the names of fields are those that operations take`() throws {
        let sources = SourceTree.sources.filter { $0.path.hasPrefix("Sources/Holdfast/") }
        // What takes a field out by its name, in RequestFields and with one.
        let takers = "fields\\.(?:value|string|unsigned|count|signed|bool|object|array|word)|[^.]take|try count"
        let taking = try Regex("(?:\(takers))\\(\"([a-z_]+)\"", as: (Substring, Substring).self)
        let taken = Set(sources.flatMap { file in file.text.matches(of: taking).map { String($0.1) } })
        let file = try #require(SourceTree.file(Self.page))
        let list = try #require(file.text.firstMatch(of: #/names: Set = \[([^\]]+)\]/#))
        let named = Set(list.1.matches(of: #/"([a-z_]+)"/#).map { String($0.1) })
        #expect(taken.count > 60)
        #expect(named == taken, "\(named.symmetricDifference(taken).sorted())")
    }
}
