import HoldfastBytes
import HoldfastLog

// Reading one session's window.
extension HoldfastStore {
    /// The state of the session of `view` with the messages in `window`.
    func state(in view: SessionView, _ window: Window) throws(HoldfastError) -> SessionState {
        guard window.from >= 0, (0...SessionLimits.page).contains(window.limit) else {
            throw HoldfastError(
                .badRequest, "'from' must not be negative, 'limit' must be 0 to \(SessionLimits.page)")
        }
        do throws(HoldfastError) {
            return try sessions.reading(view) { (reader) throws(LogError) in try reader.state(window) }
        } catch {
            // The damage came, or was found, after the view had been taken.
            guard view.damage == nil else { throw error }
            let readable = try sessions.viewBeforeDamage(of: view.session, error)
            return try sessions.reading(readable) { (reader) throws(LogError) in try reader.state(window) }
        }
    }
}

extension ViewReader {
    fileprivate func state(_ window: Window) throws(LogError) -> SessionState {
        let head = view.head
        let messages = try messages(window)
        let end = window.from + messages.count
        var state = SessionState(
            summary: head.summary(view.session), fields: head.fields.json, turn: head.turn.map(OpenTurn.init),
            from: window.from, messages: messages, next: end < head.messageCount ? end : nil)
        state.damage = view.damage
        if let number = window.deltasAfter {
            let deltas = try deltas(after: number)
            state.deltas = deltas
            state.hasMoreDeltas = (deltas.last?.number ?? number) < head.turn?.deltas ?? 0
        }
        return state
    }

    private func messages(_ window: Window) throws(LogError) -> [JSON] {
        let count = view.head.messageCount
        let from = min(window.from, count)
        var page = PageBudget(count: window.limit)
        var messages: [JSON] = []
        let wanted = from..<from + min(window.limit, count - from)
        if wanted.isEmpty { return [] }
        try self.messages(in: wanted) { (message) throws(LogError) in
            messages.append(JSON(message))
            return page.takes(message.count)
        }
        return messages
    }

    private func deltas(after number: UInt64) throws(LogError) -> [Delta] {
        var page = PageBudget(count: SessionLimits.page)
        var deltas: [Delta] = []
        guard let turn = view.head.turn else { return [] }
        try self.deltas(of: turn.id, after: number) { (number, data) throws(LogError) in
            deltas.append(Delta(number: number, data: JSON(data)))
            return page.takes(data.count)
        }
        return deltas
    }
}

/// What still fits into one answer.
struct PageBudget {
    private var count: Int
    private var bytes = SessionLimits.pageByteCount

    init(count: Int) { self.count = count }

    /// Counts one item of `size` bytes; answers whether there may be another.
    mutating func takes(_ size: Int) -> Bool {
        count -= 1
        bytes -= size
        return count > 0 && bytes > 0
    }
}

extension JSONFields {
    /// The fields as one object.
    var json: JSON {
        var writer = JSONWriter(capacity: 256)
        write(to: &writer)
        return JSON(writer.finish())
    }
}
