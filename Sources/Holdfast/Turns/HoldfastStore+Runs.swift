import HoldfastBytes
import HoldfastLog

// The output of turns, for readers that reconnect to a stream.
extension HoldfastStore {
    /// The turns whose output can be read: the newest 4 that have ended, as far as they hold 4 MiB of it (the
    /// last one whatever it holds), oldest first, and the open one.
    public func runsBlocking(of session: String) throws(HoldfastError) -> [RunSummary] {
        try operate { () throws(HoldfastError) in try runs(in: try view(of: try Self.sessionID(session))) }
    }

    /// As ``runsBlocking(of:)``.
    public func runs(of session: String) async throws(HoldfastError) -> [RunSummary] {
        try await onWorker { (store) throws(HoldfastError) in try store.runsBlocking(of: session) }
    }

    /// Reads the output of a turn behind `cursor`: all of it, or nothing and why.
    ///
    /// Shows what is durable only, so that no reader sees an event that a crash can take back. Costs a walk over
    /// the records since the turn began, or since the last snapshot and that snapshot.
    public func runEventsBlocking(
        of session: String, _ cursor: RunCursor = .start(), limits: ReplayLimits = ReplayLimits()
    ) throws(HoldfastError) -> RunReplay {
        try operate { () throws(HoldfastError) in
            try runEvents(in: try view(of: try Self.sessionID(session)), cursor, limits)
        }
    }

    /// As ``runEventsBlocking(of:_:limits:)``.
    public func runEvents(
        of session: String, _ cursor: RunCursor = .start(), limits: ReplayLimits = ReplayLimits()
    ) async throws(HoldfastError) -> RunReplay {
        try await onWorker { (store) throws(HoldfastError) in
            try store.runEventsBlocking(of: session, cursor, limits: limits)
        }
    }

    func runs(in view: SessionView) throws(HoldfastError) -> [RunSummary] {
        try sessions.waitUntilDurable(view)
        return view.head.runSummaries
    }

    func runEvents(
        in view: SessionView, _ cursor: RunCursor, _ limits: ReplayLimits
    ) throws(HoldfastError) -> RunReplay {
        guard (1...SessionLimits.page).contains(limits.events), (1...SessionLimits.pageByteCount).contains(limits.bytes)
        else {
            throw HoldfastError(
                .badRequest,
                "'max_rows' must be 1 to \(SessionLimits.page), 'max_bytes' 1 to "
                    + "\(SessionLimits.pageByteCount)")
        }
        guard let place = cursor.place else { return RunReplay(status: .cursorInvalid) }
        let replay = try sessions.reading(view) { (reader) throws(LogError) in
            try reader.replay(place.turn, after: place.number, through: cursor.through, limits)
        }
        guard replay.status == .cursorRunMissing, let turn = place.turn else { return replay }
        return RunReplay(status: try isElsewhere(turn, than: view.session) ? .cursorSessionMismatch : replay.status)
    }

    /// Whether the turn is the open or the last one of another session. Costs a walk over the rows of the index.
    private func isElsewhere(_ turn: String, than session: SessionID) throws(HoldfastError) -> Bool {
        guard let id = Label(turn) else { return false }
        var isFound = false
        try translated { () throws(LogError) in
            try log.list { (row) throws(LogError) in
                guard row.session != session else { return true }
                if let head = sessions.durableHead(of: row.session) {
                    isFound = head.output(of: id) != nil
                } else if let listed = ListedRow(row) {
                    isFound = [listed.turn, listed.lastTurn].contains { $0.flatMap(Label.init) == id }
                }
                return !isFound
            }
        }
        return isFound
    }
}

extension ViewReader {
    fileprivate func replay(
        _ turn: String?, after number: UInt64, through last: UInt64?, _ limits: ReplayLimits
    ) throws(LogError) -> RunReplay {
        let runs = view.head.runSummaries
        let wanted = turn.flatMap(Label.init)
        let found = turn == nil ? runs.last : runs.last { Label($0.turn) == wanted }
        guard let run = found, let id = Label(run.turn) else { return RunReplay(status: .cursorRunMissing) }
        guard number <= run.events else { return RunReplay(status: .cursorEventMissing, run: run) }
        let end = min(last ?? run.events, run.events)
        guard end <= number || end - number <= UInt64(limits.events) else {
            return RunReplay(status: .limitEvents, run: run)
        }
        var replay = RunReplay(status: .ok, run: run)
        var bytes = 0
        try deltas(of: id, after: number) { (number, data) throws(LogError) in
            guard number <= end else { return false }
            bytes += data.count
            replay.events.append(Delta(number: number, data: JSON(data)))
            return bytes <= limits.bytes
        }
        return bytes <= limits.bytes ? replay : RunReplay(status: .limitBytes, run: run)
    }
}

extension SessionHead {
    /// The turns whose output is kept, oldest first.
    fileprivate var runSummaries: [RunSummary] {
        var summaries = runs.map { run in
            RunSummary(
                turn: run.id.text, stream: run.stream, status: run.status, events: run.deltas,
                bytes: run.deltaBytes, begunAt: run.begunAt, endedAt: run.endedAt)
        }
        if let turn {
            summaries.append(
                RunSummary(
                    turn: turn.id.text, stream: turn.stream, status: nil, events: turn.deltas,
                    bytes: turn.deltaBytes, begunAt: turn.begunAt, endedAt: nil))
        }
        return summaries
    }
}
