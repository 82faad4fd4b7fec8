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
                return try ViewReader(log: log, view: view).finding(question)
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
        case .message(let list, let index):
            var found: [UInt8]?
            try messages(of: runs.runs(of: list, in: index..<index + 1)) { message, _ in
                found = message
                return false
            }
            guard let found else { throw LogError(.damaged, "message \(index) is in no record") }
            return .message(found)
        case .contextCut(let keep): return .contextCut(runs.contextCount(keepingVisible: keep))
        case .shared(let keep): return .shared(runs.shared(keepingVisible: keep))
        case .newestTakenBack: return .newestTakenBack(runs.newestTakenBack)
        case .lastUserMessage: return .lastUserMessage(try lastUserMessage(runs))
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
