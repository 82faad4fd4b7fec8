package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

/// The files of one session.
package struct SessionFiles: Sendable, Equatable {
    /// A file and its length.
    package struct File: Sendable, Equatable {
        package var path: String
        /// The number of a segment, the record of a snapshot.
        package var number: UInt64
        package var byteCount: UInt64
    }

    /// In ascending order.
    package var segments: [File] = []
    package var snapshots: [File] = []
    /// Whether the journal holds bytes of the session that were not known to be in its segments.
    package var isInJournal = false

    package init(isInJournal: Bool = false) { self.isInJournal = isInJournal }
}

extension StoreInspector {
    /// What `session` has on the disk now. Reads folders only.
    package func files(of session: SessionID) throws(LogError) -> SessionFiles {
        let folder = try SessionFolder(session, in: storage)
        var files = SessionFiles(isInJournal: !view.unflushed.extents(of: session).isEmpty)
        for number in folder.segments {
            files.segments.append(try file(StoreLayout.segmentFile(session, number), UInt64(number)))
        }
        for sequence in folder.snapshots {
            files.snapshots.append(try file(StoreLayout.snapshotFile(session, sequence), sequence))
        }
        return files
    }

    /// The oldest snapshot of `session` that is whole and includes record `sequence`. A compaction that is at work
    /// leaves older ones for a moment, of which the records behind are gone already.
    package func oldestSnapshot(
        of session: SessionID, including sequence: Sequence
    ) throws(LogError) -> (any SnapshotSource)? {
        let snapshots = SnapshotFiles(storage: storage, storeTag: store.tag)
        for _ in 0..<8 {
            let folder = try SessionFolder(session, in: storage)
            for candidate in folder.snapshots where candidate >= sequence {
                let found = try snapshots.newest(session, in: folder, through: candidate)
                if let found, found.sequence == candidate { return found }
            }
            // Where another compaction has taken them meanwhile, there are newer ones.
            if try SessionFolder(session, in: storage).snapshots == folder.snapshots { break }
        }
        return nil
    }

    /// A file that a compaction has removed meanwhile has no bytes.
    private func file(_ path: String, _ number: UInt64) throws(LogError) -> SessionFiles.File {
        let attributes = try storing { () throws(StorageError) in try storage.attributes(path) }
        return SessionFiles.File(path: path, number: number, byteCount: attributes?.byteCount ?? 0)
    }
}
