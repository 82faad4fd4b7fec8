import HoldfastBytes

// The open turn, the kept output and the queue in a session's document.
extension SessionHead {
    func writeRunsAndQueue(to writer: inout JSONWriter) {
        if !runs.isEmpty {
            writer.key("runs")
            writer.beginArray()
            for run in runs { run.write(to: &writer) }
            writer.endArray()
        }
        if !queue.isEmpty {
            writer.key("queue")
            writer.beginArray()
            for message in queue { message.write(to: &writer) }
            writer.endArray()
        }
    }

    mutating func readRunsAndQueue(_ state: JSONRef) throws(ContentError) {
        for run in try state.array("runs") { runs.append(try RunHead(run)) }
        for message in try state.array("queue") { queue.append(try QueuedHead(message)) }
    }
}

extension TurnHead {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("turn", id.text)
        writer.member("begun_at", begunAt)
        writer.member("attempts", attempts)
        if let stream { writer.member("stream", stream) }
        if let source { writer.member("source", source) }
        if let lifetime { writer.member("lifetime", lifetime.text) }
        if let queued { writer.member("queued", queued.text) }
        writer.member("sequence", sequence)
        writer.member("deltas", deltas)
        writer.member("delta_bytes", deltaBytes)
        writer.member("last_delta", lastDelta)
        writer.member("activity", activity)
        writer.member("message_listed", isListed)
        if let attachments { writer.member("attachments", raw: attachments) }
        writer.member("message", raw: message)
        writer.endObject()
    }

    init(_ value: JSONRef) throws(ContentError) {
        guard value.kind == .object, let id = try value.label("turn") else {
            throw ContentError("an open turn without its id")
        }
        self.init(
            id: id, message: try value.object("message"), attachments: value["attachments"].map { Array($0.raw) },
            isListed: value["message_listed"]?.bool ?? false, sequence: try value.unsigned("sequence"),
            begunAt: try value.unsigned("begun_at"), attempts: try value.unsigned("attempts"),
            deltas: try value.unsigned("deltas"), deltaBytes: try value.unsigned("delta_bytes"),
            lastDelta: try value.unsigned("last_delta"), activity: try value.unsigned("activity"),
            stream: value["stream"]?.text, source: value["source"]?.text, lifetime: try value.label("lifetime"),
            queued: try value.label("queued"))
    }
}

extension RunHead {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("turn", id.text)
        writer.member("status", status.rawValue)
        writer.member("sequence", sequence)
        writer.member("begun_at", begunAt)
        writer.member("ended_at", endedAt)
        writer.member("deltas", deltas)
        writer.member("delta_bytes", deltaBytes)
        if let stream { writer.member("stream", stream) }
        writer.endObject()
    }

    fileprivate init(_ value: JSONRef) throws(ContentError) {
        guard value.kind == .object, let id = try value.label("turn"),
            let status = value["status"]?.string.flatMap(TurnStatus.init(rawValue:))
        else { throw ContentError("an ended turn without its id or status") }
        self.init(
            id: id, status: status, sequence: try value.unsigned("sequence"),
            begunAt: try value.unsigned("begun_at"), endedAt: try value.unsigned("ended_at"),
            deltas: try value.unsigned("deltas"), deltaBytes: try value.unsigned("delta_bytes"),
            stream: value["stream"]?.text)
    }
}

extension QueuedHead {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("queued", id.text)
        writer.member("queued_at", queuedAt)
        writer.member("attempts", attempts)
        if let lease {
            writer.member("claim", lease.claim.text)
            writer.member("owner", lease.owner)
            writer.member("expires_at", lease.expiresAt)
        }
        if let source { writer.member("source", source) }
        if let attachments { writer.member("attachments", raw: attachments) }
        writer.member("message", raw: message)
        writer.endObject()
    }

    fileprivate init(_ value: JSONRef) throws(ContentError) {
        guard value.kind == .object, let id = try value.label("queued") else {
            throw ContentError("a queued message without its id")
        }
        self.init(
            id: id, message: try value.object("message"), attachments: value["attachments"].map { Array($0.raw) },
            source: value["source"]?.text, queuedAt: try value.unsigned("queued_at"),
            attempts: try value.unsigned("attempts"))
        guard let claim = try value.label("claim") else { return }
        lease = Lease(claim: claim, owner: try value.text("owner"), expiresAt: try value.unsigned("expires_at"))
    }
}

extension JSONRef {
    /// The elements of the member `name`, none when it is missing.
    fileprivate func array(_ name: String) throws(ContentError) -> [JSONRef] {
        guard let list = self[name] else { return [] }
        guard list.kind == .array else { throw ContentError("the member '\(name)' is not an array") }
        return Array(list.elements)
    }
}
