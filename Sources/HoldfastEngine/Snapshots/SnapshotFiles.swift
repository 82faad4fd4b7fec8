import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// The snapshots of sessions: sealed JSON documents, written whole or not at all.
struct SnapshotFiles {
    let storage: any Storage
    let storeTag: UInt64

    /// Writes a snapshot, reads it back, and gives it its name. Durable on return.
    func write(
        _ session: SessionID, through sequence: UInt64, _ body: (any SnapshotSink) throws(LogError) -> Void
    ) throws(LogError) {
        let path = StoreLayout.snapshotFile(session, sequence)
        let temporary = path + StoreLayout.temporarySuffix
        let sink = try storing { () throws(StorageError) in
            let file = try storage.open(temporary, .create)
            try file.truncate(to: 0)
            return DocumentSink(DocumentWriter(file, seed: seed(path)))
        }
        do throws(LogError) {
            try body(sink)
            try storing { () throws(StorageError) in _ = try sink.writer.finish() }
            guard try isIntact(temporary, named: path) else {
                throw LogError(.failed, "The snapshot '\(path)' did not read back as it was written.")
            }
            try storing { () throws(StorageError) in
                try storage.rename(temporary, path)
                try storage.syncDirectory(StoreLayout.sessionFolder(session))
            }
        } catch {
            try? storage.remove(temporary)
            throw error
        }
    }

    /// The newest snapshot of `session` up to `limit` whose seal is right; damaged and unreadable ones are passed over,
    /// and those that a compaction has removed since `folder` was read.
    func newest(
        _ session: SessionID, in folder: SessionFolder, through limit: Sequence
    ) throws(LogError) -> SnapshotDocument? {
        for sequence in folder.snapshots.reversed() where sequence <= limit {
            let path = StoreLayout.snapshotFile(session, sequence)
            do throws(StorageError) {
                let file = try storage.open(path, .read)
                if try isIntact(file, named: path) { return try SnapshotDocument(file, sequence: sequence) }
            } catch {
                guard error.code == .notFound || error.isOfFile else { throw LogError(error) }
            }
        }
        return nil
    }

    /// The seed of the seal of the snapshot with this name: one of another session, sequence or store is not valid.
    private func seed(_ name: String) -> UInt64 { Checksum.of(Array(name.utf8), seed: storeTag) }

    /// Whether the document in the file `path` is the snapshot `name`. Reads all of it; memory: 1 MiB.
    func isIntact(_ path: String, named name: String) throws(LogError) -> Bool {
        try storing { () throws(StorageError) in try isIntact(try storage.open(path, .read), named: name) }
    }

    /// The same of the snapshot `name` under its name; false also where the system does not give its bytes.
    func isWhole(_ name: String) throws(LogError) -> Bool {
        do throws(StorageError) {
            return try isIntact(try storage.open(name, .read), named: name)
        } catch {
            guard error.isOfFile else { throw LogError(error) }
            return false
        }
    }

    private func isIntact(_ file: any StorageFile, named name: String) throws(StorageError) -> Bool {
        let byteCount = try file.byteCount()
        let tailCount = UInt64(SealedJSON.sealByteCount + 1)
        guard byteCount > tailCount else { return false }
        let checksum = StreamingChecksum(seed: seed(name))
        var offset: UInt64 = 0
        while offset < byteCount - tailCount {
            let count = min(1 << 20, Int(byteCount - tailCount - offset))
            let piece = try file.read(count: count, at: offset)
            guard piece.count == count else { return false }
            checksum.add(piece)
            offset += UInt64(count)
        }
        let tail = try file.read(count: Int(tailCount), at: offset)
        return tail.last == 10 && SealedJSON.check(inSeal: tail.dropLast()) == checksum.value
    }
}

/// Hands the session layer's document on to the file.
private final class DocumentSink: SnapshotSink {
    let writer: DocumentWriter

    init(_ writer: DocumentWriter) { self.writer = writer }

    func write(_ bytes: [UInt8]) throws(LogError) {
        try storing { () throws(StorageError) in try writer.write(bytes) }
    }
}

/// An open snapshot, whose seal was right when it was opened.
final class SnapshotDocument: SnapshotSource {
    let sequence: Sequence
    let byteCount: Int
    private let file: any StorageFile

    init(_ file: any StorageFile, sequence: Sequence) throws(StorageError) {
        self.file = file
        self.sequence = sequence
        byteCount = Int(try file.byteCount())
    }

    func read(at offset: Int, count: Int) throws(LogError) -> [UInt8] {
        try storing { () throws(StorageError) in
            try file.read(count: max(0, min(count, byteCount - offset)), at: UInt64(offset))
        }
    }
}
