package import HoldfastBytes
import HoldfastLog
import HoldfastThreads

// How a session is made from another one: a record of the old session, which is the commit point, then the first record
// of the new one, which follows from it. Whoever finds the first without the second writes the second.
extension HoldfastStore {
    /// Makes the session that `fork` asks for. Both records are durable on return.
    func fork(_ mutation: Mutation, _ fork: Fork, on id: SessionID) throws(HoldfastError) -> WriteResult {
        let child = try Self.sessionID(fork.newSession ?? "")
        // All of them: a parent's newest fork alone may be unfinished.
        try finishForks(concerning: id, orThrow: true)
        try finishForks(concerning: child)
        while true {
            let step = try withStates(of: id, and: child) { (old, new) throws(HoldfastError) -> Step in
                if old.session.hasFailed || new.session.hasFailed { return .tryAgain }
                let context = context(after: old.state.head)
                switch try resolve(mutation, context, for: old.session, old.state.head) {
                case .repeated(let answer), .unchanged(let answer):
                    return .done(WriteResult(id, answer, of: old.state.head, isDurable: true))
                case .append(let content): return try make(content, &old, &new)
                case .lookUp: preconditionFailure("looked up before")
                }
            }
            switch step {
            case .done(let result): return result
            case .detachFirst: try compactor.detach(id)
            case .tryAgain: continue
            }
        }
    }

    private enum Step {
        case done(WriteResult)
        /// The session failed before it came to this: again, from its records.
        case tryAgain
        /// Readers of the new session would have to read too many others.
        case detachFirst
    }

    /// A session and its state, of which this thread has the lock.
    private struct Locked {
        let session: HotSession
        var state: HotSession.State
    }

    /// Runs `body` on two sessions at once. Everyone locks the one with the smaller id first.
    private func withStates<Result>(
        of a: SessionID, and b: SessionID,
        _ body: (inout Locked, inout Locked) throws(HoldfastError) -> Result
    ) throws(HoldfastError) -> Result {
        let (first, second) = (sessions.pin(min(a, b)), sessions.pin(max(a, b)))
        defer {
            sessions.unpin(second)
            sessions.unpin(first)
        }
        return try first.withState(from: log) { (firstState) throws(HoldfastError) in
            try second.withState(from: log) { (secondState) throws(HoldfastError) in
                var (one, other) = (
                    Locked(session: first, state: firstState), Locked(session: second, state: secondState)
                )
                defer { (firstState, secondState) = (one.state, other.state) }
                return try a < b ? body(&one, &other) : body(&other, &one)
            }
        }
    }

    private func make(
        _ content: RecordContent, _ old: inout Locked, _ new: inout Locked
    ) throws(HoldfastError) -> Step {
        guard case .fork(let fork) = content.change else { preconditionFailure("not a fork") }
        let head = new.state.head
        if head.isDeleted {
            throw HoldfastError(.sessionDeleted, "'\(new.session.id)' was deleted; its id stays taken")
        }
        if head.sequence > 0 { throw HoldfastError(.sessionExists, "a session '\(new.session.id)' exists") }
        let begin = try old.state.head.checkedBegin(fork, of: old.session.id)
        guard begin.encoded().count <= log.payloadLimit else {
            throw HoldfastError(.tooLarge, "the first record of the new session would be too long")
        }
        if begin.lineage?.depth ?? 0 > SessionLimits.lineageDepth { return .detachFirst }
        // From here on the new session may have to be made by whoever comes next.
        forks.add(new.session.id, from: old.session.id)
        let result = try appendAndWait(content, &old)
        do throws(HoldfastError) {
            try appendAndWait(begin, &new, at: old.state.head.lastRecordAt)
        } catch {
            // No other code may say so: those promise that nothing has happened.
            throw HoldfastError(
                .failed, "session '\(new.session.id)' will be made, but cannot be now: \(error.message)")
        }
        forks.remove(new.session.id)
        return .done(result)
    }

