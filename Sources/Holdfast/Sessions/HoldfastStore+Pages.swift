import HoldfastBytes
import HoldfastLog

// Listing many sessions.
extension HoldfastStore {
    /// A page of the sessions that are not deleted and that `query` asks for.
    func page(_ query: SessionQuery, after: String?, limit: Int) throws(HoldfastError) -> Page<SessionRow> {
        guard (1...SessionLimits.page).contains(limit) else {
            throw HoldfastError(.badRequest, "'limit' must be 1 to \(SessionLimits.page)")
        }
        let after = try after.map { (cursor) throws(HoldfastError) in try query.place(cursor) }
        let (candidates, isLast) = try withListEntries { table in
            var first = FirstEntries(limit: limit)
            let filter = query.filter(table.origins)
            table.forEach { entry in
                guard filter(entry) else { return }
                let place = query.place(of: entry)
                if let after, place <= after { return }
                first.add(entry, at: place)
            }
            return first.finish()
        }
        var rows: [SessionRow] = []
        var page = PageBudget(count: limit)
        for (index, candidate) in candidates.enumerated() {
            guard let row = try row(of: candidate.entry) else { continue }
            rows.append(row)
            let mayGoOn = page.takes(row.json.bytes.count)
            if !mayGoOn, index + 1 < candidates.count || !isLast {
                return Page(rows: rows, next: query.cursor(candidate.place))
            }
        }
        return Page(rows: rows, next: isLast ? nil : candidates.last.map { query.cursor($0.place) })
    }

    /// The row of a listed session as it is now; `nil` when it was deleted meanwhile.
    private func row(of entry: ListEntry) throws(HoldfastError) -> SessionRow? {
        if let held = entry.held { return held.row }
        let session = entry.session
        let row = try translated { () throws(LogError) -> SummaryRow? in
            if let head = readyHead(of: session) { return head.row(session) }
            return try log.summary(session)
        }
        var listed = row.flatMap(ListedRow.init)
        if listed == nil { listed = try readRow(of: session) }
        return listed.flatMap { $0.isDeleted ? nil : $0.row }
    }

    /// Runs `body` on what is listed of each session that is durable at the call.
    func withListEntries<Result>(_ body: (ListTable) -> Result) throws(HoldfastError) -> Result {
        try translated { () throws(LogError) in try log.flush() }
        return try listEntries.with(
            update: { session, table in
                guard let head = readyHead(of: session) else { return false }
                table.set(session, entry(session, ListedRow(head.row(session)), &table.origins))
                return true
            }, read: { (known) throws(HoldfastError) in try self.readListEntries(known) }, body)
    }

    private func readListEntries(_ known: ListTable) throws(HoldfastError) -> ListTable {
        var table = ListTable(origins: known.origins)
        var entries: [ListEntry] = []
        var left: [SessionID] = []
        try translated { () throws(LogError) in
            try log.list { (row) throws(LogError) in
                let head = readyHead(of: row.session)
                if let old = known[row.session], old.held?.row.summary.sequence == head?.sequence ?? row.sequence {
                    entries.append(old)
                } else if let listed = ListedRow(head?.row(row.session) ?? row) {
                    if let entry = entry(row.session, listed, &table.origins) { entries.append(entry) }
                } else {
                    left.append(row.session)
                }
                return true
            }
        }
        for session in left {
            let listed = try readRow(of: session)
            if let entry = entry(session, listed, holdsRow: true, &table.origins) { entries.append(entry) }
        }
        table.fill(entries)
        return table
    }

    /// - Parameter holdsRow: whether the log has no row of it. One that others write to is asked for all rows at once.
    private func entry(
        _ session: SessionID, _ listed: ListedRow?, holdsRow: Bool = false, _ origins: inout SessionOrigins
    ) -> ListEntry? {
        let holdsRow = holdsRow || listEntries.hasOtherWriters
        return listed.flatMap { ListEntry(session, $0, holdsRow: holdsRow, &origins) }
    }

    /// What is durable of a session that is ready, for then the index may lag.
    private func readyHead(of session: SessionID) -> SessionHead? {
        sessions.durableHead(of: session).flatMap { $0.sequence > 0 ? $0 : nil }
    }

    /// The row of a session of which the index has none; `nil` when there is nothing to show.
    private func readRow(of session: SessionID) throws(HoldfastError) -> ListedRow? {
        do throws(HoldfastError) {
            let view = try view(of: session)
            try sessions.waitUntilDurable(view)
            return ListedRow(view.head.row(session))
        } catch {
            // A damaged session must not hide the others; a read of it says what is wrong.
            guard error.code != .closed else { throw error }
            return nil
        }
    }
}

/// Keeps the entries with the first places, in memory for twice as many.
private struct FirstEntries {
    let limit: Int
    private var entries: [(place: ListPlace, entry: ListEntry)] = []
    /// The last place that can still be among the first.
    private var last: ListPlace?
    private var hasMore = false

    init(limit: Int) { self.limit = limit }

    mutating func add(_ entry: ListEntry, at place: ListPlace) {
        if let last, last < place {
            hasMore = true
            return
        }
        entries.append((place, entry))
        if entries.count >= 2 * limit + 64 { cut() }
    }

    mutating func finish() -> (entries: [(place: ListPlace, entry: ListEntry)], isLast: Bool) {
        cut()
        return (entries, !hasMore)
    }

    private mutating func cut() {
        entries.sort { $0.place < $1.place }
        guard entries.count > limit else { return }
        entries.removeSubrange(limit...)
        last = entries.last?.place
        hasMore = true
    }
}
