import HoldfastBytes

/// What a router of model requests computes from a request, without any state. Pure.
///
/// Names, constants and outputs are those of the package `session` of DOSRouter, byte for byte, so that a log of hashes
/// begun there can be continued here.
public enum Router {
    /// The header that names the session when the caller does not say which.
    public static let defaultHeaderName = "x-session-id"
    /// How many hashes of requests an entry remembers.
    public static let hashWindow = 3
    /// How many equal hashes in a row make a strike.
    public static let strikeThreshold = 2
    /// How many bytes of a request's content are hashed.
    public static let contentByteCount = 500
    /// A message of so many tokens makes its session worth a cache.
    public static let stickyMessageTokens = 3000
    /// Messages of so many tokens in all do, too.
    public static let stickyHistoryTokens = 5000

    /// The id of a session that is known by a text only, such as its first prompt: its SHA-256, 64 hexadecimal digits.
    public static func deriveSessionID(_ text: String) -> String { SHA256Digest.hex(Array(text.utf8)) }

    /// The hash by which equal requests are found: 32 hexadecimal digits.
    ///
    /// Of the content without white space around it, each run of the **letter s** counts as one space, and 500
    /// bytes count in all; the names of the tools are sorted. The letter is a slip of the program that this is
    /// compatible with, which meant white space; see ``hashRequestContentByWhitespace(_:tools:)``. Do not mix the
    /// two in one log.
    public static func hashRequestContent(_ content: String, tools: [String] = []) -> String {
        hash(Array(content.utf8), tools) { $0.first == UInt8(ascii: "s") ? 1 : 0 }
    }

    /// As ``hashRequestContent(_:tools:)`` was meant: each run of white space counts as one space.
    public static func hashRequestContentByWhitespace(_ content: String, tools: [String] = []) -> String {
        hash(Array(content.utf8), tools) { bytes in WhiteSpace.length(atStartOf: bytes) }
    }

    /// The provider in `model`: what is in front of the first `/`, and `default` when that is nothing.
    public static func providerFromModel(_ model: String) -> String {
        guard let slash = model.utf8.firstIndex(of: UInt8(ascii: "/")), slash > model.startIndex else {
            return "default"
        }
        return String(model[..<slash])
    }

    /// How long the provider keeps a prompt cache that is not used, in milliseconds.
    public static func cacheTTLForProvider(_ provider: String) -> UInt64 {
        ["vllm", "dosrouter"].contains(provider) ? 600_000 : 300_000
    }

    /// Whether requests with messages of these contents are worth keeping at the provider that has them cached.
    public static func shouldCacheSticky(_ contents: [String]) -> Bool {
        let byteCounts = contents.map(\.utf8.count)
        return byteCounts.contains { $0 / 3 >= stickyMessageTokens }
            || byteCounts.reduce(0, +) / 3 >= stickyHistoryTokens
    }

    /// The session's id in the `headers` of a request, or `""`: the first value of the header `name`.
    ///
    /// The keys of `headers` must be in canonical form (`X-Session-Id`), as HTTP libraries deliver them; `name`
    /// need not be. `""` stands for ``defaultHeaderName``; a name of one's own never falls back to that.
    public static func getSessionID(headers: [String: [String]], name: String = "") -> String {
        headers[canonicalHeader(name.isEmpty ? defaultHeaderName : name)]?.first ?? ""
    }
}

extension Router {
    /// The hash of `content` in which each run of what `length` finds counts as one space.
    private static func hash(
        _ content: [UInt8], _ tools: [String], _ length: (ArraySlice<UInt8>) -> Int
    ) -> String {
        var text = spaced(WhiteSpace.trimmed(content), length)
        if text.count > contentByteCount { text.removeSubrange(contentByteCount...) }
        if !tools.isEmpty {
            let names = tools.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
            text += "|tools:".utf8
            text += names.joined(separator: [UInt8(ascii: ",")])
        }
        return String(SHA256Digest.hex(text).prefix(32))
    }

    private static func spaced(_ text: ArraySlice<UInt8>, _ length: (ArraySlice<UInt8>) -> Int) -> [UInt8] {
        var output: [UInt8] = []
        var rest = text
        var isInRun = false
        // What lies far behind the bytes that count cannot change them.
        while let byte = rest.first, output.count <= contentByteCount {
            let run = length(rest)
            if run == 0 { output.append(byte) } else if !isInRun { output.append(UInt8(ascii: " ")) }
            isInRun = run > 0
            rest = rest.dropFirst(max(1, run))
        }
        return output
    }

    /// `name` with a capital after each hyphen and small letters elsewhere; as it is when it is no header's name.
    private static func canonicalHeader(_ name: String) -> String {
        let marks = Array("!#$%&'*+-.^_`|~".utf8)
        func isToken(_ byte: UInt8) -> Bool { isLetter(byte) || (48...57).contains(byte) || marks.contains(byte) }
        guard name.utf8.allSatisfy(isToken) else { return name }
        var atStart = true
        let bytes = name.utf8.map { byte in
            defer { atStart = byte == UInt8(ascii: "-") }
            return isLetter(byte) ? (atStart ? byte & ~0x20 : byte | 0x20) : byte
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 0x20) }
}

/// Unicode's White_Space, found in UTF-8 byte by byte.
private enum WhiteSpace {
    /// `text` without white space at its ends.
    static func trimmed(_ text: [UInt8]) -> ArraySlice<UInt8> {
        var rest = text[...]
        while case let length = length(atStartOf: rest), length > 0 { rest = rest.dropFirst(length) }
        while case let length = length(atEndOf: rest), length > 0 { rest = rest.dropLast(length) }
        return rest
    }

    /// How many bytes the white space character has that `text` begins with; 0 when that is none.
    static func length(atStartOf text: ArraySlice<UInt8>) -> Int {
        (1...3).first { text.count >= $0 && isOne(text.prefix($0)) } ?? 0
    }

    /// As above, for the end. No character's bytes are the end of another's.
    private static func length(atEndOf text: ArraySlice<UInt8>) -> Int {
        (1...3).first { text.count >= $0 && isOne(text.suffix($0)) } ?? 0
    }

    private static func isOne(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = bytes.startIndex
        switch bytes.count {
        case 1: return (0x09...0x0D).contains(bytes[start]) || bytes[start] == 0x20
        case 2: return bytes[start] == 0xC2 && [0x85, 0xA0].contains(bytes[start + 1])
        default:
            switch (bytes[start], bytes[start + 1], bytes[start + 2]) {
            case (0xE1, 0x9A, 0x80), (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80): return true
            case (0xE2, 0x80, let last): return (0x80...0x8A).contains(last) || [0xA8, 0xA9, 0xAF].contains(last)
            default: return false
            }
        }
    }
}
