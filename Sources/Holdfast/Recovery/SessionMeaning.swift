import HoldfastBytes
package import HoldfastLog

/// What records of sessions mean, for a salvage.
package struct SessionMeaning: SalvageMeaning {
    package init() {}

    /// A change of no field; of the first record, the creation of a session without any. `lost` is for people.
    package func filler(_ sequence: Sequence) -> (kind: UInt8, payload: [UInt8]) {
        let kind = sequence == 1 ? RecordKind.create : .set
        return (kind.rawValue, Array("{\"fields\":{},\"touch\":false,\"lost\":true}".utf8))
    }

    package func time(of snapshot: any SnapshotSource) -> Milliseconds? {
        (try? SnapshotReader(source: snapshot).head())?.lastRecordAt
    }

    package func fold(from snapshot: (any SnapshotSource)?) -> any SalvageFold { SessionFold(from: snapshot) }
}

/// Folds what is left of a session, as its readers will.
private final class SessionFold: SalvageFold {
    private var head = SessionHead()
    private var runs = MessageRuns()

    init(from snapshot: (any SnapshotSource)?) {
        guard let snapshot else { return }
        let reader = SnapshotReader(source: snapshot)
        guard let head = try? reader.head(), let runs = try? reader.runs() else { return }
        (self.head, self.runs) = (head, runs)
    }

    /// A record fits when it can be folded in and leaves as many messages as it says: one that counts messages or
    /// queued ones that are lost does not.
    func fits(_ record: LogRecord) -> Bool {
        var (next, lists) = (head, runs)
        guard let content = try? RecordContent(kind: record.kind, payload: record.payload) else { return false }
        if case .edit(let edit) = content.change, edit.index >= runs.count(edit.list) { return false }
        guard (try? next.apply(record)) != nil else { return false }
        lists.apply(content.change, sequence: record.sequence)
        guard lists.count(.visible) == next.messageCount, lists.count(.context) == next.contextCount else {
            return false
        }
        (head, runs) = (next, lists)
        return true
    }
}