    @discardableResult
    private func appendAndWait(
        _ content: RecordContent, _ locked: inout Locked, at time: Milliseconds? = nil
    ) throws(HoldfastError) -> WriteResult {
        let durable = Awaited<Result<WriteResult, HoldfastError>>()
        let time = time ?? now(after: locked.state.head)
        try append(content, at: time, to: locked.session, &locked.state, .durable) { durable.fulfil($0) }
        return try durable.wait().get()
    }
}

// Finishing what a crash or a failure left half done.
extension HoldfastStore {
    /// Makes the sessions of forks that have to do with `id` and were not finished. A child that cannot be read does
    /// not keep its parent from being used, unless `orThrow`: what it is to be made of stays.
    func finishForks(concerning id: SessionID, orThrow: Bool = false) throws(HoldfastError) {
        if forks.takeUnread(id) { noteFork(of: id) }
        for fork in forks.all where fork.child == id || fork.parent == id {
            do throws(HoldfastError) {
                try finishFork(of: fork.child, from: fork.parent)
            } catch {
                let isUnreadable = error.code == .damaged || error.code == .failed
                guard isUnreadable, fork.parent == id, !orThrow else { throw error }
            }
        }
    }

    /// Notes the newest fork of a session that could not be read when the store was opened: it may be unfinished. Who
    /// asks for the session hears why it still cannot be read.
    private func noteFork(of id: SessionID) {
        do throws(HoldfastError) {
            if let child = try sessions.view(of: id).head.pins.last?.child { forks.add(child, from: id) }
        } catch {
            if error.code == .failed { forks.addUnread(id) }
        }
    }

    private func finishFork(of child: SessionID, from parent: SessionID) throws(HoldfastError) {
        var isDone = false
        while !isDone {
            isDone = try withStates(of: parent, and: child) { (old, new) throws(HoldfastError) -> Bool in
                if old.session.hasFailed || new.session.hasFailed { return false }
                guard new.state.head.sequence == 0, let pin = old.state.head.pins.last(where: { $0.child == child })
                else { return true }
                let (begin, time) = try beginning(of: pin, in: parent)
                try appendAndWait(begin, &new, at: time)
                return true
            }
        }
        forks.remove(child)
    }

    /// The first record of the session of `pin`, from the records of `parent`.
    private func beginning(
        of pin: Pin, in parent: SessionID
    ) throws(HoldfastError) -> (content: RecordContent, time: Milliseconds) {
        let (head, record) = try translated { () throws(LogError) in
            let head = try log.loadHead(of: parent, through: pin.sequence).head
            var record: LogRecord?
            try log.read(parent, from: pin.sequence + 1) { (next) throws(LogError) in
                record = next
                return false
            }
            return (head, record)
        }
        guard head.sequence == pin.sequence, let record,
            case .fork(let fork) = try? RecordContent(kind: record.kind, payload: record.payload).change
        else { throw HoldfastError(.damaged, "session '\(parent)' does not say how '\(pin.child)' begins") }
        return (try head.checkedBegin(fork, of: parent), record.time)
    }

    /// Brings to an end what a crash interrupted, and the index up to date. `touched` are the sessions that it may have
    /// come between.
    ///
    /// Looks at every row of the index; reads the touched sessions only, those that an earlier opening could not read,
    /// and those that a fork was to make.
    ///
    /// - Parameter threads: on how many threads the sessions are read at most, this one among them.
    /// - Returns: whether that was all. If not, the device has failed to give a session, which may have begun a fork:
    ///   the next opening has to look again.
    @discardableResult
    package func recover(_ touched: [SessionID], threads: Int = 1) throws(HoldfastError) -> Bool {
        refreshSummaries(of: touched, threads)
        var newest: [SessionID: SessionID] = [:]
        var unread: [SessionID] = []
        try forEachRow { row, child in
            if let child { newest[child] = row.session }
            if row.sequence == 0, sessions.durableHead(of: row.session) == nil { unread.append(row.session) }
        }
        let failed = refreshSummaries(of: unread, threads)
        for session in unread {
            if let child = sessions.durableHead(of: session)?.pins.last?.child { newest[child] = session }
        }
        for session in failed { forks.addUnread(session) }
        if newest.isEmpty { return failed.isEmpty }
        var found: Set<SessionID> = []
        try forEachRow { row, _ in
            // A row of sequence 0 only says that there may be something.
            if row.sequence > 0, newest[row.session] != nil { found.insert(row.session) }
        }
        for (child, parent) in newest where !found.contains(child) { forks.add(child, from: parent) }
        // One that cannot be finished now, for lack of room, is when somebody wants it.
        _ = finishAllForks()
        return failed.isEmpty
    }

