import Holdfast

// Sessions that are made from others.
extension SessionModel {
    /// Why a session takes no writes.
    struct Refusal {
        var code: HoldfastError.Code
        var newSession: String?
    }

    /// A fork and what it makes.
    struct ForkChange {
        var what: String
        var mutation: Mutation
        /// What the new session is.
        var session: SessionModel
        var isRotation = false
    }

    /// The refusal of a write to it, if it takes none.
    var refusal: Refusal? {
        if isDeleted { return Refusal(code: .sessionDeleted, newSession: rotatedTo) }
        return rotatedTo.map { Refusal(code: .rotated, newSession: $0) }
    }

    /// The refusal of a fork to its id.
    var taken: Refusal { Refusal(code: isDeleted ? .sessionDeleted : .sessionExists) }

    /// The numbers that its last record may have: the store writes one by itself when a session that was made from
    /// this one needs it no more.
    var sequences: ClosedRange<UInt64> { sequence...sequence + forks }

    var parent: String? { madeBy.map { String($0.split(separator: " ")[1]) } }

    var isPending: Bool { turn != nil || !queue.isEmpty }

    subscript(key: String) -> String? { fields.first { $0.key == key }?.value }

    mutating func delete() {
        self = Self(sequence: sequence, isDeleted: true, rotatedTo: rotatedTo, forks: forks)
    }

    /// A random fork of this session.
    func fork(_ id: String, to child: String, _ step: Int, _ random: inout SeededGenerator) -> ForkChange {
        let all = count(.visible)
        let fields = JSON("{\"forked\":\(step)}")
        var new = Self(fields: self.fields)
        var change: ForkChange
        switch Int.random(in: 0..<3, using: &random) {
        case 0: change = rotation(id, to: child, step, &random)
        case 1:
            let keep = Bool.random(using: &random) ? Int.random(in: 0...all, using: &random) : nil
            new.messages = shared(keeping: keep ?? all)
            new.addToTitle(" (fork)")
            new.set("parent_session_id", "\"\(id)\"")
            new.set("session_source", "\"fork\"")
            for flag in ["pinned", "archived"] where new[flag] != nil { new.set(flag, "false") }
            new.set("composer_draft", nil)
            let mutation = Mutation.branch(id, to: child, keep: keep, fields: fields)
            change = ForkChange(what: "branch", mutation: mutation, session: new)
        default:
            new.messages = shared(keeping: all)
            new.addToTitle(" (copy)")
            if new["pinned"] != nil { new.set("pinned", "false") }
            let mutation = Mutation.duplicate(id, to: child, fields: fields)
            change = ForkChange(what: "duplicate", mutation: mutation, session: new)
        }
        change.mutation.key = "key \(step)"
        change.session.set("forked", "\(step)")
        change.session.madeBy = "\(change.what) \(id)"
        return change
    }

    private func rotation(
        _ id: String, to child: String, _ step: Int, _ random: inout SeededGenerator
    ) -> ForkChange {
        var new = Self(fields: fields, turn: turn, outputs: outputs, queue: queue, router: router)
        new.set("parent_session_id", "\"\(id)\"")
        let summary: Message? =
            Bool.random(using: &random)
            ? Message(
                "{\"role\":\"user\", \"content\":\"step \(step)\", \"n\":0}", isUsers: true,
                Placement.allCases.randomElement(using: &random) ?? .both) : nil
        new.messages = summary.map { [$0] } ?? shared(keeping: count(.visible))
        var mutation = Mutation.rotate(
            id, to: child, messages: summary.map { [JSON($0.text)] }, fields: JSON("{\"forked\":\(step)}"),
            oldFields: #"{"left":true}"#)
        if let summary { mutation.placement = summary.placement }
        return ForkChange(what: "rotate", mutation: mutation, session: new, isRotation: true)
    }

    /// What `fork`, to the session `child`, does to this session.
    mutating func note(_ fork: ForkChange, to child: String) {
        sequence += 1
        forks += 1
        guard fork.isRotation else { return }
        if self["pinned"] != nil { set("pinned", "false") }
        set("left", "true")
        (turn, queue, router, rotatedTo) = (nil, [], nil, child)
    }

    /// The messages that a session begins with that shares the first `keep` visible ones: what is hidden stays here.
    private func shared(keeping keep: Int) -> [Message] {
        let visible = Set(places(.visible).prefix(keep))
        let context = Set(places(.context).prefix(contextCount(keeping: keep)))
        return messages.indices.compactMap { place in
            guard visible.contains(place) || context.contains(place) else { return nil }
            var message = messages[place]
            message.visible = visible.contains(place) ? .active : .absent
            message.context = context.contains(place) ? .active : .absent
            return message
        }
    }

    private mutating func addToTitle(_ suffix: String) {
        let title = self["title"]?.dropFirst().dropLast() ?? "Untitled"
        set("title", "\"\(title)\(suffix)\"")
    }
}

extension SessionModel.Message {
    /// The lists in which it is active.
    fileprivate var placement: Placement { visible != .active ? .context : context != .active ? .visible : .both }
}
