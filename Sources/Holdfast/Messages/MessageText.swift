import HoldfastBytes

/// The little that the store reads out of messages: whose they are, and their text.
struct MessageText {
    /// How much of a message's text a preview shows, in Unicode scalars.
    static let previewCount = 40
    private let root: JSONRef?

    /// Takes a message that was checked before.
    init(_ message: [UInt8]) {
        root = try? JSONTree.parse(message, detail: 3, depthLimit: SessionLimits.documentDepth).root
    }

    /// Whether the message is the user's.
    var isUsers: Bool { root?.isUsersMessage ?? false }

    /// Whether `message`, which was checked before, is the user's.
    static func isUsers(_ message: some Sequence<UInt8>) -> Bool {
        let root = try? JSONTree.parse(Array(message), detail: 1, depthLimit: SessionLimits.documentDepth).root
        return root?.isUsersMessage ?? false
    }

    /// The text of `content`: itself when it is a string, the text parts of a list with a space between them, the
    /// spelling of anything else.
    var text: String {
        guard let content = root?["content"] else { return "" }
        switch content.kind {
        case .string: return content.string ?? ""
        case .array: return content.elements.compactMap(Self.text(ofPart:)).joined(separator: " ")
        case .null: return ""
        case .bool, .number, .object: return String(decoding: content.raw, as: UTF8.self)
        }
    }

    /// The beginning of the text.
    var preview: String {
        let text = text.unicodeScalars
        if text.count <= Self.previewCount { return String(text) }
        return String(text.prefix(Self.previewCount)) + "..."
    }

    private static func text(ofPart part: JSONRef) -> String? {
        guard part.kind == .object, part["type"]?.isString("text") ?? false else { return nil }
        return part["text"]?.string ?? ""
    }
}

extension JSONRef {
    /// Whether the value is a message whose `role` is `user`. Its tree must list the message's members.
    var isUsersMessage: Bool { self["role"]?.isString("user") ?? false }
}
