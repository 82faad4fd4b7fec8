import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Tells cheaply whether a journal goes on behind a place where it once ended.
struct JournalWatch {
    let storage: any Storage
    let storeTag: UInt64

    /// Whether there is a batch behind the end that `summary` has seen: in the same file, or in one that was begun
    /// since.
    ///
    /// A few small reads, however long the journal is. May say so when there is none yet, but never that there is none
    /// when there is.
    func hasMoved(since summary: JournalSummary) throws(LogError) -> Bool {
        guard let end = summary.end else { return true }
        do throws(StorageError) {
            let bytes = try storage.open(end.path, .read).read(count: BatchHeader.byteCount, at: end.offset)
            let next = bytes.withUnsafeBytes { try? BatchHeader(decoding: $0, offset: end.offset, salt: end.salt) }
            if let next, next.number > summary.position.lastBatch { return true }
            for entry in try storage.list(StoreLayout.journalFolder) where entry.name.hasSuffix(".journal") {
                let path = "\(StoreLayout.journalFolder)/\(entry.name)"
                let head = try storage.open(path, .read).read(
                    count: JournalHeader.sectorByteCount + BatchHeader.byteCount, at: 0)
                let header = head.withUnsafeBytes { try? JournalHeader(decoding: $0) }
                guard let header, header.storeTag == storeTag else { continue }
                if header.number > summary.position.lastFileNumber { return true }
                // The summary may know the number of a file without a batch: it is in the file before the first batch.
                if header.number > end.number, JournalReader.beginsWithBatch(of: header, head) { return true }
            }
            return false
        } catch {
            // Files of the journal come and go.
            guard error.code == .notFound else { throw LogError(error) }
            return true
        }
    }
}
