import HoldfastBytes
import HoldfastLog

// What changes of messages must know of them is read here, with the session locked, so that nothing comes between
// what was found and the record that is written because of it.
extension HoldfastStore {
    /// Reads the answer to `question` out of the log, which has to be durable up to `head` first.
    func look(
        up question: MessageQuestion, in session: HotSession, _ head: SessionHead
    ) throws(HoldfastError) -> MessageFinding {
        let view = SessionView(head: head, origin: session)
        for _ in 0..<8 {
            try sessions.waitUntilDurable(view)
            do throws(LogError) {
                return try ViewReader(log: log, view: view, lastRuns: sessions.lastRuns).finding(question)
            } catch {
                guard error.code == .trimmed else { throw HoldfastError(error) }
            }
        }
        throw HoldfastError(.failed, "the session was compacted again and again while it was read; try again")
    }
}

extension ViewReader {
    fileprivate func finding(_ question: MessageQuestion) throws(LogError) -> MessageFinding {
        let runs = try runs()
        switch question {
        case .message(let list, let index, let mayBeDamaged):
            let found = runs.runs(of: list, in: index..<index + 1)
            let read = { () throws(LogError) in try message(of: found) }
            return .message(
                try mayBeDamaged ? unlessDamaged(read) : read(), isVisible: found.first?.visible == .active)
        case .cut(let keep):
            let users = try userCount(keeping: keep, runs)
            return .cut(CutOutcome(contextCount: runs.contextCount(keepingVisible: keep), users: users))
        case .shared(let keep):
            return .shared(runs.shared(keepingVisible: keep), users: try userCount(keeping: keep, runs))
        case .newestTakenBack: return .newestTakenBack(try newestTakenBack(runs))
        case .lastUserMessage: return .lastUserMessage(try lastUserMessage(runs))
        }
    }

    private func message(of runs: [MessageRuns.Run]) throws(LogError) -> [UInt8] {
        var found: [UInt8]?
        try messages(of: runs) { message, _ in
            found = message
            return false
        }
        guard let found else { throw LogError(.damaged, "a message is in no record") }
        return found
    }

    private func newestTakenBack(_ runs: MessageRuns) throws(LogError) -> MessageRestore? {
        guard var restore = runs.newestTakenBack else { return nil }
        restore.users = try userCount(in: runs.runs.filter { $0.visible == .takenBack(restore.sequence) })
        return restore
    }

    /// How many of the first `keep` visible messages are the user's; `nil` when not all can be read.
    ///
    /// Reads those, or the others where they are fewer.
    private func userCount(keeping keep: Int, _ runs: MessageRuns) throws(LogError) -> Int? {
        let all = view.head.messageCount
        guard let total = view.head.userCount, all - keep < keep else {
            return try userCount(in: runs.runs(of: .visible, in: 0..<keep))
        }
        return try userCount(in: runs.runs(of: .visible, in: keep..<all)).map { total - $0 }
    }

    /// How many of the messages of `runs` are the user's; `nil` when not all can be read.
    private func userCount(in runs: [MessageRuns.Run]) throws(LogError) -> Int? {
        try unlessDamaged { () throws(LogError) in
            var count = 0
            try messages(of: runs) { message, _ in
                if MessageText.isUsers(message) { count += 1 }
                return true
            }
            return count
        }
    }

    /// What `read` answers; `nil` where something is damaged, as the messages of a parent may be.
    private func unlessDamaged<Result>(_ read: () throws(LogError) -> Result) throws(LogError) -> Result? {
        do throws(LogError) {
            return try read()
        } catch {
            guard error.code == .damaged else { throw error }
            return nil
        }
    }

    private func lastUserMessage(_ runs: MessageRuns) throws(LogError) -> LastUserMessage? {
        guard let (place, message) = try lastOfUser(.visible, runs) else { return nil }
        let contextCount =
            switch runs.contextStanding(ofVisible: place) {
            case .active, .compacted: runs.contextCount(keepingVisible: place)
            case .absent, .takenBack: try lastOfUser(.context, runs)?.place ?? runs.count(.context)
            }
        return LastUserMessage(
            place: place, contextCount: contextCount, text: message.text, preview: message.preview)
    }

    /// The last of the user's messages in `list`. Looks through ever longer parts from the end.
    private func lastOfUser(
        _ list: SessionList, _ runs: MessageRuns
    ) throws(LogError) -> (place: Int, message: MessageText)? {
        var end = runs.count(list)
        var length = 64
        while end > 0 {
            let start = max(0, end - length)
            var found: (place: Int, message: MessageText)?
            var place = start
            try messages(of: runs.runs(of: list, in: start..<end)) { bytes, _ in
                let message = MessageText(bytes)
                if message.isUsers { found = (place, message) }
                place += 1
                return true
            }
            if let found { return found }
            end = start
            length *= 8
        }
        return nil
    }
}
