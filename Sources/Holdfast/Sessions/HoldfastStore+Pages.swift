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
        let filter = query.filter
        let (candidates, isLast) = try withListEntries { entries in
            var first = FirstEntries(limit: limit)
            for entry in entries where filter(entry) {
                let place = query.place(of: entry)
                if let after, place <= after { continue }
                first.add(entry, at: place)
            }
            return first.finish()
        }
        var rows: [SessionRow] = []
        var page = PageBudget(count: limit)
        for (index, candidate) in candidates.enumerated() {
            rows.append(candidate.entry.row)
            let mayGoOn = page.takes(candidate.entry.row.json.bytes.count)
            if !mayGoOn, index + 1 < candidates.count || !isLast {
                return Page(rows: rows, next: query.cursor(candidate.place))
            }
        }
        return Page(rows: rows, next: isLast ? nil : candidates.last.map { query.cursor($0.place) })
    }

    /// Runs `body` on what is listed of each session that is durable at the call, in no order.
    func withListEntries<Result>(
        _ body: (Dictionary<SessionID, ListEntry>.Values) -> Result
    ) throws(HoldfastError) -> Result {
        try translated { () throws(LogError) in try log.flush() }
        return try listEntries.with(
            update: { session in
                guard let head = readyHead(of: session) else { return nil }
                return ListEntries.Update(entry: entry(session, ListedRow(head.row(session))))
            }, read: { (known) throws(HoldfastError) in try self.readListEntries(known) }, body)
    }

    private func readListEntries(_ known: [SessionID: ListEntry]) throws(HoldfastError) -> [SessionID: ListEntry] {
        var entries: [SessionID: ListEntry] = [:]
        entries.reserveCapacity(known.count)
        var left: [SummaryRow] = []
        try translated { () throws(LogError) in
            try log.list { (row) throws(LogError) in
                let head = readyHead(of: row.session)
                if let old = known[row.session], old.row.summary.sequence == head?.sequence ?? row.sequence {
                    entries[row.session] = old
                } else if let listed = ListedRow(head?.row(row.session) ?? row) {
                    entries[row.session] = entry(row.session, listed)
                } else {
                    left.append(row)
                }
                return true
            }
        }
        for row in left { entries[row.session] = entry(row.session, try readRow(of: row.session)) }
        return entries
    }

    private func entry(_ session: SessionID, _ listed: ListedRow?) -> ListEntry? {
        listed.flatMap { ListEntry(session, $0) }
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
