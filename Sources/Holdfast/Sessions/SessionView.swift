import HoldfastBytes
import HoldfastLog

/// A session as it was at one record, for reading; later writes do not show in it.
struct SessionView: Sendable {
    let head: SessionHead
    /// The object that it was taken from, which knows when its last record is durable.
    let origin: HotSession
    /// What comes after the head and cannot be read.
    var damage: SessionDamage?

    var session: SessionID { origin.id }
}

/// Reads what a view refers to out of the log, with memory for the runs of the list and for one record.
///
/// A compaction may drop the records that a view stands on. Then these functions throw `.trimmed`, and a
/// newer view can be read.
struct ViewReader {
    let log: any SessionLog
    let view: SessionView

    /// Calls `body` with the listed messages in `window`, by their places, until it answers `false`.
    func messages(
        in window: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool
    ) throws(LogError) {
        let snapshot = try usableSnapshot()
        let runs = try runs(after: snapshot)
        guard runs.count == view.head.messageCount else {
            throw LogError(.damaged, "the records hold \(runs.count) of \(view.head.messageCount) messages")
        }
        var wanted = runs.runs(in: window)[...]
        var goesOn = true
        if let first = wanted.first, first.source == 0, let snapshot {
            wanted.removeFirst()
            try snapshot.messages(in: first.first..<first.first + first.count) { (message) throws(LogError) in
                goesOn = try body(message)
                return goesOn
            }
        }
        if goesOn { try records(holding: wanted, body) }
    }
}

extension ViewReader {
    /// The newest snapshot, which must not be newer than the view.
    func usableSnapshot() throws(LogError) -> SnapshotReader? {
        let source = try log.snapshot(view.session)
        guard let source else { return nil }
        guard source.sequence <= view.head.sequence else {
            throw LogError(.trimmed, "a newer snapshot has been taken")
        }
        return SnapshotReader(source: source)
    }

    /// The first pass: which record holds which of the listed messages.
    private func runs(after snapshot: SnapshotReader?) throws(LogError) -> MessageRuns {
        var runs = MessageRuns()
        if let snapshot {
            let head = try snapshot.head()
            runs = MessageRuns(snapshotCount: head.messageCount)
        }
        try records(from: (snapshot?.source.sequence ?? 0) + 1) { (content, sequence) throws(LogError) in
            runs.apply(content.change, sequence: sequence)
            return true
        }
        return runs
    }

    /// The second pass: the messages of `runs`, all of which are in records.
    private func records(
        holding runs: ArraySlice<MessageRuns.Run>, _ body: ([UInt8]) throws(LogError) -> Bool
    ) throws(LogError) {
        var runs = runs
        guard let first = runs.first else { return }
        try records(from: first.source) { (content, sequence) throws(LogError) in
            guard let run = runs.first, run.source == sequence else { return !runs.isEmpty }
            runs.removeFirst()
            for message in content.change.addedMessages.messages[run.first..<run.first + run.count] {
                if try !body(Array(message)) { return false }
            }
            return !runs.isEmpty
        }
    }

    /// Calls `body` with the decoded records from `first` to the view's last.
    func records(
        from first: Sequence, _ body: (RecordContent, Sequence) throws(LogError) -> Bool
    ) throws(LogError) {
        let last = view.head.sequence
        guard first <= last else { return }
        try log.read(view.session, from: first) { (record) throws(LogError) in
            guard record.sequence <= last else { return false }
            let content = try RecordContent(reading: record)
            return try body(content, record.sequence) && record.sequence < last
        }
    }
}

extension RecordContent {
    /// What `record` says. A payload that does not fit its kind is damage: it was checked before it was
    /// written.
    init(reading record: LogRecord) throws(LogError) {
        do throws(ContentError) {
            try self.init(kind: record.kind, payload: record.payload)
        } catch {
            throw LogError(.damaged, "record \(record.sequence): \(error)")
        }
    }
}
