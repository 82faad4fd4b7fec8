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
            let (entries, isLast) = first.finish()
            return (entries.map { (place: $0.place, entry: $0.entry, held: table.heldRows[$0.entry.session]) }, isLast)
        }
        var rows: [SessionRow] = []
        var page = PageBudget(count: limit)
        for (index, candidate) in candidates.enumerated() {
            guard let row = try row(of: candidate.entry, candidate.held) else { continue }
            rows.append(row)
            let mayGoOn = page.takes(row.json.bytes.count)
            if !mayGoOn, index + 1 < candidates.count || !isLast {
                return Page(rows: rows, next: query.cursor(candidate.place))
            }
        }
        return Page(rows: rows, next: isLast ? nil : candidates.last.map { query.cursor($0.place) })
    }

    /// The row of a listed session as it is now; `nil` when it was deleted meanwhile.
    private func row(of entry: ListEntry, _ held: SessionRow?) throws(HoldfastError) -> SessionRow? {
        if let held { return held }
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
                table.set(session, ListedRow(head.row(session)).flatMap { ListEntry(session, $0, &table.origins) })
                return true
            },
            reread: { (session, table) throws(HoldfastError) in
                guard let listed = try readRow(of: session) else { return }
                table.set(session, ListEntry(session, listed, &table.origins))
            },
            read: { (known) throws(HoldfastError) in try self.readListEntries(known) }, body)
    }

    private func readListEntries(_ known: ListTable) throws(HoldfastError) -> ListTable {
        var table = ListTable(origins: known.origins)
        var entries: [ListEntry] = []
        var held: [SessionID: SessionRow] = [:]
        var left: [SessionID] = []
        try translated { () throws(LogError) in
            try log.list { (row) throws(LogError) in
                let head = readyHead(of: row.session)
                if let old = known[row.session], let known = known.heldRows[row.session],
                    known.summary.sequence == head?.sequence ?? row.sequence
                {
                    entries.append(old)
                    held[row.session] = known
                } else if let listed = ListedRow(head?.row(row.session) ?? row) {
                    guard let entry = ListEntry(row.session, listed, &table.origins) else { return true }
                    entries.append(entry)
                    // All rows are asked of the log at once when others write to it.
                    if listEntries.hasOtherWriters { held[row.session] = listed.row }
                } else {
                    left.append(row.session)
                }
                return true
            }
        }
        for session in left {
            guard let listed = try readRow(of: session), let entry = ListEntry(session, listed, &table.origins) else {
                continue
            }
            entries.append(entry)
            held[session] = listed.row
        }
        table.fill(entries, holding: held)
        return table
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
            // What the device refuses once it may give the next time.
            if error.code == .failed { listEntries.noteUnread(session) }
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
