import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// The open segment files of a store, at most as many as the options allow, and the one way to write to them.
final class SegmentFiles: Sendable {
    private struct Entry {
        var file: any StorageFile
        var lastUse: UInt64
    }

    private struct State {
        var open: [SegmentKey: Entry] = [:]
        var uses: UInt64 = 0
        /// Folders with entries that no sync has made durable yet.
        var unsyncedFolders: Set<String> = []
    }

    private let storage: any Storage
    private let limit: Int
    private let threadCount: Int
    private let state = Lock(State())

    init(storage: any Storage, options: EngineOptions) {
        self.storage = storage
        limit = max(1, options.openFileLimit)
        threadCount = max(1, options.syncThreadCount)
    }

    /// Writes every extent to its segment and makes all of it durable, new files and folders included.
    ///
    /// Segments are written and synced side by side; a thread may hold one file besides those that stay open.
    ///
    /// - Returns: the segments that failed, with the reason. All others are on stable storage.
    /// - Throws: when a folder could not be synced: nothing is then on stable storage for certain. The next call syncs
    ///   it again, whatever that call writes.
    func persist(
        _ work: [(key: SegmentKey, extents: [Extent])]
    ) throws(StorageError) -> [(key: SegmentKey, error: StorageError)] {
        let failures = write(work)
        for failure in failures { forget(failure.key.session) }
        try syncFolders()
        return failures
    }

    /// Lets go of what is open for `session`: its files are about to be replaced or removed, or one of them has failed.
    ///
    /// A write in progress keeps its file open until it is done: the last reference closes it.
    func forget(_ session: SessionID) {
        state.withLock { state in
            for key in state.open.keys where key.session == session { state.open[key] = nil }
        }
    }

    /// Lets go of every file.
    func closeAll() { state.withLock { $0.open = [:] } }

    /// Has the next call of ``persist(_:)`` make the folders of `sessions` durable: whoever made them may have died
    /// before.
    func syncFoldersLater(of sessions: some Swift.Sequence<SessionID>) {
        state.withLock { state in
            for session in sessions { state.unsyncedFolders.formUnion(Self.folders(of: session)) }
        }
    }

    private static func folders(of session: SessionID) -> [String] {
        [StoreLayout.sessionsFolder, StoreLayout.sessionShard(session), StoreLayout.sessionFolder(session)]
    }

    // MARK: Writing

    private func write(
        _ work: [(key: SegmentKey, extents: [Extent])]
    ) -> [(key: SegmentKey, error: StorageError)] {
        let failures = Lock<[(key: SegmentKey, error: StorageError)]>([])
        Workers.forEach(work, threads: threadCount, name: "holdfast-sync") { item in
            do throws(StorageError) {
                let file = try self.file(item.key)
                try GatheredWrites.write(item.extents, to: file)
                try file.sync()
            } catch {
                failures.withLock { $0.append((item.key, error)) }
            }
        }
        return failures.withLock { $0 }
    }

    private func syncFolders() throws(StorageError) {
        let folders = state.withLock { $0.unsyncedFolders.sorted() }
        let failure = Lock<StorageError?>(nil)
        Workers.forEach(folders, threads: threadCount, name: "holdfast-sync") { [self] folder in
            do throws(StorageError) {
                try storage.syncDirectory(folder)
                state.withLock { _ = $0.unsyncedFolders.remove(folder) }
            } catch {
                // There was no room to create it, or something else stands there: nothing in it is to be made durable.
                if error.code == .notFound || error.isOfKind {
                    return state.withLock { _ = $0.unsyncedFolders.remove(folder) }
                }
                failure.withLock { $0 = error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// The open file of `key`, created with its folders when it is missing.
    private func file(_ key: SegmentKey) throws(StorageError) -> any StorageFile {
        let held = state.withLock { state -> (any StorageFile)? in
            state.uses += 1
            state.open[key]?.lastUse = state.uses
            return state.open[key]?.file
        }
        if let held { return held }
        let file = try openOrCreate(key)
        state.withLock { state in
            state.open[key] = Entry(file: file, lastUse: state.uses)
            guard state.open.count > limit, let oldest = state.open.min(by: { $0.value.lastUse < $1.value.lastUse })
            else { return }
            state.open[oldest.key] = nil
        }
        return file
    }

    private func openOrCreate(_ key: SegmentKey) throws(StorageError) -> any StorageFile {
        do throws(StorageError) {
            return try storage.open(key.path, .readWrite)
        } catch {
            guard error.code == .notFound else { throw error }
        }
        // Noted before anything is created: a failure half-way leaves entries that still have to be synced.
        syncFoldersLater(of: [key.session])
        try storage.createDirectory(StoreLayout.sessionShard(key.session))
        try storage.createDirectory(StoreLayout.sessionFolder(key.session))
        return try storage.open(key.path, .create)
    }
}
