import HoldfastBytes
import HoldfastLog

/// Where a message of a list comes from.
package struct MessageOrigin: Sendable, Equatable {
    /// The session whose record or snapshot holds it: not the one that was asked for when it shares the message.
    package var session: String
    /// The record that added it; of a message that is in a snapshot only, the snapshot's record.
    package var sequence: UInt64
    /// Whether the record that added it was replaced by the snapshot, so that it may be any up to `sequence`.
    package var isInSnapshot: Bool
    /// The record that gave it its present text, if that is another one.
    package var edited: UInt64?
}

// Sessions as they were at one of their records, for those who look back.
extension HoldfastStore {
    /// Reads a session as its record `sequence` left it, and never anything later.
    ///
    /// - Throws: `unknown_session`; `bad_request` when the session has no such record, or when compaction has dropped
    ///   what that state was made of; `session_deleted`; `damaged`.
    package func getBlocking(
        _ session: String, at sequence: UInt64, _ window: Window = Window()
    ) throws(HoldfastError) -> SessionState {
        try operate { () throws(HoldfastError) in
            let reader = try reader(of: session, at: sequence)
            let state = try translated { () throws(LogError) in try reader.state(window) }
            guard let state else { throw HoldfastError(.unknownMessage, "there is no such message in the list") }
            return state
        }
    }

    /// What `row` makes of each message of a list, by its place and where it comes from; of the session as its record
    /// `sequence` left it, or as it is now.
    package func origins<Row>(
        of session: String, at sequence: UInt64?, in list: SessionList, _ row: (Int, JSON, MessageOrigin) -> Row?
    ) throws(HoldfastError) -> [Row] {
        func read(_ reader: ViewReader) throws(LogError) -> [Row] {
            var reader = reader
            reader.prefersRecords = true
            let runs = try reader.runs()
            let wanted = runs.runs(of: list, in: 0..<runs.count(list))
            var rows: [Row] = []
            var origins = try reader.origins(of: wanted).enumerated().makeIterator()
            try reader.messages(of: wanted) { (message, _) throws(LogError) in
                guard let (place, origin) = origins.next() else { return false }
                if let made = row(place, JSON(message), origin) { rows.append(made) }
                return true
            }
            return rows
        }
        return try operate { () throws(HoldfastError) in
            guard let sequence else {
                return try sessions.reading(try view(of: try Self.sessionID(session)), read)
            }
            let reader = try reader(of: session, at: sequence)
            return try translated { () throws(LogError) in try read(reader) }
        }
    }

    private func reader(of session: String, at sequence: UInt64) throws(HoldfastError) -> ViewReader {
        let id = try Self.sessionID(session)
        let head: SessionHead
        do throws(LogError) {
            head = try log.loadHead(of: id, through: sequence).head
        } catch {
            guard error.code == .trimmed else { throw HoldfastError(error) }
            throw HoldfastError(
                .badRequest, "record \(sequence) was replaced by a snapshot, and so were those before it")
        }
        if head.sequence == 0 { throw HoldfastError(.unknownSession, "there is no such session") }
        guard head.sequence == sequence else {
            throw HoldfastError(.badRequest, "the session has \(head.sequence) records, and no record \(sequence)")
        }
        if head.isDeleted { throw HoldfastError(.sessionDeleted, "the session was deleted at this point") }
        return ViewReader(log: log, view: SessionView(head: head, origin: HotSession(id)))
    }
}

extension ViewReader {
    /// Where each message of `runs` comes from.
    fileprivate func origins(of runs: [MessageRuns.Run]) throws(LogError) -> [MessageOrigin] {
        var origins: [MessageOrigin] = []
        for run in runs { origins += try self.origins(of: run) }
        return origins
    }

    /// Where each message of `run` comes from.
    private func origins(of run: MessageRuns.Run) throws(LogError) -> [MessageOrigin] {
        let name = view.session.text
        switch run.source {
        case .record(let sequence):
            let origin = MessageOrigin(
                session: name, sequence: sequence, isInSnapshot: false, edited: run.edit?.sequence)
            return Array(repeating: origin, count: run.count)
        case .snapshot:
            let origin = MessageOrigin(
                session: name, sequence: try usableSnapshot()?.source.sequence ?? 0, isInSnapshot: true,
                edited: run.edit?.sequence)
            return Array(repeating: origin, count: run.count)
        case .parent:
            guard let lineage = view.head.lineage else {
                throw LogError(.damaged, "the session does not say whose messages it has")
            }
            var parent = try parent(lineage, whatFor: "shared messages")
            parent.prefersRecords = true
            let parts = try parent.runs().listed.part(at: run.first..<run.first + run.count)
            var origins = try parent.origins(of: parts)
            if let edit = run.edit { for index in origins.indices { origins[index].edited = edit.sequence } }
            return origins
        }
    }
}
