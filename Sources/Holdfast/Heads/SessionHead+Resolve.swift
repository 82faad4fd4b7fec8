import HoldfastBytes
import HoldfastLog

/// What is to be done about a mutation.
enum Resolution: Equatable {
    /// Append a record that says this.
    case append(RecordContent)
    /// Read this, and decide then.
    case lookUp(MessageQuestion)
    /// Nothing: the mutation is a retry, and this was the first answer.
    case repeated(KeyedAnswer)
    /// Nothing: everything is as the mutation wants it already.
    case unchanged(KeyedAnswer)
}

// The rules: what may be written now. Pure; nothing is changed here.
extension SessionHead {
    /// Decides about `mutation`, whose values are checked. Throws the refusal. `finding` is the answer to what had
    /// to be looked up.
    func resolve(
        _ mutation: Mutation, _ context: WriteContext, finding: MessageFinding? = nil
    ) throws(HoldfastError) -> Resolution {
        let kind = mutation.change.kind
        let key = try mutation.key.map { (text) throws(HoldfastError) in try Self.label(text, "key") }
        if let key, let first = keys[key] { return .repeated(try first.repeated(as: kind, key)) }
        try checkExistence(for: mutation.change)
        if let expected = mutation.ifSequence, expected != sequence {
            throw HoldfastError(
                .conflict,
                "the session is at sequence \(sequence), not \(expected); read it and decide again",
                sequence: sequence)
        }
        let turn = try mutation.turn.map { (text) throws(HoldfastError) in try Self.label(text, "turn") }
        if !mutation.change.beginsTurn, let turn { try checkFence(turn, attempt: mutation.attempt) }
        if case .router(let change) = mutation.change { return resolve(change, turn: turn, key: key) }
        if finding == nil, let question = try question(about: mutation.change) { return .lookUp(question) }
        let change = try settled(mutation.change, by: finding)
        var content = try content(of: change, turn: turn, key: key, touches: mutation.touches, context)
        if case .turns(let change) = mutation.change, isVain(change, mutation.fields?.bytes) {
            return .unchanged(answer(to: content))
        }
        if mutation.keepsTitle, title != nil { return .unchanged(answer(to: content)) }
        content.patch = mutation.fields?.bytes
        content.imported = mutation.imported
        return .append(content)
    }

    /// Decides about an event of the router, of which only those have a record that change something.
    private func resolve(_ change: RouterChange, turn: Label?, key: Label?) -> Resolution {
        guard let request = change.request else { preconditionFailure("an event without its circumstances") }
        let next = router.applying(request)
        if next == router {
            let strikes = next.entry?.strikes ?? 0
            return .unchanged(
                KeyedAnswer(kind: .router, sequence: sequence, messageCount: messageCount, strikes: strikes))
        }
        let result = RouterChange(request, result: next.entry)
        return .append(RecordContent(change: .router(result), turn: turn, key: key))
    }

    private func checkExistence(for change: Change) throws(HoldfastError) {
        let kind = change.kind
        if isDeleted {
            throw HoldfastError(
                .sessionDeleted, "the session was deleted; its id stays taken", newSession: rotatedTo?.text)
        }
        if let rotatedTo, kind != .create, kind != .delete, kind != .branch, kind != .duplicate {
            throw HoldfastError(
                .rotated, "the session goes on as '\(rotatedTo)'; write to that", newSession: rotatedTo.text)
        }
        if kind == .create, sequence > 0 {
            throw HoldfastError(.sessionExists, "a session with this id exists", sequence: sequence)
        }
        if kind != .create, kind != .router, sequence == 0 {
            throw HoldfastError(.unknownSession, "there is no such session; create it first")
        }
    }

    /// Lets only the open turn through, so that a late finisher cannot overwrite its successor.
    private func checkFence(_ id: Label, attempt: UInt64?) throws(HoldfastError) {
        if let turn, turn.id == id {
            guard let attempt, attempt != turn.attempts else { return }
            throw HoldfastError(.staleTurn, "turn '\(id)' is at attempt \(turn.attempts), not \(attempt)")
        }
        if let status = endedTurns[id] {
            throw HoldfastError(.staleTurn, "turn '\(id)' has ended: \(status.rawValue)")
        }
        if let turn { throw HoldfastError(.staleTurn, "turn '\(turn.id)' is open, not '\(id)'") }
        throw HoldfastError(.noTurn, "no turn is open")
    }

    private func content(
        of change: Change, turn: Label?, key: Label?, touches: Bool, _ context: WriteContext
    ) throws(HoldfastError) -> RecordContent {
        var content = RecordContent(change: change, turn: turn, key: key, touches: touches)
        switch change {
        case .create, .set, .replace, .delete, .edit, .cut, .clear, .compactMessages, .restore, .router, .begin, .unpin:
            break
        case .fork(let fork): content.change = .fork(try resolve(fork))
        case .append(let messages):
            if turn != nil { list(&content) { .append(messages.preceded(by: $0)) } }
        case .beginTurn(var begin):
            content.turn = try turnToBegin(begin, turn, context)
            begin.lifetime = context.lifetime
            begin.begunAt = begin.isResume ? nil : context.begunAt
            (begin.maximumAttempts, begin.maximumAge) = (nil, nil)
            content.change = .beginTurn(begin)
        case .delta: try requireTurn(turn)
        case .endTurn(var end):
            try requireTurn(turn)
            let keeps = end.keepsMessage
            end.keepsMessage = true
            content.change = .endTurn(end)
            if keeps {
                list(&content) { message in
                    end.messages = end.messages.preceded(by: message)
                    return .endTurn(end)
                }
            }
        case .turns(let change): try decide(change, &content, context)
        }
        return content
    }

    /// Puts the pending message in front of the messages of `content`, unless it is listed already.
    func list(_ content: inout RecordContent, _ change: (_ pending: [UInt8]) -> Change) {
        guard let turn, !turn.isListed else { return }
        content.change = change(turn.message)
        content.listsPending = true
    }

    func requireTurn(_ id: Label?) throws(HoldfastError) {
        if id == nil { throw HoldfastError(.badRequest, "the operation needs the id of a turn") }
    }

    /// The id of the turn that may begin or be taken up again.
    func turnToBegin(_ begin: BeginTurn, _ id: Label?, _ context: WriteContext) throws(HoldfastError) -> Label {
        if begin.isResume {
            try requireTurn(id)
            if let id { try checkFence(id, attempt: nil) }
            try checkResume(begin, context)
        } else {
            if let turn {
                throw HoldfastError(.turnOpen, "turn '\(turn.id)' is open; end it first, or resume it")
            }
            if let id, let status = endedTurns[id] {
                throw HoldfastError(.staleTurn, "turn '\(id)' has ended: \(status.rawValue)")
            }
        }
        return id ?? .random()
    }

    static func label(_ text: String, _ name: String) throws(HoldfastError) -> Label {
        guard let label = Label(text) else {
            throw HoldfastError(.badRequest, "'\(name)' must have 1 to 255 bytes")
        }
        return label
    }
}

extension KeyedAnswer {
    /// This answer again, if the retry is of the same operation.
    fileprivate func repeated(as kind: RecordKind, _ key: Label) throws(HoldfastError) -> KeyedAnswer {
        guard kind == self.kind else {
            throw HoldfastError(.badRequest, "key '\(key)' belongs to an earlier \(self.kind.name)")
        }
        return self
    }
}
