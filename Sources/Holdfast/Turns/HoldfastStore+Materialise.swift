import HoldfastBytes
import HoldfastLog

// The partial output of a turn whose worker is gone.
extension HoldfastStore {
    /// `mutation` with the open turn's output in it, if it is one that needs it. Called with the session's lock
    /// held; waits for what of the session is not durable yet.
    func withOutput(
        _ mutation: Mutation, _ session: HotSession, _ head: SessionHead
    ) throws(HoldfastError) -> Mutation {
        guard case .turns(.materialise(var materialise)) = mutation.change, materialise.messages == nil else {
            return mutation
        }
        materialise.messages = MessageList()
        if let turn = head.turn, turn.deltas > 0, turn.lifetime != lifetime {
            let view = SessionView(head: head, origin: session)
            try sessions.waitUntilDurable(view)
            if let message = try partialMessage(of: turn, in: view) {
                materialise.messages = MessageList(checked: [message[...]])
            }
        }
        var whole = mutation
        whole.change = .turns(.materialise(materialise))
        return whole
    }

    /// One message of all deltas that are strings, joined as they are spelled; `nil` when there are none.
    private func partialMessage(of turn: TurnHead, in view: SessionView) throws(HoldfastError) -> [UInt8]? {
        var text: [UInt8] = []
        try translated { () throws(LogError) in
            try log.rereading { () throws(LogError) in
                text = []
                try ViewReader(log: log, view: view).deltas(of: turn.id, after: 0) { (_, data) throws(LogError) in
                    if data.first == UInt8(ascii: "\"") { text += data.dropFirst().dropLast() }
                    return text.count <= log.payloadLimit
                }
            }
        }
        guard !text.isEmpty else { return nil }
        let quote = [UInt8(ascii: "\"")]
        var writer = JSONWriter(capacity: text.count + 128)
        writer.beginObject()
        writer.member("role", "assistant")
        writer.member("content", raw: quote + text + quote)
        writer.member("timestamp", options.now() / 1_000)
        writer.member("_partial", true)
        writer.endObject()
        return writer.finish()
    }
}

extension SessionLog {
    /// Runs `body` again when a compaction drops what it reads, for it is in the newer snapshot then.
    fileprivate func rereading(_ body: () throws(LogError) -> Void) throws(LogError) {
        for _ in 0..<8 {
            do throws(LogError) {
                return try body()
            } catch {
                guard error.code == .trimmed else { throw error }
            }
        }
        try body()
    }
}

extension Mutation {
    /// Whether making the change reads more of the session than its head.
    var readsOutput: Bool {
        guard case .turns(.materialise(let materialise)) = change else { return false }
        return materialise.messages == nil
    }
}