    /// Reads `unread`, so that their rows can be written. Answers those that the device did not give.
    @discardableResult
    private func refreshSummaries(of unread: [SessionID], _ threads: Int) -> [SessionID] {
        let failed = Lock([SessionID]())
        Workers.forEach(unread, threads: threads, name: "holdfast-fold") { [self] session in
            do throws(HoldfastError) {
                try refreshSummary(of: session.text)
            } catch {
                if error.code == .failed { failed.withLock { $0.append(session) } }
            }
        }
        return failed.withLock(\.self)
    }

    /// Tries to finish every fork. Answers why not all are.
    func finishAllForks() -> HoldfastError? {
        var failure: HoldfastError?
        for fork in forks.all {
            do throws(HoldfastError) {
                try finishFork(of: fork.child, from: fork.parent)
            } catch {
                failure = error
            }
        }
        return failure
    }

    /// Calls `body` with each session of the index, and the one that was made from it last.
    private func forEachRow(_ body: (SummaryRow, SessionID?) -> Void) throws(HoldfastError) {
        try translated { () throws(LogError) in
            try log.list { (row) throws(LogError) in
                // Of a session that is ready the index may lag.
                let head = sessions.durableHead(of: row.session)
                body(row, head.map { $0.pins.last?.child } ?? row.newestChild)
                return true
            }
        }
    }
}

// Letting go of what nobody needs any more.
extension HoldfastStore {
    /// Removes the pins of sessions that do not need their parents any more, from `id` upwards. What cannot be done
    /// now is found by the next compaction of the parent.
    func releaseParent(of id: SessionID) {
        var next: SessionID? = id
        while let child = next {
            next = nil
            guard let view = try? sessions.view(of: child), (try? sessions.waitUntilDurable(view)) != nil,
                !view.head.needsParent, let parent = view.head.lineage?.parent
            else { return }
            if (try? unpin(child, in: parent)) == true { next = parent }
        }
    }

    /// Removes the pin of `child`; answers whether there was one.
    private func unpin(_ child: SessionID, in parent: SessionID) throws(HoldfastError) -> Bool {
        let session = sessions.pin(parent)
        defer { sessions.unpin(session) }
        return try session.withState(from: log) { (state) throws(HoldfastError) in
            guard !session.hasFailed, state.head.pins.contains(where: { $0.child == child }) else { return false }
            let content = RecordContent(change: .unpin(child: child), touches: false)
            try append(content, at: now(after: state.head), to: session, &state, .soon) { _ in }
            return true
        }
    }
}

extension SessionHead {
    /// The first record of the session that `fork` makes, or why there can be none.
    fileprivate func checkedBegin(_ fork: Fork, of id: SessionID) throws(HoldfastError) -> RecordContent {
        do throws(ContentError) {
            return RecordContent(change: .begin(try begin(fork, of: id)))
        } catch {
            throw HoldfastError(.badRequest, error.description)
        }
    }
}

extension RecordContent {
    /// What a session begins with, of its first record.
    fileprivate var lineage: Lineage? {
        if case .begin(let begin) = change { begin.lineage } else { nil }
    }
}
