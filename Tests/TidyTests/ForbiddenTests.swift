import Testing

/// What no source file may hold, and what to write instead.
private struct Forbidden: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let instead: String
    /// Whether a line without comments and string contents has it.
    let isIn: @Sendable (String) -> Bool
    /// Whether a file may have it all the same.
    var isExempt: @Sendable (String) -> Bool = { _ in false }
    /// A line that has it, to try `isIn` on.
    let example: String
}

private let forbidden: [Forbidden] = [
    Forbidden(
        testDescription: "print(", instead: "give the text to the Console of HoldfastCommands",
        isIn: { $0.contains(#/\b(debugP|p)rint\(/#) },
        isExempt: { path in
            ["HoldfastCommands/Console/", "holdfast/", "holdfast-bench/", "holdfast-torture/"].contains {
                path.hasPrefix("Sources/\($0)")
            }
        },
        example: "    print(1)"),
    Forbidden(
        testDescription: "try!", instead: "throw, or catch and say why it cannot happen",
        isIn: { $0.contains("try!") }, example: "let x = try! f()"),
    Forbidden(
        testDescription: "a forced unwrap", instead: "guard let … else { preconditionFailure(why) }",
        isIn: { $0.contains(#/[\w)\]]!(?!=)/#) }, example: "let x = y[0]!.z"),
    Forbidden(
        testDescription: "Foundation", instead: "use Glibc and Synchronization",
        isIn: { $0.contains(#/import Foundation/#) }, example: "import FoundationEssentials"),
    Forbidden(
        testDescription: "@_exported", instead: "import where it is used",
        isIn: { $0.contains("@_exported") }, example: "@_exported import Glibc"),
]

@Suite struct ForbiddenTests {
    @Test(arguments: forbidden)
    fileprivate func `no source file holds`(_ rule: Forbidden) {
        let places = SourceTree.sources.filter { !rule.isExempt($0.path) }
            .flatMap { $0.places { rule.isIn($0.code) } }
        #expect(places.isEmpty, "\(rule.instead)")
    }

    @Test(arguments: forbidden)
    fileprivate func `the rule finds its example`(_ rule: Forbidden) {
        #expect(rule.isIn(Substring(rule.example).code))
        #expect(!rule.isIn(Substring("f(\"\(rule.example)\")  // \(rule.example)").code))
    }

    @Test func `nothing is left to do later`() {
        // Spelled in halves, or this file would find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
        let places = (SourceTree.sources + SourceTree.tests + SourceTree.pages)
            .flatMap { $0.places { line in marks.contains { line.contains($0) } } }
        #expect(places.isEmpty, "do it, or say in docs/testing.md or an issue what is missing")
    }
}
