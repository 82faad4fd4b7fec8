import Holdfast

/// A mutation and what its answer must be.
struct ModelChange {
    var what: String
    var mutation: Mutation
    var removal: Removal?
    var restoredCount: Int?
    var message: String?
    var strikes: Int?
    /// What the refusal says, if it must be refused.
    var refusal: String?
}

extension SessionModel {
    /// Makes a random change; gives the mutation that should do the same to the store.
    mutating func change(_ id: String, _ step: Int, _ random: inout SeededGenerator) -> ModelChange {
        let new = newMessages(step, &random)
        switch Int.random(in: 0..<46, using: &random) {
        case 0 where Int.random(in: 0..<3, using: &random) == 0:
            delete()
            return ModelChange(what: "delete", mutation: .delete(id))
        case 1: return set(id, "f\(Int.random(in: 0..<4, using: &random))", step, &random)
        case 2, 3: return settings(id, step, &random)
        case 4...6 where turn == nil:
            turn = Turn(id: "t\(step)", prompt: new[0])
            return ModelChange(
                what: "begin", mutation: .beginTurn(in: id, turn: "t\(step)", message: JSON(new[0].text)))
        case 4...6: return end(id, new, keeps: Bool.random(using: &random))
        case 7...10 where turn != nil:
            let data = Bool.random(using: &random) ? "[\(step)]" : "\"\(step) \""
            turn?.deltas.append(data)
            var mutation = Mutation.delta(of: turn?.id ?? "", in: id, JSON(data))
            mutation.durability = .durable
            return ModelChange(what: "delta", mutation: mutation)
        case 11, 12: return cut(id, takesBack: false, &random)
        case 13, 14: return cut(id, takesBack: true, &random)
        case 15, 16: return restore(id)
        case 17, 18: return undo(id, isRetry: Bool.random(using: &random))
        case 19: return clear(id, step)
        case 20...22: return replace(id, new, &random)
        case 23...25 where count(.visible) + count(.context) > 0: return edit(id, step, &random)
        case 42...45: return routerChange(id, &random)
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
        let parts = messages[places(list)[index]].text.split(separator: "\"")
        // A patched message has no whitespace between its members; one that was not made by recovery ends with its
        // number.
        let isPatch = Bool.random(using: &random) && parts.dropLast().last == "n"
        let number = parts.last?.filter(\.isNumber) ?? ""
        let isUsers = Bool.random(using: &random)
        let role = isUsers ? "user" : "assistant"
        let text =
            isPatch
            ? "{\"role\":\"\(role)\",\"content\":\"edit \(step)\",\"n\":\(number)}"
            : "{\"role\":\"\(role)\", \"content\":\"new \(step)\", \"n\":9}"
        edit(list, index, text, isUsers: isUsers)
        let mutation: Mutation =
            isPatch
            ? .edit(id, at: index, in: list, patch: JSON("{\"role\":\"\(role)\",\"content\":\"edit \(step)\"}"))
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

    /// Changes fields that lists and composers know.
    private mutating func settings(_ id: String, _ step: Int, _ random: inout SeededGenerator) -> ModelChange {
        let flag = Bool.random(using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            set("archived", "\(flag)")
            return ModelChange(what: "archive \(flag)", mutation: .archive(id, flag))
        case 1:
            set("pinned", "\(flag)")
            return ModelChange(what: "pin \(flag)", mutation: .pin(id, flag))
        case 2:
            set("title", flag ? "\"Untitled\"" : "\"T \(step)\"")
            set("manual_title", "\(!flag)")
            return ModelChange(what: "rename", mutation: .rename(id, to: flag ? "  " : " T \(step)\n"))
        default:
            let text = "{\"text\":\"draft \(step)\",\"files\":[{\"n\":1}]}"
            set("composer_draft", text)
            var mutation = Mutation.set(id, fields: JSON("{\"composer_draft\":\(text)}"))
            if let draft = try? Mutation.draft(id, text: "draft \(step)", files: [#"{"n":1}"#]) { mutation = draft }
            return ModelChange(what: "draft", mutation: mutation)
        }
    }

    private mutating func end(_ id: String, _ new: [Message], keeps: Bool) -> ModelChange {
        let ended = turn?.id ?? ""
        endTurn(new, keeps: keeps)
        let mutation = Mutation.endTurn(
            ended, in: id, status: .completed, messages: new.map { JSON($0.text) }, keepsMessage: keeps)
        return ModelChange(what: "end", mutation: mutation)
    }
}
