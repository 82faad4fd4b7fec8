import HoldfastBytes
import HoldfastLog

// What may be written of the kinds 30 to 38 now. Pure.
extension SessionHead {
    /// Makes `content`, whose change is `change` as it was asked for, into what the record is to say.
    func decide(
        _ change: TurnChange, _ content: inout RecordContent, _ context: WriteContext
    ) throws(HoldfastError) {
        switch change {
        case .checkpoint, .abandonTurn: try requireTurn(content.turn)
        case .enqueue(let message): content.change = .turns(.enqueue(try admitted(message)))
        case .editQueued(let message):
            try checkFree(message.queued ?? "", claim: nil, context)
            try checkRoom(for: message, replacing: message.queued)
        case .dropQueued(let step): try checkFree(step.queued, claim: step.claim, context)
        case .claim(let claim): try decide(claim, &content, context)
        case .complete(let step):
            try checkClaim(step)
            if content.turn != nil, !step.messages.isEmpty {
                list(&content) { pending in
                    var step = step
                    step.messages = step.messages.preceded(by: pending)
                    return .turns(.complete(step))
                }
            }
        case .release(let step): try checkClaim(step)
        case .materialise(let materialise): try decide(materialise, &content, context)
        }
    }

    /// Whether `change` and the patch of the fields would leave everything as it is, so that no record is needed.
    func isVain(_ change: TurnChange, _ patch: [UInt8]?) -> Bool {
        switch change {
        case .checkpoint(let checkpoint):
            if let activity = checkpoint.activity, activity != turn?.activity { return false }
            guard let patch else { return true }
            var next = self
            return (try? next.merge(patch)) != nil && next.fields == fields
        case .abandonTurn: return turn != nil && turn?.lifetime == nil
        case .enqueue, .editQueued, .dropQueued, .claim, .complete, .release, .materialise: return false
        }
    }
}

// The queue.
extension SessionHead {
    private func admitted(_ message: Enqueue) throws(HoldfastError) -> Enqueue {
        let id = try message.queued.map { (text) throws(HoldfastError) in try Self.label(text, "queued") }
        if let id, turn?.queued == id || settledMessages[id] != nil || queue.contains(where: { $0.id == id }) {
            throw HoldfastError(.alreadyQueued, "a message '\(id)' was queued before")
        }
        guard queue.count < SessionLimits.queuedMessages else {
            throw HoldfastError(.queueFull, "\(queue.count) messages are queued; complete or drop some")
        }
        try checkRoom(for: message, replacing: nil)
        var admitted = message
        admitted.queued = (id ?? .random()).text
        return admitted
    }

    private func checkRoom(for message: Enqueue, replacing old: String?) throws(HoldfastError) {
        var bytes = message.message.count + (message.attachments?.count ?? 0)
        for each in queue where each.id.text != old { bytes += each.byteCount }
        guard bytes <= SessionLimits.queueByteCount else {
            throw HoldfastError(
                .queueFull,
                "the queue would hold \(bytes) bytes of messages, more than "
                    + "\(SessionLimits.queueByteCount); complete or drop some")
        }
    }

    /// The place of a message that waits, or the refusal that says why there is none.
    private func place(of id: String) throws(HoldfastError) -> Int {
        if let index = queueIndex(id) { return index }
        let label = try Self.label(id, "queued")
        if let turn, turn.queued == label {
            throw HoldfastError(.turnOpen, "message '\(id)' is in flight; the end of turn '\(turn.id)' completes it")
        }
        if let outcome = settledMessages[label] {
            throw HoldfastError(.notQueued, "message '\(id)' waits no more: it is \(outcome.rawValue)")
        }
        throw HoldfastError(.notQueued, "no message '\(id)' is queued")
    }

    /// Refuses unless nobody else works on the message.
    private func checkFree(_ id: String, claim: String?, _ context: WriteContext) throws(HoldfastError) {
        let message = queue[try place(of: id)]
        if message.isClaimed(at: context.now), message.lease?.claim.text != claim { throw Self.taken(message) }
    }

    /// Refuses unless the step is made under the message's newest claim.
    private func checkClaim(_ step: QueueStep) throws(HoldfastError) {
        let message = queue[try place(of: step.queued)]
        let claim = try Self.label(step.claim ?? "", "claim")
        guard message.lease?.claim == claim else {
            throw HoldfastError(
                .staleClaim, "claim '\(claim)' of message '\(step.queued)' was released or taken over")
        }
    }

    private static func taken(_ message: QueuedHead) -> HoldfastError {
        let until = message.lease.map { "'\($0.owner)' until \($0.expiresAt)" } ?? "nobody"
        return HoldfastError(.claimed, "message '\(message.id)' is claimed by \(until)")
    }

