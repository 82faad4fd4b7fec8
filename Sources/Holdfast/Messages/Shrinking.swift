import HoldfastBytes
import HoldfastLog

/// That visible messages were taken away on purpose, for programs that guess from older copies of a session whether
/// somebody wanted that.
package struct Shrinking: Sendable, Hashable {
    /// The record that took messages away last.
    package internal(set) var sequence: UInt64
    /// How many visible messages that left, in front of any that came later; `nil` when it put others in their place.
    package internal(set) var keptCount: Int?
    /// The record of the newest `clear`.
    package internal(set) var clearedBy: UInt64?
}

extension RecordContent {
    /// Whether the record may take visible messages away or set fields, by its kind; most do neither.
    var mayShrink: Bool {
        if patch != nil { return true }
        return switch change {
        case .append, .edit, .beginTurn, .delta, .router, .unpin: false
        case .create, .set, .cut, .clear, .replace, .compactMessages, .restore, .endTurn, .turns, .fork, .delete,
            .begin:
            true
        }
    }
}

extension Shrinking {
    /// The fields with which a caller keeps account of this by itself.
    private static let fields = [
        "truncation_watermark", "truncation_boundary", "clear_generation", "intentional_shrink_generation",
    ]

    /// What `change` does to it, which led from the one head to the other.
    static func after(_ change: Change, from old: SessionHead, to new: SessionHead) -> Shrinking? {
        if fields.contains(where: { old.fields[$0]?.rawValue != new.fields[$0]?.rawValue }) { return nil }
        var next = Shrinking(sequence: new.sequence, clearedBy: old.shrinking?.clearedBy)
        switch change {
        case .cut where new.messageCount < old.messageCount: next.keptCount = new.messageCount
        case .clear:
            next.keptCount = 0
            next.clearedBy = new.sequence
        case .replace(let messages), .compactMessages(let messages):
            guard messages.placement.contains(.visible), old.messageCount > 0 else { return old.shrinking }
        case .restore(let restore):
            guard var present = old.shrinking else { return nil }
            present.keptCount = present.keptCount.map { $0 + min(restore.count, new.messageCount - $0) }
            return present
        default: return old.shrinking
        }
        return next
    }

    func write(to writer: inout JSONWriter) {
        writer.object("shrunk") { writer in
            writer.member("sequence", sequence)
            if let keptCount { writer.member("kept", keptCount) }
            if let clearedBy { writer.member("cleared_by", clearedBy) }
        }
    }

    /// What ``write(to:)`` wrote into `root`; `nil` when that is nothing.
    init?(in root: JSONRef) throws(ContentError) {
        guard let member = root["shrunk"] else { return nil }
        let value = try JSONTree.parsed(Array(member.raw), detail: 1)
        sequence = try value.unsigned("sequence")
        keptCount = value["kept"] == nil ? nil : try value.count("kept")
        clearedBy = value["cleared_by"] == nil ? nil : try value.unsigned("cleared_by")
    }
}
