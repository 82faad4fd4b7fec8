import HoldfastBytes
import HoldfastLog

/// What must be read of the messages before a change can be decided; a head does not know it.
enum MessageQuestion: Equatable {
    /// The message at `index` of `list`. One that is only to be counted may be damaged.
    case message(SessionList, index: Int, mayBeDamaged: Bool)
    /// What a cut leaves of which so many visible messages stay.
    case cut(keeping: Int)
    /// Where to cut at the last message of the user.
    case lastUserMessage
    /// What the newest `take_back` hides.
    case newestTakenBack
    /// Which messages a session shares that begins with so many visible ones.
    case shared(keeping: Int)
}

/// What was found.
enum MessageFinding: Equatable {
    /// `nil` for a damaged one.
    case message([UInt8]?, isVisible: Bool)
    case cut(CutOutcome)
    /// `nil` when there is none.
    case lastUserMessage(LastUserMessage?)
    /// `nil` when there is none.
    case newestTakenBack(MessageRestore?)
    case shared([SharedRun], users: Int?)
}

/// What stays when the visible list is cut.
struct CutOutcome: Equatable {
    /// How much of the context.
    var contextCount: Int
    /// How many of the user's visible messages; `nil` when that is not known.
    var users: Int?
}

/// The last visible message of the user.
struct LastUserMessage: Equatable {
    /// Its place in the visible list.
    var place: Int
    /// How much of the context is to stay without it.
    var contextCount: Int
    var text: String
    var preview: String
}

// The rules for changes of messages that are there: where a cut is made is decided here, before the record is
// written, and the record says it.
extension SessionHead {
    /// How many messages `list` has.
    func count(_ list: SessionList) -> Int { list == .visible ? messageCount : contextCount }

    /// What must be known to decide about `change`; `nil` for what this head can decide.
    func question(about change: Change) throws(HoldfastError) -> MessageQuestion? {
        switch change {
        case .edit(let edit):
            guard edit.index < count(edit.list) else {
                throw Self.unknownMessage(
                    "there is no message \(edit.index); the \(edit.list.rawValue) list has \(count(edit.list))")
            }
            return .message(edit.list, index: edit.index, mayBeDamaged: !edit.isPatch)
        case .cut(let cut):
            guard let count = cut.count else { return .lastUserMessage }
            try check(cut, count)
            let cutsWithin = count > 0 && count < messageCount
            return cutsWithin || (cut.contextCount == nil && listsDiffer) ? .cut(keeping: count) : nil
        case .restore: return .newestTakenBack
        case .fork(let fork):
            let count = fork.count ?? messageCount
            try check(MessageCut(kind: .truncate, count: count), count)
            return fork.messages == nil && (listsDiffer || count < messageCount) ? .shared(keeping: count) : nil
        default: return nil
        }
    }

    /// `change` as the record is to say it, with what was found; `nil` when there was nothing to ask.
    func settled(_ change: Change, by finding: MessageFinding?) throws(HoldfastError) -> Change {
        switch (change, finding) {
        case (.edit(let edit), .message(let message, let isVisible)):
            return .edit(try edit.applied(to: message, isVisible: isVisible))
        case (.cut(let cut), .lastUserMessage(let last)): return .cut(try settled(cut, at: last))
        case (.cut(let cut), .cut(let outcome)): return .cut(try settled(cut, leaving: outcome))
        case (.cut(let cut), _):
            let count = cut.count ?? messageCount
            let outcome = CutOutcome(contextCount: count, users: count == 0 ? 0 : userCount)
            return .cut(try settled(cut, leaving: outcome))
        case (.fork(var fork), .shared(let shared, let users)):
            (fork.shared, fork.users) = (shared, users)
            return .fork(fork)
        case (.restore, .newestTakenBack(let found)): return .restore(try Self.found(found))
        default: return change
        }
    }

    private func check(_ cut: MessageCut, _ count: Int) throws(HoldfastError) {
        guard count <= messageCount, cut.contextCount ?? 0 <= contextCount else {
            throw HoldfastError(
                .badRequest,
                "cannot keep \(count) of \(messageCount) messages"
                    + (cut.contextCount.map { " and \($0) of \(contextCount) in the context" } ?? ""))
        }
    }

    /// A cut whose place in the visible list is known, and what it leaves.
    private func settled(_ cut: MessageCut, leaving outcome: CutOutcome) throws(HoldfastError) -> MessageCut {
        var cut = cut
        let count = cut.count ?? messageCount
        cut.contextCount = cut.contextCount ?? outcome.contextCount
        if let users = outcome.users, let userCount { cut.users = users - userCount }
        guard cut.kind == .takeBack else { return cut }
        if count == messageCount, cut.contextCount == contextCount {
            throw Self.unknownMessage("Nothing to take back.")
        }
        cut.removal = Removal(count: messageCount - count)
        return cut
    }

