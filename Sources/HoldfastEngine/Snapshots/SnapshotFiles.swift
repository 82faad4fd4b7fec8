import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// The snapshots of sessions: compressed JSON documents, written whole or not at all.
struct SnapshotFiles {
    let storage: any Storage
    let storeTag: UInt64

    /// Writes a snapshot, reads it back, and gives it its name. Durable on return.
    func write(
        _ session: SessionID, through sequence: UInt64, _ body: (any SnapshotSink) throws(LogError) -> Void
    ) throws(LogError) {
        let path = StoreLayout.snapshotFile(session, sequence)
        let temporary = path + StoreLayout.temporarySuffix
        let output = try storing { () throws(StorageError) in
            let file = try storage.open(temporary, .create)
            try file.truncate(to: 0)
            return SnapshotOutput(file, seed: seed(path))
        }
        do throws(LogError) {
            try body(output)
            try output.finish()
            // Records are dropped for it: that it can be decompressed is proved, and not only that its bytes are there.
            guard let document = try intact(temporary, named: path, sequence),
                try document.checksum() == output.checksum
            else { throw LogError(.failed, "The snapshot '\(path)' did not read back as it was written.") }
            try storing { () throws(StorageError) in
                try storage.rename(temporary, path)
                try storage.syncDirectory(StoreLayout.sessionFolder(session))
            }
        } catch {
            try? storage.remove(temporary)
            throw error
        }
    }

    /// The newest snapshot of `session` up to `limit` whose check is right; damaged and unreadable ones are passed
    /// over, and those that a compaction has removed since `folder` was read.
    func newest(
        _ session: SessionID, in folder: SessionFolder, through limit: Sequence
    ) throws(LogError) -> SnapshotDocument? {
        for sequence in folder.snapshots.reversed() where sequence <= limit {
            let path = StoreLayout.snapshotFile(session, sequence)
            do throws(StorageError) {
                if let document = try open(path, named: path, sequence) { return document }
            } catch {
                guard error.code == .notFound || error.isOfFile else { throw LogError(error) }
            }
        }
        return nil
    }

    /// Whether the file under its name `path` is that snapshot. Reads all of it, compressed; memory: 1 MiB.
    func isIntact(_ path: String) throws(LogError) -> Bool {
        try intact(path, named: path, 0) != nil
    }

    /// The same, and false also where the system does not give its bytes.
    func isWhole(_ path: String) throws(LogError) -> Bool {
        do throws(StorageError) {
            return try open(path, named: path, 0) != nil
        } catch {
            guard error.isOfFile else { throw LogError(error) }
            return false
        }
    }

    private func intact(_ path: String, named name: String, _ sequence: Sequence) throws(LogError) -> SnapshotDocument?
    {
        try storing { () throws(StorageError) in try open(path, named: name, sequence) }
    }

    /// The document in the file `path`, if that is the snapshot `name`: the table fits and its check is right.
    private func open(
        _ path: String, named name: String, _ sequence: Sequence
    ) throws(StorageError) -> SnapshotDocument? {
        let file = try storage.open(path, .read)
        guard let document = try SnapshotDocument(file, sequence: sequence) else { return nil }
        let end = try file.byteCount() - UInt64(SnapshotTable.checkByteCount)
        let sum = StreamingChecksum(seed: seed(name))
        var offset: UInt64 = 0
        while offset < end {
            let piece = try file.read(count: Int(min(1 << 20, end - offset)), at: offset)
            guard !piece.isEmpty else { return nil }
            sum.add(piece)
            offset += UInt64(piece.count)
        }
        let check = try file.read(count: SnapshotTable.checkByteCount, at: end)
        return SnapshotTable.check(inEnd: check) == sum.value ? document : nil
    }

    /// The seed of the check of the snapshot with this name: one of another session, sequence or store is not valid.
    private func seed(_ name: String) -> UInt64 { Checksum.of(Array(name.utf8), seed: storeTag) }
}
