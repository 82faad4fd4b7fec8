import HoldfastBytes

// The members of the records 30 to 38, besides `turn`, `key` and `fields`.
//
//     30 checkpoint    {"turn":"t",["activity":7]}
//     31 enqueue       {"queued":"q","message":{…},["attachments":[…],]["source":"s"]}
//     32 edit_queued   {"queued":"q","message":{…},["attachments":[…],]["source":"s"]}
//     33 drop_queued   {"queued":"q"}
//     34 claim         {"queued":"q","claim":"c","owner":"o","expires_at":1}
//                      {"turn":"t","queued":"q","claim":"c","owner":"o","begin_turn":{["stream":"s",]…}}
//     35 complete      {["turn":"t",]["lists_pending":true,]"queued":"q","claim":"c",["messages":[{…}][,"list":…]]}
//     36 release       {"queued":"q","claim":"c"}
//     37 materialise   {"turn":"t",["lists_pending":true,]"cause":"process_restart","messages":[{…}][,"list":…]}
//     38 abandon_turn  {"turn":"t"}
extension TurnChange {
    /// About how many bytes of the caller's the change holds.
    var byteCount: Int {
        switch self {
        case .enqueue(let message), .editQueued(let message):
            message.message.count + (message.attachments?.count ?? 0)
        case .complete, .materialise: addedMessages.byteCount
        case .checkpoint, .dropQueued, .claim, .release, .abandonTurn: 0
        }
    }

    /// Writes the members that are the change's own.
    func writeMembers(to writer: inout JSONWriter) {
        switch self {
        case .checkpoint(let checkpoint):
            if let activity = checkpoint.activity { writer.member("activity", activity) }
        case .enqueue(let message), .editQueued(let message): message.writeMembers(to: &writer)
        case .claim(let claim): claim.writeMembers(to: &writer)
        case .dropQueued(let step), .complete(let step), .release(let step): step.writeMembers(to: &writer)
        case .materialise(let materialise):
            writer.member("cause", materialise.cause.rawValue)
            (materialise.messages ?? MessageList()).writeMembers(to: &writer)
        case .abandonTurn: break
        }
    }

    /// Reads the members that are the change's own; `nil` when the kind is none of these.
    init?(_ kind: RecordKind, _ root: JSONRef) throws(ContentError) {
        switch kind {
        case .checkpoint: self = .checkpoint(Checkpoint(activity: root["activity"]?.number))
        case .enqueue: self = .enqueue(try Enqueue(root))
        case .editQueued: self = .editQueued(try Enqueue(root))
        case .dropQueued: self = .dropQueued(try QueueStep(root))
        case .claim: self = .claim(try ClaimQueued(root))
        case .complete: self = .complete(try QueueStep(root))
        case .release: self = .release(try QueueStep(root))
        case .materialise: self = .materialise(try Materialise(root))
        case .abandonTurn: self = .abandonTurn
        default: return nil
        }
    }
}

extension Enqueue {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        if let queued { writer.member("queued", queued) }
        writer.member("message", raw: message)
        if let attachments { writer.member("attachments", raw: attachments) }
        if let source { writer.member("source", source) }
    }

    fileprivate init(_ root: JSONRef) throws(ContentError) {
        queued = try root.text("queued")
        message = try root.object("message")
        attachments = root["attachments"].map { Array($0.raw) }
        source = root["source"]?.text
    }
}

extension QueueStep {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member("queued", queued)
        if let claim { writer.member("claim", claim) }
        if !messages.isEmpty { messages.writeMembers(to: &writer) }
    }

    fileprivate init(_ root: JSONRef) throws(ContentError) {
        queued = try root.text("queued")
        claim = root["claim"]?.text
        if root["messages"] != nil { messages = try root.messages() }
    }
}

extension ClaimQueued {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        if let queued { writer.member("queued", queued) }
        if let claim { writer.member("claim", claim) }
        writer.member("owner", owner)
        guard let begin else { return writer.member("expires_at", expiresAt) }
        writer.object("begin_turn") { writer in
            begin.writeNotes(to: &writer)
        }
    }

    fileprivate init(_ root: JSONRef) throws(ContentError) {
        queued = try root.text("queued")
        claim = try root.text("claim")
        owner = try root.text("owner")
        if let begin = root["begin_turn"] {
            self.begin = try BeginTurn(notes: begin)
        } else {
            expiresAt = try root.unsigned("expires_at")
        }
    }
}

extension Materialise {
    fileprivate init(_ root: JSONRef) throws(ContentError) {
        cause = root["cause"]?.string.flatMap(InterruptionCause.init(rawValue:)) ?? .unknown
        messages = try root.messages()
    }
}

extension JSONRef {
    /// The member `name`, a string of Unicode.
    func text(_ name: String) throws(ContentError) -> String {
        guard let text = try required(name).text else { throw ContentError("the member '\(name)' is not text") }
        return text
    }
}
