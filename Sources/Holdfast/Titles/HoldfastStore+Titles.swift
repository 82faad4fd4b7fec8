import HoldfastBytes
import HoldfastLog

// Titles that only one conversation has. Each read exists twice: blocking, and `async` on the store's own threads.
extension HoldfastStore {
    /// The title that continues `title`: itself when no session has it, else the next number behind it, as `trip #2`.
    ///
    /// Two callers may be given the same one; ``Mutation/setTitle(_:to:ifEmpty:)`` refuses the second. Looks at every
    /// row of the index when titles are first asked for, and at those of one family from then on.
    public func nextTitleBlocking(after title: String) throws(HoldfastError) -> String {
        try operate { () throws(HoldfastError) in
            try withTitles { Title.next(after: title, taken: $0.family(of: title)) }
        }
    }

    /// As ``nextTitleBlocking(after:)``.
    public func nextTitle(after title: String) async throws(HoldfastError) -> String {
        try await onWorker { (store) throws(HoldfastError) in try store.nextTitleBlocking(after: title) }
    }

    /// The session that has `title` with the highest number behind it, or else `title` itself; of a conversation with
    /// several ids only the one under which it goes on counts. `nil` when there is none.
    public func sessionBlocking(titled title: String) throws(HoldfastError) -> String? {
        try operate { () throws(HoldfastError) in try withTitles { $0.newest(titled: title)?.text } }
    }

    /// As ``sessionBlocking(titled:)``.
    public func session(titled title: String) async throws(HoldfastError) -> String? {
        try await onWorker { (store) throws(HoldfastError) in try store.sessionBlocking(titled: title) }
    }

    /// Reads the titles unless they are known.
    func readTitles() throws(HoldfastError) { try withTitles { _ in } }

    private func withTitles<Result>(_ body: (TitleTable) -> Result) throws(HoldfastError) -> Result {
        try titles.withTable(read: { () throws(HoldfastError) in try self.titleTable() }, body)
    }

    private func titleTable() throws(HoldfastError) -> TitleTable {
        try withListEntries { listed in
            var table = TitleTable()
            listed.forEach { table.add($0.session, $0.heldTitle) }
            return table
        }
    }
}

extension Mutation {
    /// Gives the session a title that no other conversation has: `title` as ``Title/sanitized(_:)`` cleans it. Without
    /// any, it takes the title away.
    ///
    /// With `ifEmpty` a session that has a title keeps it, and ``WriteResult/isUnchanged`` says so. Refused with
    /// `title_taken` when another session has the title, whoever gave it; an id that was rotated away has none. Of two
    /// callers at the same moment one is refused. Reads the index when titles are first asked for.
    ///
    /// - Throws: `bad_request` when the title has more than 100 code points.
    public static func setTitle(
        _ session: String, to title: String, ifEmpty: Bool = false
    ) throws(HoldfastError) -> Mutation {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("title")
        if let title = try Title.sanitized(title) { writer.string(title) } else { writer.null() }
        writer.endObject()
        var mutation = Mutation.set(session, fields: JSON(writer.finish()))
        mutation.claimsTitle = true
        mutation.keepsTitle = ifEmpty
        return mutation
    }
}
