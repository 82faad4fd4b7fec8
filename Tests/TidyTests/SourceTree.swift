import Foundation

/// The files of this repository, as these tests read them.
enum SourceTree {
    /// One text file.
    struct File: Sendable, CustomStringConvertible {
        /// Where it is, from the top of the repository.
        let path: String
        let text: String

        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        var description: String { path }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every file below `folders` whose name ends in one of `endings`, in the order of their paths.
    static func files(in folders: [String], _ endings: String...) -> [File] {
        let paths = folders.flatMap { folder in
            (try? FileManager.default.subpathsOfDirectory(
                atPath: root.appending(path: folder).resolvingSymlinksInPath().path))?
                .map { "\(folder)/\($0)" } ?? []
        }
        return paths.filter { path in endings.contains { path.hasSuffix($0) } }.sorted().compactMap(file)
    }

    /// The file at `path`; `nil` when there is none.
    static func file(_ path: String) -> File? {
        let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8)
        return text.map { File(path: path, text: $0) }
    }

    static let sources = files(in: ["Sources"], ".swift")
    static let tests = files(in: ["Tests"], ".swift")
    static let pages = (file("README.md").map { [$0] } ?? []) + files(in: ["docs"], ".md")
}

/// Lines of a file, numbered as editors do.
struct Place: CustomStringConvertible {
    let path: String
    let line: Int
    let text: String

    var description: String { "\(path):\(line): \(text)" }
}

extension SourceTree.File {
    /// The lines that `matches` accepts.
    func places(where matches: (Substring) -> Bool) -> [Place] {
        lines.enumerated().filter { matches($0.element) }
            .map {
                Place(
                    path: path, line: $0.offset + 1, text: $0.element.trimmingPrefix { $0 == " " }.description
                )
            }
    }
}

extension Substring {
    /// The line without its comment and without the content of its string literals.
    var code: String {
        let (quote, slash, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "\\"))
        var code: [UInt8] = []
        var isQuoted = false
        var previous: UInt8 = 0
        for byte in utf8 {
            if byte == quote, previous != backslash { isQuoted.toggle() }
            if !isQuoted, byte == slash, previous == slash {
                return String(decoding: code.dropLast(), as: UTF8.self)
            }
            if !isQuoted || byte == quote { code.append(byte) }
            previous = byte
        }
        return String(decoding: code, as: UTF8.self)
    }
}
