import Holdfast
import HoldfastSimulation

/// A session as it should be: fields, messages and the open turn after so many records.
struct SessionModel: Sendable {
    private var fields: [(key: String, value: String)] = []
    private var messages: [String] = []
    private var turn: Turn?
    private var isDeleted = false

    private struct Turn {
        var id: String
        var message: String
        var isListed = false
        var attempts = 1
        var deltas: [String] = []
    }

    /// Everything in one line; the state of a store's session is put in the same words.
    var description: String {
        if isDeleted { return Self.deleted }
        return Self.describe(
            fields: "{" + fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}", messages,
            turn: turn.map { "\($0.id), attempt \($0.attempts), \($0.isListed): \($0.message)" }, turn?.deltas ?? [])
    }

    static let deleted = "deleted"

    /// The same of what a store has read with all messages and all deltas.
    static func describe(_ state: SessionState) -> String {
        describe(
            fields: state.fields.description, state.messages.map(\.description),
            turn: state.turn.map { "\($0.turn), attempt \($0.attempts), \($0.isMessageListed): \($0.message)" },
            (state.deltas ?? []).map(\.data.description))
    }

    private static func describe(
        fields: String, _ messages: [String], turn: String?, _ deltas: [String]
    ) -> String {
        "\(fields) [\(messages.joined(separator: ","))] \(turn ?? "no turn") [\(deltas.joined(separator: ","))]"
    }
}

extension SessionModel {
    /// Changes the model as record `number` of the workload will; gives the mutation that should do the same. `nil`
    /// when nothing can be done any more. The first one makes the session.
    mutating func change(
        _ session: String, _ number: Int, isNew: Bool, _ kind: SessionWorkload.Kind, _ generator: inout SplitMix64
    ) -> Mutation? {
        if isDeleted { return nil }
        if isNew {
            fields = [("made", "\(number)")]
            return .create(session, fields: JSON("{\"made\":\(number)}"))
        }
        switch Int(generator.next() % (kind == .deletion ? 14 : 12)) {
        case 0, 1: return set(session, number)
        case 2: return truncate(session, &generator)
        case 3...7 where turn == nil, 3 where kind == .turns && turn == nil: return begin(session, number)
        case 3, 4: return delta(session, number)
        case 5: return resume(session)
        case 6, 7: return end(session, number, keeps: generator.next().isMultiple(of: 2))
        case 12, 13:
            self = SessionModel()
            isDeleted = true
            return .delete(session)
        default: return append(session, number, &generator)
        }
    }

    private mutating func set(_ session: String, _ number: Int) -> Mutation {
        let key = "f\(number % 3)"
        if let place = fields.firstIndex(where: { $0.key == key }) {
            fields[place].value = "\(number).0"
        } else {
            fields.append((key, "\(number).0"))
        }
        return .set(session, fields: JSON("{\"\(key)\":\(number).0}"))
    }

    private mutating func truncate(_ session: String, _ generator: inout SplitMix64) -> Mutation {
        let count = Int(generator.next() % UInt64(messages.count + 1))
        messages.removeSubrange(count...)
        return .truncate(session, keep: count)
    }

    private mutating func begin(_ session: String, _ number: Int) -> Mutation {
        let prompt = "{\"role\":\"user\",\"content\":\"prompt \(number)\"}"
        turn = Turn(id: "t\(number)", message: prompt)
        return .beginTurn(in: session, turn: "t\(number)", message: JSON(prompt))
    }

    private mutating func resume(_ session: String) -> Mutation? {
        guard let id = turn?.id else { return nil }
        turn?.attempts += 1
        return .resumeTurn(id, in: session)
    }

    private mutating func delta(_ session: String, _ number: Int) -> Mutation? {
        guard let id = turn?.id else { return nil }
        turn?.deltas.append("[\(number)]")
        return .delta(of: id, in: session, JSON("[\(number)]"))
    }

    private mutating func end(_ session: String, _ number: Int, keeps: Bool) -> Mutation? {
        guard let id = turn?.id else { return nil }
        if keeps { listPrompt() }
        let answer = "{\"role\":\"assistant\",\"content\":\"answer \(number)\"}"
        messages.append(answer)
        turn = nil
        return .endTurn(id, in: session, status: .completed, messages: [JSON(answer)], keepsMessage: keeps)
    }

    private mutating func append(_ session: String, _ number: Int, _ generator: inout SplitMix64) -> Mutation {
        let isOfTurn = turn != nil && generator.next().isMultiple(of: 2)
        if isOfTurn { listPrompt() }
        let byteCount = generator.next().isMultiple(of: 4) ? 600 : 20
        let new = (0...Int(generator.next() % 3)).map { message(number * 4 + $0, byteCount: byteCount) }
        messages += new
        var mutation = Mutation.append(to: session, new.map { JSON($0) })
        if isOfTurn { mutation.turn = turn?.id }
        return mutation
    }

    private mutating func listPrompt() {
        guard let open = turn, !open.isListed else { return }
        messages.append(open.message)
        turn?.isListed = true
    }
}
