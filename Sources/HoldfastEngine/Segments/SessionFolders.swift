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

    /// What the folders are, without what cannot be looked into.
    struct Survey {
        /// Every session that has a folder.
        var sessions: Set<SessionID> = []
        /// Folders that are in no session's place.
        var strays: [String] = []
        /// Places that cannot be looked into, and the strays.
        var findings: [RecoveryReport.Finding] = []
    }

    /// Looks at all folders; one that cannot be read is passed over.
    func survey() -> Survey {
        var survey = Survey()
        for shard in folders(in: StoreLayout.sessionsFolder, &survey.findings) {
            for folder in folders(in: shard.path, &survey.findings) { look(at: folder, &survey) }
        }
        return survey
    }

    private func look(at folder: (name: String, path: String), _ survey: inout Survey) {
        do throws(LogError) {
            let session = try session(named: folder.name, in: folder.path)
            if let session, StoreLayout.sessionFolder(session) == folder.path {
                survey.sessions.insert(session)
                return
            }
            // An empty one is what a power cut may leave.
            if try list(folder.path).isEmpty { return }
            survey.strays.append(folder.path)
            var finding = Self.unreadable(folder.path, "the folder is in no session's place")
            finding.kind = .committedDamage
            survey.findings.append(finding)
        } catch {
            survey.findings.append(Self.unreadable(folder.path, error.message))
        }
    }

    /// The folders in the folder `path`; anything else that lies there does not belong.
    private func folders(
        in path: String, _ findings: inout [RecoveryReport.Finding]
    ) -> [(name: String, path: String)] {
        do throws(StorageError) {
            let entries = try storage.list(path)
            findings += entries.filter { !$0.isDirectory }.map {
                Self.unreadable("\(path)/\($0.name)", "a file or a link, where there can only be a folder")
            }
            return entries.filter(\.isDirectory).map { ($0.name, "\(path)/\($0.name)") }
        } catch {
            var finding = Self.unreadable(path, error.clause)
            if error.code == .notFound { finding.kind = .committedDamage }
            findings.append(finding)
            return []
        }
    }

    private static func unreadable(_ path: String, _ reason: String) -> RecoveryReport.Finding {
        RecoveryReport.Finding(kind: .mediaError, session: nil, path: path, offset: 0, byteCount: 0, reason: reason)
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
