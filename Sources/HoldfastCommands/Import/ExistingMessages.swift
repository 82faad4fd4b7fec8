import Holdfast

/// Walks the messages that a session has, window by window.
struct ExistingMessages {
    private let store: HoldfastStore
    private let session: String
    private var window: [JSON]
    private var position = 0
    private var next: Int?
    /// What the session was when the walk began.
    let summary: SessionSummary
    /// What the session was imported from.
    let imported: Imported?
    /// The id under which the session goes on.
    let rotatedTo: String?

    /// Begins at the first message; `nil` when there is no such session.
    ///
    /// - Throws: `session_deleted` when there was one.
    init?(of session: String, in store: HoldfastStore) throws(HoldfastError) {
        self.store = store
        self.session = session
        let state: SessionState
        do throws(HoldfastError) {
            state = try store.getBlocking(session, Window(limit: 1000))
        } catch {
            if error.code == .unknownSession { return nil }
            throw error
        }
        // Comparing with a part of the session would call the file longer than it is.
        if let damage = state.damage { throw HoldfastError(.damaged, damage.message) }
        window = state.messages
        next = state.next
        summary = state.summary
        imported = state.summary.imported
        rotatedTo = state.rotatedTo
    }

    /// Whether the record that an import wrote last is the session's last.
    var isUntouched: Bool { imported?.sequence == summary.sequence }

    /// The next message; `nil` behind the last one.
    mutating func take() throws(HoldfastError) -> [UInt8]? {
        if position == window.count, let from = next {
            let state = try store.getBlocking(session, Window(from: from, limit: 1000))
            (window, next, position) = (state.messages, state.next, 0)
        }
        guard position < window.count else { return nil }
        defer { position += 1 }
        return window[position].bytes
    }
}
