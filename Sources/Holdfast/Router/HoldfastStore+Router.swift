import HoldfastBytes
import HoldfastLog

/// What the index says of a router's entry.
struct RouterRow {
    let id: SessionID
    let model: String
    let createdAt: UInt64
    let lastUsedAt: UInt64

    var session: String { id.text }
}

// What a router needs of its store.
extension HoldfastStore {
    /// What a touch is answered that need not be written, because the use that is on record is not an interval old;
    /// `nil` for one that is to be written, or that changes nothing.
    func postponedTouch(
        of id: SessionID, _ touches: RouterTouches, at now: UInt64, _ config: RouterConfig
    ) throws(HoldfastError) -> WriteResult? {
        let session = sessions.pin(id)
        defer { sessions.unpin(session) }
        let head = try session.withState(from: log) { (state) throws(HoldfastError) in
            guard state.claim != nil else { throw HoldfastError(.readOnly, "the store is open for reading only") }
            return state.head
        }
        guard let recorded = head.router.entry?.lastUsedAt, now >= recorded, now - recorded < config.touchInterval,
            let entry = head.router.entry(after: touches, horizon: config.horizon(now: now, openedAt: openedAt))
        else { return nil }
        return WriteResult(
            session: id.text, sequence: head.sequence, messageCount: head.messageCount, strikes: entry.strikes,
            isDurable: false)
    }

    /// Appends a record for `touches`, which were counted when the entry was there.
    func record(_ touches: RouterTouches, of id: SessionID) {
        var request = RouterRequest(event: .touch, now: touches.lastAt)
        request.touches = RouterTouches(count: touches.count - 1, lastAt: touches.lastAt)
        var mutation = Mutation(id.text, .router(RouterChange(request)))
        mutation.durability = .soon
        // What cannot be written is as if a crash had come.
        try? perform(mutation, on: id) { _ in }
    }

    /// Appends records for all touches that have none.
    func settleTouches() { touches.drain { record($1, of: $0) } }

    /// What the index says of every router's entry.
    func routerRows() throws(HoldfastError) -> [RouterRow] {
        var rows: [RouterRow] = []
        var after: String?
        repeat {
            let page = try listBlocking(after: after, limit: SessionLimits.page)
            rows += page.rows.compactMap(RouterRow.init)
            after = page.next
        } while after != nil
        return rows
    }
}

extension RouterRow {
    fileprivate init?(_ row: SessionRow) {
        guard let id = SessionID(row.summary.session),
            let router = try? JSONTree.parsed(row.json.bytes, detail: 2)["router"], let model = router["model"]?.text,
            let createdAt = router["created_at"]?.number, let lastUsedAt = router["last_used_at"]?.number
        else { return nil }
        self.init(id: id, model: model, createdAt: createdAt, lastUsedAt: lastUsedAt)
    }
}