    private func settled(
        _ cut: MessageCut, at last: LastUserMessage?
    ) throws(HoldfastError) -> MessageCut {
        let isRetry = cut.kind == .retryLast
        guard let last else {
            throw Self.unknownMessage(isRetry ? "No previous message to retry." : "Nothing to undo.")
        }
        var cut = cut
        cut.count = last.place
        cut.contextCount = last.contextCount
        cut.users = -1
        cut.removal = Removal(
            count: messageCount - last.place, preview: isRetry ? nil : last.preview,
            lastUserText: isRetry ? last.text : nil)
        return cut
    }

    private static func found(_ restore: MessageRestore?) throws(HoldfastError) -> MessageRestore {
        guard let restore else { throw unknownMessage("Nothing to restore.") }
        return restore
    }

    private static func unknownMessage(_ text: String) -> HoldfastError { HoldfastError(.unknownMessage, text) }
}

extension MessageEdit {
    /// The edit of `message`, `nil` for one that cannot be read: it says what a patch makes of it.
    fileprivate func applied(to message: [UInt8]?, isVisible: Bool) throws(HoldfastError) -> MessageEdit {
        var edit = self
        if isPatch {
            guard let message else { preconditionFailure("a patch of a message that was not read") }
            edit = try patched(message)
        }
        let wasUsers = message.map { MessageText.isUsers($0) }
        let isUsers = MessageText.isUsers(edit.message)
        edit.users = isVisible ? wasUsers.map { (isUsers ? 1 : 0) - ($0 ? 1 : 0) } : 0
        return edit
    }

    /// The edit that says what the patch makes of `message`.
    private func patched(_ message: [UInt8]) throws(HoldfastError) -> MessageEdit {
        guard let patch = try? JSONTree.parsed(self.message, detail: 1),
            let present = try? JSONTree.parsed(message, detail: 1), var fields = JSONFields(present)
        else { throw HoldfastError(.badRequest, "'patch' must be an object") }
        do {
            try fields.merge(patch: patch, depthLimit: SessionLimits.depth)
        } catch {
            throw HoldfastError(.badRequest, "'patch': \(error)")
        }
        return MessageEdit(list: list, index: index, message: fields.json.bytes)
    }
}

extension Change {
    /// Whether messages may have to be read before it can be decided.
    var readsMessages: Bool {
        switch self {
        case .cut, .restore, .edit: true
        default: false
        }
    }
}

// What the records do to the counts.
extension SessionHead {
    /// Adds `messages` to the lists.
    mutating func list(_ messages: MessageList, at time: Milliseconds) {
        guard !messages.isEmpty else { return }
        let visible = messages.count(in: .visible)
        messageCount += visible
        countUsers(messages.userCount(in: .visible))
        contextCount += messages.count(in: .context)
        if visible > 0 { lastMessageAt = time }
        if messages.placements != nil || messages.placement != .both { listsDiffer = true }
    }

    /// Puts `messages` in the place of the lists that they are for.
    mutating func replace(with messages: MessageList, at time: Milliseconds) {
        if messages.placement.contains(.visible) { (messageCount, userCount) = (0, 0) }
        if messages.placement.contains(.context) { contextCount = 0 }
        listsDiffer = messageCount + contextCount > 0
        list(messages, at: time)
    }

    mutating func cut(_ cut: MessageCut) {
        let wereAlike = !listsDiffer
        messageCount = min(messageCount, cut.count ?? messageCount)
        countUsers(cut.users)
        contextCount = min(contextCount, cut.contextCount ?? contextCount)
        listsDiffer = messageCount + contextCount > 0 && !(wereAlike && messageCount == contextCount)
    }

    /// Counts the user's visible messages, of which there are `change` more; `nil` when the record does not say.
    mutating func countUsers(_ change: Int?) {
        let sum = change.flatMap { change in userCount?.addingReportingOverflow(change) }
        let count = sum.flatMap { $0.overflow ? nil : $0.partialValue }
        userCount = messageCount == 0 ? 0 : count.flatMap { (0...messageCount).contains($0) ? $0 : nil }
    }

    mutating func restore(_ restore: MessageRestore) {
        messageCount += restore.count
        countUsers(restore.users)
        contextCount += restore.contextCount
        listsDiffer = true
    }
}