    private func decide(
        _ claim: ClaimQueued, _ content: inout RecordContent, _ context: WriteContext
    ) throws(HoldfastError) {
        let id = try claim.claim.map { (text) throws(HoldfastError) in try Self.label(text, "claim") }
        let message = try messageToClaim(claim, id, context)
        var decided = claim
        decided.queued = message.id.text
        decided.claim = (id ?? .random()).text
        decided.expiresAt = context.now + claim.leaseMilliseconds
        (decided.leaseMilliseconds, decided.maximumAttempts) = (0, nil)
        if let begin = claim.begin {
            content.turn = try turnToBegin(begin, content.turn, context)
            decided.begin?.lifetime = context.lifetime
            decided.begin?.begunAt = context.begunAt
            decided.expiresAt = 0
        }
        content.change = .turns(.claim(decided))
    }

    /// The message that `claim` is about: the one that is claimed under this id already, the one that is
    /// named, or the first one that is free.
    private func messageToClaim(
        _ claim: ClaimQueued, _ id: Label?, _ context: WriteContext
    ) throws(HoldfastError) -> QueuedHead {
        let limit = claim.maximumAttempts ?? .max
        if let id, let held = queue.first(where: { $0.lease?.claim == id }),
            claim.queued == nil || claim.queued == held.id.text
        {
            return held
        }
        if let name = claim.queued {
            let message = queue[try place(of: name)]
            if message.isClaimed(at: context.now) { throw Self.taken(message) }
            guard message.attempts < limit else {
                throw HoldfastError(
                    .attemptsExhausted, "message '\(name)' was claimed \(message.attempts) times")
            }
            return message
        }
        let free = queue.first { !$0.isClaimed(at: context.now) && $0.attempts < limit }
        guard let free else {
            throw HoldfastError(.queueEmpty, "of \(queue.count) queued messages none can be claimed now")
        }
        return free
    }
}

// Turns that nobody works on any more.
extension SessionHead {
    private func decide(
        _ materialise: Materialise, _ content: inout RecordContent, _ context: WriteContext
    ) throws(HoldfastError) {
        guard let turn else { throw HoldfastError(.noTurn, "no turn is open") }
        if turn.lifetime == context.lifetime {
            throw HoldfastError(
                .turnLive, "turn '\(turn.id)' was begun by this very process; abandon it first if its worker is gone")
        }
        let age = turn.age(at: context.now)
        guard age >= materialise.minimumAge else {
            throw HoldfastError(.turnLive, "turn '\(turn.id)' is younger than \(materialise.minimumAge) ms")
        }
        var decided = Materialise(cause: materialise.cause)
        var messages = (materialise.messages ?? MessageList()).followed(by: materialise.marker(at: context.time))
        if !turn.isListed { messages = messages.preceded(by: turn.recoveredMessage()) }
        decided.messages = messages
        content.turn = turn.id
        content.listsPending = !turn.isListed
        content.change = .turns(.materialise(decided))
    }

    /// The refusal of another attempt at a turn that has had enough of them, or is too old.
    func checkResume(_ begin: BeginTurn, _ context: WriteContext) throws(HoldfastError) {
        guard let turn else { return }
        if let limit = begin.maximumAttempts, turn.attempts >= limit {
            throw HoldfastError(
                .attemptsExhausted, "turn '\(turn.id)' was tried \(turn.attempts) times; materialise it")
        }
        let age = turn.age(at: context.now)
        if let limit = begin.maximumAge, age > limit {
            throw HoldfastError(.turnExpired, "turn '\(turn.id)' is \(age) ms old; materialise it")
        }
    }
}

extension TurnHead {
    /// The pending message as recovery lists it: as it is spelled, and with what is known of it besides.
    fileprivate func recoveredMessage() -> [UInt8] {
        let known = (try? JSONTree.parsed(message, detail: 1)).map { $0.members.compactMap(\.key.string) } ?? []
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        if !known.contains("timestamp") { writer.member("timestamp", begunAt / 1_000) }
        if !known.contains("_recovered") { writer.member("_recovered", true) }
        if let attachments, !known.contains("attachments") { writer.member("attachments", raw: attachments) }
        if let source, source != "webui", !known.contains("_source") { writer.member("_source", source) }
        writer.endObject()
        let added = writer.finish()
        guard !known.isEmpty else { return added }
        guard added.count > 2 else { return message }
        return message.dropLast() + [UInt8(ascii: ",")] + added.dropFirst()
    }
}

extension Materialise {
    /// The message that says that the turn was interrupted.
    fileprivate func marker(at time: Milliseconds) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        writer.member("role", "assistant")
        writer.member("content", notice ?? "The answer was interrupted.")
        writer.member("timestamp", time / 1_000)
        writer.member("_error", true)
        writer.member("type", "interrupted")
        writer.member("interruption_cause", cause.rawValue)
        writer.endObject()
        return writer.finish()
    }
}
