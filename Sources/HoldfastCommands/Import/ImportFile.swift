import HoldfastBytes
import HoldfastStorage

/// A file that holds one session, or a database of many.
struct ImportFile {
    /// How the file keeps its messages.
    enum Shape {
        case transcript, document
        /// A document's backup, whose own file is missing.
        case backup
        /// The database of hermes-agent.
        case database
        /// hermes-webui's list of deleted sessions.
        case tombstones

        /// Whether a file may have any number of sessions.
        var holdsMany: Bool { self == .database || self == .tombstones }
    }

    /// The session, named by the file without its ending; of a database just a name.
    let session: SessionID
    let shape: Shape
    /// The folder that the user named, or the one of the file that the user named.
    let folder: any Storage
    /// The file below `folder`.
    let path: String
    /// The file as the user would name it.
    let shownPath: String
    /// Its length when it was found.
    let byteCount: UInt64
    /// What stands beside a document and belongs to it.
    var companions = WebUIFolder.Companions()

    /// The files whose bytes are read: the file, and what belongs to it and is there.
    var paths: [String] {
        switch shape {
        case .transcript, .tombstones: [path]
        case .document: [path] + companions.paths
        case .backup: companions.paths
        case .database: [path, path + AgentDatabase.logSuffix]
        }
    }

    /// The shape that a file's name promises, and what the session is called; `nil` for files of other kinds.
    static func meaning(of name: String) -> (shape: Shape, session: String)? {
        if name.hasPrefix("_") || name.hasPrefix(".") { return nil }
        if name == AgentDatabase.fileName { return (.database, "state") }
        if name.hasSuffix(".jsonl") { return (.transcript, session(named: String(name.dropLast(6)))) }
        if name.hasSuffix(".json") { return (.document, session(named: String(name.dropLast(5)))) }
        return nil
    }

    /// The stem is the session's id, and an id that an export had to escape comes back as it was.
    static func session(named stem: String) -> String {
        StoreLayout.session(escapedName: stem)?.text ?? stem
    }

    /// Hands over what the file holds, in order. Reads a transcript piece by piece, a document as a whole, a
    /// database row by row. The answer is false when the file turns out to be no session; nothing has been called
    /// then.
    func read(_ body: (ImportItem) throws(CommandError) -> Void) throws(CommandError) -> Bool {
        switch shape {
        case .document, .backup: return try DocumentImport(file: self).read(body)
        case .database: try AgentDatabase.read(self, body)
        case .tombstones: try readTombstones(body)
        case .transcript:
            try body(.session(ImportedSession(id: session)))
            try readTranscript(body)
        }
        return true
    }

    /// A session whose file is there was made again; the list has not been told.
    private func readTombstones(_ body: (ImportItem) throws(CommandError) -> Void) throws(CommandError) {
        let names = Set(try filing { () throws(StorageError) in try folder.list(parent) }.map(\.name))
        let tombstones = try filing { () throws(StorageError) in try WebUIFolder.tombstones(path, of: folder) } ?? []
        for text in tombstones where !names.contains("\(text).json") {
            guard let id = SessionID(text) else { continue }
            try body(.session(ImportedSession(id: id)))
            try body(.tombstone)
        }
    }

    /// The folder that the file is in.
    private var parent: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }

    private func readTranscript(_ body: (ImportItem) throws(CommandError) -> Void) throws(CommandError) {
        var parser = TranscriptParser()
        var splitter = LineSplitter(limit: ImportLimits.messageByteCount)
        let take = { (line: LineSplitter.Line) throws(CommandError) in
            if let item = parser.take(line) { try body(item) }
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ImportLimits.pieceByteCount, alignment: 16)
        defer { buffer.deallocate() }
        let file = try filing { () throws(StorageError) in try folder.open(path, .read) }
        var offset: UInt64 = 0
        while true {
            let count = try filing { () throws(StorageError) in try file.read(into: buffer, at: offset) }
            if count == 0 { break }
            offset += UInt64(count)
            try splitter.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), take)
        }
        try splitter.finish(take)
    }
}
