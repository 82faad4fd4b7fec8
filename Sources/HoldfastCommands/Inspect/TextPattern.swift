import CPosix
import Glibc

/// What to look for: a text, or an extended regular expression of POSIX, byte by byte.
struct TextPattern: Sendable {
    private static let longest = 1000

    let text: String
    let isExpression: Bool
    let ignoresCase: Bool

    /// - Throws: when the pattern is empty, too long, no expression, or one that takes the C library too long.
    init(_ text: String, isExpression: Bool, ignoresCase: Bool = false) throws(CommandError) {
        self.text = text
        self.isExpression = isExpression
        self.ignoresCase = ignoresCase
        guard !text.isEmpty, text.utf8.count <= Self.longest, !text.utf8.contains(0) else {
            throw CommandError(.usage, "A pattern has 1 to \(Self.longest) bytes.")
        }
        if isExpression { try ExpressionSize(text).check() }
        _ = try TextMatcher(self)
    }
}

/// Finds a pattern. For one thread.
final class TextMatcher {
    private enum Method {
        case bytes([UInt8])
        case expression(UnsafeMutablePointer<regex_t>)
    }

    private let method: Method

    init(_ pattern: TextPattern) throws(CommandError) {
        if !pattern.isExpression, !pattern.ignoresCase {
            method = .bytes(Array(pattern.text.utf8))
            return
        }
        let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        let source = pattern.isExpression ? pattern.text : Self.escaped(pattern.text)
        let flags = REG_EXTENDED | REG_NEWLINE | (pattern.ignoresCase ? REG_ICASE : 0)
        guard regcomp(compiled, source, flags) == 0 else {
            compiled.deallocate()
            throw CommandError(.usage, "'\(pattern.text)' is no extended regular expression.")
        }
        method = .expression(compiled)
    }

    deinit {
        guard case .expression(let compiled) = method else { return }
        regfree(compiled)
        compiled.deallocate()
    }

    /// Where the pattern is first in `text`.
    func firstMatch(in text: [UInt8]) -> Range<Int>? {
        switch method {
        case .bytes(let wanted): Self.firstMatch(of: wanted, in: text)
        case .expression(let compiled): Self.firstMatch(of: compiled, in: text)
        }
    }

    private static func firstMatch(of wanted: [UInt8], in text: [UInt8]) -> Range<Int>? {
        text.withUnsafeBytes { view in
            guard let start = view.baseAddress,
                let place = holdfast_find(start, view.count, wanted, wanted.count)
            else { return nil }
            let offset = start.distance(to: place)
            return offset..<offset + wanted.count
        }
    }

    private static func firstMatch(of compiled: UnsafeMutablePointer<regex_t>, in text: [UInt8]) -> Range<Int>? {
        if text.isEmpty { return nil }
        // The C library is told the length; the address sanitizer, which stands before it, wants a zero besides.
        return (text + [0]).withUnsafeBytes { view in
            var match = regmatch_t(rm_so: 0, rm_eo: regoff_t(truncatingIfNeeded: text.count))
            let bytes = view.assumingMemoryBound(to: CChar.self).baseAddress
            let found = regexec(compiled, bytes, 1, &match, REG_STARTEND)
            return found == 0 ? Int(match.rm_so)..<Int(match.rm_eo) : nil
        }
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            if #".[]{}()*+?|^$\"#.contains(character) { escaped.append("\\") }
            escaped.append(character)
        }
        return escaped
    }
}
