import HoldfastBytes
import HoldfastLog

// The reducer of the records 30 to 38, and the end of a turn.
extension SessionHead {
    mutating func apply(_ change: TurnChange, turn: Label?, time: Milliseconds) throws(ContentError) {
        switch change {
        case .checkpoint(let checkpoint):
            if let activity = checkpoint.activity { self.turn?.activity = activity }
        case .enqueue(let message): try add(message, at: time)
        case .editQueued(let message): edit(message)
        case .claim(let claim): try self.claim(claim, turn, at: time)
        case .dropQueued(let step): try settle(step, .dropped)
        case .complete(let step):
            list(step.messages, at: time)
            try settle(step, .done)
        case .release(let step): if let index = queueIndex(step.queued) { queue[index].lease = nil }
        case .materialise:
            list(change.addedMessages, at: time)
            endTurn(.interrupted, turn, at: time)
        case .abandonTurn: self.turn?.lifetime = nil
        }
    }

    /// Adds to the answer of a write what is told of `change`, just folded in.
    func add(_ change: TurnChange, turn: Label?, to answer: inout KeyedAnswer) {
        switch change {
        case .checkpoint, .materialise, .abandonTurn: answer.turn = turn
        case .enqueue(let message), .editQueued(let message): answer.queued = message.queued.flatMap(Label.init)
        case .dropQueued(let step), .complete(let step), .release(let step):
            answer.queued = Label(step.queued)
        case .claim(let claim):
            answer.queued = claim.queued.flatMap(Label.init)
            answer.claim = claim.claim.flatMap(Label.init)
            if claim.begin != nil { answer.turn = turn }
            let claimed = answer.queued.flatMap { queueIndex($0.text) }
            answer.attempts = claimed.map { queue[$0].attempts } ?? self.turn?.attempts
        }
    }

    /// Ends the open turn: nothing of what was in flight is left, and its output is kept for a while.
    mutating func endTurn(_ status: TurnStatus, _ id: Label?, at time: Milliseconds) {
        if let id { endedTurns.add(status, at: id) }
        guard let turn = turn.take() else { return }
        if let queued = turn.queued { settledMessages.add(.done, at: queued) }
        runs.append(
            RunHead(
                id: turn.id, status: status, sequence: turn.sequence, begunAt: turn.begunAt, endedAt: time,
                deltas: turn.deltas, deltaBytes: turn.deltaBytes, stream: turn.stream))
        while runs.count > 1, !SessionLimits.allowKeeping(runs) { runs.removeFirst() }
    }

    /// Where the message `id` stands in the queue.
    func queueIndex(_ id: String) -> Int? {
        guard let id = Label(id) else { return nil }
        return queue.firstIndex { $0.id == id }
    }

    private mutating func add(_ message: Enqueue, at time: Milliseconds) throws(ContentError) {
        guard let id = message.queued.flatMap(Label.init) else {
            throw ContentError("a message without an id is queued")
        }
        queue.append(
            QueuedHead(
                id: id, message: message.message, attachments: message.attachments, source: message.source,
                queuedAt: time))
    }

    private mutating func edit(_ message: Enqueue) {
        guard let index = message.queued.flatMap(queueIndex) else { return }
        queue[index].message = message.message
        if let attachments = message.attachments { queue[index].attachments = attachments }
        if let source = message.source { queue[index].source = source }
        queue[index].lease = nil
    }

    private mutating func claim(_ claim: ClaimQueued, _ turn: Label?, at time: Milliseconds) throws(ContentError) {
        guard let index = claim.queued.flatMap(queueIndex), let id = claim.claim.flatMap(Label.init) else {
            throw ContentError("a claim without its id, or of no queued message")
        }
        if queue[index].lease?.claim != id { queue[index].attempts += 1 }
        queue[index].lease = QueuedHead.Lease(claim: id, owner: claim.owner, expiresAt: claim.expiresAt)
        guard let begin = claim.begin else { return }
        guard let turn else { throw ContentError("a turn without an id begins") }
        let message = queue.remove(at: index)
        self.turn = TurnHead(
            id: turn, message: message.message, attachments: message.attachments, sequence: sequence,
            begunAt: begin.begunAt ?? time, attempts: message.attempts, stream: begin.stream, source: message.source,
            lifetime: begin.lifetime, queued: message.id)
    }

    private mutating func settle(_ step: QueueStep, _ outcome: QueueOutcome) throws(ContentError) {
        guard let index = queueIndex(step.queued) else { throw ContentError("'\(step.queued)' is not queued") }
        settledMessages.add(outcome, at: queue.remove(at: index).id)
    }
}

extension SessionLimits {
    /// Whether the output of so many ended turns may be kept.
    fileprivate static func allowKeeping(_ runs: [RunHead]) -> Bool {
        runs.count <= keptRuns && runs.reduce(0) { $0 + $1.deltaBytes } <= keptRunByteCount
    }
}
