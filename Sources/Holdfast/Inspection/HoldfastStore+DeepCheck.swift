import HoldfastBytes
import HoldfastLog

// Holding what snapshots say against what records say.
extension HoldfastStore {
    /// Reads what every record of a session says, and every message; and folds each snapshot again from what is before
    /// it, as far as that is there, and the head that was kept. Answers what does not agree, for people.
    ///
    /// Cost: all records and snapshots, each snapshot's records twice, and those since the last one. Memory: 8 bytes
    /// per message.
    package func deepCheckBlocking(_ session: String) throws(HoldfastError) -> [String] {
        try operate { () throws(HoldfastError) in
            let id = try Self.sessionID(session)
            var problems: [String] = []
            do throws(HoldfastError) {
                let reader = ViewReader(log: log, view: try view(of: id))
                try translated { () throws(LogError) in _ = try reader.messageChecks() }
            } catch {
                // A tombstone is all that is left of a deleted session.
                if error.code != .sessionDeleted { problems.append(error.message) }
            }
            var limit = Sequence.max
            try translated { () throws(LogError) in
                while let source = try log.snapshot(id, through: limit) {
                    if let problem = try compare(source, of: id) { problems.append(problem) }
                    limit = source.sequence - 1
                }
                if let problem = try compareKeptHead(of: id) { problems.append(problem) }
            }
            return problems
        }
    }

    /// What is not in a snapshot as the records before it say, or `nil`.
    private func compare(_ source: any SnapshotSource, of id: SessionID) throws(LogError) -> String? {
        do throws(LogError) {
            var stored = try SnapshotReader(source: source).head()
            guard var folded = try folded(id, through: source.sequence) else { return nil }
            // A snapshot may stand alone where the records refer to another session.
            (stored.lineage, folded.lineage) = (nil, nil)
            guard stored == folded else { return "snapshot \(source.sequence) is not what its records fold to" }
            guard !stored.isDeleted else { return nil }
            let view = SessionView(head: try SnapshotReader(source: source).head(), origin: HotSession(id))
            let inSnapshot = try ViewReader(log: log, view: view).messageChecks()
            let inRecords = try ViewReader(log: log, view: view, prefersRecords: true).messageChecks()
            return inSnapshot == inRecords ? nil : "snapshot \(source.sequence) has other messages than its records"
        } catch {
            // The records before it are gone, as they may be.
            if error.code == .trimmed { return nil }
            guard error.code == .damaged else { throw error }
            return "snapshot \(source.sequence): \(error.message)"
        }
    }

    /// What the kept head says otherwise than the records, or `nil`.
    private func compareKeptHead(of id: SessionID) throws(LogError) -> String? {
        do throws(LogError) {
            guard let kept = try log.head(id), var folded = try folded(id, through: kept.sequence) else { return nil }
            guard var stored = LoadedHead(kept)?.head else { return "the head file cannot be read" }
            (stored.lineage, folded.lineage) = (nil, nil)
            return stored == folded ? nil : "the head file is not what the records up to \(kept.sequence) fold to"
        } catch {
            // That records are damaged, or gone, is said of them.
            guard error.code == .trimmed || error.code == .damaged else { throw error }
            return nil
        }
    }

    /// The session as its records up to `sequence` leave it, from the snapshot before that; `nil` when they are gone.
    private func folded(_ id: SessionID, through sequence: Sequence) throws(LogError) -> SessionHead? {
        let base = sequence > 1 ? try log.snapshot(id, through: sequence - 1) : nil
        var head =
            try base.map { (source) throws(LogError) in try SnapshotReader(source: source).head() } ?? SessionHead()
        try log.read(id, from: head.sequence + 1) { (record) throws(LogError) in
            do throws(ContentError) {
                try head.apply(record)
            } catch {
                throw LogError(.damaged, "record \(record.sequence): \(error)")
            }
            return record.sequence < sequence
        }
        return head.sequence == sequence ? head : nil
    }
}

extension ViewReader {
    /// A checksum of each message of each list.
    fileprivate func messageChecks() throws(LogError) -> [[UInt64]] {
        let runs = try runs()
        var checks: [[UInt64]] = []
        for list in SessionList.allCases {
            var listed: [UInt64] = []
            try messages(of: runs.runs(of: list, in: 0..<runs.count(list))) { (message, _) throws(LogError) in
                listed.append(Checksum.of(message))
                return true
            }
            checks.append(listed)
        }
        return checks
    }
}
