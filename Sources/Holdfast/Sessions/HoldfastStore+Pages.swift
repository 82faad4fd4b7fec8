import HoldfastBytes
import HoldfastLog

// Listing many sessions.
extension HoldfastStore {
    /// A page of the sessions that are not deleted, or of those with an open turn or queued messages.
    func page(after: String?, limit: Int, pendingOnly: Bool) throws(HoldfastError) -> Page<SessionRow> {
        guard (1...SessionLimits.page).contains(limit) else {
            throw HoldfastError(.badRequest, "'limit' must be 1 to \(SessionLimits.page)")
        }
        let after = try after.map { (text) throws(HoldfastError) in try Self.sessionID(text) }
        let (candidates, isLast) = try candidates(after: after, limit, pendingOnly)
        var rows: [SessionRow] = []
        var page = PageBudget(count: limit)
        for (index, candidate) in candidates.enumerated() {
            guard let listed = try listed(candidate), !listed.isDeleted else { continue }
            if pendingOnly, !listed.isPending { continue }
            rows.append(listed.row)
            let mayGoOn = page.takes(listed.row.json.bytes.count)
            if !mayGoOn, index + 1 < candidates.count || !isLast {
                return Page(rows: rows, next: candidate.session.text)
            }
        }
        return Page(rows: rows, next: isLast ? nil : candidates.last?.session.text)
    }

    /// The rows of the first `limit` sessions after `after`, in order, and whether there are no others.
    private func candidates(
        after: SessionID?, _ limit: Int, _ pendingOnly: Bool
    ) throws(HoldfastError) -> (rows: [SummaryRow], isLast: Bool) {
        var first = FirstRows(limit: limit)
        try translated { () throws(LogError) in
            try log.flush()
            try log.list { (row) throws(LogError) in
                if let after, row.session <= after { return true }
                if pendingOnly, !mayBePending(row) { return true }
                first.add(row)
                return true
            }
        }
        return first.finish()
    }

    private func mayBePending(_ row: SummaryRow) -> Bool {
        if let head = sessions.durableHead(of: row.session) { return head.turn != nil || !head.queue.isEmpty }
        return ListedRow(row)?.isPending ?? true
    }

    /// What to show for `row`: the session itself when it is ready, for then the index may lag, or when the
    /// index has no row of it; else the row. `nil` when there is nothing to show.
    private func listed(_ row: SummaryRow) throws(HoldfastError) -> ListedRow? {
        if let head = sessions.durableHead(of: row.session), head.sequence > 0 {
            return ListedRow(head.row(row.session))
        }
        if let listed = ListedRow(row) { return listed }
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

/// Keeps the rows with the smallest ids, in memory for twice as many.
private struct FirstRows {
    let limit: Int
    private var rows: [SummaryRow] = []
    private var hasMore = false

    init(limit: Int) { self.limit = limit }

    mutating func add(_ row: SummaryRow) {
        rows.append(row)
        if rows.count >= 2 * limit + 64 { cut() }
    }

    mutating func finish() -> (rows: [SummaryRow], isLast: Bool) {
        cut()
        return (rows, !hasMore)
    }

    private mutating func cut() {
        rows.sort { $0.session < $1.session }
        guard rows.count > limit else { return }
        rows.removeSubrange(limit...)
        hasMore = true
    }
}
