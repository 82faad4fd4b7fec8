import HoldfastBytes
import HoldfastLog

// The rules and the reducer of sessions that are made from others. Pure.
extension SessionHead {
    /// The fork as its record says it, or the refusal.
    func resolve(_ fork: Fork) throws(HoldfastError) -> Fork {
        var fork = fork
        if fork.messages == nil, !listsDiffer, fork.count ?? messageCount == messageCount {
            fork.shared = messageCount == 0 ? [] : [SharedRun(count: messageCount, placement: .both)]
            fork.users = userCount
        }
        fork.count = nil
        guard pins.count < SessionLimits.pins else {
            throw HoldfastError(
                .limitReached, "\(pins.count) sessions share this one's messages; delete or compact some of them")
        }
        return fork
    }

    /// The first record of the session that `fork`, the next record of this session `id`, makes.
    ///
    /// A function of the two alone: whoever finds the fork and no new session makes the same one.
    func begin(_ fork: Fork, of id: SessionID) throws(ContentError) -> Begin {
        let isRotation = fork.kind == .rotate
        let readsHere = !fork.shared.isEmpty || (isRotation && outputs.contains { !$0.deltas.isEmpty })
        let lineage = Lineage(
            kind: fork.kind, parent: id, sequence: sequence, shared: fork.shared,
            depth: readsHere ? (self.lineage?.depth ?? 0) + 1 : 0,
            root: isRotation ? self.lineage?.root ?? id : nil)
        var begin = Begin(
            lineage: lineage, shared: fork.shared, users: fork.users, fields: try fields(for: fork, of: id))
        begin.lastMessageAt = fork.shared.isEmpty ? nil : lastMessageAt
        begin.messages = fork.messages ?? MessageList()
        if isRotation {
            var writer = JSONWriter()
            writer.beginObject()
            writeState(to: &writer)
            writer.endObject()
            begin.state = writer.finish()
        }
        return begin
    }

    /// The fields of the session that `fork` makes of this session `id`.
    private func fields(for fork: Fork, of id: SessionID) throws(ContentError) -> [UInt8] {
        var next = self
        switch fork.kind {
        case .rotate: next.setField("parent_session_id", id.text)
        case .branch:
            next.addToTitle(" (fork)")
            next.setField("parent_session_id", id.text)
            next.setField("session_source", "fork")
            next.clearFlag("pinned")
            next.clearFlag("archived")
            next.fields.remove("composer_draft")
        case .duplicate:
            next.addToTitle(" (copy)")
            next.clearFlag("pinned")
        }
        try next.merge(fork.fields)
        return next.fields.json.bytes
    }

    /// Folds in the record of a session that was made from this one.
    mutating func apply(_ fork: Fork) throws(ContentError) {
        guard let child = fork.newSession.flatMap(SessionID.init) else { throw ContentError("a fork without a name") }
        pins.append(Pin(child: child, sequence: sequence - 1))
        guard fork.kind == .rotate else { return }
        clearFlag("pinned")
        try merge(fork.oldFields)
        rotatedTo = child
        (turn, queue, router) = (nil, [], RouterState())
    }

    /// Folds in the first record of a session that was made from another one.
    mutating func apply(_ begin: Begin, at time: Milliseconds) throws(ContentError) {
        guard sequence == 1 else { throw ContentError("a session begins with record \(sequence)") }
        if let state = begin.state {
            try readState(try JSONTree.parsed(state, detail: 4))
            turn?.sequence = 0
            for index in runs.indices { runs[index].sequence = 0 }
        }
        (sequence, updatedAt, createdAt) = (1, time, begin.state == nil ? time : createdAt)
        fields = try Self.fields(begin.fields)
        lineage = begin.lineage
        (messageCount, contextCount) = (begin.shared.count(of: .visible), begin.shared.count(of: .context))
        userCount = 0
        countUsers(begin.users)
        listsDiffer = begin.shared.contains { $0.placement != .both }
        lastMessageAt = begin.lastMessageAt
        list(begin.messages, at: time)
    }
}

extension SessionHead {
    private mutating func setField(_ name: String, _ text: String) {
        var writer = JSONWriter()
        writer.string(text)
        fields.set(name, raw: writer.finish())
    }

    private mutating func clearFlag(_ name: String) {
        if fields[name] != nil { fields.set(name, raw: Array("false".utf8)) }
    }

    private mutating func addToTitle(_ suffix: String) {
        setField("title", (title ?? Title.untitled) + suffix)
    }
}
