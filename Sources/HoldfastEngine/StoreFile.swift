import HoldfastBytes
import HoldfastThreads
package import HoldfastLog
package import HoldfastStorage

/// `store.json`: what is fixed when a store is created.
package struct StoreFile: Sendable, Equatable {
    /// 32 hexadecimal digits, random. Its first half tags every segment and journal file.
    package var storeID: String
    package var createdAt: Milliseconds

    /// The tag in every file of this store.
    package var tag: UInt64 { Hex64.value(String(storeID.prefix(16))) ?? 0 }

    /// Reads and checks the file.
    ///
    /// - Throws: `.notAStore` when there is none; `.newerFormat`; `.olderFormat`; `.damaged`.
    package static func read(from storage: any Storage) throws(LogError) -> StoreFile {
        let bytes: [UInt8]
        do throws(StorageError) {
            bytes = try storage.readAll(StoreLayout.storeFile, limit: Limits.metadataByteCount)
        } catch {
            guard error.code == .notFound else { throw LogError(error) }
            throw LogError(.notAStore, "There is no Holdfast store here: '\(StoreLayout.storeFile)' is missing.")
        }
        let tree = try? JSONTree.parse(bytes, detail: 1, depthLimit: 8)
        // The version comes before the checksum: a newer format may seal its files in another way.
        if let version = tree?.root["format_version"]?.unsigned, version != UInt64(Limits.formatVersion) {
            throw refusal(of: version)
        }
        guard SealedJSON.isIntact(bytes), let root = tree?.root,
            let storeID = root["store_id"]?.string, storeID.utf8.count == 32,
            Hex64.value(String(storeID.prefix(16))) != nil, let createdAt = root["created_at"]?.unsigned
        else {
            throw LogError(
                .damaged,
                "'\(StoreLayout.storeFile)' is damaged. Put it back from a backup; nothing else of the store has been "
                    + "touched.")
        }
        return StoreFile(storeID: storeID, createdAt: createdAt)
    }

    private static func refusal(of version: UInt64) -> LogError {
        let versions =
            "The store has format version \(version); this program reads version \(Limits.formatVersion) only. "
        if version > UInt64(Limits.formatVersion) {
            return LogError(.newerFormat, versions + "Use the program that wrote it, or a newer one.")
        }
        return LogError(
            .olderFormat,
            versions
                + "Nothing of it was touched. Export its sessions with the program that wrote it ('holdfast export'), "
                + "and import them into a new store ('holdfast import').")
    }

    /// Writes the file under its name in one step; durable on return.
    func write(to storage: any Storage) throws(StorageError) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("format_version", Limits.formatVersion)
        writer.member("store_id", storeID)
        writer.member("created_at", createdAt)
        writer.endObject()
        let document = SealedJSON.sealed(Array(writer.finish().dropLast())) + [10]
        let temporary = StoreLayout.storeFile + StoreLayout.temporarySuffix
        let file = try storage.open(temporary, .create)
        try file.truncate(to: 0)
        try file.write(document, at: 0)
        try file.sync()
        try file.close()
        try storage.rename(temporary, StoreLayout.storeFile)
        try storage.syncDirectory("")
    }

    /// The file of a store that is to be made.
    static func fresh(_ options: EngineOptions) -> StoreFile {
        let id = Hex64.text(options.random()) + Hex64.text(options.random())
        return StoreFile(storeID: id, createdAt: options.clock.wallMilliseconds())
    }

    /// Makes an empty store: folders first, `store.json` last, so that a half-made one is not taken for a store.
    static func create(in storage: any Storage, options: EngineOptions) throws(LogError) -> StoreFile {
        let store = fresh(options)
        try storing { () throws(StorageError) in
            for folder in [StoreLayout.journalFolder, StoreLayout.sessionsFolder] {
                // What an attempt that died half-way has left is not known to be durable.
                if try !storage.createDirectory(folder) {
                    for entry in try storage.list(folder) { try storage.remove("\(folder)/\(entry.name)") }
                    try storage.removeDirectory(folder)
                    try storage.createDirectory(folder)
                }
            }
            let journal = JournalWriter(
                storage: storage, options: options, storeTag: store.tag, after: JournalPosition(), used: [])
            try journal.closeCleanly()
        }
        _ = try IndexFile(storage: storage).replace([], generation: 1)
        try storing { () throws(StorageError) in try store.write(to: storage) }
        return store
    }
}
