import HoldfastBytes
import HoldfastStorage

/// What stands beside the session files in a folder of hermes-webui.
struct WebUIFolder: Sendable {
    /// What belongs to one session.
    struct Companions: Sendable, Equatable {
        /// The file before its last shrinking, below the folder that the user named.
        var backup: String?
        /// The journals of its turns.
        var journals: [String] = []

        var paths: [String] { (backup.map { [$0] } ?? []) + journals }
    }

    private static let backupSuffix = ".json.bak"
    private static let journalFolder = "_turn_journal"
    private static let tombstoneFiles = ["_deleted_webui_sessions.json", "_pruned_webui_orphans.json"]

    /// By the stem of the session's file.
    private(set) var companions: [String: Companions] = [:]
    /// The ids of sessions that were deleted.
    private(set) var tombstones: Set<String> = []
    /// The lists that name them, below the folder that the user named.
    private(set) var tombstonePaths: [String] = []
    /// What could not be read, as sentences.
    private(set) var problems: [String] = []
    /// The names in the folder that are no sessions and belong to it all the same.
    private(set) var ownNames: Set<String> = []

    /// Looks at the folder `path` with the `entries`.
    init(_ entries: [DirectoryEntry], at path: String, of folder: any Storage) {
        let prefix = path.isEmpty ? "" : path + "/"
        for entry in entries {
            if !entry.isDirectory, entry.name.hasSuffix(Self.backupSuffix), !entry.name.hasPrefix("_") {
                companions[String(entry.name.dropLast(Self.backupSuffix.count)), default: Companions()].backup =
                    prefix + entry.name
                ownNames.insert(entry.name)
            } else if !entry.isDirectory, Self.tombstoneFiles.contains(entry.name) {
                readTombstones(prefix + entry.name, of: folder)
                ownNames.insert(entry.name)
            } else if entry.isDirectory, entry.name == Self.journalFolder {
                addJournals(in: prefix + entry.name, of: folder)
                ownNames.insert(entry.name)
            }
        }
    }

    private mutating func readTombstones(_ path: String, of folder: any Storage) {
        do throws(StorageError) {
            guard let ids = try Self.tombstones(path, of: folder) else {
                problems.append("'\(path)' is no list of deleted sessions.")
                return
            }
            tombstones.formUnion(ids)
            tombstonePaths.append(path)
        } catch {
            problems.append(error.description)
        }
    }

    /// The ids in the list `path`, in order; `nil` when it is none.
    static func tombstones(_ path: String, of folder: any Storage) throws(StorageError) -> [String]? {
        let text = try folder.readAll(path, limit: ImportLimits.tombstoneByteCount)
        guard let ids = (try? JSONTree.parse(text).root)?["ids"], ids.kind == .array else { return nil }
        return ids.elements.compactMap(\.string)
    }

    /// `<session>~<process>.jsonl`, and `<session>.jsonl` of older versions.
    private mutating func addJournals(in path: String, of folder: any Storage) {
        do throws(StorageError) {
            for entry in try folder.list(path) where !entry.isDirectory && entry.name.hasSuffix(".jsonl") {
                let stem = entry.name.dropLast(".jsonl".count)
                let session = stem.lastIndex(of: "~").map { stem[..<$0] } ?? stem
                companions[String(session), default: Companions()].journals.append("\(path)/\(entry.name)")
            }
        } catch {
            problems.append(error.description)
        }
    }
}
