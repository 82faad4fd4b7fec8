import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Finds the sessions of a store by its folders, without the index.
struct SessionFolders {
    let storage: any Storage

    /// Calls `body` with every session that has a folder, until it answers false. Opens a file only for the few
    /// whose folder name is shortened.
    func forEach(_ body: (SessionID) throws(LogError) -> Bool) throws(LogError) {
        for shard in try list(StoreLayout.sessionsFolder) where shard.isDirectory {
            let path = "\(StoreLayout.sessionsFolder)/\(shard.name)"
            for entry in try list(path) where entry.isDirectory {
                guard let session = try session(named: entry.name, in: "\(path)/\(entry.name)") else { continue }
                if try !body(session) { return }
            }
        }
    }

    private func list(_ path: String) throws(LogError) -> [DirectoryEntry] {
        try storing { () throws(StorageError) in try storage.list(path) }
    }

    private func session(named name: String, in folder: String) throws(LogError) -> SessionID? {
        if let session = StoreLayout.session(escapedName: name) { return session }
        for entry in try list(folder) where StoreLayout.segmentNumber(entry.name) != nil {
            let head = try storing { () throws(StorageError) in
                try storage.open("\(folder)/\(entry.name)", .read).read(count: SegmentHeader.longestByteCount, at: 0)
            }
            guard let header = head.withUnsafeBytes({ try? SegmentHeader(decoding: $0) }),
                StoreLayout.escapedName(header.session) == name
            else { continue }
            return header.session
        }
        return nil
    }
}
