import HoldfastBytes
import HoldfastLog

/// A session as lists know it: what filters, orders and titles ask of its row.
///
/// Small, because a store has one for each of its sessions: the row itself stays in the index, and what many
/// sessions have in common is there once.
struct ListEntry {
    let session: SessionID
    let createdAt: Milliseconds
    let updatedAt: Milliseconds
    /// When the newest message was added, or else the session was used last.
    let latestAt: Milliseconds
    let title: String?
    /// The number of its ``SessionOrigin``.
    var origin: UInt32
    private let flags: Flags

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let archived = Flags(rawValue: 1)
        static let pinned = Flags(rawValue: 2)
        static let rotated = Flags(rawValue: 4)
        static let pending = Flags(rawValue: 8)
    }

    /// `nil` for the row of a session that was deleted.
    init?(_ session: SessionID, _ listed: ListedRow, _ origins: inout SessionOrigins) {
        if listed.isDeleted { return nil }
        let (summary, fields) = (listed.summary, listed.root["fields"])
        self.session = session
        createdAt = summary.createdAt
        updatedAt = summary.updatedAt
        latestAt = summary.lastMessageAt ?? summary.updatedAt
        title = fields?["title"]?.text
        origin = origins.number(
            of: SessionOrigin(
                source: fields?["source"]?.text ?? fields?["session_source"]?.text,
                project: fields?["project_id"]?.text,
                profile: fields?["profile"]?.text ?? fields?["profile_name"]?.text,
                parent: listed.root["lineage"]?["parent"]?.text ?? fields?["parent_session_id"]?.text))
        var flags: Flags = []
        if fields?.flag("archived") ?? false { flags.insert(.archived) }
        if fields?.flag("pinned") ?? false { flags.insert(.pinned) }
        if listed.root["rotated_to"] != nil { flags.insert(.rotated) }
        if listed.turn != nil || listed.queued > 0 { flags.insert(.pending) }
        self.flags = flags
    }

    var isArchived: Bool { flags.contains(.archived) }
    var isPinned: Bool { flags.contains(.pinned) }
    /// Whether the conversation goes on under another id.
    var isRotated: Bool { flags.contains(.rotated) }
    /// Whether something of the session waits to be done.
    var isPending: Bool { flags.contains(.pending) }
}

/// Where a session comes from.
struct SessionOrigin: Hashable {
    var source: String?
    var project: String?
    var profile: String?
    var parent: String?
}

/// The origins that sessions have, each of them once: many sessions have the same.
struct SessionOrigins {
    /// By number.
    private(set) var all: [SessionOrigin] = []
    private var numbers: [SessionOrigin: UInt32] = [:]

    /// The number of `origin`, which is kept.
    mutating func number(of origin: SessionOrigin) -> UInt32 {
        if let known = numbers[origin] { return known }
        let new = UInt32(all.count)
        numbers[origin] = new
        all.append(origin)
        return new
    }
}

extension JSONRef {
    /// Whether the member `name` is true, or a number that stands for it.
    fileprivate func flag(_ name: String) -> Bool {
        guard let value = self[name] else { return false }
        return value.bool ?? (value.int.map { $0 != 0 } ?? false)
    }
}
