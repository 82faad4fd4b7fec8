import HoldfastBytes
import HoldfastLog

/// What a session's records fold to, and how much there was to fold.
struct LoadedHead: Sendable {
    var head = SessionHead()
    /// Bytes of the payloads since the snapshot.
    var payloadBytes = 0
    /// Bytes of the snapshot; 0 when there is none.
    var snapshotBytes = 0
    /// Bytes that had to be read: payloads and snapshot.
    var readBytes = 0

    init() {}
}

extension SessionLog {
    /// Folds the durable records of `session`: from the head that was kept of it, its newest snapshot, or the first.
    ///
    /// Answers an empty head when the log has nothing of the session. Reads the kept head, or that of the snapshot, and
    /// every record since; holds one record at a time. With `upToDamage` all records are read, and those that cannot
    /// be end the fold and are not thrown as `.damaged`. Records after `limit` are left out.
    func loadHead(
        of session: SessionID, through limit: Sequence = .max, upToDamage: Bool = false
    ) throws(LogError) -> LoadedHead {
        // A compaction between the two reads trims the records that the older snapshot needs: then again,
        // from the newer one. It takes as long as a compaction takes, so a few times are many.
        for _ in 0..<8 {
            do throws(LogError) {
                return try loadHeadOnce(of: session, limit, upToDamage)
            } catch {
                guard error.code == .trimmed else { throw error }
            }
        }
        return try loadHeadOnce(of: session, limit, upToDamage)
    }

    private func loadHeadOnce(
        of session: SessionID, _ limit: Sequence, _ upToDamage: Bool
    ) throws(LogError) -> LoadedHead {
        var loaded = LoadedHead()
        if !upToDamage, let kept = try keptHead(session, limit) {
            loaded = kept
        } else if let source = try snapshot(session, through: limit) {
            loaded.head = try SnapshotReader(source: source).head()
            loaded.snapshotBytes = source.byteCount
            loaded.readBytes = source.byteCount
        }
        if loaded.head.sequence == limit { return loaded }
        do throws(LogError) {
            try read(session, from: loaded.head.sequence + 1) { (record) throws(LogError) in
                try loaded.fold(record)
                return record.sequence < limit
            }
        } catch {
            if upToDamage, error.code == .damaged { return loaded }
            guard error.code == .unknownSession, loaded.head.sequence == 0 else { throw error }
        }
        return loaded
    }

    /// The head that was kept of `session`, if it is that of no record after `limit`.
    private func keptHead(_ session: SessionID, _ limit: Sequence) throws(LogError) -> LoadedHead? {
        guard let kept = try head(session), kept.sequence <= limit, let loaded = LoadedHead(kept) else { return nil }
        // Where the parent's messages are the session's own by now, the snapshot says so, and no record.
        if loaded.head.lineage?.depth ?? 0 > 0, try snapshot(session) != nil { return nil }
        return loaded
    }
}

extension LoadedHead {
    fileprivate mutating func fold(_ record: LogRecord) throws(LogError) {
        do throws(ContentError) {
            try head.apply(record)
        } catch {
            throw LogError(.damaged, "record \(record.sequence): \(error)")
        }
        payloadBytes += record.payloadSlice.count
        readBytes += record.payloadSlice.count
    }
}
