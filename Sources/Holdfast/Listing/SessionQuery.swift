import HoldfastBytes

/// Which sessions to list, and in what order. What is `nil` is not asked for.
///
/// Answered from the rows of the index and from what is ready in memory: no session is read. Fields longer than 1 KiB
/// are not in rows and match nothing.
public struct SessionQuery: Hashable, Sendable {
    /// In what order sessions are listed. Those of one time are in the byte order of their ids.
    public enum Order: String, Sendable, CaseIterable {
        /// In the byte order of their ids.
        case id
        /// The one used last first.
        case updated
        /// The newest first.
        case created
        /// The pinned ones first; among them, and among the others, the one with the newest message.
        case sidebar
    }

    /// The field `source`, or `session_source` where there is none.
    public var source: String?
    /// The field `project_id`.
    public var project: String?
    /// The field `profile`, or `profile_name` where there is none.
    public var profile: String?
    /// The session that it was made from, or its field `parent_session_id`.
    public var parent: String?
    /// A part of its title, whatever the case of its letters.
    public var title: String?
    /// Whether the field `archived` is true.
    public var archived: Bool?
    /// Whether the field `pinned` is true.
    public var pinned: Bool?
    /// Whether the conversation goes on under another id.
    public var rotated: Bool?
    /// Used at this time or later, in milliseconds since 1970.
    public var updatedFrom: UInt64?
    /// Used before this time.
    public var updatedBefore: UInt64?
    /// Whether a turn must be open or messages queued.
    public var pendingOnly = false
    /// The order.
    public var order = Order.id

    /// All sessions, in the order of their ids.
    public init() {}
}

/// A session's place in a list.
struct ListPlace: Comparable {
    /// Smaller is earlier.
    var rank: UInt64
    var session: SessionID

    static func < (a: ListPlace, b: ListPlace) -> Bool {
        a.rank == b.rank ? a.session < b.session : a.rank < b.rank
    }
}

extension SessionQuery {
    private static let notPinned: UInt64 = 1 << 63

    /// The place of `entry`.
    func place(of entry: ListEntry) -> ListPlace {
        // The newest first: a later time is a smaller number.
        let latest = Self.notPinned - 1
        let rank: UInt64 =
            switch order {
            case .id: 0
            case .updated: latest - min(latest, entry.updatedAt)
            case .created: latest - min(latest, entry.createdAt)
            case .sidebar:
                (entry.isPinned ? 0 : Self.notPinned)
                    + latest - min(latest, entry.latestAt)
            }
        return ListPlace(rank: rank, session: entry.session)
    }

    /// The cursor that stands for `place`.
    func cursor(_ place: ListPlace) -> String {
        order == .id ? place.session.text : "\(place.rank)/\(place.session.text)"
    }

    /// The place that `cursor` stands for.
    func place(_ cursor: String) throws(HoldfastError) -> ListPlace {
        if order == .id { return ListPlace(rank: 0, session: try HoldfastStore.sessionID(cursor)) }
        guard let slash = cursor.firstIndex(of: "/"), let rank = UInt64(cursor[..<slash]),
            let session = SessionID(String(cursor[cursor.index(after: slash)...]))
        else { throw HoldfastError(.badRequest, "'after' is not the 'next' of a page in this order") }
        return ListPlace(rank: rank, session: session)
    }

    /// Tells which entries of a table with these `origins` are asked for. Made once for many of them.
    func filter(_ origins: SessionOrigins) -> (ListEntry) -> Bool {
        let isWanted = origins.all.map { origin in
            [(source, origin.source), (project, origin.project), (profile, origin.profile), (parent, origin.parent)]
                .allSatisfy { wanted, found in wanted == nil || wanted == found }
        }
        let part = title.map(Self.folded)
        return { entry in
            if pendingOnly, !entry.isPending { return false }
            if let updatedFrom, entry.updatedAt < updatedFrom { return false }
            if let updatedBefore, entry.updatedAt >= updatedBefore { return false }
            if let archived, entry.isArchived != archived { return false }
            if let pinned, entry.isPinned != pinned { return false }
            if let rotated, entry.isRotated != rotated { return false }
            if !isWanted[Int(entry.origin)] { return false }
            if let part, !Self.has(entry.title, part) { return false }
            return true
        }
    }

    /// Whether there is a `title` and `part` is in it.
    private static func has(_ title: String?, _ part: [UInt8]) -> Bool {
        title.map { folded($0).withBytes { title in part.withBytes(title.contains) } } ?? false
    }

    /// `text` as titles are compared with it.
    private static func folded(_ text: String) -> [UInt8] { Array(text.lowercased().utf8) }
}
