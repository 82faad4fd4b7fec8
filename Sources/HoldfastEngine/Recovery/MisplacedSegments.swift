import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Segments that stand under the name of another one, as their headers say: files that were swapped or moved.
struct MisplacedSegments: Sendable {
    private(set) var paths: [SegmentKey: String] = [:]

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
                else { continue }
                let key = SegmentKey(session: header.session, number: header.number)
                if key.path != path { found.paths[key] = path }
            }
        }
        return found
    }

    var sessions: Set<SessionID> { Set(paths.keys.map(\.session)) }

    /// Where segments of `session` are, by their numbers.
    func of(_ session: SessionID) -> [UInt32: String] {
        var found: [UInt32: String] = [:]
        for (key, path) in paths where key.session == session { found[key.number] = path }
        return found
    }
}
