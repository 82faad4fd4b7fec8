import Holdfast
import HoldfastSimulation
import Testing

/// Random operations on a store and on a plain model of what they should do, with crashes and compactions
/// between.
@Suite struct ModelTests {
    /// A session as the model has it.
    struct Session {
        var fields: [(key: String, value: String)] = []
        var messages: [String] = []
        var turn: (id: String, message: String, isListed: Bool, deltas: Int)?
        var sequence: UInt64 = 1
        var isDeleted = false
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func theStoreDoesWhatTheModelDoes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var log = MemoryLog()
        var store = try HoldfastStore.testing(log, hotSessions: 2)
        var model: [String: Session] = [:]
        for step in 0..<400 {
            let id = "s\(Int.random(in: 0..<5, using: &random))"
            switch Int.random(in: 0..<40, using: &random) {
            case 0:
                log = log.afterCrash()
                store = try HoldfastStore.testing(log, hotSessions: 2)
            case 1: try store.compactBlocking()
            case 2...6: try compare(store, id, model[id])
            default: try mutate(store, id, &model[id], step, &random)
            }
        }
        for id in model.keys { try compare(store, id, model[id]) }
    }

    /// The same on the engine: a crash takes everything that was not synced, in every way that a power cut may.
    @Test(arguments: [1, 2, 3, 4] as [UInt64], [CommitMode.journal, .segment])
    func theStoreOnTheEngineDoesWhatTheModelDoes(seed: UInt64, commit: CommitMode) throws {
        var random = SeededGenerator(seed: seed)
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        var model: [String: Session] = [:]
        for step in 0..<250 {
            let id = "s\(Int.random(in: 0..<5, using: &random))"
            switch Int.random(in: 0..<40, using: &random) {
            case 0: opened = try machine.crash(opened, .random(seed: seed &* 1000 &+ UInt64(step)))
            case 1:
                try opened.store.close()
                opened = try machine.open()
            case 2: try opened.store.compactBlocking()
            case 3...7: try compare(opened.store, id, model[id])
            default: try mutate(opened.store, id, &model[id], step, &random)
            }
        }
        opened = try machine.crash(opened, .dropAll)
        for id in model.keys { try compare(opened.store, id, model[id]) }
        let live = model.filter { !$0.value.isDeleted }
        let listed = try opened.store.listBlocking().rows.map(\.summary.session)
        #expect(listed == live.keys.sorted())
        try opened.store.close()
    }

    private func mutate(
        _ store: HoldfastStore, _ id: String, _ session: inout Session?, _ step: Int,
        _ random: inout SeededGenerator
    ) throws {
        guard var next = session else {
            session = Session(fields: [("made", "\(step)")])
            try store.writeBlocking(.create(id, fields: JSON("{\"made\":\(step)}")))
            return
        }
        if next.isDeleted {
            #expect(throws: HoldfastError.self) { try store.writeBlocking(.set(id, fields: "{}")) }
            return
        }
        let mutation = next.change(id, step, &random)
        let result = try store.writeBlocking(mutation)
        next.sequence += 1
        #expect(result.sequence == next.sequence && result.messageCount == next.messages.count)
        session = next
    }

    private func compare(_ store: HoldfastStore, _ id: String, _ session: Session?) throws {
        guard let session, !session.isDeleted else {
            let code: HoldfastError.Code = session == nil ? .unknownSession : .sessionDeleted
            #expect { try store.getBlocking(id) } throws: { ($0 as? HoldfastError)?.code == code }
            return
        }
        let state = try store.getBlocking(id, Window(limit: 10_000, deltasAfter: 0))
        #expect(state.summary.sequence == session.sequence)
        #expect(state.messages.map(\.description) == session.messages)
        let fields = session.fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        #expect(state.fields.description == "{\(fields)}")
        #expect(
            state.turn?.turn == session.turn?.id && state.turn?.message.description == session.turn?.message)
        #expect(state.deltas?.map(\.number) == (0..<(session.turn?.deltas ?? 0)).map { UInt64($0) + 1 })
    }
}

extension ModelTests.Session {
    /// Changes the model; gives the mutation that should do the same.
    fileprivate mutating func change(
        _ id: String, _ step: Int, _ random: inout SeededGenerator
    ) -> Mutation {
        let new = (0...Int.random(in: 0..<4, using: &random)).map { "{\"step\": \(step), \"n\":\($0)}" }
        let isOfTurn = turn != nil && Bool.random(using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0:
            self = Self(sequence: sequence, isDeleted: true)
            return .delete(id)
        case 1:
            messages = new
            return .replace(id, messages: new.map { JSON($0) })
        case 2, 3:
            let count = Int.random(in: 0...messages.count, using: &random)
            messages.removeSubrange(count...)
            return .truncate(id, keep: count)
        case 4...6: return set(id, "f\(Int.random(in: 0..<4, using: &random))", step, &random)
        case 7...9 where turn == nil:
            turn = ("t\(step)", new[0], false, 0)
            return .beginTurn(in: id, turn: "t\(step)", message: JSON(new[0]))
        case 7...9: return end(id, new, keeps: Bool.random(using: &random))
        case 10...13 where turn != nil:
            turn?.deltas += 1
            var mutation = Mutation.delta(of: turn?.id ?? "", in: id, JSON("[\(step)]"))
            mutation.durability = .durable
            return mutation
        default:
            if isOfTurn { listPrompt() }
            messages += new
            var mutation = Mutation.append(to: id, new.map { JSON($0) })
            if isOfTurn { mutation.turn = turn?.id }
            if Bool.random(using: &random) { mutation.key = "key \(step)" }
            return mutation
        }
    }

    private mutating func set(
        _ id: String, _ key: String, _ step: Int, _ random: inout SeededGenerator
    ) -> Mutation {
        let place = fields.firstIndex { $0.key == key }
        if Bool.random(using: &random) {
            if let place { fields.remove(at: place) }
            return .set(id, fields: JSON("{\"\(key)\":null}"))
        }
        if let place { fields[place].value = "\(step).0" } else { fields.append((key, "\(step).0")) }
        return .set(id, fields: JSON("{\"\(key)\":\(step).0}"))
    }

    private mutating func end(_ id: String, _ new: [String], keeps: Bool) -> Mutation {
        let ended = turn?.id ?? ""
        if keeps { listPrompt() }
        messages += new
        turn = nil
        return .endTurn(
            ended, in: id, status: .completed, messages: new.map { JSON($0) }, keepsMessage: keeps)
    }

    private mutating func listPrompt() {
        guard let open = turn, !open.isListed else { return }
        messages.append(open.message)
        turn?.isListed = true
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
