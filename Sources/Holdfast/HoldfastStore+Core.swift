import HoldfastBytes
import HoldfastLog

// How one mutation becomes a durable record.
extension HoldfastStore {
    typealias Completion = @Sendable (Result<WriteResult, HoldfastError>) -> Void

    /// What is left to do for a mutation once its session is unlocked.
    private enum Rest {
        /// The session failed before it came to this: again, from its records.
        case tryAgain
        /// The log will call back.
        case none
        indirect case answer(WriteResult)
        /// Answer when the record with this number is durable.
        indirect case answerLater(WriteResult, Sequence)
    }

    /// A record on its way: what is to be told to whom when it is durable.
    private struct Appended: Sendable {
        /// A struct, for a function in an optional tuple is a box of its own.
        struct Answer: Sendable {
            var result: WriteResult
            var completion: Completion
        }

        var session: HotSession
        var head: PublishedHead
        var retitling: TitleTable.Change?
        /// For whom waits for it.
        var answer: Answer?
    }

    /// Decides about `mutation`, whose values are checked, appends its record and sees to the answer.
    func perform(_ mutation: Mutation, on id: SessionID, _ completion: @escaping Completion)
        throws(HoldfastError)
    {
        try finishForks(concerning: id)
        while true {
            if mutation.claimsTitle { try readTitles() }
            let session = sessions.pin(id)
            defer { sessions.unpin(session) }
            let rest = try session.withState(from: log) { (state) throws(HoldfastError) in
                try session.hasFailed ? .tryAgain : append(mutation, to: session, &state, completion)
            }
            switch rest {
            case .tryAgain: continue
            case .none: return
            case .answer(let result): return completion(.success(result))
            case .answerLater(let result, let sequence):
                return session.whenDurable(sequence) { Self.answer(result, $0, completion) }
            }
        }
    }

    private func append(
        _ mutation: Mutation, to session: HotSession, _ state: inout HotSession.State,
        _ completion: @escaping Completion
    ) throws(HoldfastError) -> Rest {
        if mutation.readsOutput {
            return try append(try withOutput(mutation, session, state.head), to: session, &state, completion)
        }
        let isDurable = mutation.durability == .durable
        let context = context(after: state.head)
        switch try resolve(mutation, context, for: session, state.head) {
        case .repeated(let answer):
            let result = WriteResult(session.id, answer, of: state.head, isDurable: isDurable)
            // A key may have come along with a rotation: its record is that of another id, and durable.
            let sequence = min(answer.sequence, state.head.sequence)
            return isDurable ? .answerLater(result, sequence) : .answer(result)
        case .unchanged(let answer):
            var result = WriteResult(session.id, answer, of: state.head, isDurable: isDurable)
            result.isUnchanged = true
            // A key may have come along with a rotation: its record is that of another id, and durable.
            let sequence = min(answer.sequence, state.head.sequence)
            return isDurable ? .answerLater(result, sequence) : .answer(result)
        case .append(let content):
            let result = try append(
                content, at: context.time, to: session, &state, mutation.logDurability,
                claimsTitle: mutation.claimsTitle, completion)
            return isDurable ? .none : .answer(result)
        case .lookUp: preconditionFailure("a question that was answered")
        }
    }

    /// Decides about `mutation`, and reads messages for it when that is needed.
    func resolve(
        _ mutation: Mutation, _ context: WriteContext, for session: HotSession, _ head: SessionHead
    ) throws(HoldfastError) -> Resolution {
        let resolution = try head.resolve(mutation, context)
        guard case .lookUp(let question) = resolution else { return resolution }
        return try head.resolve(mutation, context, finding: try look(up: question, in: session, head))
    }

    /// What is known of whoever writes the record after `head`.
    func context(after head: SessionHead) -> WriteContext {
        let now = options.now()
        return WriteContext(time: head.timeOfNext(at: now), now: now, lifetime: lifetime)
    }

    /// The time of the record after `head`.
    func now(after head: SessionHead) -> Milliseconds { head.timeOfNext(at: options.now()) }

