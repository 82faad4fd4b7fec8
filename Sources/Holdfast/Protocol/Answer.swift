import HoldfastBytes

/// One line of the protocol that answers a request, its newline included.
struct Answer {
    /// The answer to the request `id`: what `body` writes as members, or the refusal.
    static func line(
        _ id: [UInt8], _ refusal: HoldfastError? = nil, _ body: (inout JSONWriter) -> Void = { _ in }
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("id", raw: id)
        writer.member("ok", refusal == nil)
        if let refusal { write(refusal, to: &writer) } else { body(&writer) }
        writer.endObject()
        return oneLine(writer.finish()) + [UInt8(ascii: "\n")]
    }

    /// `json` with spaces for its line breaks. They stand between tokens only, in values that came from files: inside a
    /// string JSON has none.
    private static func oneLine(_ json: [UInt8]) -> [UInt8] {
        var line = json
        line.withUnsafeMutableBytes { bytes in
            for lineBreak in [UInt8(ascii: "\n"), UInt8(ascii: "\r")] {
                var start = 0
                while let place = UnsafeRawBufferPointer(bytes).firstIndex(of: lineBreak, from: start) {
                    bytes[place] = UInt8(ascii: " ")
                    start = place + 1
                }
            }
        }
        return line
    }

    /// As above, for an operation that did or did not work out.
    static func line<Value>(
        _ id: [UInt8], _ result: Result<Value, HoldfastError>, _ body: (Value, inout JSONWriter) -> Void
    ) -> [UInt8] {
        switch result {
        case .success(let value): line(id) { writer in body(value, &writer) }
        case .failure(let error): line(id, error)
        }
    }

    private static func write(_ refusal: HoldfastError, to writer: inout JSONWriter) {
        writer.object("error") { writer in
            writer.member("code", refusal.code.rawValue)
            writer.member("message", refusal.message)
            if let sequence = refusal.sequence { writer.member("sequence", sequence) }
            if let newSession = refusal.newSession { writer.member("new_session", newSession) }
            if let session = refusal.session { writer.member("session", session) }
        }
    }
}

// What the results look like.
extension WriteResult {
    func write(to writer: inout JSONWriter) {
        writer.member("session", session)
        writer.member("sequence", sequence)
        writer.member("message_count", messageCount)
        if let turn { writer.member("turn", turn) }
        if let delta { writer.member("delta", delta) }
        if let attempts { writer.member("attempts", attempts) }
        if let strikes { writer.member("strikes", strikes) }
        if let removal { removal.writeMembers(to: &writer) }
        if let restoredCount { writer.member("restored_count", restoredCount) }
        if let message { writer.member("message", raw: message.bytes) }
        if let queued { writer.member("queued", queued) }
        if let claim { writer.member("claim", claim) }
        claimed?.writeContent(to: &writer)
        if isUnchanged { writer.member("unchanged", true) }
        if let newSession { writer.member("new_session", newSession) }
        if !isDurable { writer.member("durable", false) }
    }
}

extension SessionState {
    func write(to writer: inout JSONWriter) {
        summary.write(to: &writer)
        writer.member("fields", raw: fields.bytes)
        if let lineage { lineage.write(to: &writer) }
        if let rotatedTo { writer.member("rotated_to", rotatedTo) }
        if let turn {
            writer.object("turn") { writer in
                turn.write(to: &writer)
            }
        }
        writer.member("from", from)
        writer.key("messages")
        writer.beginArray()
        for message in messages { writer.raw(message.bytes) }
        writer.endArray()
        if let states {
            writer.member("active_before", activeBefore)
            writer.key("states")
            writer.beginArray()
            for state in states { writer.string(state.rawValue) }
            writer.endArray()
        }
        if let next { writer.member("next", next) }
        if let deltas { write(deltas, to: &writer) }
        if let damage { write(damage, to: &writer) }
    }

    private func write(_ damage: SessionDamage, to writer: inout JSONWriter) {
        writer.object("damaged") { writer in
            writer.member("after_sequence", damage.afterSequence)
            writer.member("message", damage.message)
        }
    }

    private func write(_ deltas: [Delta], to writer: inout JSONWriter) {
        writer.objects("deltas", deltas) { delta, writer in
            writer.member("delta", delta.number)
            writer.member("data", raw: delta.data.bytes)
        }
        if hasMoreDeltas { writer.member("more_deltas", true) }
    }
}

extension SessionSummary {
    func write(to writer: inout JSONWriter) {
        writePlace(to: &writer)
        writeCounts(to: &writer)
    }

    /// Whose summary it is, and as of which record.
    func writePlace(to writer: inout JSONWriter) {
        writer.member("session", session)
        writer.member("sequence", sequence)
    }

    /// Everything else.
    func writeCounts(to writer: inout JSONWriter) {
        writer.member("message_count", messageCount)
        if let userMessageCount { writer.member("user_message_count", userMessageCount) }
        if contextCount != messageCount { writer.member("context_count", contextCount) }
        writer.member("created_at", createdAt)
        writer.member("updated_at", updatedAt)
        if let lastMessageAt { writer.member("last_message_at", lastMessageAt) }
    }
}

extension OpenTurn {
    /// Writes the members of an open object.
    func write(to writer: inout JSONWriter) {
        writer.member("turn", turn)
        writer.member("begun_at", begunAt)
        writer.member("attempts", attempts)
        writer.member("deltas", deltas)
        writer.member("delta_bytes", deltaBytes)
        writer.member("last_delta", lastDelta)
        writer.member("activity", activity)
        if let stream { writer.member("stream", stream) }
        if let source { writer.member("source", source) }
        if let queued { writer.member("queued", queued) }
        writer.member("message_listed", isMessageListed)
        if let attachments { writer.member("attachments", raw: attachments.bytes) }
        writer.member("message", raw: message.bytes)
    }
}

extension PendingTurn {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("session", session)
        writer.member("age_ms", age)
        writer.member("live", isLive)
        turn.write(to: &writer)
        writer.endObject()
    }
}

extension Page {
    /// Writes the rows as the member `name`.
    func write(_ name: StaticString, to writer: inout JSONWriter, _ row: (Row, inout JSONWriter) -> Void) {
        writer.key(name)
        writer.beginArray()
        for each in rows { row(each, &writer) }
        writer.endArray()
        if let next { writer.member("next", next) }
    }
}
