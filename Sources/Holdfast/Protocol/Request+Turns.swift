import HoldfastBytes

// The requests of the kinds 30 to 38, and those that read turns.
extension TurnChange {
    /// Takes what belongs to the operation out of `fields`; `nil` when the kind is none of these.
    init?(_ kind: RecordKind, _ fields: inout RequestFields) throws(HoldfastError) {
        switch kind {
        case .checkpoint:
            self = .checkpoint(Checkpoint(activity: try fields.unsigned("activity")))
        case .enqueue: self = .enqueue(try Enqueue(&fields))
        case .editQueued: self = .editQueued(try Enqueue(&fields))
        case .dropQueued: self = .dropQueued(try QueueStep(&fields))
        case .claim: self = .claim(try ClaimQueued(&fields))
        case .complete: self = .complete(try QueueStep(&fields, takesMessages: true))
        case .release: self = .release(try QueueStep(&fields))
        case .materialise: self = .materialise(try Materialise(&fields))
        case .abandonTurn: self = .abandonTurn
        default: return nil
        }
    }
}

extension Enqueue {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        queued = try fields.string("queued")
        message = try fields.object("message").required("message").bytes
        attachments = try fields.array("attachments")?.bytes
        source = try fields.string("source")
    }
}

extension QueueStep {
    fileprivate init(_ fields: inout RequestFields, takesMessages: Bool = false) throws(HoldfastError) {
        queued = try fields.string("queued").required("queued")
        claim = try fields.string("claim")
        if takesMessages { messages = try fields.messages() ?? MessageList() }
    }
}

extension ClaimQueued {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        queued = try fields.string("queued")
        owner = try fields.string("owner").required("owner")
        maximumAttempts = try fields.unsigned("max_attempts")
        if try fields.bool("begin_turn") ?? false {
            begin = BeginTurn(stream: try fields.string("stream"))
        } else {
            claim = try fields.string("claim")
            leaseMilliseconds = try fields.unsigned("lease_ms").required("lease_ms")
        }
    }
}

extension Materialise {
    fileprivate init(_ fields: inout RequestFields) throws(HoldfastError) {
        let words = "\"process_restart\", \"stream_run_split_brain\", \"lost_worker_bookkeeping\" or \"unknown\""
        cause = try fields.word("cause", words).required("cause")
        messages = try fields.messages()
        notice = try fields.string("notice")
        minimumAge = try fields.unsigned("min_age_ms") ?? 0
    }
}

extension RunCursor {
    /// Takes out `cursor`, or else `turn` and `after`; and `through`.
    init(_ fields: inout RequestFields) throws(HoldfastError) {
        eventID = try fields.string("cursor")
        through = try fields.unsigned("through")
        if eventID == nil {
            turn = try fields.string("turn")
            number = try fields.unsigned("after") ?? 0
        }
    }
}

extension ReplayLimits {
    init(_ fields: inout RequestFields) throws(HoldfastError) {
        self.init()
        if let count = try fields.count("max_rows") { events = count }
        if let count = try fields.count("max_bytes") { bytes = count }
    }
}
