import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastStorage

/// How the commands reach a store.
enum StoreAccess {
    /// How many processors there are to work on.
    static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Opens the store in the folder `path` for writing, after a recovery when it needs one.
    ///
    /// - Parameter creating: makes a new store in a folder that is missing or empty.
    static func open(
        _ path: String, creating: Bool, commit: CommitMode = .journal, journalBits: JournalBits = .ignored
    ) throws(CommandError) -> HoldfastStore.Opened {
        var engine = EngineOptions()
        engine.journalBits = journalBits
        engine.commitMode = commit == .journal ? .journal : .segment
        engine.fit(descriptorLimit: PosixStorage.descriptorLimit)
        engine.isMetered = true
        do throws(CommandError) {
            let storage = try filing { () throws(StorageError) in try PosixStorage(root: path, create: creating) }
            return try asking { () throws(HoldfastError) in
                try HoldfastStore.opened(in: storage, creating: creating, engine: engine)
            }
        } catch {
            // A store that should have been made and was not is no missing input.
            guard creating, error.code == .noInput else { throw naming(path, error) }
            throw naming(path, CommandError(.cannotCreate, error.message))
        }
    }

    /// Opens the store in the folder `path` for reading. Another process may be writing to it.
    static func openReadOnly(
        _ path: String, journalBits: JournalBits = .ignored
    ) throws(CommandError) -> HoldfastStore {
        do throws(CommandError) {
            _ = try folder(path)
            return try asking { () throws(HoldfastError) in
                try HoldfastStore.openReadOnly(path: path, journalBits: journalBits)
            }
        } catch {
            throw naming(path, error)
        }
    }

    /// The files of the store in the folder `path`, which nothing can be changed through.
    static func folder(_ path: String) throws(CommandError) -> any Storage {
        try filing { () throws(StorageError) in try PosixStorage(root: path, readOnly: true) }
    }

    /// Says on standard error what is wrong with `store.json`, which nobody needs for reading: for commands that have
    /// no place for it in what they show.
    static func tellOfStoreFile(_ arguments: Arguments, _ console: any Console) {
        guard let folder = try? folder(arguments.store),
            let damage = (try? StoreFile.readOrInferred(from: folder))?.damage
        else { return }
        console.complain("'\(arguments.store)/\(damage.path)' is \(damage.reason).")
    }

    private static func naming(_ path: String, _ error: CommandError) -> CommandError {
        CommandError(error.code, "The store '\(path)': \(error.message)")
    }
}
