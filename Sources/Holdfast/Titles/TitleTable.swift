import HoldfastBytes

/// Which sessions have which titles. Pure; everything takes constant time on average, but for what is asked about all
/// titles of one family.
///
/// A session that changes its title keeps the old one too until that is durable: a crash may bring it back.
struct TitleTable {
    /// What a title is to its session.
    struct Entry: Equatable {
        var title: String?
        /// The id that the conversation had at first. Sessions of one conversation may have the same title.
        var conversation: SessionID
        /// Whether the conversation goes on under another id.
        var isRotated = false
    }

    /// A write that changes what a title is to its session.
    struct Change {
        var session: SessionID
        var old: Entry
        var new: Entry
    }

    private struct Holder {
        var entry: Entry
        /// The titles that it may have besides, as long as it is not durable that it has not.
        var others: [String] = []

        var titles: [String] { others + [entry.title].compactMap(\.self) }
    }

    private var holders: [SessionID: Holder] = [:]
    /// The sessions of each title, by the title without its number.
    private var families: [String: [String: Set<SessionID>]] = [:]

    /// Adds a session.
    mutating func add(_ session: SessionID, _ entry: Entry) { put(session, Holder(entry: entry)) }

    /// Notes a change that is about to be made.
    mutating func note(_ change: Change) {
        var holder = holders[change.session] ?? Holder(entry: change.old)
        if let title = holder.entry.title { holder.others.append(title) }
        holder.entry = change.new
        put(change.session, holder)
    }

    /// Notes that the change that was noted last for its session has not been made.
    mutating func undo(_ change: Change) {
        guard var holder = holders[change.session] else { return }
        holder.entry = change.old
        if change.old.title != nil { _ = holder.others.popLast() }
        put(change.session, holder)
    }

    /// Notes that a change is durable.
    mutating func settle(_ change: Change) {
        // What was noted after it may take some time still.
        guard let holder = holders[change.session], holder.entry == change.new else { return }
        put(change.session, Holder(entry: holder.entry))
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
    /// Who has `title`, or may have it, outside of `conversation`.
    func holder(of title: String, outside conversation: SessionID) -> SessionID? {
        sessions(titled: title).filter { holders[$0]?.entry.conversation != conversation }.min()
    }

    /// The titles that are `title` with any number, or without.
    func family(of title: String) -> some Sequence<String> { (families[Title.numbered(title).base] ?? [:]).keys }

    /// The session whose title is `title` with the highest number behind it, or else `title` itself; of several the one
    /// that goes on.
    func newest(titled title: String) -> SessionID? {
        let numbered = families[title]?.keys.max { Title.numbered($0).number < Title.numbered($1).number }
        return sessions(titled: numbered ?? title).min { a, b in
            let (first, second) = (holders[a]?.entry.isRotated == true, holders[b]?.entry.isRotated == true)
            return first == second ? a < b : second
        }
    }

    private func sessions(titled title: String) -> Set<SessionID> {
        families[Title.numbered(title).base]?[title] ?? []
    }
}

extension TitleTable.Change {
    /// What `content`, folded into `old`, does to the title of the session; `nil` when that is nothing.
    init?(_ content: RecordContent, to session: SessionID, from old: SessionHead, to new: SessionHead) {
        guard content.patch != nil || content.change.concernsFields else { return nil }
        self.init(session: session, old: old.titleEntry(session), new: new.titleEntry(session))
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

    /// What the title is to the session `id`.
    fileprivate func titleEntry(_ id: SessionID) -> TitleTable.Entry {
        TitleTable.Entry(title: title, conversation: lineage?.root ?? id, isRotated: rotatedTo != nil)
    }
}

extension ListEntry {
    /// What the title is to the session.
    var titleEntry: TitleTable.Entry {
        let title = title.flatMap { $0.isEmpty ? nil : $0 }
        return TitleTable.Entry(title: title, conversation: root ?? session, isRotated: isRotated)
    }
}
