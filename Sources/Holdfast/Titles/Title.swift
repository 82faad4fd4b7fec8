/// The rules for the titles of sessions. Pure.
public enum Title {
    /// The title of a session that has none.
    public static let untitled = "Untitled"
    /// The longest title that ``displayed(_:)`` gives, in code points.
    public static let displayedLength = 80
    /// The longest title that ``sanitized(_:)`` takes, in code points.
    public static let sanitizedLength = 100

    /// `text` as a title to show: without whitespace around it, cut to 80 code points, `Untitled` when nothing is left.
    public static func displayed(_ text: String) -> String {
        let cut = String(String.UnicodeScalarView(trimmed(text.unicodeScalars).prefix(displayedLength)))
        return cut.isEmpty ? untitled : cut
    }

    /// Whether a person chose `title`, and no program did for want of a better one.
    public static func isManual(_ title: String) -> Bool {
        !["untitled", "new chat"].contains(title.lowercased())
    }

    /// `text` as a title that people can tell from others: without invisible and control characters, each run of
    /// whitespace one space, none around it; `nil` when nothing is left.
    ///
    /// - Throws: `bad_request` when more than 100 code points are left.
    public static func sanitized(_ text: String) throws(HoldfastError) -> String? {
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !isRemoved(scalar.value) {
            if scalar.properties.isWhitespace {
                if clean.last != " " { clean.append(" ") }
            } else {
                clean.append(scalar)
            }
        }
        let title = String(String.UnicodeScalarView(trimmed(clean)))
        let length = title.unicodeScalars.count
        guard length <= sanitizedLength else {
            throw HoldfastError(.badRequest, "Title too long (\(length) chars, max \(sanitizedLength))")
        }
        return title.isEmpty ? nil : title
    }

    /// The title that continues `title` when `taken` are those of all other sessions: `trip`, `trip #2`, `trip #3`.
    public static func next(after title: String, taken: some Sequence<String>) -> String {
        let (base, _) = numbered(title)
        var highest = 0
        for other in taken {
            let (otherBase, number) = numbered(other)
            if otherBase == base { highest = max(highest, number) }
        }
        return highest == 0 ? base : "\(base) #\(highest + 1)"
    }

    /// A title without its number, and the number: 1 when it has none.
    static func numbered(_ title: String) -> (base: String, number: Int) {
        guard let mark = title.lastIndex(of: "#"), mark > title.startIndex else { return (title, 1) }
        let digits = title[title.index(after: mark)...]
        let before = title.index(before: mark)
        guard title[before] == " ", before > title.startIndex, let number = Int(digits), number > 0,
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return (title, 1) }
        return (String(title[..<before]), number)
    }

    private static func trimmed(_ text: some BidirectionalCollection<Unicode.Scalar>) -> [Unicode.Scalar] {
        let front = text.drop { $0.properties.isWhitespace }
        let end = front.lastIndex { !$0.properties.isWhitespace }
        return end.map { Array(front[...$0]) } ?? []
    }

    /// Characters that cannot be seen, or that change what others look like.
    private static func isRemoved(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x00...0x08, 0x0B, 0x0C, 0x0E...0x1F, 0x7F: true
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}
