import HoldfastBytes
import HoldfastStorage

/// What the files of an import were before it, to show that they are the same after it.
struct SourceProof {
    private struct Source {
        let folder: any Storage
        let path: String
        let shownPath: String
        let byteCount: UInt64
        let hash: UInt64
    }

    private var sources: [Source] = []

    /// How many files there are.
    var count: Int { sources.count }
    /// Their bytes.
    var byteCount: UInt64 { sources.reduce(0) { $0 + $1.byteCount } }

    /// One hash for all of them, in the order in which they were read.
    var hash: UInt64 {
        let all = StreamingChecksum()
        for source in sources { all.add(Array("\(source.path) \(source.byteCount) \(source.hash)\n".utf8)) }
        return all.value
    }

    /// Notes what `file` is now. Reads it.
    mutating func note(_ file: ImportFile) throws(CommandError) {
        for path in file.paths {
            let found = try filing { () throws(StorageError) in try Self.hash(of: path, in: file.folder) }
            guard let found else { continue }
            let shown = path == file.path ? file.shownPath : path
            sources.append(
                Source(
                    folder: file.folder, path: path, shownPath: shown, byteCount: found.byteCount, hash: found.hash))
        }
    }

    /// Reads every file again; answers the names of those that are not what they were.
    func changed() -> [String] {
        sources.compactMap { source in
            let now = (try? Self.hash(of: source.path, in: source.folder)) ?? nil
            return now.map { $0.hash == source.hash && $0.byteCount == source.byteCount } == true
                ? nil : source.shownPath
        }
    }

    private static func hash(
        of path: String, in folder: any Storage
    ) throws(StorageError) -> (byteCount: UInt64, hash: UInt64)? {
        guard let attributes = try folder.attributes(path), !attributes.isDirectory else { return nil }
        let file = try folder.open(path, .read)
        let checksum = StreamingChecksum()
        var offset: UInt64 = 0
        while true {
            let piece = try file.read(count: ImportLimits.pieceByteCount, at: offset)
            if piece.isEmpty { break }
            checksum.add(piece)
            offset += UInt64(piece.count)
        }
        try file.close()
        return (offset, checksum.value)
    }
}
