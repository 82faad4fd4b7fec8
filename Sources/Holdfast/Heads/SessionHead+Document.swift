import HoldfastBytes
import HoldfastLog

// A session's document: one JSON object that people, tools and other programs can read as it is.
//
//     {"session_id":"s1", <the metadata fields, in order>,
//      "holdfast":{"format_version":1,"sequence":9,"created_at":…,"updated_at":…,["last_message_at":…,]
//                  ["user_count":1,]["context_count":3,]["lists_differ":true,]["deleted":true,]["turn":{…},]
//                  ["router":{…},]["ended_turns":[["t","completed"]],]["runs":[{…}],]["queue":[{…}],]
//                  ["settled_messages":[["q","done"]],]["keys":[["k",…]],]["shrunk":{…},]["imported":{…},]
//                  ["lineage":{…},]["rotated_to":"n",]["pins":[["c",7]]]},
//      "message_count":2,
//      ["message_states":[
//     [1,"compacted","compacted"],
//     [2,"active","active"]
//     ],]"messages":[
//     {…},
//     {…}
//     ][,"hidden_messages":[
//     {…}
//     ]][,"deltas":[
//     …
//     ]]
//
// What the session shares with another one comes before its own messages, and is not in the document.
// Everything that an append needs stands before the messages, so that the head is read without them. The states
// and the hidden messages are there when some message is not active in both lists. `deltas` are those of `runs`,
// oldest first, and then of the open turn.
extension SessionHead {
    static let documentVersion: UInt64 = 1

    /// The document up to and without the comma before `"messages"`. Of the messages, the parent has the `shared` ones.
    func documentOpening(_ session: SessionID, sharing shared: ArraySlice<MessageRuns.Run>) -> [UInt8] {
        var head = self
        head.lineage?.shared = shared.reduce(0) { $0 + $1.count }
        head.lineage?.sharedVisible = shared.reduce(0) { $0 + ($1.visible == .active ? $1.count : 0) }
        if shared.isEmpty { head.lineage?.depth = 0 }
        return head.documentOpening(session)
    }

    /// The same of the head as it is.
    func documentOpening(_ session: SessionID) -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        writer.member("session_id", session.text)
        for field in fields.fields {
            writer.key(raw: field.rawKey)
            writer.raw(field.rawValue)
        }
        writer.object("holdfast") { writer in
            writeState(to: &writer)
            shrinking?.write(to: &writer)
            imported?.write(to: &writer)
            writeLineage(to: &writer)
        }
        writer.member("message_count", messageCount - (lineage?.sharedVisible ?? 0))
        return writer.bytes
    }

    /// Writes what belongs to the session under any id, as members of an open object.
    func writeState(to writer: inout JSONWriter) {
        writer.member("format_version", Self.documentVersion)
        writer.member("sequence", sequence)
        writer.member("created_at", createdAt)
        writer.member("updated_at", updatedAt)
        if let lastMessageAt { writer.member("last_message_at", lastMessageAt) }
        if let userCount { writer.member("user_count", userCount) }
        if contextCount != messageCount { writer.member("context_count", contextCount) }
        if listsDiffer { writer.member("lists_differ", true) }
        if let recordedAt { writer.member("recorded_at", recordedAt) }
        if isDeleted { writer.member("deleted", true) }
        if let turn {
            writer.key("turn")
            turn.write(to: &writer)
        }
        if let entry = router.entry {
            writer.object("router") { writer in
                entry.write(to: &writer)
            }
        }
        writer.entries("ended_turns", endedTurns) { writer, status in writer.string(status.rawValue) }
        writeRunsAndQueue(to: &writer)
        writer.entries("settled_messages", settledMessages) { writer, outcome in writer.string(outcome.rawValue) }
        writer.entries("keys", keys) { writer, answer in answer.write(to: &writer) }
    }

    /// The head in a document of which `opening` is everything before `"messages"`, closed with a brace.
    init(documentOpening opening: [UInt8]) throws(ContentError) {
        let root = try JSONTree.parsed(opening, detail: 5)
        guard root.kind == .object else { throw ContentError("the document is not an object") }
        let state = try root.required("holdfast")
        guard try state.unsigned("format_version") == Self.documentVersion else {
            throw ContentError("the document is of a later version")
        }
        fields = JSONFields(root) ?? JSONFields()
        for name in Mutation.reservedFields { fields.remove(name) }
        shrinking = try Shrinking(in: state)
        imported = try Imported(in: state)
        try readLineage(state)
        messageCount = try root.count("message_count") + (lineage?.sharedVisible ?? 0)
        try readState(state)
    }

    /// Reads what ``writeState(to:)`` wrote.
    mutating func readState(_ state: JSONRef) throws(ContentError) {
        sequence = try state.unsigned("sequence")
        createdAt = try state.unsigned("created_at")
        updatedAt = try state.unsigned("updated_at")
        if state["last_message_at"] != nil { lastMessageAt = try state.unsigned("last_message_at") }
        userCount = messageCount == 0 ? 0 : nil
        if state["user_count"] != nil { userCount = try state.count("user_count") }
        contextCount = state["context_count"] == nil ? messageCount : try state.count("context_count")
        listsDiffer = state["lists_differ"]?.bool ?? false
        if state["recorded_at"] != nil { recordedAt = try state.unsigned("recorded_at") }
        isDeleted = state["deleted"]?.bool ?? false
        if let turn = state["turn"] { self.turn = try TurnHead(turn) }
        if let router = state["router"] { self.router.entry = try RouterEntry(router) }
        try readEntries(state)
    }

    private mutating func readEntries(_ state: JSONRef) throws(ContentError) {
        for (label, entry) in try state.entries("ended_turns") {
            guard let status = entry.first?.string.flatMap(TurnStatus.init(rawValue:)) else {
                throw ContentError("an ended turn without its status")
            }
            endedTurns.add(status, at: label)
        }
        try readRunsAndQueue(state)
        for (label, entry) in try state.entries("settled_messages") {
            guard let outcome = entry.first?.string.flatMap(QueueOutcome.init(rawValue:)) else {
                throw ContentError("a settled message without its outcome")
            }
            settledMessages.add(outcome, at: label)
        }
        for (label, entry) in try state.entries("keys") {
            let answer = try KeyedAnswer(entry)
            keys.add(answer, at: label, byteCount: answer.byteCount)
        }
    }
}

