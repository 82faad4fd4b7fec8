import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Segments that stand under the name of another one, as their headers say: files that were swapped or moved.
struct MisplacedSegments: Sendable {
    private(set) var paths: [SegmentKey: String] = [:]
    /// Whose segments each folder has.
    private(set) var owners: [String: Set<SessionID>] = [:]
    /// Folders with a file of which nobody can tell whose it is, or with one that is in another folder too.
    private(set) var doubtful: Set<String> = []

    /// Reads the header of every segment in these folders. What cannot be read is passed over.
    static func collect(
        in folders: [String], of storage: any Storage, storeTag: UInt64
    ) -> MisplacedSegments {
        var found = MisplacedSegments()
        for folder in folders {
            for entry in (try? storage.list(folder)) ?? [] where StoreLayout.segmentNumber(entry.name) != nil {
                let path = "\(folder)/\(entry.name)"
                let head = try? storage.open(path, .read).read(count: SegmentHeader.longestByteCount, at: 0)
                guard let header = head?.withUnsafeBytes({ try? SegmentHeader(decoding: $0) }),
                    header.storeTag == storeTag
                else {
                    found.doubtful.insert(folder)
                    continue
                }
                let key = SegmentKey(session: header.session, number: header.number)
                found.owners[folder, default: []].insert(header.session)
                if key.path == path { continue }
                if found.paths.updateValue(path, forKey: key) != nil { found.doubtful.insert(folder) }
            }
        }
        return found
    }

    var sessions: Set<SessionID> { Set(paths.keys.map(\.session)) }

    /// The sessions to which everything belongs that `folder` has; `nil` when that cannot be told, or there may be
    /// something else of theirs.
    func owners(of folder: String, in storage: any Storage) -> Set<SessionID>? {
        guard doubtful.isEmpty, let found = owners[folder] else { return nil }
        let isAll = found.allSatisfy { SessionFolder.orNothing($0, in: storage).folder.segments.isEmpty }
        return isAll ? found : nil
    }

    /// Where segments of `session` are, by their numbers.
    func of(_ session: SessionID) -> [UInt32: String] {
        var found: [UInt32: String] = [:]
        for (key, path) in paths where key.session == session { found[key.number] = path }
        return found
    }
}