    /// Appends the record, and only then changes the state: what the log refuses has not happened. With
    /// `claimsTitle` it is refused when another conversation has the title.
    @discardableResult
    func append(
        _ content: RecordContent, at time: Milliseconds, to session: HotSession, _ state: inout HotSession.State,
        _ durability: Durability, claimsTitle: Bool = false, _ completion: @escaping Completion
    ) throws(HoldfastError) -> WriteResult {
        guard let claim = state.claim else {
            throw HoldfastError(.readOnly, "the store is open for reading only")
        }
        let payload = content.encoded()
        guard payload.count <= log.payloadLimit else {
            throw HoldfastError(
                .tooLarge, "a record of \(payload.count) bytes; at most \(log.payloadLimit) fit")
        }
        let head = try state.head.accepting(content, time: time)
        let published = PublishedHead(head)
        let result = WriteResult(
            session.id, head.answer(to: content), of: head, isDurable: durability != .soon)
        let record = LogRecord(
            sequence: head.sequence, kind: content.change.kind.rawValue, time: time, payload: payload)
        let wasWanted = titles.wantsChanges
        let retitling = wasWanted ? TitleTable.Change(content, to: session.id, from: state.head, to: head) : nil
        if let retitling { try claimsTitle ? titles.claim(retitling) : titles.note(retitling) }
        if case .delete = content.change { try separate(claim) }
        // First, for the log may write the session's row as soon as it has the record.
        session.noteAppended(published)
        let appended = Appended(
            session: session, head: published, retitling: retitling,
            answer: durability != .soon ? .init(result: result, completion: completion) : nil)
        do throws(HoldfastError) {
            try queue(record, under: claim, durability, appended)
        } catch {
            session.noteAppended(PublishedHead(state.head))
            if let retitling { titles.undo(retitling) }
            throw error
        }
        if !wasWanted, titles.wantsChanges { noteLate(content, to: session.id, from: state.head, to: head) }
        state.head = consume head
        state.head.remember(content)
        state.load.payloadBytes += payload.count
        state.unkeptBytes += payload.count
        state.load.lastUse = time
        background?.noteAppend(to: session, state)
        return result
    }

    /// Puts the tombstone into a segment of its own, for the last one is never dropped.
    private func separate(_ claim: LogClaim) throws(HoldfastError) {
        try translated { () throws(LogError) in try log.beginSegment(claim) }
    }

    /// Notes a change of title that nobody wanted to know of before its record was queued.
    private func noteLate(
        _ content: RecordContent, to session: SessionID, from old: SessionHead, to new: SessionHead
    ) {
        guard let change = TitleTable.Change(content, to: session, from: old, to: new) else { return }
        titles.note(change)
        titles.settle(change)
    }

    private func queue(
        _ record: LogRecord, under claim: LogClaim, _ durability: Durability, _ appended: Appended
    ) throws(HoldfastError) {
        let session = appended.session
        sessions.pin(session)
        do throws(LogError) {
            _ = try log.append(
                claim, expected: record.sequence - 1, kind: record.kind, time: record.time,
                payload: record.payload, durability: durability
            ) { [sessions, listEntries, background, titles] error in
                let session = appended.session
                if error != nil { sessions.drop(session) }
                session.noteCompleted(appended.head, error)
                listEntries.noteCompleted(session.id)
                if error == nil, appended.head.value.isDeleted { background?.noteDeletion(of: session.id) }
                if error == nil, let retitling = appended.retitling { titles.settle(retitling) }
                if let answer = appended.answer { Self.answer(answer.result, error, answer.completion) }
                sessions.unpinInCompletion(session)
            }
        } catch {
            // Whatever made the claim useless, the next operation begins with a new one.
            if error.code != .diskFull, error.code != .tooLarge { sessions.drop(session) }
            sessions.unpin(session)
            throw HoldfastError(error)
        }
    }

    private static func answer(_ result: WriteResult, _ error: LogError?, _ completion: Completion) {
        completion(error.map { .failure(HoldfastError($0)) } ?? .success(result))
    }
}

extension Mutation {
    fileprivate var logDurability: HoldfastLog.Durability {
        switch durability {
        case .soon: .soon
        case .durable: isAwaited ? .awaited : .durable
        }
    }
}

extension SessionHead {
    /// The head after a record that says `content`.
    fileprivate func accepting(
        _ content: RecordContent, time: Milliseconds
    ) throws(HoldfastError) -> SessionHead {
        do throws(ContentError) {
            return try applying(content, sequence: sequence + 1, time: time)
        } catch {
            throw HoldfastError(.badRequest, error.description)
        }
    }
}

extension WriteResult {
    /// `head` is that of the session now, which for a retry is later than the answer.
    init(_ session: SessionID, _ answer: KeyedAnswer, of head: SessionHead, isDurable: Bool) {
        self.init(
            session: session.text, sequence: answer.sequence, messageCount: answer.messageCount,
            turn: answer.turn?.text, delta: answer.delta, attempts: answer.attempts, strikes: answer.strikes,
            queued: answer.queued?.text, claim: answer.claim?.text, removal: answer.removal,
            restoredCount: answer.restoredCount, message: answer.message.map { JSON($0) },
            newSession: answer.newSession?.text, isDurable: isDurable)
        if answer.kind == .claim, let queued = answer.queued { claimed = head.queuedMessage(queued) }
    }
}