extension KeyedAnswer {
    /// Writes the elements behind the key: kind, sequence, message count, turn, delta, attempts; and then, of what
    /// else there is, name and value in turn.
    fileprivate func write(to writer: inout JSONWriter) {
        writer.integer(kind.rawValue)
        writer.integer(sequence)
        writer.integer(messageCount)
        if let turn { writer.string(turn.text) } else { writer.null() }
        if let delta { writer.integer(delta) } else { writer.null() }
        if let attempts { writer.integer(attempts) } else { writer.null() }
        if let strikes {
            writer.string("strikes")
            writer.integer(strikes)
        }
        if let queued {
            writer.string("queued")
            writer.string(queued.text)
        }
        if let claim {
            writer.string("claim")
            writer.string(claim.text)
        }
        if let removal {
            writer.string("removal")
            writer.beginObject()
            removal.writeMembers(to: &writer)
            writer.endObject()
        }
        if let restoredCount {
            writer.string("restored_count")
            writer.integer(restoredCount)
        }
        if let message {
            writer.string("message")
            writer.raw(message)
        }
        if let newSession {
            writer.string("new_session")
            writer.string(newSession.text)
        }
    }

    fileprivate init(_ entry: ArraySlice<JSONRef>) throws(ContentError) {
        let parts = Array(entry)
        guard parts.count >= 6, let kind = parts[0].number.flatMap({ UInt8(exactly: $0) }),
            let kind = RecordKind(rawValue: kind), let sequence = parts[1].number,
            let count = parts[2].int
        else { throw ContentError("an idempotency key without its answer") }
        /// The value behind the name `name`.
        func more(_ name: String) -> JSONRef? {
            let named = stride(from: 6, to: parts.count - 1, by: 2).first { parts[$0].isString(name) }
            return named.map { parts[$0 + 1] }
        }
        self.init(
            kind: kind, sequence: sequence, messageCount: Int(count),
            turn: parts[3].text.flatMap(Label.init), delta: parts[4].number, attempts: parts[5].number,
            strikes: more("strikes")?.int.flatMap { Int(exactly: $0) },
            queued: more("queued")?.text.flatMap(Label.init), claim: more("claim")?.text.flatMap(Label.init),
            removal: try more("removal").flatMap { (value) throws(ContentError) in try Removal(members: value) },
            restoredCount: more("restored_count")?.int.flatMap { Int(exactly: $0) },
            message: more("message").map { Array($0.raw) })
        newSession = more("new_session")?.text.flatMap(SessionID.init)
    }
}

extension JSONWriter {
    /// Writes `entries`, oldest first, as arrays that begin with the label; nothing when there are none.
    fileprivate mutating func entries<Value>(
        _ name: StaticString, _ entries: NewestEntries<Value>, _ write: (inout JSONWriter, Value) -> Void
    ) {
        guard !entries.labels.isEmpty else { return }
        key(name)
        beginArray()
        for label in entries.labels {
            guard let value = entries[label] else { preconditionFailure("a label without its entry") }
            beginArray()
            string(label.text)
            write(&self, value)
            endArray()
        }
        endArray()
    }
}

extension JSONRef {
    /// The entries that ``JSONWriter/entries(_:_:_:)`` wrote.
    fileprivate func entries(_ name: String) throws(ContentError) -> [(Label, ArraySlice<JSONRef>)] {
        guard let list = self[name] else { return [] }
        guard list.kind == .array else { throw ContentError("the member '\(name)' is not an array") }
        var entries: [(Label, ArraySlice<JSONRef>)] = []
        for element in list.elements {
            let parts = element.kind == .array ? Array(element.elements) : []
            guard let label = parts.first?.text.flatMap(Label.init) else {
                throw ContentError("an entry of '\(name)' without its label")
            }
            entries.append((label, parts.dropFirst()))
        }
        return entries
    }
}
