import HoldfastBytes

/// Which sessions have which titles. Pure; everything takes constant time on average, but for what is asked about all
/// titles of one family.
///
/// A session that changes its title keeps the old one too until that is durable: a crash may bring it back.
struct TitleTable {
    /// A write that changes the title of its session.
    struct Change {
        var session: SessionID
        var old: String?
        var new: String?
    }

    private struct Holder {
        var title: String?
        /// The titles that it may have besides, as long as it is not durable that it has not.
        var others: [String] = []

        var titles: [String] { others + [title].compactMap(\.self) }
    }

    private var holders: [SessionID: Holder] = [:]
    /// The sessions of each title, by the title without its number.
    private var families: [String: [String: Set<SessionID>]] = [:]

    /// Adds a session.
    mutating func add(_ session: SessionID, _ title: String?) { put(session, Holder(title: title)) }

    /// Notes a change that is about to be made.
    mutating func note(_ change: Change) {
        var holder = holders[change.session] ?? Holder(title: change.old)
        if let title = holder.title { holder.others.append(title) }
        holder.title = change.new
        put(change.session, holder)
    }

    /// Notes that the change that was noted last for its session has not been made.
    mutating func undo(_ change: Change) {
        guard var holder = holders[change.session] else { return }
        holder.title = change.old
        if change.old != nil { _ = holder.others.popLast() }
        put(change.session, holder)
    }

    /// Notes that a change is durable.
    mutating func settle(_ change: Change) {
        // What was noted after it may take some time still.
        guard let holder = holders[change.session], holder.title == change.new else { return }
        put(change.session, Holder(title: holder.title))
    }

    /// Puts what `newer` was told of in the place of what is here.
    mutating func merge(_ newer: TitleTable) {
        for (session, holder) in newer.holders { put(session, holder) }
    }

    private mutating func put(_ session: SessionID, _ holder: Holder) {
        for title in holders[session]?.titles ?? [] { remove(session, from: title) }
        for title in holder.titles {
            families[Title.numbered(title).base, default: [:]][title, default: []].insert(session)
        }
        holders[session] = holder
    }

    private mutating func remove(_ session: SessionID, from title: String) {
        let base = Title.numbered(title).base
        families[base]?[title]?.remove(session)
        if families[base]?[title]?.isEmpty == true { families[base]?[title] = nil }
        if families[base]?.isEmpty == true { families[base] = nil }
    }
}

// What can be asked.
extension TitleTable {
    /// Who has `title`, or may have it, besides `session`.
    func holder(of title: String, besides session: SessionID) -> SessionID? {
        sessions(titled: title).subtracting([session]).min()
    }

    /// The titles that are `title` with any number, or without.
    func family(of title: String) -> some Sequence<String> { (families[Title.numbered(title).base] ?? [:]).keys }

    /// The session whose title is `title` with the highest number behind it, or else `title` itself.
    func newest(titled title: String) -> SessionID? {
        let numbered = families[title]?.keys.max { Title.numbered($0).number < Title.numbered($1).number }
        return sessions(titled: numbered ?? title).min()
    }

    private func sessions(titled title: String) -> Set<SessionID> {
        families[Title.numbered(title).base]?[title] ?? []
    }
}

extension TitleTable.Change {
    /// What `content`, folded into `old`, does to the title of the session; `nil` when that is nothing.
    init?(_ content: RecordContent, to session: SessionID, from old: SessionHead, to new: SessionHead) {
        guard content.patch != nil || content.change.concernsFields else { return nil }
        self.init(session: session, old: old.heldTitle, new: new.heldTitle)
        if self.old == self.new { return nil }
    }
}

extension Change {
    /// Whether the record may change the fields or the lineage, what its patch does left aside.
    fileprivate var concernsFields: Bool {
        switch self {
        case .create, .set, .delete, .fork, .begin: true
        default: false
        }
    }
}

extension SessionHead {
    /// The field `title`, when it is a text.
    var title: String? {
        let text = fields["title"].flatMap { try? JSONTree.parse($0.rawValue, detail: 0).root.string }
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The title that no other session may have. An id under which the conversation does not go on holds none.
    fileprivate var heldTitle: String? { rotatedTo == nil ? title : nil }
}

extension ListEntry {
    /// The title that no other session may have.
    var heldTitle: String? {
        guard !isRotated, let title, !title.isEmpty else { return nil }
        return title
    }
}
