import Holdfast

/// How a store differs from the model.
struct Difference: Error, CustomStringConvertible {
    let description: String
}

/// Requires that `actual` is what the model has.
func require<Value: Equatable>(_ actual: Value, is expected: Value, _ what: String) throws {
    if actual != expected { throw Difference(description: "\(what): \(actual) instead of \(expected)") }
}

/// A random operation, which does the same in any run as long as its session is the same then: so steps may be left
/// out of a run that fails, to find out which of them matter.
struct ModelStep: CustomStringConvertible {
    let number: Int
    let seed: UInt64
    /// Of a run that came as far as this step: what it did.
    var description: String { "step \(number)" }

    static func steps(_ count: Int, seed: UInt64) -> [ModelStep] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { ModelStep(number: $0, seed: random.next()) }
    }
}

/// Does random operations on a store and on models of its sessions.
struct ModelRun {
    private(set) var model: [String: SessionModel] = [:]
    /// What was done, to be shown.
    private(set) var story: [String] = []

    var liveSessions: [String] { model.filter { !$0.value.isDeleted }.keys.sorted() }

    mutating func tell(_ what: String) { story.append(what) }

    /// Changes one session in the store and in the model, and compares the answers.
    mutating func mutate(_ store: HoldfastStore, _ id: String, _ step: Int, _ random: inout SeededGenerator) throws {
        guard var session = model[id] else {
            tell("\(step) create \(id)")
            try store.writeBlocking(.create(id, fields: JSON("{\"made\":\(step)}")))
            return model[id] = SessionModel(fields: [("made", "\(step)")])
        }
        if session.isDeleted {
            let error = Self.error { try store.writeBlocking(.set(id, fields: "{}")) }
            return try require(error?.code, is: .sessionDeleted, "a write to a deleted session")
        }
        session.sequence += 1
        let change = session.change(id, step, &random)
        tell("\(step) \(change.what) \(id)")
        do {
            let result = try store.writeBlocking(change.mutation)
            if let refusal = change.refusal { throw Difference(description: "done instead of: \(refusal)") }
            try require(result.sequence, is: session.sequence, "sequence")
            try require(result.messageCount, is: session.count(.visible), "message count")
            try require(result.removal, is: change.removal, "removal")
            try require(result.restoredCount, is: change.restoredCount, "restored count")
            try require(result.message?.description, is: change.message, "message")
            model[id] = session
        } catch let error as HoldfastError {
            try require(error.message, is: change.refusal ?? "no refusal", "refusal")
            try require(error.code, is: .unknownMessage, "refusal")
        }
    }

    /// Compares one session in the store with the model.
    func compare(_ store: HoldfastStore, _ id: String) throws {
        guard let session = model[id], !session.isDeleted else {
            let code: HoldfastError.Code = model[id] == nil ? .unknownSession : .sessionDeleted
            return try require(Self.error { _ = try store.getBlocking(id) }?.code, is: code, "a read of \(id)")
        }
        for list in SessionList.allCases { try compare(store, id, session, list) }
        let state = try store.getBlocking(id, Window(limit: 10_000, deltasAfter: 0))
        try require(state.summary.sequence, is: session.sequence, "sequence")
        try require(state.summary.messageCount, is: session.count(.visible), "message count")
        try require(state.summary.contextCount, is: session.count(.context), "context count")
        let fields = session.fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        try require(state.fields.description, is: "{\(fields)}", "fields")
        try require(state.turn?.turn, is: session.turn?.id, "turn")
        try compareTurns(store, id, session)
        try require(state.turn?.message.description, is: session.turn?.prompt.text, "pending message")
        try require(state.turn?.isMessageListed, is: session.turn?.isListed, "whether the pending message is listed")
        try require(state.deltas?.map(\.data.description), is: session.turn?.deltas ?? [], "deltas")
    }

    private func compare(
        _ store: HoldfastStore, _ id: String, _ session: SessionModel, _ list: SessionList
    ) throws {
        var window = Window(.place(0), limit: 10_000, of: list)
        let state = try store.getBlocking(id, window)
        try require(state.messages.map(\.description), is: session.texts(list), "\(list) messages")
        window.showsHidden = true
        let all = try store.getBlocking(id, window)
        let expected = session.messages.filter { $0[list] != .absent }
        try require(all.messages.map(\.description), is: expected.map(\.text), "\(list) messages with hidden ones")
        try require(all.states ?? [], is: expected.compactMap { $0[list].state }, "states of \(list) messages")
    }

