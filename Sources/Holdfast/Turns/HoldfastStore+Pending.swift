import HoldfastBytes
import HoldfastLog

// What waits to be done.
extension HoldfastStore {
    /// The session's queue in order, the message in flight first. Waits for the writes of the session that came
    /// before.
    public func queueBlocking(of session: String) throws(HoldfastError) -> [PendingMessage] {
        try operate { () throws(HoldfastError) in try queue(in: try view(of: try Self.sessionID(session))) }
    }

    /// As ``queueBlocking(of:)``.
    public func queue(of session: String) async throws(HoldfastError) -> [PendingMessage] {
        try await onWorker { (store) throws(HoldfastError) in try store.queueBlocking(of: session) }
    }

    /// The queue of the session of `view`, once it is durable.
    func queue(in view: SessionView) throws(HoldfastError) -> [PendingMessage] {
        try sessions.waitUntilDurable(view)
        let inFlight = view.head.turn.flatMap(QueuedMessage.init(inFlight:))
        let messages = [inFlight].compactMap(\.self) + view.head.queue.map(QueuedMessage.init)
        return pending(messages, of: view.session)
    }

    /// A page of what waits.
    func pendingPage(after: String?, limit: Int) throws(HoldfastError) -> PendingPage {
        var query = SessionQuery()
        query.pendingOnly = true
        let rows = try page(query, after: after, limit: limit)
        var page = PendingPage(turns: [], queued: [], next: rows.next)
        var budget = PageBudget(count: limit)
        for (index, row) in rows.rows.enumerated() {
            guard let view = try waitingView(of: row.summary.session) else { continue }
            if let turn = view.head.turn { page.turns.append(pending(turn, of: view.session)) }
            page.queued += pending(view.head.queue.map(QueuedMessage.init), of: view.session)
            if !budget.takes(view.head.pendingByteCount), index + 1 < rows.rows.count {
                page.next = row.summary.session
                break
            }
        }
        return page
    }

    private func pending(_ turn: TurnHead, of session: SessionID) -> PendingTurn {
        let now = options.now()
        return PendingTurn(
            session: session.text, turn: OpenTurn(turn), age: turn.age(at: now),
            isLive: turn.lifetime == lifetime)
    }

    private func pending(_ messages: [QueuedMessage], of session: SessionID) -> [PendingMessage] {
        let now = options.now()
        return messages.map { message in
            PendingMessage(
                session: session.text, message: message, state: message.state(at: now),
                age: now - min(now, message.queuedAt))
        }
    }

    /// A session in which something waited a moment ago, durable.
    private func waitingView(of session: String) throws(HoldfastError) -> SessionView? {
        do throws(HoldfastError) {
            let view = try view(of: try Self.sessionID(session))
            // Whether the turn is open still, nobody can say.
            guard view.damage == nil else { return nil }
            try sessions.waitUntilDurable(view)
            return view
        } catch {
            // A damaged session must not hide the turns of the others; a read of it says what is wrong.
            guard error.code != .closed else { throw error }
            return nil
        }
    }
}

extension SessionHead {
    /// The message `id`, waiting or in flight.
    func queuedMessage(_ id: Label) -> QueuedMessage? {
        if let waiting = queue.first(where: { $0.id == id }) { return QueuedMessage(waiting) }
        return turn.flatMap { $0.queued == id ? QueuedMessage(inFlight: $0) : nil }
    }

    /// Bytes of the messages that wait.
    fileprivate var pendingByteCount: Int {
        let turnBytes = (turn?.message.count ?? 0) + (turn?.attachments?.count ?? 0)
        return queue.reduce(turnBytes) { $0 + $1.byteCount }
    }
}

extension OpenTurn {
    init(_ turn: TurnHead) {
        self.init(
            turn: turn.id.text, message: JSON(turn.message), attachments: turn.attachments.map { JSON($0) },
            isMessageListed: turn.isListed, begunAt: turn.begunAt, attempts: turn.attempts, deltas: turn.deltas,
            deltaBytes: turn.deltaBytes, lastDelta: turn.lastDelta, activity: turn.activity, stream: turn.stream,
            source: turn.source, queued: turn.queued?.text)
    }
}

extension QueuedMessage {
    fileprivate init(_ message: QueuedHead) {
        self.init(
            queued: message.id.text, message: JSON(message.message),
            attachments: message.attachments.map { JSON($0) }, source: message.source, queuedAt: message.queuedAt,
            attempts: message.attempts, claim: message.lease?.claim.text, owner: message.lease?.owner,
            expiresAt: message.lease?.expiresAt)
    }

    /// The pending message of a turn, if it came from the queue.
    fileprivate init?(inFlight turn: TurnHead) {
        guard let queued = turn.queued else { return nil }
        self.init(
            queued: queued.text, message: JSON(turn.message), attachments: turn.attachments.map { JSON($0) },
            source: turn.source, queuedAt: turn.begunAt, attempts: turn.attempts, turn: turn.id.text)
    }
}
