import HoldfastBytes

/// What a record says, for those who look into a log. Reads the payload alone, not the session.
package struct RecordOutline: Sendable {
    /// The operation's name in the protocol, such as `append`.
    package let name: String
    /// The turn that the record belongs to, and the idempotency key that it was made under.
    package let turn: String?
    package let key: String?
    /// The messages that stand in the record: added ones, the prompt of a turn, a queued one, one as an edit left it.
    package let messages: [JSON]
    /// What else there is to know in a few words, without text of the caller's but ids and the names of fields.
    package let remark: String

    /// Takes a record apart.
    ///
    /// - Throws: `damaged` for a kind of a later version, and for a payload that no version writes.
    package init(kind: UInt8, payload: [UInt8]) throws(HoldfastError) {
        let content: RecordContent
        do throws(ContentError) {
            content = try RecordContent(kind: kind, payload: payload)
        } catch {
            throw HoldfastError(.damaged, error.description)
        }
        name = content.change.kind.name
        turn = content.turn?.text
        key = content.key?.text
        messages = content.change.shownMessages.map { JSON($0) }
        remark = content.remark
    }

    /// The name of a kind of records; `nil` for one of a later version.
    package static func name(ofKind kind: UInt8) -> String? { RecordKind(rawValue: kind)?.name }

    /// The names of all kinds.
    package static let names = RecordKind.allCases.map(\.name)
}

extension Change {
    /// The messages that the record shows, whatever it does with them.
    fileprivate var shownMessages: [ArraySlice<UInt8>] {
        switch self {
        case .beginTurn(let begin): [begin.message?[...]].compactMap(\.self)
        case .edit(let edit): [edit.message[...]]
        case .turns(.enqueue(let enqueue)), .turns(.editQueued(let enqueue)): [enqueue.message[...]]
        case .fork(let fork): fork.messages?.messages ?? []
        default: addedMessages.messages
        }
    }

    fileprivate var remark: String {
        switch self {
        case .create(let fields), .set(let fields): Self.names(in: fields)
        case .cut(let cut): "keeps \(cut.count ?? 0) and \(cut.contextCount ?? 0) messages"
        case .restore(let restore): "what record \(restore.sequence) took back"
        case .edit(let edit): "\(edit.list.rawValue) message \(edit.index)"
        case .beginTurn(let begin): begin.isResume ? "another attempt" : ""
        case .delta(let data): "\(data.count) bytes of output"
        case .endTurn(let end): end.status.rawValue
        case .router(let change): change.event
        case .turns(let change): change.remark
        case .fork(let fork): "new session \(fork.newSession ?? "")"
        case .begin(let begin): "from session \(begin.lineage.parent) at record \(begin.lineage.sequence)"
        case .unpin(let child): "session \(child)"
        case .append, .replace, .compactMessages, .clear, .delete: ""
        }
    }

    /// The names of the members of an object.
    fileprivate static func names(in object: [UInt8]) -> String {
        guard let root = try? JSONTree.parse(object, detail: 1).root, root.kind == .object else { return "" }
        return root.members.compactMap { $0.key.string }.joined(separator: ", ")
    }
}

extension TurnChange {
    fileprivate var remark: String {
        switch self {
        case .checkpoint(let checkpoint): checkpoint.activity.map { "activity \($0)" } ?? ""
        case .enqueue(let enqueue), .editQueued(let enqueue): enqueue.queued ?? ""
        case .dropQueued(let step), .complete(let step), .release(let step): step.queued
        case .claim(let claim): "\(claim.queued ?? "") by \(claim.owner)"
        case .materialise(let materialise): materialise.cause.rawValue
        case .abandonTurn: ""
        }
    }
}

extension RecordContent {
    fileprivate var remark: String {
        let patched = patch.map(Change.names) ?? ""
        return [change.remark, patched.isEmpty ? "" : "fields \(patched)"].filter { !$0.isEmpty }
            .joined(separator: "; ")
    }
}
