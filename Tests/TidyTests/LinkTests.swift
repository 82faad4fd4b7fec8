import Foundation
import Testing

@Suite struct LinkTests {
    @Test(arguments: SourceTree.pages)
    func `every link of a page leads somewhere`(_ page: SourceTree.File) {
        let broken = links(in: page.text).filter { !leadsSomewhere($0, from: page) }
        #expect(broken.isEmpty, "\(page) links to what is not there")
    }

    @Test func `every page is in the index of pages`() throws {
        let index = try #require(SourceTree.file("docs/README.md"))
        let known = Set(links(in: index.text).map { "docs/\($0)" })
        let pages = SourceTree.pages.map(\.path).filter { $0.hasPrefix("docs/") && $0 != index.path }
        #expect(Set(pages).subtracting(known).isEmpty, "name them in docs/README.md")
    }

    @Test func `links and anchors are found`() {
        #expect(links(in: "a [b](c.md#d) `[no](x.md)` [e](https://f) [g](#h)") == ["c.md#d", "#h"])
        #expect(anchors(in: "# One two, three\n## Four {#five}\n") == ["one-two-three", "five"])
    }

    /// The targets of the links in `text` that lead into this repository.
    private func links(in text: String) -> [String] {
        text.replacing(#/`[^`\n]*`/#, with: "").matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.1) }
            .filter { !$0.contains("://") && !$0.hasPrefix("mailto:") }
    }

    private func leadsSomewhere(_ link: String, from page: SourceTree.File) -> Bool {
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let folder = page.path.split(separator: "/").dropLast().joined(separator: "/")
        let target = parts[0].isEmpty ? page.path : "\(folder)/\(parts[0])"
        guard FileManager.default.fileExists(atPath: SourceTree.root.appending(path: target).path) else {
            return false
        }
        guard parts.count == 2, let file = SourceTree.file(target) else { return parts.count == 1 }
        return anchors(in: file.text).contains(parts[1])
    }

    /// What a link may name behind `#`: a heading's own anchor, or its words joined by hyphens.
    private func anchors(in text: String) -> [String] {
        text.matches(of: #/(?m)^#+ +(.*?)(?: *\{#([^}]+)\})?$/#).map { match in
            if let anchor = match.2 { return String(anchor) }
            let kept = match.1.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
            return kept.replacing(" ", with: "-")
        }
    }
}
