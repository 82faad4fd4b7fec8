import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// The index on disk: `index.json`, one row per line, and the change log of its generation, whose rows win.
///
/// Derived: when it is damaged or missing, the sessions' folders are read instead.
struct IndexFile {
    /// What reading found.
    struct Content {
        var rows = IndexRows()
        /// Why rows may be missing, or `nil`.
        var damage: String?
        /// How long `index.json` is.
        var baseByteCount: UInt64 = 0
        /// The generation, and where its change log ends that is on stable storage for certain.
        var mark = IndexMark(generation: 0)
        /// The rows behind the mark, which are among `rows`. They may be in the page cache only.
        var unproved: [SessionID: IndexRow] = [:]

        /// Keeps which sessions there are, and nothing of what was said of them.
        mutating func forgetRows() {
            rows = IndexRows(rows.sessions.map { IndexRow(unknown: $0) })
        }
    }

    let storage: any Storage
    private static let opening = "{\"format_version\":\(Limits.formatVersion),\"generation\":"
    private static let sessionsKey = ",\"sessions\":["

    /// Reads all of it. Memory: the file, and what its change log has.
    ///
    /// - Parameter mark: what the journal says of it: an older index lacks rows.
    func read(_ mark: IndexMark?) throws(LogError) -> Content {
        var content = Content()
        try readBase(&content)
        try readLog(&content, mark)
        if content.damage != nil { content.forgetRows() }
        return content
    }

    /// A generation that no file of the index has been of.
    func unusedGeneration(after last: UInt64) throws(LogError) -> UInt64 {
        let names = try storing { () throws(StorageError) in try storage.list("") }.map(\.name)
        return max(last, names.compactMap(StoreLayout.indexLogGeneration).max() ?? 0) + 1
    }

    /// Replaces the index by `rows`, sorted, as a new generation; durable on return.
    func replace(_ rows: some Swift.Sequence<IndexRow>, generation: UInt64) throws(LogError) -> UInt64 {
        let temporary = StoreLayout.indexFile + StoreLayout.temporarySuffix
        let byteCount = try storing { () throws(StorageError) -> UInt64 in
            let file = try storage.open(temporary, .create)
            try file.truncate(to: 0)
            let output = DocumentWriter(file)
            try output.write(Array((Self.opening + String(generation) + Self.sessionsKey).utf8))
            for (index, row) in rows.sorted(by: { $0.summary.session < $1.summary.session }).enumerated() {
                try output.write(Array((index == 0 ? "\n" : ",\n").utf8) + row.openObject + [0x7D])
            }
            try output.write(Array("\n]".utf8))
            let count = try output.finish()
            try storage.rename(temporary, StoreLayout.indexFile)
            try storage.syncDirectory("")
            return count
        }
        removeLogs(before: generation)
        return byteCount
    }

    /// Appends rows to the change log, which ends at `mark`; answers where it ends then. Durable on return.
    func append(_ rows: [IndexRow], at mark: IndexMark) throws(LogError) -> IndexMark {
        var bytes: [UInt8] = []
        var end = mark
        for row in rows.sorted(by: { $0.summary.session < $1.summary.session }) {
            let line = SealedJSON.sealed(row.openObject)
            bytes += line + [10]
            line.withBytes { end.add(line: $0) }
        }
        let path = StoreLayout.indexLog(mark.generation)
        let offset = mark.logByteCount
        try storing { () throws(StorageError) in
            let file = try storage.open(path, .create)
            if try file.byteCount() > offset { try file.truncate(to: offset) }
            try file.write(bytes, at: offset)
            try file.sync()
            try file.close()
            if offset == 0 { try storage.syncDirectory("") }
        }
        return end
    }

    // MARK: Reading

