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
        guard sessions.isEmpty else {
            throw LogError(
                .damaged,
                "'\(StoreLayout.storeFile)' is missing but there are sessions. Put it back from a backup.")
        }
    }
}
