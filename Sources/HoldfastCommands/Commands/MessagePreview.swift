import HoldfastBytes

/// Who says what in a message, for one line of a terminal. Knows the common shapes and takes any other as it is.
struct MessagePreview: Equatable {
    /// Such as `user`.
    let role: String
    /// How the text begins.
    let text: String

    private static let longestText = 1000

    /// Reads `message`, an object: OpenAI's and Anthropic's shapes, and Claude Code's envelope around the latter.
    init(_ message: [UInt8]) {
        let whole = Self.whole(message, spelling: Self.longestText)
        role = Self.line(whole.role)
        text = Self.line(whole.text)
    }

    /// Role and text as they are; of a message of another shape at most `spelling` bytes of how it is spelled.
    static func whole(_ message: [UInt8], spelling: Int = .max) -> (role: String, text: String) {
        guard let root = try? JSONTree.parse(message, detail: 6, depthLimit: 1024).root else {
            return ("?", String(decoding: message.prefix(spelling), as: UTF8.self))
        }
        let inner = root["message"].flatMap { $0.kind == .object ? $0 : nil } ?? root
        let role = inner["role"]?.string ?? root["type"]?.string ?? "?"
        let calls = calls(inner["tool_calls"])
        let parts = [inner["content"].map(text) ?? "", calls].filter { !$0.isEmpty }
        let spelled = String(decoding: root.raw.prefix(spelling), as: UTF8.self)
        return (role, parts.isEmpty ? spelled : parts.joined(separator: " "))
    }

    private static func line(_ text: String) -> String {
        DisplayText.oneLine(String(text.unicodeScalars.prefix(longestText)))
    }

    private static func text(_ content: JSONRef) -> String {
        switch content.kind {
        case .string: content.string ?? ""
        case .array: content.elements.lazy.map(part).joined(separator: " ")
        case .null: ""
        default: String(decoding: content.raw.prefix(longestText), as: UTF8.self)
        }
    }

    private static func part(_ part: JSONRef) -> String {
        if let text = part.string ?? part["text"]?.string { return text }
        let kind = part["type"]?.string ?? "part"
        return part["name"]?.string.map { "[\(kind) \($0)]" } ?? "[\(kind)]"
    }

    private static func calls(_ calls: JSONRef?) -> String {
        guard let calls, calls.kind == .array else { return "" }
        let names = calls.elements.map { $0["function"]?["name"]?.string ?? $0["name"]?.string ?? "?" }
        return names.map { "[calls \($0)]" }.joined(separator: " ")
    }
}
