import Holdfast
import HoldfastBytes
import HoldfastThreads

/// What a session shows now, to tell what is said in it from what was taken away and only its records still have.
struct ShownMessages {
    private var messages: Set<MessageDigest> = []
    private var openTurn: String?
    private var isThere = false

    /// Whether the session, or one that reads in it, has the message in a list, or waits for it to be answered.
    func shows(_ message: [UInt8]) -> Bool { messages.contains(MessageDigest(message)) }

    /// Whether what a record without messages says still holds: not the output of turns that are over, and not what it
    /// quotes of messages that it takes away.
    func shows(_ record: RecordOutline) -> Bool {
        switch record.name {
        case "delta": record.turn != nil && record.turn == openTurn
        case "undo_last", "retry_last": false
        default: isThere
        }
    }
}

/// Finds what sessions show. For any thread.
final class ShownMessageReader: Sendable {
    private let store: HoldfastStore
    /// The sessions that were made from each, read when first asked for.
    private let children = Lock<[String: [String]]?>(nil)

    /// - Throws: when the store cannot be read as one.
    init(_ path: String) throws(CommandError) { store = try StoreAccess.openReadOnly(path) }

    /// What `session` shows; `nil` when it is damaged, so that nobody can say.
    func messages(of session: String) throws(CommandError) -> ShownMessages? {
        var shown = ShownMessages()
        return try add(session, to: &shown, isAsked: true) ? shown : nil
    }

    /// A message that a branch shares stands in its parent's record only.
    private func add(
        _ session: String, to shown: inout ShownMessages, isAsked: Bool
    ) throws(CommandError) -> Bool {
        for child in try children(of: session) where try !add(child, to: &shown, isAsked: false) { return false }
        do throws(HoldfastError) {
            let state = try store.getBlocking(session, Window(limit: 0))
            if state.damage != nil { return false }
            if isAsked { shown.note(state, queued: try store.queueBlocking(of: session)) }
        } catch {
            return error.code == .sessionDeleted || error.code == .unknownSession
        }
        do throws(CommandError) {
            for list in SessionList.allCases {
                try store.forEachMessage(of: session, MessageChoice(list: list, showsHidden: true)) {
                    (message, state) throws(CommandError) in
                    if state != .takenBack { shown.note(message) }
                    return true
                }
            }
        } catch {
            // Messages that it shares with a damaged session.
            guard error.code == .data else { throw error }
            return false
        }
        return true
    }

    private func children(of session: String) throws(CommandError) -> [String] {
        let known = children.withLock { $0 }
        if let known { return known[session] ?? [] }
        var found: [String: [String]] = [:]
        for row in try store.allRows() {
            guard let root = try? JSONTree.parse(row.json.bytes, detail: 2).root,
                let parent = root["lineage"]?["parent"]?.string
            else { continue }
            found[parent, default: []].append(row.summary.session)
        }
        children.withLock { $0 = found }
        return found[session] ?? []
    }
}

extension ShownMessages {
    fileprivate mutating func note(_ message: [UInt8]) { messages.insert(MessageDigest(message)) }

    fileprivate mutating func note(_ state: SessionState, queued: [PendingMessage]) {
        isThere = true
        openTurn = state.turn?.turn
        if let prompt = state.turn?.message { note(prompt.bytes) }
        for waiting in queued { note(waiting.message.message.bytes) }
    }
}
