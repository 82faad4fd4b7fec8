import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Where the journal still holds writes that are below its low-water mark.
///
/// They are in the segments, and nothing has to be replayed from them. But until its files are used again the journal
/// has a second copy of these bytes, and opening the store gives it up: so it is held against the segments first.
struct OlderWrites {
    private struct Write {
        var batch: UInt64
        /// Where the bytes belong in the segment, and what they are.
        var offset: UInt64
        var byteCount: Int
        var checksum: UInt64
        /// Where they stand in the journal.
        var path: String
        var place: UInt64

        var end: UInt64 { offset + UInt64(byteCount) }
    }

    /// How much of a segment is compared at once.
    private static let runByteCount = 1 << 20

    private var writes: [SegmentKey: [Write]] = [:]

    /// Notes what `entry` of `batch` writes into the segment `key`.
    mutating func note(_ entry: JournalEntry, of batch: JournalReader.Batch, to key: SegmentKey) {
        guard key.number < Limits.segmentNumberLimit else { return }
        let place = batch.offset + UInt64(BatchHeader.byteCount + entry.range.lowerBound)
        writes[key, default: []].append(
            Write(
                batch: batch.header.number, offset: UInt64(entry.place), byteCount: entry.range.count,
                checksum: Checksum.of(batch.body.slice(entry.range)), path: batch.file.path, place: place))
    }

    /// Those of the batches up to `mark`.
    func through(_ mark: UInt64) -> OlderWrites {
        var kept = OlderWrites()
        kept.writes = writes.mapValues { $0.filter { $0.batch <= mark } }.filter { !$0.value.isEmpty }
        return kept
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
                        if let extent = try Self.bytes(of: write, storage) { lost.append(extent) }
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
                guard start + write.byteCount <= view.count else { return true }
                return Checksum.of(view.slice(start..<start + write.byteCount)) != write.checksum
            }
        }
    }

    /// The bytes as the journal has them; `nil` where a writer has used the place again.
    private static func bytes(of write: Write, _ storage: any Storage) throws(StorageError) -> Extent? {
        let bytes = try storage.open(write.path, .read).read(count: write.byteCount, at: write.place)
        return Checksum.of(bytes) == write.checksum ? Extent(offset: write.offset, bytes: bytes) : nil
    }
}
