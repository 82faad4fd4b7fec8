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
        let (candidates, isLast) = try candidates(query, after: after, limit)
        var rows: [SessionRow] = []
        var page = PageBudget(count: limit)
        for (index, candidate) in candidates.enumerated() {
            var found = candidate.listed
            if found == nil { found = try listed(candidate.row) }
            guard let listed = found, !listed.isDeleted, query.matches(listed) else { continue }
            rows.append(listed.row)
            let mayGoOn = page.takes(listed.row.json.bytes.count)
            if !mayGoOn, index + 1 < candidates.count || !isLast {
                return Page(rows: rows, next: query.cursor(candidate.place))
            }
        }
        return Page(rows: rows, next: isLast ? nil : candidates.last.map { query.cursor($0.place) })
    }

    /// The first `limit` rows after `after`, in order, and whether there are no others.
    private func candidates(
        _ query: SessionQuery, after: ListPlace?, _ limit: Int
    ) throws(HoldfastError) -> (rows: [Candidate], isLast: Bool) {
        var first = FirstRows(limit: limit)
        try forEachRow(behind: query.order == .id ? after?.session : nil) { row in
            if query.isByID {
                first.add(Candidate(place: ListPlace(rank: 0, session: row.session), row: row))
                return true
            }
            guard let listed = known(row) else { return false }
            first.add(listed, row, query, after: after)
            return true
        } unknown: { listed, row in
            first.add(listed, row, query, after: after)
        }
        return first.finish()
    }

    /// Calls `body` with what is listed of each session that is durable now, in no order.
    func forEachListed(_ body: (SessionID, ListedRow) -> Void) throws(HoldfastError) {
        try forEachRow { row in
            guard let listed = known(row) else { return false }
            body(row.session, listed)
            return true
        } unknown: { listed, row in
            body(row.session, listed)
        }
    }

    /// Calls `body` with the row of each session, and then `unknown` with what is listed of those for which it answered
    /// `false`.
    private func forEachRow(
        behind first: SessionID? = nil, _ body: (SummaryRow) -> Bool, unknown: (ListedRow, SummaryRow) -> Void
    ) throws(HoldfastError) {
        var left: [SummaryRow] = []
        try translated { () throws(LogError) in
            try log.flush()
            try log.list { (row) throws(LogError) in
                if let first, row.session <= first { return true }
                if !body(row) { left.append(row) }
                return true
            }
        }
        for row in left {
            if let listed = try listed(row) { unknown(listed, row) }
        }
    }

    /// What is known of `row` without reading its session.
    private func known(_ row: SummaryRow) -> ListedRow? {
        if let head = sessions.durableHead(of: row.session), head.sequence > 0 {
            return ListedRow(head.row(row.session))
        }
        return ListedRow(row)
    }

    /// What to show for `row`: the session itself when it is ready, for then the index may lag, or when the
    /// index has no row of it; else the row. `nil` when there is nothing to show.
    private func listed(_ row: SummaryRow) throws(HoldfastError) -> ListedRow? {
        if let listed = known(row) { return listed }
        do throws(HoldfastError) {
            let view = try view(of: row.session)
            try sessions.waitUntilDurable(view)
            return ListedRow(view.head.row(row.session))
        } catch {
            // A damaged session must not hide the others; a read of it says what is wrong.
            guard error.code != .closed else { throw error }
            return nil
        }
    }
}

/// A row that may be on the page.
private struct Candidate {
    var place: ListPlace
    var row: SummaryRow
    /// What is known of it, if that was looked at.
    var listed: ListedRow?
}

/// Keeps the rows with the first places, in memory for twice as many.
private struct FirstRows {
    let limit: Int
    private var rows: [Candidate] = []
    private var hasMore = false

    init(limit: Int) { self.limit = limit }

    mutating func add(_ row: Candidate) {
        rows.append(row)
        if rows.count >= 2 * limit + 64 { cut() }
    }

    /// Adds `row` if it is asked for and comes after `after`.
    mutating func add(_ listed: ListedRow, _ row: SummaryRow, _ query: SessionQuery, after: ListPlace?) {
        guard !listed.isDeleted, query.matches(listed) else { return }
        let place = query.place(of: listed, row.session)
        if let after, place <= after { return }
        add(Candidate(place: place, row: row, listed: listed))
    }

    mutating func finish() -> (rows: [Candidate], isLast: Bool) {
        cut()
        return (rows, !hasMore)
    }

    private mutating func cut() {
        rows.sort { $0.place < $1.place }
        guard rows.count > limit else { return }
        rows.removeSubrange(limit...)
        hasMore = true
    }
}
