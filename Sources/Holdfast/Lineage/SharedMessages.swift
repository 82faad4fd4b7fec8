import HoldfastBytes
import HoldfastLog

// Reading what a session shares with the one that it was made from.
extension ViewReader {
    /// Calls `body` with those messages of `runs` that are in the session that this one was made from.
    func parentMessages(
        of runs: ArraySlice<MessageRuns.Run>, _ body: ([UInt8], MessageRuns.Run) throws(LogError) -> Bool
    ) throws(LogError) {
        var wanted = runs.prefix { $0.source == .parent }
        guard !wanted.isEmpty else { return }
        guard let lineage = view.head.lineage else {
            throw LogError(.damaged, "the session does not say whose messages it has")
        }
        let part = "the first \(lineage.shared) messages"
        let parent = try parent(lineage, whatFor: part)
        try naming(lineage, part) { () throws(LogError) in
            let listed = try parent.runs().listed
            let found = wanted.flatMap { listed.part(at: $0.first..<$0.first + $0.count) }
            var left = wanted.first?.count ?? 0
            try parent.messages(of: found) { (message, _) throws(LogError) in
                while left == 0, wanted.count > 1 {
                    wanted.removeFirst()
                    left = wanted.first?.count ?? 0
                }
                guard let run = wanted.first, left > 0 else { throw LogError(.damaged, "it has too many messages") }
                left -= 1
                return try body(message, run)
            }
        }
    }

    /// The session that this one was made from, as it was then; whether it was deleted since does not matter.
    func parent(_ lineage: Lineage, whatFor part: String) throws(LogError) -> ViewReader {
        let head = try naming(lineage, part) { () throws(LogError) in
            let head = try log.loadHead(of: lineage.parent, through: lineage.sequence).head
            guard head.sequence == lineage.sequence else {
                throw LogError(.damaged, "it ends with record \(head.sequence)")
            }
            return head
        }
        return ViewReader(log: log, view: SessionView(head: head, origin: HotSession(lineage.parent)))
    }

    /// Says of damage that it is another session's, and what of this one it concerns.
    private func naming<Result>(
        _ lineage: Lineage, _ part: String, _ body: () throws(LogError) -> Result
    ) throws(LogError) -> Result {
        do throws(LogError) {
            return try body()
        } catch {
            guard error.code == .damaged || error.code == .unknownSession else { throw error }
            throw LogError(
                .damaged,
                "\(part) of session '\(view.session)' are those of session '\(lineage.parent)' up to its record "
                    + "\(lineage.sequence), which cannot be read; all else can. \(error.message)")
        }
    }
}

extension SessionLog {
    /// Whether the session that `pin` names may have to read `session` at the pinned record.
    func isNeeded(_ pin: Pin, of session: SessionID) -> Bool {
        // What cannot be read, or is being made, may need it.
        guard let child = try? loadHead(of: pin.child).head, child.sequence > 0 else { return true }
        return child.needsParent && child.lineage?.parent == session
    }
}
