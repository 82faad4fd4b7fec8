import Holdfast

// The queue, the output of turns, and how random operations use them.
extension SessionModel {
    struct Queued: Equatable {
        var id: String
        var message: Message
        var attempts: UInt64 = 0
        var claim: String?
    }

    /// Ends the open turn: its output is kept for a while.
    mutating func closeTurn() {
        guard let ended = turn else { return }
        outputs = Array((outputs + [ended]).suffix(4))
        turn = nil
    }

    /// A random step of the queue or of the open turn's bookkeeping; `nil` when there is nothing to do.
    mutating func turnChange(
        _ id: String, _ new: [Message], _ step: Int, _ random: inout SeededGenerator
    ) -> ModelChange? {
        let free = queue.indices.filter { queue[$0].claim == nil }.randomElement(using: &random)
        let held = queue.indices.filter { queue[$0].claim != nil }.randomElement(using: &random)
        switch (Int.random(in: 0..<12, using: &random), free, held) {
        case (0, let free?, _):
            let queued = queue.remove(at: free).id
            return ModelChange(what: "drop \(queued)", mutation: .dropQueued(queued, in: id))
        case (1, let free?, _):
            queue[free].message = new[0]
            let text = JSON(new[0].text)
            return ModelChange(what: "edit queued", mutation: .editQueued(queue[free].id, in: id, message: text))
        case (2, _?, _), (3, _?, _):
            return turn == nil && Bool.random(using: &random) ? beginNext(id, step) : claimNext(id, step)
        case (4, _, let held?): return complete(held, id, new)
        case (5, _, let held?):
            defer { queue[held].claim = nil }
            let (queued, claim) = (queue[held].id, queue[held].claim ?? "")
            return ModelChange(what: "release \(queued)", mutation: .release(queued, in: id, claim: claim))
        case (6, _, _) where turn != nil:
            set("activity", "\(step)")
            let fields = JSON("{\"activity\":\(step)}")
            let mutation = Mutation.checkpoint(turn?.id ?? "", in: id, fields: fields, activity: UInt64(step))
            return ModelChange(what: "checkpoint", mutation: mutation)
        case (7, _, _):
            queue.append(Queued(id: "q\(step)", message: new[0]))
            return ModelChange(
                what: "enqueue", mutation: .enqueue(in: id, queued: "q\(step)", message: JSON(new[0].text)))
        case (8, _, _) where turn != nil:
            turn?.attempts += 1
            turn?.isLive = true
            return ModelChange(what: "resume", mutation: .resumeTurn(turn?.id ?? "", in: id))
        case (9, _, _) where turn?.isLive == true:
            turn?.isLive = false
            return ModelChange(what: "abandon", mutation: .abandonTurn(turn?.id ?? "", in: id))
        case (9...11, _, _) where turn?.isLive == false: return materialise(id)
        default: return nil
        }
    }

    /// Ends a turn that nobody works on, at one second of the clock, which stands still.
    private mutating func materialise(_ id: String) -> ModelChange {
        if let turn, !turn.isListed {
            let recovered = turn.prompt.text.dropLast() + #","timestamp":1,"_recovered":true}"#
            messages.append(Message(String(recovered), isUsers: turn.prompt.isUsers))
        }
        let output = turn?.deltas.filter { $0.hasPrefix("\"") }.map { $0.dropFirst().dropLast() }.joined() ?? ""
        var added = output.isEmpty ? [] : ["\"content\":\"\(output)\",\"timestamp\":1,\"_partial\":true"]
        added.append(
            #""content":"The answer was interrupted.","timestamp":1,"_error":true,"type":"interrupted","#
                + #""interruption_cause":"process_restart""#)
        messages += added.map { Message("{\"role\":\"assistant\",\($0)}", isUsers: false) }
        closeTurn()
        return ModelChange(what: "materialise", mutation: .materialise(in: id, cause: .processRestart))
    }

    /// Takes the first free message in hand.
    private mutating func claimNext(_ id: String, _ step: Int) -> ModelChange? {
        guard let place = queue.firstIndex(where: { $0.claim == nil }) else { return nil }
        queue[place].attempts += 1
        queue[place].claim = "c\(step)"
        let mutation = Mutation.claim(in: id, claim: "c\(step)", owner: "w", leaseMilliseconds: 3_600_000)
        return ModelChange(what: "claim", mutation: mutation)
    }

    /// Begins a turn with the first free message.
    private mutating func beginNext(_ id: String, _ step: Int) -> ModelChange? {
        guard let place = queue.firstIndex(where: { $0.claim == nil }) else { return nil }
        let next = queue.remove(at: place)
        turn = Turn(id: "t\(step)", prompt: next.message, attempts: next.attempts + 1, queued: next.id)
        return ModelChange(
            what: "begin queued", mutation: .beginQueuedTurn(in: id, turn: "t\(step)", owner: "w"))
    }

    private mutating func complete(_ place: Int, _ id: String, _ new: [Message]) -> ModelChange {
        let done = queue.remove(at: place)
        append(new)
        let mutation = Mutation.complete(
            done.id, in: id, claim: done.claim ?? "", messages: new.map { JSON($0.text) })
        return ModelChange(what: "complete \(done.id)", mutation: mutation)
    }
}

extension ModelRun {
    /// Compares queue and output of one session in the store with the model.
    func compareTurns(_ store: HoldfastStore, _ id: String, _ session: SessionModel) throws {
        let queue = try store.queueBlocking(of: id).map(\.message)
        let inFlight = session.turn.flatMap { $0.queued == nil ? nil : $0 }
        try require(
            queue.map(\.queued), is: (inFlight?.queued.map { [$0] } ?? []) + session.queue.map(\.id), "queue")
        let waiting = queue.filter { $0.turn == nil }
        try require(
            waiting.map(\.message.description), is: session.queue.map(\.message.text), "queued messages")
        try require(waiting.map(\.claim), is: session.queue.map(\.claim), "claims")
        try require(waiting.map(\.attempts), is: session.queue.map(\.attempts), "attempts")
        let outputs = session.outputs + [session.turn].compactMap(\.self)
        try require(try store.runsBlocking(of: id).map(\.turn), is: outputs.map(\.id), "turns with output")
        for output in outputs {
            let replay = try store.runEventsBlocking(of: id, .start(of: output.id))
            try require(replay.events.map(\.data.description), is: output.deltas, "output of \(output.id)")
        }
    }
}
