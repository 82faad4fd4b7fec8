import HoldfastBytes

// The payload of a record is JSON. `…` stands for what the caller gave, byte for byte; members in [ ] may be
// missing.
//
//     kind         payload
//     1 create     {["key":"k",]"fields":{…}}
//     2 set        {["turn":"t",]["key":"k",]"fields":{…}}                          a JSON merge patch
//     3 append     [{…},{…}]                                                        when there is no more to say
//                  {["turn":"t",]["key":"k",]["lists_pending":true,]"messages":[{…},{…}][,"list":…]}
//     4 truncate   {["turn":"t",]["key":"k",]"count":7,"context_count":7[,"users":-1]}    messages to keep
//     5 replace    {["turn":"t",]["key":"k",]"messages":[{…}][,"list":…]}
//     6 begin_turn {"turn":"t",["key":"k",]["stream":"s",]["source":"s",]["lifetime":"l",]
//                   ["begun_at":5,]["attachments":[…],]"message":{…}}
//                  {"turn":"t",[…,]"resume":true}                                    another attempt
//     7 delta      {"turn":"t",["key":"k",]"data":…}
//     8 end_turn   {"turn":"t",["key":"k",]["lists_pending":true,]"status":"completed",["reason":"r",]
//                   ["messages":[{…}][,"list":…]]}
//     9 delete     {["turn":"t",]["key":"k"]}
//    10 edit       {…,["list":"context",]"index":3,"message":{…}[,"users":0]}
//    11 undo_last  {…,"count":2,"context_count":2,"users":-1,"removed_count":2,"removed_preview":"…"}
//    12 retry_last {…,"count":2,"context_count":2,"users":-1,"removed_count":2,"last_user_text":"…"}
//    13 clear      {…}
//    14 compact_messages  {…,"messages":[{…}][,"list":…]}
//    15 take_back  {…,"count":2,"context_count":2,["users":-1,]"removed_count":2}
//    16 restore    {…,"taken_back":17,"count":2,"context_count":2[,"users":1]}
//    20 rotate     {["turn":"t",]["key":"k",]"new_session":"n","shared":[[7,"both"]],["users":3,]"fields":{…},
//                   "old_fields":{…}[,"messages":[{…}][,"list":…]]}
//    21 branch     {["turn":"t",]["key":"k",]"new_session":"n","shared":[[7,"both"]],["users":3,]"fields":{…}}
//    22 duplicate  as branch
//    23 begin      {"lineage":{…},"shared":[[7,"both"]],["users":3,]["last_message_at":5,]
//                   "fields":{…},["state":{…},]["messages":[{…}][,"list":…]]}
//    24 unpin      {"child":"n"}
//    30 to 38      see TurnChange+Coding.swift
//    40 router     {["turn":"t",]["key":"k",]"event":"set"[,"model":"m",…]}       the entry afterwards, if any
//
// `users` says by how much the record changes the number of the user's visible messages, as far as that is about
// messages that were there; in 20 to 23 how many of those shared are the user's.
// `"fields":{…}`, a JSON merge patch of the metadata, may stand in 3 to 6, 8, 10 to 16, 30, 34, 35 and 37
// too. `list` is a word,
// "visible" or "context", or an array with a word for each message, one of them "both"; missing, it is "both".
// `"touch":false` in any of them says that `updated_at` stays as it is, `"imported":{…}` what it brings from elsewhere.
// `lists_pending` says that the first message is the turn's pending one, which is in the list from here on.
// It is written out again so that every message of the list is found in one record, in the order of the
// records. Members that a later version adds are ignored.
extension RecordContent {
    /// The payload.
    func encoded() -> [UInt8] {
        var writer = JSONWriter(capacity: 128 + change.byteCount)
        if case .append(let messages) = change, isPlain(messages) {
            messages.write(to: &writer)
            return writer.finish()
        }
        writer.beginObject()
        if let turn { writer.member("turn", turn.text) }
        if let key { writer.member("key", key.text) }
        if let patch { writer.member("fields", raw: patch) }
        if listsPending { writer.member("lists_pending", true) }
        if !touches { writer.member("touch", false) }
        imported?.write(to: &writer)
        change.writeMembers(to: &writer)
        writer.endObject()
        return writer.finish()
    }

    private func isPlain(_ messages: MessageList) -> Bool {
        turn == nil && key == nil && patch == nil && touches && imported == nil && messages.placement == .both
            && messages.placements == nil
    }

    /// What `payload` says.
    init(kind: UInt8, payload: [UInt8]) throws(ContentError) {
        guard let kind = RecordKind(rawValue: kind) else {
            throw ContentError("records of kind \(kind) are of a later version")
        }
        // As far as the members of messages, and not into them.
        let isBareArray = payload.first == UInt8(ascii: "[")
        let root = try JSONTree.parsed(payload, detail: isBareArray ? 2 : 3)
        if kind == .append, root.kind == .array {
            self.init(change: .append(try MessageList(elementsOf: root)))
            return
        }
        guard root.kind == .object else { throw ContentError("the record is not an object") }
        self.init(
            change: try Change(kind, root), turn: try root.label("turn"), key: try root.label("key"),
            patch: kind.takesPatch && root["fields"] != nil ? try root.object("fields") : nil,
            listsPending: root["lists_pending"]?.bool ?? false, touches: root["touch"]?.bool ?? true,
            imported: try Imported(in: root), standsForLost: root["lost"]?.bool ?? false)
    }
}

