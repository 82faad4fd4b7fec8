import HoldfastBytes
import HoldfastLog

// Reading one session's window.
extension HoldfastStore {
    /// The state of the session of `view` with the messages in `window`.
    func state(in view: SessionView, _ window: Window) throws(HoldfastError) -> SessionState {
        try window.check()
        do throws(HoldfastError) {
            return try read(window, of: view)
        } catch {
            // The damage came, or was found, after the view had been taken.
            guard view.damage == nil else { throw error }
            return try read(window, of: try sessions.viewBeforeDamage(of: view.session, error))
        }
    }

    private func read(_ window: Window, of view: SessionView) throws(HoldfastError) -> SessionState {
        let state = try sessions.reading(view) { (reader) throws(LogError) in try reader.state(window) }
        if let state { return state }
        throw HoldfastError(.unknownMessage, "there is no such message in the list to show others around it")
    }
}

extension Window {
    fileprivate func check() throws(HoldfastError) {
        let isPlace =
            switch start {
            case .place(let place), .around(let place): place >= 0
            case .last: true
            }
        guard isPlace, (0...SessionLimits.page).contains(limit) else {
            throw HoldfastError(
                .badRequest, "a place must not be negative, 'limit' must be 0 to \(SessionLimits.page)")
        }
    }

    fileprivate var wantsNewest: Bool {
        if case .last = start { !showsHidden } else { false }
    }

    /// The places that are wanted of a list with `count` messages; `nil` when the middle is none of them.
    fileprivate func places(in count: Int) -> Range<Int>? {
        let from: Int
        switch start {
        case .place(let place): from = min(place, count)
        case .last: from = max(0, count - limit)
        case .around(let place):
            guard place < count else { return nil }
            from = max(0, min(place - limit / 2, count - limit))
        }
        return from..<from + min(limit, count - from)
    }
}

extension ViewReader {
    /// The session with the messages in `window`; `nil` when those are to be around one that is not there.
    func state(_ window: Window) throws(LogError) -> SessionState? {
        let head = view.head
        let newest = window.wantsNewest ? try newestRuns(window.limit, of: window.list) : nil
        // Without hidden messages the head knows the number, and an empty window needs no reading.
        let needsNone = newest != nil || (!window.showsHidden && window.limit == 0)
        let runs = needsNone ? newest?.runs ?? MessageRuns() : try runs()
        let count = window.showsHidden ? runs.totalCount(window.list) : head.count(window.list)
        guard let places = window.places(in: count) else { return nil }
        var state = SessionState(
            summary: head.summary(view.session), fields: head.fields.json, turn: head.turn.map(OpenTurn.init),
            from: places.lowerBound, messages: [])
        if case .place(let place) = window.start { state.from = place }
        state.lineage = head.lineage.map(SessionLineage.init)
        state.rotatedTo = head.rotatedTo?.text
        state.damage = view.damage
        try show(places, of: runs, after: newest?.before ?? 0, window, in: &state)
        let end = places.lowerBound + state.messages.count
        if end < count { state.next = end }
        if let number = window.deltasAfter {
            let deltas = try deltas(after: number)
            state.deltas = deltas
            state.hasMoreDeltas = (deltas.last?.number ?? number) < head.turn?.deltas ?? 0
        }
        return state
    }

    /// Adds the messages at `places` to `state`, as many as fit. `runs` has those of the list but the first `before`.
    private func show(
        _ places: Range<Int>, of runs: MessageRuns, after before: Int, _ window: Window, in state: inout SessionState
    ) throws(LogError) {
        var page = PageBudget(count: places.count)
        var messages: [JSON] = []
        var states: [MessageState] = []
        let inRuns = places.lowerBound - before..<places.upperBound - before
        let wanted = runs.runs(of: window.list, in: inRuns, hidden: window.showsHidden)
        try self.messages(of: wanted) { (message, run) in
            messages.append(JSON(message))
            if window.showsHidden { states.append(run[window.list].state ?? .active) }
            return page.takes(message.count)
        }
        state.messages = messages
        guard window.showsHidden else { return }
        state.states = states
        let before = runs.runs(of: window.list, in: 0..<places.lowerBound, hidden: true)
        state.activeBefore = before.reduce(0) { $0 + ($1[window.list] == .active ? $1.count : 0) }
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
