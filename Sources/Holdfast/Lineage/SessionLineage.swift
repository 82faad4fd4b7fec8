import HoldfastBytes

/// What a session was made from.
public struct SessionLineage: Hashable, Sendable {
    /// How one session is made from another.
    public enum Kind: String, Sendable {
        /// It is the same conversation under a new id.
        case rotate
        case branch
        case duplicate
    }

    /// How it was made.
    public var kind: Kind
    /// The session that it was made from.
    public var parent: String
    /// The parent's last record at that time.
    public var sequence: UInt64
    /// How many messages at the front of the list are read in the parent.
    public var sharedMessages: Int
    /// The id that the conversation had before its first rotation.
    public var root: String?
}

extension SessionLineage {
    init(_ lineage: Lineage) {
        kind =
            switch lineage.kind {
            case .rotate: .rotate
            case .branch: .branch
            case .duplicate: .duplicate
            }
        parent = lineage.parent.text
        sequence = lineage.sequence
        sharedMessages = lineage.shared
        root = lineage.root?.text
    }

    /// Writes the member `lineage`.
    func write(to writer: inout JSONWriter) {
        writer.object("lineage") { writer in
            writer.member("kind", kind.rawValue)
            writer.member("parent", parent)
            writer.member("sequence", sequence)
            writer.member("shared", sharedMessages)
            if let root { writer.member("root", root) }
        }
    }
}
