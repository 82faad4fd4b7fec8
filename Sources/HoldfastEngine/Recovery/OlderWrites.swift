import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Where the journal still holds writes that are below its low-water mark.
///
/// They are in the segments, and nothing has to be replayed from them. But until its files are used again the journal
/// has a second copy of these bytes, and opening the store gives it up: so it is held against the segments first.
struct OlderWrites {
    private struct Write {
        /// Where the bytes belong in the segment.
        var offset: UInt64
        var place: JournalPlace

        var end: UInt64 { offset + UInt64(place.byteCount) }
    }

    /// How much of a segment is compared at once.
    private static let runByteCount = 1 << 20

    private var writes: [SegmentKey: [Write]] = [:]

    /// Notes that the bytes at `place` were written to the segment `key` at `offset`.
    mutating func note(_ place: JournalPlace, to key: SegmentKey, at offset: UInt64) {
        writes[key, default: []].append(Write(offset: offset, place: place))
    }

    /// What of these writes the segments do not have, in the order of its commit, by session and segment.
    ///
    /// Reads of each segment what the journal has of it. Of one that cannot be read, nobody can say what it has.
    func missing(in storage: any Storage) throws(LogError) -> [SessionID: [UInt32: [Extent]]] {
        var missing: [SessionID: [UInt32: [Extent]]] = [:]
        for (key, all) in writes.sorted(by: { $0.key < $1.key }) {
            var lost: [Extent] = []
            try storing { () throws(StorageError) in
                let file = try? storage.open(key.path, .read)
                for run in Self.runs(all) {
                    for write in Self.missing(run, file) {
                        if let extent = try Self.extent(of: write) { lost.append(extent) }
                    }
                }
            }
            if !lost.isEmpty { missing[key.session, default: [:]][key.number] = lost }
        }
        return missing
    }

    /// Writes that follow each other in the segment, in pieces that are read at once.
    private static func runs(_ writes: [Write]) -> [[Write]] {
        var runs: [[Write]] = []
        for write in writes {
            if let last = runs.last?.last, let first = runs.last?.first, last.end == write.offset,
                write.end - first.offset <= UInt64(runByteCount)
            {
                runs[runs.count - 1].append(write)
            } else {
                runs.append([write])
            }
        }
        return runs
    }

    /// Those of a run whose bytes `file` does not have, or does not give.
    private static func missing(_ run: [Write], _ file: (any StorageFile)?) -> [Write] {
        guard let file, let first = run.first, let last = run.last,
            let bytes = try? RescuedFile(file).read(count: Int(last.end - first.offset), at: first.offset)
        else { return run }
        return bytes.withUnsafeBytes { view in
            run.filter { write in
                let start = Int(write.offset - first.offset)
                guard start + write.place.byteCount <= view.count else { return true }
                return Checksum.of(view.slice(start..<start + write.place.byteCount)) != write.place.checksum
            }
        }
    }

    /// The bytes as the journal has them; `nil` where a writer has used the place again.
    private static func extent(of write: Write) throws(StorageError) -> Extent? {
        let place = write.place
        var bytes = [UInt8](repeating: 0, count: place.byteCount)
        let found = try bytes.withMutableBytes { (buffer) throws(StorageError) in
            try place.source.read(into: buffer, at: place.offset)
        }
        return found == bytes.count && Checksum.of(bytes) == place.checksum
            ? Extent(offset: write.offset, bytes: bytes) : nil
    }
}
