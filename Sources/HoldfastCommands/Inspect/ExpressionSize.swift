/// How large an extended regular expression gets in the C library, which writes out what braces repeat: one of twenty
/// characters can take all memory. Pure.
struct ExpressionSize {
    /// What is used of it: the library's time and memory grow with the square.
    static let limit = 2_000

    private let text: String
    /// Characters and groups, written out; larger numbers count as a bit more than ``limit``.
    private(set) var count = 0
    /// Whether a part must be what an earlier one was, which POSIX does not know and which takes exponential time.
    private(set) var hasBackReference = false

    init(_ text: String) {
        self.text = text
        measure(Array(text.utf8))
    }

    /// - Throws: a sentence for people.
    func check() throws(CommandError) {
        guard !hasBackReference else {
            throw CommandError(
                .usage, "'\(text)' has a back-reference, which extended regular expressions do not have.")
        }
        guard count <= Self.limit else {
            throw CommandError(
                .usage, "'\(text)' repeats too much: written out it has more than \(Self.limit) characters.")
        }
    }

    private mutating func measure(_ bytes: [UInt8]) {
        // For each group that is open: what is before its last part, and that part.
        var open = [(count: 0, last: 0)]
        func add(_ part: Int) {
            let top = open.count - 1
            open[top] = (min(open[top].count + open[top].last, Self.limit + 1), part)
        }
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"):
                let next = rest.popFirst()
                if let next, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(next) { hasBackReference = true }
                add(1)
            case UInt8(ascii: "["):
                Self.skipBracket(&rest)
                add(1)
            case UInt8(ascii: "("): open.append((0, 0))
            case UInt8(ascii: ")") where open.count > 1:
                let group = open.removeLast()
                add(group.count + group.last + 1)
            case UInt8(ascii: "*"), UInt8(ascii: "?"): open[open.count - 1].last += 1
            // The library makes 'xx*' of it, and so twice as much with each one that follows.
            case UInt8(ascii: "+"): open[open.count - 1].last = min(open[open.count - 1].last * 2 + 1, Self.limit + 1)
            case UInt8(ascii: "{"):
                guard let times = Self.times(&rest) else {
                    add(1)
                    continue
                }
                open[open.count - 1].last = min(max(1, open[open.count - 1].last) * times, Self.limit + 1)
            default: add(1)
            }
        }
        count = open.reduce(0) { $0 + $1.count + $1.last }
    }

    /// Leaves out the rest of a bracket expression, in which `[:digit:]` and the like have a bracket of their own.
    private static func skipBracket(_ rest: inout ArraySlice<UInt8>) {
        if rest.first == UInt8(ascii: "^") { rest.removeFirst() }
        if rest.first == UInt8(ascii: "]") { rest.removeFirst() }
        while let byte = rest.popFirst(), byte != UInt8(ascii: "]") {
            guard byte == UInt8(ascii: "["), let kind = rest.first, ":.=".utf8.contains(kind) else { continue }
            rest.removeFirst()
            while let inner = rest.popFirst(), !(inner == kind && rest.first == UInt8(ascii: "]")) {}
            rest = rest.dropFirst()
        }
    }

    /// The larger number in a pair of braces, at least 1; `nil` when there is something else in them.
    private static func times(_ rest: inout ArraySlice<UInt8>) -> Int? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "}")),
            rest[..<end].allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ",") })
        else { return nil }
        let numbers = rest[..<end].split(separator: UInt8(ascii: ",")).map { digits in
            digits.reduce(0) { min($0 * 10 + Int($1) - 48, limit + 1) }
        }
        rest = rest[(end + 1)...]
        return max(1, numbers.max() ?? 1)
    }
}