    private static func error(_ body: () throws -> Void) -> HoldfastError? {
        do { try body() } catch { return error as? HoldfastError }
        return nil
    }
}

extension SessionModel.Standing {
    fileprivate var state: MessageState? {
        switch self {
        case .absent: nil
        case .active: .active
        case .compacted: .compacted
        case .takenBack: .takenBack
        }
    }
}

/// A mutation and what its answer must be.
struct ModelChange {
    var what: String
    var mutation: Mutation
    var removal: Removal?
    var restoredCount: Int?
    var message: String?
    /// What the refusal says, if it must be refused.
    var refusal: String?
}

extension SessionModel {
    /// Makes a random change; gives the mutation that should do the same to the store.
    mutating func change(_ id: String, _ step: Int, _ random: inout SeededGenerator) -> ModelChange {
        let new = newMessages(step, &random)
        switch Int.random(in: 0..<42, using: &random) {
        case 0 where Int.random(in: 0..<3, using: &random) == 0:
            self = Self(sequence: sequence, isDeleted: true)
            return ModelChange(what: "delete", mutation: .delete(id))
        case 1...3: return set(id, "f\(Int.random(in: 0..<4, using: &random))", step, &random)
        case 4...6 where turn == nil:
            turn = Turn(id: "t\(step)", prompt: new[0])
            return ModelChange(
                what: "begin", mutation: .beginTurn(in: id, turn: "t\(step)", message: JSON(new[0].text)))
        case 4...6: return end(id, new, keeps: Bool.random(using: &random))
        case 7...10 where turn != nil:
            turn?.deltas.append("[\(step)]")
            var mutation = Mutation.delta(of: turn?.id ?? "", in: id, JSON("[\(step)]"))
            mutation.durability = .durable
            return ModelChange(what: "delta", mutation: mutation)
        case 11, 12: return cut(id, takesBack: false, &random)
        case 13, 14: return cut(id, takesBack: true, &random)
        case 15, 16: return restore(id)
        case 17, 18: return undo(id, isRetry: Bool.random(using: &random))
        case 19: return clear(id, step)
        case 20...22: return replace(id, new, &random)
        case 23...25 where count(.visible) + count(.context) > 0: return edit(id, step, &random)
        case 26...33: return turnChange(id, new, step, &random) ?? append(id, new, step, &random)
        default: return append(id, new, step, &random)
        }
    }

    private func newMessages(_ step: Int, _ random: inout SeededGenerator) -> [Message] {
        (0...Int.random(in: 0..<4, using: &random)).map { number in
            let isUsers = Int.random(in: 0..<3, using: &random) == 0
            let role = isUsers ? "user" : "assistant"
            return Message(
                "{\"role\":\"\(role)\", \"content\":\"step \(step)\", \"n\":\(number)}", isUsers: isUsers)
        }
    }

    /// Places `messages` at random, and `mutation` accordingly; answers where they go as a whole.
    private func place(
        _ messages: inout [Message], _ mutation: inout Mutation, _ random: inout SeededGenerator
    ) -> Placement {
        func any(_ random: inout SeededGenerator) -> Placement {
            Placement.allCases.randomElement(using: &random) ?? .both
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            mutation.placement = any(&random)
            messages = messages.map { Message($0.text, isUsers: $0.isUsers, mutation.placement) }
        case 1:
            let placements = messages.map { _ in any(&random) }
            mutation.placements = placements
            messages = zip(messages, placements).map { Message($0.text, isUsers: $0.isUsers, $1) }
        default: break
        }
        return mutation.placement
    }

    private mutating func append(
        _ id: String, _ new: [Message], _ step: Int, _ random: inout SeededGenerator
    ) -> ModelChange {
        var new = new
        var mutation = Mutation.append(to: id, new.map { JSON($0.text) })
        _ = place(&new, &mutation, &random)
        let isOfTurn = turn != nil && Bool.random(using: &random)
        if isOfTurn { mutation.turn = turn?.id }
        if Bool.random(using: &random) { mutation.key = "key \(step)" }
        append(new, ofTurn: isOfTurn)
        return ModelChange(what: "append \(new.count)", mutation: mutation)
    }

    private mutating func replace(
        _ id: String, _ new: [Message], _ random: inout SeededGenerator
    ) -> ModelChange {
        var new = Bool.random(using: &random) ? new : []
        let texts = new.map { JSON($0.text) }
        let compacts = Int.random(in: 0..<3, using: &random) > 0
        var mutation: Mutation = compacts ? .compactMessages(id, messages: texts) : .replace(id, messages: texts)
        let placement = place(&new, &mutation, &random)
        replace(placement, with: new, leaving: compacts ? .compacted : .absent)
        return ModelChange(what: (compacts ? "compact" : "replace") + " \(placement)", mutation: mutation)
    }