extension Change {
    /// About how many bytes of the caller's the change holds.
    fileprivate var byteCount: Int {
        switch self {
        case .create(let bytes), .set(let bytes), .delta(let bytes): bytes.count
        case .append(let messages), .replace(let messages), .compactMessages(let messages): messages.byteCount
        case .beginTurn(let begin): (begin.message?.count ?? 0) + (begin.attachments?.count ?? 0)
        case .endTurn(let end): end.messages.byteCount
        case .edit(let edit): edit.message.count
        case .cut, .restore, .clear, .delete: 0
        case .router: 512
        case .turns(let change): change.byteCount
        case .fork(let fork): fork.byteCount
        case .begin(let begin): begin.byteCount
        case .unpin: 0
        }
    }

    /// Writes the members that are the change's own.
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        switch self {
        case .create(let fields), .set(let fields): writer.member("fields", raw: fields)
        case .append(let messages), .replace(let messages), .compactMessages(let messages):
            messages.writeMembers(to: &writer)
        case .cut(let cut): cut.writeMembers(to: &writer)
        case .restore(let restore): restore.writeMembers(to: &writer)
        case .edit(let edit): edit.writeMembers(to: &writer)
        case .beginTurn(let begin): begin.writeMembers(to: &writer)
        case .delta(let data): writer.member("data", raw: data)
        case .endTurn(let end): end.writeMembers(to: &writer)
        case .clear, .delete: break
        case .router(let change): change.writeMembers(to: &writer)
        case .turns(let change): change.writeMembers(to: &writer)
        case .fork(let fork): fork.writeMembers(to: &writer)
        case .begin(let begin): begin.writeMembers(to: &writer)
        case .unpin(let child): writer.member("child", child.text)
        }
    }

    /// Reads the members that are the change's own.
    fileprivate init(_ kind: RecordKind, _ root: JSONRef) throws(ContentError) {
        switch kind {
        case .create: self = .create(fields: try root.object("fields"))
        case .set: self = .set(patch: try root.object("fields"))
        case .append: self = .append(try root.messages())
        case .truncate, .undoLast, .retryLast, .takeBack: self = .cut(try MessageCut(kind, root))
        case .replace: self = .replace(try root.messages())
        case .compactMessages: self = .compactMessages(try root.messages())
        case .restore: self = .restore(try MessageRestore(root))
        case .edit: self = .edit(try MessageEdit(root))
        case .clear: self = .clear
        case .beginTurn: self = .beginTurn(try BeginTurn(root))
        case .delta: self = .delta(data: Array(try root.required("data").raw))
        case .endTurn: self = .endTurn(try EndTurn(root))
        case .delete: self = .delete
        case .rotate: self = .fork(try Fork(.rotate, root))
        case .branch: self = .fork(try Fork(.branch, root))
        case .duplicate: self = .fork(try Fork(.duplicate, root))
        case .begin: self = .begin(try Begin(root))
        case .unpin: self = .unpin(child: try root.session("child"))
        case .router: self = .router(try RouterChange(root))
        default:
            guard let change = try TurnChange(kind, root) else { preconditionFailure("a kind that nobody reads") }
            self = .turns(change)
        }
    }
}

extension BeginTurn {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writeNotes(to: &writer)
        if let message {
            writer.member("message", raw: message)
        } else {
            writer.member("resume", true)
        }
    }

    /// Writes all but the message as members of an open object.
    func writeNotes(to writer: inout JSONWriter) {
        if let stream { writer.member("stream", stream) }
        if let source { writer.member("source", source) }
        if let lifetime { writer.member("lifetime", lifetime.text) }
        if let begunAt { writer.member("begun_at", begunAt) }
        if let attachments { writer.member("attachments", raw: attachments) }
    }

    /// What ``writeNotes(to:)`` wrote.
    init(notes root: JSONRef) throws(ContentError) {
        stream = root["stream"]?.text
        source = root["source"]?.text
        lifetime = try root.label("lifetime")
        begunAt = try root["begun_at"].map { (_) throws(ContentError) in try root.unsigned("begun_at") }
        attachments = root["attachments"].map { Array($0.raw) }
    }

    fileprivate init(_ root: JSONRef) throws(ContentError) {
        try self.init(notes: root)
        isResume = root["resume"]?.bool ?? false
        message = isResume ? nil : try root.object("message")
    }
}

extension EndTurn {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        writer.member("status", status.rawValue)
        if let reason { writer.member("reason", reason) }
        if !messages.isEmpty { messages.writeMembers(to: &writer) }
    }

    fileprivate init(_ root: JSONRef) throws(ContentError) {
        guard let status = root["status"]?.string.flatMap(TurnStatus.init(rawValue:)) else {
            throw ContentError("the status of the turn is missing")
        }
        self.status = status
        reason = root["reason"]?.text
        messages = root["messages"] == nil ? MessageList(checked: []) : try root.messages()
    }
}