    private func readBase(_ content: inout Content) throws(LogError) {
        guard let text = try lines(of: StoreLayout.indexFile) else {
            content.damage = "there is no index.json"
            return
        }
        content.baseByteCount = text.byteCount
        var lines = text.starts[...]
        guard let first = lines.popFirst(), let generation = Self.generation(text.bytes, first, lines.first) else {
            content.damage = "index.json does not begin as an index"
            return
        }
        content.mark.generation = generation
        let rows = IndexText(text.bytes, lines: lines.prefix { text.bytes[$0] == 0x7B })
        content.rows = IndexRows(rows)
        if !text.isWhole {
            content.damage = "index.json has a line that is too long"
        } else if !rows.isWhole {
            content.damage = "index.json has a row that cannot be read or stands out of order"
        } else if !SealedJSON.isIntact(text.bytes) {
            content.damage = "index.json fails its checksum"
        }
    }

    private func readLog(_ content: inout Content, _ mark: IndexMark?) throws(LogError) {
        var hasSeenMark = mark.map { $0.generation < content.mark.generation || $0 == content.mark } ?? true
        if let text = try lines(of: StoreLayout.indexLog(content.mark.generation)) {
            for start in text.starts {
                let line = text.line(at: start)
                // A last line without its newline was being written: the journal still names its session.
                guard line.last == 10 else { break }
                let row = line.withUnsafeBytes { SealedJSON.content(of: $0).flatMap { IndexRow(openObject: $0) } }
                guard let row else {
                    // Whose row it was is not known, so every row may be an old one.
                    content.damage = "the change log has a damaged line"
                    continue
                }
                content.rows.set(row)
                if hasSeenMark {
                    content.unproved[row.summary.session] = row
                } else {
                    line.dropLast().withUnsafeBytes { content.mark.add(line: $0) }
                    hasSeenMark = content.mark == mark
                }
            }
            if !text.isWhole { content.damage = "the change log has a line that is too long" }
        }
        if !hasSeenMark { content.damage = content.damage ?? "the index is older than the journal says" }
    }

    /// The generation that the first line names, which ends where the `next` one begins.
    private static func generation(_ bytes: [UInt8], _ first: Int, _ next: Int?) -> UInt64? {
        guard let next, next - first <= opening.utf8.count + sessionsKey.utf8.count + 21 else { return nil }
        let text = String(decoding: bytes[first..<next - 1], as: UTF8.self)
        guard text.hasPrefix(opening), text.hasSuffix(sessionsKey) else { return nil }
        let generation = UInt64(text.dropFirst(opening.count).dropLast(sessionsKey.count))
        return generation.flatMap { $0 < Limits.numberLimit ? $0 : nil }
    }

    /// The lines of the file `path`; `nil` when there is none that can be read.
    private func lines(of path: String) throws(LogError) -> TextLines? {
        do throws(StorageError) {
            return try TextLines(try storage.open(path, .read))
        } catch {
            // What cannot be read is as good as gone: the index is made again.
            if error.code == .notFound || error.isOfFile { return nil }
            throw LogError(error)
        }
    }

    private func removeLogs(before generation: UInt64) {
        // Left-over change logs are ignored by readers; removing them only saves space.
        let old = ((try? storage.list("")) ?? []).map(\.name).filter { name in
            StoreLayout.indexLogGeneration(name).map { $0 < generation } ?? false
        }
        for name in old { try? storage.remove(name) }
        // Not left for later: what a recovery has done is durable when it ends.
        if !old.isEmpty { try? storage.syncDirectory("") }
    }
}

/// Writes a JSON document front to back in large pieces, sums it up, and closes it with its seal.
final class DocumentWriter {
    private let file: any StorageFile
    private let checksum = StreamingChecksum()
    private var buffer: [UInt8] = []
    private var offset: UInt64 = 0

    init(_ file: any StorageFile) { self.file = file }

    /// Adds `bytes`.
    func write(_ bytes: [UInt8]) throws(StorageError) {
        checksum.add(bytes)
        buffer += bytes
        if buffer.count >= 1 << 20 { try spill() }
    }

    /// Seals the object that was written so far, makes the file durable and closes it; answers its length.
    func finish() throws(StorageError) -> UInt64 {
        buffer += SealedJSON.seal(check: checksum.value) + [10]
        try spill()
        try file.sync()
        try file.close()
        return offset
    }

    private func spill() throws(StorageError) {
        try file.write(buffer, at: offset)
        offset += UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}
