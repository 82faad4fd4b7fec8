import HoldfastBytes
package import HoldfastEngine
import HoldfastLog
package import HoldfastStorage
import HoldfastThreads

extension HoldfastStore {
    /// A store that was opened for writing, with what opening found.
    package struct Opened {
        package var store: HoldfastStore
        package var log: LocalLog
        package var recovery: RecoveryReport

        /// How long the log's replay took, which is a part of the opening.
        package var replayNanoseconds: UInt64 { recovery.nanoseconds }
    }

    /// Opens the store in the folder `path`, after recovering it if it was not closed in order.
    ///
    /// Everything that had ever been acknowledged is durable and readable on return. A store that was closed in
    /// order opens without reading any session; after a crash only the sessions that the journal names are
    /// read, and those that an earlier opening could not read.
    ///
    /// Records of megabytes take memory of that size for a moment. glibc keeps some of it, for each of its arenas,
    /// unless the process is started with
    /// `GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=2097152` or calls `mallopt` to
    /// that end, as the program `holdfast` does. docs/performance.md, "Long runs", says how much that is.
    ///
    /// - Parameters:
    ///   - path: the store's folder. It is created when it is missing; its parent must exist.
    ///   - commit: where writes become durable; see ``CommitMode``.
    ///   - options: limits and thresholds.
    /// - Throws: `busy` naming the process that has the store open, `not_a_store`, `newer_format`, `older_format`,
    ///   `damaged`, `read_only`, `disk_full`, `failed`.
    public static func open(
        path: String, commit: CommitMode = .journal, options: StoreOptions = StoreOptions()
    ) throws(HoldfastError) -> HoldfastStore {
        try opened(path: path, commit: commit, options: options).store
    }

    /// The same, and says what opening found.
    package static func opened(
        path: String, commit: CommitMode, options: StoreOptions
    ) throws(HoldfastError) -> Opened {
        var engine = EngineOptions()
        engine.commitMode = commit == .journal ? .journal : .segment
        return try opened(path: path, engine: engine, options: options)
    }

    /// Opens the store in `path` with all options of the engine, and says what opening found.
    package static func opened(
        path: String, creating: Bool = true, engine: EngineOptions = EngineOptions(),
        options: StoreOptions = StoreOptions()
    ) throws(HoldfastError) -> Opened {
        let storage = try storage { () throws(StorageError) in try PosixStorage(root: path, create: creating) }
        var engine = engine
        engine.fit(descriptorLimit: PosixStorage.descriptorLimit)
        engine.isMetered = true
        return try opened(in: storage, creating: creating, engine: engine, options: options)
    }

    /// Opens the store in `storage`.
    package static func opened(
        in storage: any Storage, creating: Bool = true, engine: EngineOptions = EngineOptions(),
        options: StoreOptions = StoreOptions()
    ) throws(HoldfastError) -> Opened {
        var engine = engine
        engine.retainedGenerations = options.retainedGenerations
        let fitted = engine
        let log = try translated { () throws(LogError) in
            try LocalLog(in: storage, options: fitted, creating: creating)
        }
        do throws(HoldfastError) {
            return try opened(on: log, options: options, readThreadCount: fitted.readThreadCount)
        } catch {
            log.abandon()  // or its threads would go on, and keep the lock
            throw error
        }
    }

    private static func opened(
        on log: LocalLog, options: StoreOptions, readThreadCount: Int
    ) throws(HoldfastError) -> Opened {
        // Until all that a crash has left is found, only an opening that looks for it may come next.
        let isRecovered = Lock(log.recovery.wasClosedCleanly)
        let store = try HoldfastStore(
            log: log, options: options,
            closingWith: { (inOrder) throws(LogError) in
                if inOrder && isRecovered.withLock({ $0 }) { try log.close() } else { log.abandon() }
            })
        do throws(HoldfastError) {
            // A crash may have come between a commit and its row in the index.
            if !log.recovery.wasClosedCleanly {
                let isAll = try store.recover(log.recovery.sessions, threads: readThreadCount)
                isRecovered.withLock { $0 = isAll }
            }
        } catch {
            try? store.close()
            throw error
        }
        return Opened(store: store, log: log, recovery: log.recovery)
    }

    /// Opens the store in the folder `path` for reading only. Another process may be writing to it.
    ///
    /// Takes no lock and writes nothing. Writes are refused with `read_only`.
    public static func openReadOnly(
        path: String, options: StoreOptions = StoreOptions()
    ) throws(HoldfastError) -> HoldfastStore {
        try openReadOnly(path: path, options: options, journalBits: .ignored)
    }

    /// The same, with what is done about flipped bits in batches of the journal.
    package static func openReadOnly(
        path: String, options: StoreOptions = StoreOptions(), journalBits: JournalBits
    ) throws(HoldfastError) -> HoldfastStore {
        let storage = try storage { () throws(StorageError) in try PosixStorage(root: path, readOnly: true) }
        let log = try translated { () throws(LogError) in try ReadOnlyLog(in: storage, bits: journalBits) }
        return try HoldfastStore(log: log, options: options, hasOtherWriters: true)
    }

    private static func storage(
        _ open: () throws(StorageError) -> PosixStorage
    ) throws(HoldfastError) -> PosixStorage {
        do throws(StorageError) {
            return try open()
        } catch {
            throw HoldfastError(LogError(error))
        }
    }
}

/// Where a write becomes durable.
public enum CommitMode: String, Sendable, CaseIterable {
    /// In the journal: one sync for the writes of all sessions together. The default.
    case journal
    /// In the session's own segment file, synced before the answer. For a handful of sessions on a fast disk.
    case segment
}