    private mutating func cut(_ id: String, takesBack: Bool, _ random: inout SeededGenerator) -> ModelChange {
        let (visible, context) = (count(.visible), count(.context))
        let keep = Int.random(in: 0...visible, using: &random)
        let own = Bool.random(using: &random) ? Int.random(in: 0...context, using: &random) : nil
        let keepContext = own ?? contextCount(keeping: keep)
        var change = ModelChange(
            what: (takesBack ? "take back" : "truncate") + " to \(keep), \(own.map(String.init) ?? "-")",
            mutation: takesBack
                ? .takeBack(id, keep: keep, context: own) : .truncate(id, keep: keep, context: own))
        if takesBack {
            change.removal = Removal(count: visible - keep)
            if keep == visible, keepContext == context { change.refusal = "Nothing to take back." }
        }
        cut(keep, keepContext, leaving: takesBack ? .takenBack(sequence) : .absent)
        return change
    }

    private mutating func restore(_ id: String) -> ModelChange {
        var change = ModelChange(what: "restore", mutation: .restore(id))
        change.restoredCount = restore()
        if change.restoredCount == nil { change.refusal = "Nothing to restore." }
        return change
    }

    private mutating func undo(_ id: String, isRetry: Bool) -> ModelChange {
        var change = ModelChange(
            what: isRetry ? "retry" : "undo", mutation: isRetry ? .retryLast(id) : .undoLast(id))
        guard let (keep, keepContext) = undoCut() else {
            change.refusal = isRetry ? "No previous message to retry." : "Nothing to undo."
            return change
        }
        let message = messages[places(.visible)[keep]].text
        let text = String(message.split(separator: "\"")[7])
        change.removal = Removal(
            count: count(.visible) - keep, preview: isRetry ? nil : text, lastUserText: isRetry ? text : nil)
        cut(keep, keepContext, leaving: .absent)
        return change
    }

    private mutating func clear(_ id: String, _ step: Int) -> ModelChange {
        messages = []
        outputs = []
        set("cleared", "\(step)")
        var mutation = Mutation.clear(id)
        mutation.fields = JSON("{\"cleared\":\(step)}")
        return ModelChange(what: "clear", mutation: mutation)
    }

    private mutating func edit(_ id: String, _ step: Int, _ random: inout SeededGenerator) -> ModelChange {
        let list: SessionList =
            count(.visible) > 0 && (count(.context) == 0 || Bool.random(using: &random)) ? .visible : .context
        let index = Int.random(in: 0..<count(list), using: &random)
        let isPatch = Bool.random(using: &random)
        let old = messages[places(list)[index]]
        let parts = old.text.split(separator: "\"")
        // A patched message has no whitespace between its members; the old one ends with its number.
        let number = parts.last?.filter(\.isNumber) ?? ""
        let text =
            isPatch
            ? "{\"role\":\"\(parts[3])\",\"content\":\"edit \(step)\",\"n\":\(number)}"
            : "{\"role\":\"user\", \"content\":\"new \(step)\", \"n\":9}"
        edit(list, index, text, isUsers: isPatch ? old.isUsers : true)
        let mutation: Mutation =
            isPatch
            ? .edit(id, at: index, in: list, patch: JSON("{\"content\":\"edit \(step)\"}"))
            : .edit(id, at: index, in: list, message: JSON(text))
        return ModelChange(what: "edit \(list) \(index)", mutation: mutation, message: text)
    }

    private mutating func set(
        _ id: String, _ key: String, _ step: Int, _ random: inout SeededGenerator
    ) -> ModelChange {
        let value = Bool.random(using: &random) ? "\(step).0" : nil
        set(key, value)
        return ModelChange(what: "set", mutation: .set(id, fields: JSON("{\"\(key)\":\(value ?? "null")}")))
    }

    private mutating func end(_ id: String, _ new: [Message], keeps: Bool) -> ModelChange {
        let ended = turn?.id ?? ""
        endTurn(new, keeps: keeps)
        let mutation = Mutation.endTurn(
            ended, in: id, status: .completed, messages: new.map { JSON($0.text) }, keepsMessage: keeps)
        return ModelChange(what: "end", mutation: mutation)
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
