import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Replaces a segment file that could not be written or synced by a new one with the same content.
///
/// The new file stands on other blocks of the disk; the old one goes into quarantine, so nothing is thrown away.
struct SegmentRewrite {
    let storage: any Storage
    let clock: any Clock

    /// Writes the segment again: what its file holds, with `extents` laid over. Durable on return.
    ///
    /// Memory: 4 MiB and the extents.
    ///
    /// - Throws: when the old file cannot be read or the new one not be written; the old one is then as it was.
    func run(_ key: SegmentKey, extents: [Extent]) throws(LogError) {
        let temporary = key.path + StoreLayout.temporarySuffix
        let folder = StoreLayout.sessionFolder(key.session)
        try storing { () throws(StorageError) in
            let old = try storage.open(key.path, .read)
            let image = try SegmentImage(file: old, extents: extents)
            let new = try storage.open(temporary, .create)
            try new.truncate(to: 0)
            var offset: UInt64 = 0
            while offset < image.byteCount {
                let piece = try image.read(count: 4 << 20, at: offset)
                try new.write(piece, at: offset)
                offset += UInt64(piece.count)
            }
            try new.sync()
            try new.close()
            try old.close()
        }
        try keepOld(key)
        try storing { () throws(StorageError) in
            try storage.rename(temporary, key.path)
            try storage.syncDirectory(folder)
        }
    }

    private func keepOld(_ key: SegmentKey) throws(LogError) {
        let byteCount = try storing { () throws(StorageError) in
            try storage.attributes(key.path)?.byteCount ?? 0
        }
        let finding = RecoveryReport.Finding(
            kind: .mediaError, session: key.session, path: key.path, offset: 0, byteCount: byteCount,
            reason: "the file could not be written or synced; it was written again from the journal")
        _ = try Quarantine(storage: storage, clock: clock).setAside(finding)
    }
}

extension SegmentFiles {
    /// Writes every extent to its segment and makes all of it durable, as ``persist(_:)``; a segment that the device
    /// refuses is written again elsewhere.
    ///
    /// - Throws: why one segment could not be written either way. What the others had is on stable storage or not.
    func persist(
        _ work: [(key: SegmentKey, extents: [Extent])], orElse rewrite: SegmentRewrite
    ) throws(LogError) {
        for failure in try storing({ () throws(StorageError) in try persist(work) }) {
            guard failure.error.code == .io else { throw LogError(failure.error) }
            let extents = work.first { $0.key == failure.key }?.extents ?? []
            // What the journal has is checked when it is read as a whole.
            let checked = try storing { () throws(StorageError) in
                try extents.map { (extent) throws(StorageError) in try extent.inMemory() }
            }
            do throws(LogError) {
                try rewrite.run(failure.key, extents: checked)
            } catch {
                try? rewrite.storage.remove(failure.key.path + StoreLayout.temporarySuffix)
                throw error
            }
        }
    }
}
