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
    /// The newest write of each session that had an idempotency key, and its answer.
    private var keyed: [String: (mutation: Mutation, answer: WriteResult)] = [:]
    /// What was done, to be shown.
    private(set) var story: [String] = []

    mutating func tell(_ what: String) { story.append(what) }

    /// The session for a step: the newer the likelier. There are more of them as a run goes on, so that sessions are
    /// made from others at all times.
    func session(at step: Int, _ random: inout SeededGenerator) -> String {
        let count = 5 + step / 12
        let age = min(Int.random(in: 0..<count, using: &random), Int.random(in: 0..<count, using: &random))
        return "s\(count - 1 - age)"
    }

    /// Notes that the process that had the store open is gone.
    mutating func reopen() {
        for id in model.keys { model[id]?.turn?.isLive = false }
    }

    /// Changes one session in the store and in the model, or makes it, and compares the answers.
    mutating func mutate(_ store: HoldfastStore, _ id: String, _ step: Int, _ random: inout SeededGenerator) throws {
        guard let session = model[id] else {
            let parent = self.session(at: step, &random)
            if model[parent] != nil, Int.random(in: 0..<4, using: &random) > 0 {
                return try fork(store, parent, to: id, step, &random)
            }
            tell("\(step) create \(id)")
            try store.writeBlocking(.create(id, fields: JSON("{\"made\":\(step)}")))
            return model[id] = SessionModel(fields: [("made", "\(step)")])
        }
        let other = self.session(at: step, &random)
        if other != id, model[other] != nil, Int.random(in: 0..<25, using: &random) == 0 {
            return try fork(store, id, to: other, step, &random)
        }
        if let refusal = session.refusal {
            if session.isDeleted || Int.random(in: 0..<4, using: &random) > 0 {
                tell("\(step) refused \(id)")
                return try expectRefusal(store, .set(id, fields: "{}"), refusal)
            }
            tell("\(step) delete rotated \(id)")
            try store.writeBlocking(.delete(id))
            model[id]?.delete()
            model[id]?.sequence += 1
            return
        }
        if Int.random(in: 0..<15, using: &random) == 0 { return try claimTitle(store, id, step, &random) }
        try change(store, id, step, &random)
    }

    /// Gives the session one of a few titles, unless another conversation has it.
    private mutating func claimTitle(
        _ store: HoldfastStore, _ id: String, _ step: Int, _ random: inout SeededGenerator
    ) throws {
        let title = "title \(Int.random(in: 0..<6, using: &random))"
        tell("\(step) set_title \(title) \(id)")
        let others = model.filter { other, session in
            session["title"] == "\"\(title)\"" && session.rotatedTo == nil && other != id
        }
        let mutation = try Mutation.setTitle(id, to: title)
        if let holder = others.keys.min(), model[id]?["title"] != "\"\(title)\"" {
            let error = Self.error { try store.writeBlocking(mutation) }
            try require(error?.code, is: .titleTaken, "a title that another conversation has")
            return try require(error?.session, is: holder, "who has the title")
        }
        let result = try store.writeBlocking(mutation)
        model[id]?.set("title", "\"\(title)\"")
        model[id]?.sequence += 1
        try require(model[id]?.sequences.contains(result.sequence), is: true, "\(result.sequence) as sequence")
    }

    private mutating func change(
        _ store: HoldfastStore, _ id: String, _ step: Int, _ random: inout SeededGenerator
    ) throws {
        guard var session = model[id] else { return }
        session.sequence += 1
        let change = session.change(id, step, &random)
        tell("\(step) \(change.what) \(id)")
        do {
            let result = try store.writeBlocking(change.mutation)
            if let refusal = change.refusal { throw Difference(description: "done instead of: \(refusal)") }
            try require(session.sequences.contains(result.sequence), is: true, "\(result.sequence) as sequence")
            try require(result.messageCount, is: session.count(.visible), "message count")
            try require(result.removal, is: change.removal, "removal")
            try require(result.restoredCount, is: change.restoredCount, "restored count")
            try require(result.message?.description, is: change.message, "message")
            try require(result.strikes, is: change.strikes, "strikes")
            model[id] = session
            if change.mutation.key != nil { keyed[id] = (change.mutation, result) }
        } catch let error as HoldfastError {
            try require(error.message, is: change.refusal ?? "no refusal", "refusal")
            try require(error.code, is: .unknownMessage, "refusal")
        }
    }

    /// Makes the session `child` from `parent`, or sees that this is refused.
    private mutating func fork(
        _ store: HoldfastStore, _ parent: String, to child: String, _ step: Int, _ random: inout SeededGenerator
    ) throws {
        guard var old = model[parent] else { return }
        let fork = old.fork(parent, to: child, step, &random)
        tell("\(step) \(fork.what) \(parent) to \(child)")
        let ownRefusal = old.isDeleted || fork.isRotation ? old.refusal : nil
        if let refusal = ownRefusal ?? model[child]?.taken {
            return try expectRefusal(store, fork.mutation, refusal)
        }
        old.note(fork, to: child)
        let result = try store.writeBlocking(fork.mutation)
        try require(old.sequences.contains(result.sequence), is: true, "\(result.sequence) as sequence")
        try require(result.newSession, is: child, "the new session")
        (model[parent], model[child]) = (old, fork.session)
        if fork.isRotation, var (mutation, answer) = keyed[parent] {
            // A retry under the new id is the same write.
            (mutation.session, answer.session) = (child, child)
            keyed[child] = (mutation, answer)
        }
        keyed[parent] = (fork.mutation, result)
    }

    private func expectRefusal(_ store: HoldfastStore, _ mutation: Mutation, _ refusal: SessionModel.Refusal)
        throws
    {
        let error = Self.error { try store.writeBlocking(mutation) }
        try require(error?.code, is: refusal.code, "a write that must be refused")
        try require(error?.newSession, is: refusal.newSession, "where the session goes on")
    }

    /// Compares one session in the store with the model.
    func compare(_ store: HoldfastStore, _ id: String) throws {
        guard let session = model[id], !session.isDeleted else {
            let code: HoldfastError.Code = model[id] == nil ? .unknownSession : .sessionDeleted
            return try require(Self.error { _ = try store.getBlocking(id) }?.code, is: code, "a read of \(id)")
        }
        if let keyed = keyed[id] {
            try require(try store.writeBlocking(keyed.mutation), is: keyed.answer, "the answer to a retry")
        }
        for list in SessionList.allCases { try compare(store, id, session, list) }
        let state = try store.getBlocking(id, Window(limit: 10_000, deltasAfter: 0))
        let sequence = state.summary.sequence
        try require(session.sequences.contains(sequence), is: true, "\(sequence) as sequence")
        try require(state.lineage.map { "\($0.kind.rawValue) \($0.parent)" }, is: session.madeBy, "lineage")
        try require(state.rotatedTo, is: session.rotatedTo, "where it goes on")
        try require(state.summary.messageCount, is: session.count(.visible), "message count")
        try require(state.summary.userMessageCount, is: session.userCount, "count of the user's messages")
        try require(state.summary.contextCount, is: session.count(.context), "context count")
        let fields = session.fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        try require(state.fields.description, is: "{\(fields)}", "fields")
        try require(state.turn?.turn, is: session.turn?.id, "turn")
        try require(state.turn?.attempts, is: session.turn?.attempts, "attempts")
        try compareTurns(store, id, session)
        try require(state.turn?.message.description, is: session.turn?.prompt.text, "pending message")
        try require(state.turn?.isMessageListed, is: session.turn?.isListed, "whether the pending message is listed")
        try require(state.deltas?.map(\.data.description), is: session.turn?.deltas ?? [], "deltas")
        let router = try Client(store).call("{\"op\":\"router_get\",\"session\":\"\(id)\"}")
        let members = RouterModel.names.compactMap { router["router", $0] }
        try require(members, is: session.router?.members ?? [], "the router's entry")
    }

    /// Compares the lists of sessions, whole and filtered.
    func compareLists(_ store: HoldfastStore) throws {
        func listed(_ change: (inout SessionQuery) -> Void) throws -> [String] {
            var query = SessionQuery()
            change(&query)
            return try store.listBlocking(query, limit: 1_000).rows.map(\.summary.session)
        }
        func expected(_ isWanted: (SessionModel) -> Bool) -> [String] {
            model.filter { !$0.value.isDeleted && isWanted($0.value) }.keys.sorted()
        }
        try require(try listed { _ in }, is: expected { _ in true }, "list")
        for row in try store.listBlocking(limit: 1_000).rows {
            let expected = model[row.summary.session]?.userCount
            try require(row.summary.userMessageCount, is: expected, "the user's messages of \(row.summary.session)")
        }
        for flag in [true, false] {
            try require(
                try listed { $0.archived = flag }, is: expected { ($0["archived"] == "true") == flag }, "archived")
            try require(try listed { $0.pinned = flag }, is: expected { ($0["pinned"] == "true") == flag }, "pinned")
            try require(try listed { $0.rotated = flag }, is: expected { ($0.rotatedTo != nil) == flag }, "rotated")
        }
        try require(try listed { $0.pendingOnly = true }, is: expected(\.isPending), "pending")
        for parent in Set(model.values.compactMap(\.parent)) {
            try require(try listed { $0.parent = parent }, is: expected { $0.parent == parent }, "of \(parent)")
        }
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
