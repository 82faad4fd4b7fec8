import HoldfastBytes

// What is answered about turns and queues.
extension PendingPage {
    /// Writes the page as members of an open object.
    func write(to writer: inout JSONWriter) {
        writer.key("turns")
        writer.beginArray()
        for turn in turns { turn.write(to: &writer) }
        writer.endArray()
        queued.write("queued", to: &writer)
        if let next { writer.member("next", next) }
    }
}

extension [PendingMessage] {
    /// Writes the messages as the member `name`.
    func write(_ name: StaticString, to writer: inout JSONWriter) {
        writer.key(name)
        writer.beginArray()
        for message in self { message.write(to: &writer) }
        writer.endArray()
    }
}

extension PendingMessage {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("session", session)
        writer.member("queued", message.queued)
        writer.member("state", state.rawValue)
        writer.member("age_ms", age)
        writer.member("attempts", message.attempts)
        if let claim = message.claim { writer.member("claim", claim) }
        if let owner = message.owner { writer.member("owner", owner) }
        message.writeContent(to: &writer)
        writer.endObject()
    }
}

extension QueuedMessage {
    /// Writes the message and what came with it as members of an open object.
    func writeContent(to writer: inout JSONWriter) {
        if let expiresAt, turn == nil { writer.member("expires_at", expiresAt) }
        writer.member("queued_at", queuedAt)
        if let source { writer.member("source", source) }
        if let attachments { writer.member("attachments", raw: attachments.bytes) }
        writer.member("message", raw: message.bytes)
    }
}

extension RunReplay {
    /// Writes the replay as members of an open object.
    func write(to writer: inout JSONWriter) {
        writer.member("status", status.rawValue)
        guard let run else { return }
        writer.key("run")
        run.write(to: &writer)
        writer.objects("events", events) { event, writer in
            writer.member("event_id", RunSummary.eventID(run.turn, event.number))
            writer.member("number", event.number)
            writer.member("data", raw: event.data.bytes)
        }
    }
}

extension RunSummary {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("turn", turn)
        if let stream { writer.member("stream", stream) }
        writer.member("status", status?.rawValue ?? "running")
        writer.member("terminal", status != nil)
        writer.member("events", events)
        writer.member("bytes", bytes)
        if let lastEventID { writer.member("last_event_id", lastEventID) }
        writer.member("begun_at", begunAt)
        if let endedAt { writer.member("ended_at", endedAt) }
        writer.endObject()
    }
}
