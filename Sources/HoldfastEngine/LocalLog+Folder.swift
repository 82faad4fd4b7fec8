import HoldfastBytes
import HoldfastLog
import HoldfastStorage

extension LocalLog {
    /// Throws unless the folder is a store, empty, or what an unfinished creation of a store has left.
    static func refuseForeignFolder(_ storage: any Storage) throws(LogError) {
        let names = try storing { () throws(StorageError) in try storage.list("") }.map(\.name)
        if names.contains(StoreLayout.storeFile) { return }
        let own = [StoreLayout.lockFile, StoreLayout.journalFolder, StoreLayout.sessionsFolder, StoreLayout.indexFile]
        if let foreign = names.first(where: { !own.contains($0) && !$0.hasSuffix(StoreLayout.temporarySuffix) }) {
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
