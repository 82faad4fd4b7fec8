import HoldfastBytes
import HoldfastLog

// The reducer: what each record does. It does not ask whether it may, which was decided before the record was
// written (see ``resolve(_:)``); it throws only for records that no version of this code writes.
extension SessionHead {
    /// Folds the next record in. Nothing is changed when this throws.
    mutating func apply(_ record: LogRecord) throws(ContentError) {
        let content = try RecordContent(kind: record.kind, payload: record.payload)
        self = try applying(content, sequence: record.sequence, time: record.time)
        remember(content)
    }

    /// The head after the next record, whose payload is decoded already, but for ``remember(_:)``.
    func applying(
        _ content: RecordContent, sequence: Sequence, time: Milliseconds
    ) throws(ContentError) -> SessionHead {
        guard sequence == self.sequence + 1 else { throw ContentError("record \(sequence) is out of order") }
        var next = self
        if next.sequence == 0 { next.createdAt = time }
        next.sequence = sequence
        next.recordedAt = content.touches ? nil : time
        if content.touches { next.updatedAt = time }
        if content.listsPending { next.turn?.isListed = true }
        if content.standsForLost { next.userCount = nil }
        try next.apply(content.change, turn: content.turn, time: time)
        if let patch = content.patch { try next.merge(patch) }
        if content.mayShrink { next.shrinking = .after(content.change, from: self, to: next) }
        if let imported = content.imported { next.note(imported, at: time) }
        return next
    }

    /// Notes what the write of `content`, folded in just now, is answered, if it had a key. A step of its own so that
    /// the keys are changed in place, and not copied with every record.
    mutating func remember(_ content: RecordContent) {
        if let key = content.key { remember(answer(to: content), at: key) }
    }

    private mutating func apply(_ change: Change, turn: Label?, time: Milliseconds) throws(ContentError) {
        switch change {
        case .create(let fields): self.fields = try Self.fields(fields)
        case .set(let patch): try merge(patch)
        case .append(let messages): list(messages, at: time)
        case .cut(let cut): self.cut(cut)
        case .replace(let messages), .compactMessages(let messages): replace(with: messages, at: time)
        case .clear:
            cut(MessageCut(kind: .truncate, count: 0, contextCount: 0))
            runs = []
        case .restore(let restore): self.restore(restore)
        case .edit(let edit): countUsers(edit.users)
        case .beginTurn(let begin): try self.begin(begin, turn, at: time)
        case .delta(let data):
            self.turn?.lastDelta = sequence
            self.turn?.deltas += 1
            self.turn?.deltaBytes += UInt64(data.count)
        case .endTurn(let end):
            list(end.messages, at: time)
            endTurn(end.status, turn, at: time)
        case .delete: bury()
        case .router(let change): router.entry = change.entry
        case .turns(let change): try apply(change, turn: turn, time: time)
        case .fork(let fork): try apply(fork)
        case .begin(let begin): try apply(begin, at: time)
        case .unpin(let child): pins.removeAll { $0.child == child }
        }
    }

    /// What the write of `content`, just folded in, is answered.
    func answer(to content: RecordContent) -> KeyedAnswer {
        let kind = content.change.kind
        var answer = KeyedAnswer(kind: kind, sequence: sequence, messageCount: messageCount)
        if kind == .beginTurn || kind == .delta || kind == .endTurn { answer.turn = content.turn }
        if kind == .beginTurn { answer.attempts = turn?.attempts }
        if kind == .delta { answer.delta = turn?.deltas }
        switch content.change {
        case .cut(let cut): answer.removal = cut.removal
        case .restore(let restore): answer.restoredCount = restore.count
        case .edit(let edit): answer.message = edit.message
        case .router: answer.strikes = router.entry?.strikes ?? 0
        case .fork(let fork): answer.newSession = fork.newSession.flatMap(SessionID.init)
        case .turns(let change): add(change, turn: content.turn, to: &answer)
        default: break
        }
        return answer
    }

    private mutating func remember(_ answer: KeyedAnswer, at key: Label) {
        keys.add(answer, at: key, byteCount: answer.byteCount)
    }
}

// The parts of the reducer.
extension SessionHead {
    /// The fields as they are given: a `null` is a value here, and not the removal that it is in a patch.
    static func fields(_ object: [UInt8]) throws(ContentError) -> JSONFields {
        guard let fields = JSONFields(try JSONTree.parsed(object, detail: 1)) else {
            throw ContentError("the fields are not an object")
        }
        return fields
    }

    mutating func merge(_ patch: [UInt8]) throws(ContentError) {
        let patch = try JSONTree.parsed(patch, detail: 1)
        guard patch.kind == .object else { throw ContentError("the fields are not an object") }
        do {
            try fields.merge(patch: patch, depthLimit: SessionLimits.depth)
        } catch {
            throw ContentError(error.description)
        }
    }

    private mutating func begin(_ begin: BeginTurn, _ id: Label?, at time: Milliseconds) throws(ContentError) {
        guard let id else { throw ContentError("a turn without an id begins") }
        if let message = begin.message {
            turn = TurnHead(
                id: id, message: message, attachments: begin.attachments, sequence: sequence,
                begunAt: begin.begunAt ?? time)
        } else {
            turn?.attempts += 1
        }
        turn?.lifetime = begin.lifetime
        if let stream = begin.stream { turn?.stream = stream }
        if let source = begin.source { turn?.source = source }
    }

    /// Keeps of a deleted session what refuses later writes and answers retries.
    private mutating func bury() {
        isDeleted = true
        fields = JSONFields()
        (messageCount, userCount, contextCount) = (0, 0, 0)
        listsDiffer = false
        lastMessageAt = nil
        turn = nil
        router = RouterState()
        runs = []
        queue = []
        (imported, shrinking) = (nil, nil)
    }
}
