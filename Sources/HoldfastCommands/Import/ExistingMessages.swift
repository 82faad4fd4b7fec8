import Holdfast

/// Walks the messages that a session has, window by window.
struct ExistingMessages {
    private let store: HoldfastStore
    private let session: String
    private var window: [JSON]
    private var position = 0
    private var next: Int?
    /// The last record of the session when the walk began.
    let sequence: UInt64
    /// How many messages the session has.
    let count: Int

    /// Begins at the first message; `nil` when there is no such session.
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
        sequence = state.summary.sequence
        count = state.summary.messageCount
    }

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
