import HoldfastBytes
import HoldfastLog
import HoldfastStorage

extension LocalLog {
    /// Throws unless the folder is a store, empty, or what an unfinished creation of a store has left.
    static func refuseForeignFolder(_ storage: any Storage) throws(LogError) {
        let names = try storing { () throws(StorageError) in try storage.list("") }.map(\.name)
        if names.contains(StoreLayout.storeFile) { return }
        let own = [
            StoreLayout.lockFile, StoreLayout.journalFolder, StoreLayout.sessionsFolder, StoreLayout.indexFile,
            StoreLayout.meterFile, StoreLayout.quarantineFolder,
        ]
        let isForeign = { (name: String) in
            !own.contains(name) && !name.hasSuffix(StoreLayout.temporarySuffix)
                && StoreLayout.indexLogGeneration(name) == nil
        }
        if let foreign = names.first(where: isForeign) {
            throw LogError(
                .notAStore,
                "The folder is neither empty nor a Holdfast store (it holds '\(foreign)'). Name an empty folder."
            )
        }
        let sessions = try storing { () throws(StorageError) -> [DirectoryEntry] in
            names.contains(StoreLayout.sessionsFolder) ? try storage.list(StoreLayout.sessionsFolder) : []
        }
        let isInUse = names.contains(StoreLayout.journalFolder) ? try journalIsInUse(storage) : false
        guard sessions.isEmpty, !isInUse else {
            throw LogError(
                .damaged,
                "'\(StoreLayout.storeFile)' is missing but there are sessions. Put it back from a backup, or save what "
                    + "is there with 'holdfast recover --salvage-to'.")
        }
    }

    /// Whether the journal was written to after the store had been made, which takes one batch.
    private static func journalIsInUse(_ storage: any Storage) throws(LogError) -> Bool {
        let entries = try storing { () throws(StorageError) in try storage.list(StoreLayout.journalFolder) }
        for entry in entries where !entry.isDirectory {
            let head = try storing { () throws(StorageError) in
                try storage.open("\(StoreLayout.journalFolder)/\(entry.name)", .read)
                    .read(count: JournalHeader.sectorByteCount, at: 0)
            }
            guard let header = head.withUnsafeBytes({ try? JournalHeader(decoding: $0) }) else { continue }
            let summary = try JournalReader(storage: storage, storeTag: header.storeTag).read { _ in }
            if summary.position.lastBatch > 1 { return true }
        }
        return false
    }
}
