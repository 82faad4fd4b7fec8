import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// The head files of sessions.
///
/// They are written without a sync: what a power cut leaves of one fails its seal, or names a place that is not there.
struct HeadFiles {
    let storage: any Storage
    let storeTag: UInt64

    /// Puts the bytes of a head file in the place of an older one. The session's folder must be there.
    func write(_ bytes: [UInt8], of session: SessionID) throws(StorageError) {
        let path = StoreLayout.headFile(session)
        let temporary = path + StoreLayout.temporarySuffix
        do throws(StorageError) {
            let file = try storage.open(temporary, .create)
            try file.truncate(to: 0)
            try file.write(bytes, at: 0)
            try file.close()
            try storage.rename(temporary, path)
        } catch {
            try? storage.remove(temporary)
            throw error
        }
    }

    /// The head file of `session`; `nil` when there is none that is whole and its own. Whether it still fits is not
    /// looked at.
    func read(_ session: SessionID) -> HeadFile? {
        // It is derived: whatever keeps it from being read, going without takes longer and loses nothing.
        guard let bytes = try? storage.readAll(StoreLayout.headFile(session), limit: Limits.metadataByteCount),
            let head = HeadFile(decoding: bytes), head.session == session, head.storeTag == storeTag
        else { return nil }
        return head
    }
}

extension SessionScan {
    /// As ``fittingHead(in:)``.
    func fittingHead() throws(LogError) -> HeadFile? { fittingHead(in: try folder())?.file }

    /// The head of the session, if no snapshot in `folder` is newer, and the log has the record up to which it was
    /// made; with a scanner that stands behind that record.
    func fittingHead(in folder: SessionFolder) -> (file: HeadFile, scanner: SegmentScanner)? {
        guard folder.hasHead, let file = HeadFiles(storage: storage, storeTag: storeTag).read(session),
            file.place.sequence >= folder.snapshots.last ?? 0, let scanner = scanner(behind: file.place)
        else { return nil }
        return (file, scanner)
    }
}
