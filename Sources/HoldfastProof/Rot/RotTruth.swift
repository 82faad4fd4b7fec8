import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation

/// What a store held before anything was done to it, and where in its files that stands.
struct RotTruth: Sendable {
    struct Session: Sendable {
        var records: [LogRecord] = []
        /// The documents of its snapshots, by sequence.
        var snapshots: [UInt64: [UInt8]] = [:]
        /// What was kept of it, at any time.
        var heads: [KeptHead] = []
        /// The last record that the index or a snapshot proves.
        var witnessed: UInt64 = 0
        var segments: [UInt32: SegmentLayout] = [:]
        /// The names of its files begin so.
        var folder: String

        var last: UInt64 { records.last?.sequence ?? 0 }
    }

    var sessions: [String: Session] = [:]
    var journal: JournalLayout

    /// Reads all of it from an undamaged image.
    init(of image: SimulatedStorage, _ files: [String: [UInt8]], older: [[String: [UInt8]]]) throws {
        journal = JournalLayout(files)
        let log = try ReadOnlyLog(in: image)
        var segments = files.filter { $0.key.hasSuffix(".segment") }
        // A segment may be in the journal only.
        for write in journal.liveWrites {
            let path = StoreLayout.segmentFile(sessionID(write.session), write.segment)
            segments[path] = segments[path] ?? []
        }
        for (path, bytes) in segments {
            guard let layout = SegmentLayout(path, bytes, journal) else { throw RotError("\(path) is not sound") }
            let name = layout.session
            let folder = StoreLayout.sessionFolder(sessionID(name))
            sessions[name, default: Session(folder: folder)].segments[layout.number] = layout
        }
        for name in sessions.keys {
            let id = sessionID(name)
            var session = sessions[name] ?? Session(folder: "")
            for path in files.keys where path.hasPrefix(session.folder + "/") {
                let file = String(path.dropFirst(session.folder.utf8.count + 1))
                guard let sequence = StoreLayout.snapshotSequence(file) else { continue }
                guard let source = try log.snapshot(id, through: sequence), source.sequence == sequence else {
                    throw RotError("\(path) is not sound")
                }
                session.snapshots[sequence] = try source.read(at: 0, count: source.byteCount)
            }
            let first = session.segments.values.map(\.firstSequence).min() ?? 1
            try log.read(id, from: first) { record in
                session.records.append(record)
                return true
            }
            for bytes in (older + [files]).compactMap({ $0[StoreLayout.headFile(id)] }) {
                guard let head = HeadFile(decoding: bytes) else { throw RotError("the head of \(name) is not sound") }
                session.heads.append(KeptHead(sequence: head.place.sequence, content: head.head))
            }
            session.witnessed = max(Self.witnessed(name, files), session.snapshots.keys.max() ?? 0)
            sessions[name] = session
        }
    }

    /// The last record of a session that a row of the index has seen.
    private static func witnessed(_ session: String, _ files: [String: [UInt8]]) -> UInt64 {
        var last: UInt64 = 0
        for (path, bytes) in files where path.hasPrefix("index") {
            for line in bytes.split(separator: 10) {
                let json = line.last == UInt8(ascii: ",") ? line.dropLast() : line
                guard let row = try? JSONTree.parse(Array(json)).root, row["session_id"]?.string == session else {
                    continue
                }
                if row["segment"]?.unsigned ?? 0 > 0 { last = max(last, row["sequence"]?.unsigned ?? 0) }
            }
        }
        return last
    }
}

/// What keeps the campaign itself from running.
struct RotError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

// MARK: Segments

/// Where the records of one segment stand.
struct SegmentLayout: Sendable {
    struct Span: Sendable {
        var range: Range<Int>
        var header: Range<Int>
        /// In the header.
        var check: Range<Int>
        /// `nil` for a mark.
        var sequence: UInt64?
        var isContinuation: Bool
        var promises: Bool
    }

    var path: String
    var session: String
    var number: UInt32
    var mode: SegmentHeader.CommitMode
    var firstSequence: UInt64
    var headerByteCount: Int
    var spans: [Span] = []
    /// Bytes that the journal holds too, and would write again.
    var extents: [JournalLayout.Write]
    /// The journal names it as one whose end may be torn.
    var isUnsealed: Bool
    /// The file with the journal's bytes laid over.
    var content: [UInt8]

    init?(_ path: String, _ file: [UInt8], _ journal: JournalLayout) {
        let extents = journal.liveWrites.filter {
            StoreLayout.segmentFile(sessionID($0.session), $0.segment) == path
        }
        let content = Self.overlaid(file, extents)
        guard let header = content.withUnsafeBytes({ try? SegmentHeader(decoding: $0) }) else { return nil }
        self.path = path
        self.extents = extents
        self.content = content
        session = header.session.text
        number = header.number
        mode = header.mode
        firstSequence = header.firstSequence
        headerByteCount = header.byteCount
        isUnsealed = journal.unsealed[session] == number
        var at = header.byteCount
        while at < content.count {
            let rest = Array(content[at...])
            let decoded = rest.withUnsafeBytes {
                try? RecordHeader(decoding: $0, offset: UInt64(at), in: header, payloadLimit: 1 << 20)
            }
            guard let decoded else { return nil }
            let end = at + decoded.recordByteCount
            let isMark = decoded.kind == RecordHeader.markKind
            spans.append(
                Span(
                    range: at..<end, header: at..<at + decoded.byteCount,
                    check: at + decoded.checkRange.lowerBound..<at + decoded.checkRange.upperBound,
                    sequence: isMark ? nil : firstSequence + UInt64(decoded.sequenceOffset),
                    isContinuation: decoded.codec == .frameContinuation, promises: decoded.promisesAllBefore))
            at = end
        }
    }

    /// `file` with what the journal would write again laid over.
    func overlaid(_ file: [UInt8]) -> [UInt8] { Self.overlaid(file, extents) }

    private static func overlaid(_ file: [UInt8], _ extents: [JournalLayout.Write]) -> [UInt8] {
        var bytes = file
        for extent in extents {
            let end = extent.offset + extent.bytes.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(extent.offset..<end, with: extent.bytes)
        }
        return bytes
    }

    /// The records that cannot be had any more when the bytes of `changed` are not what they were.
    ///
    /// Those that it touches; the one behind a record whose check is gone, which nothing proves any more; and those
    /// of a restart block behind its first loss.
    func lost(_ changed: ByteSet) -> Set<UInt64> {
        if changed.touches(0..<headerByteCount) { return Set(spans.compactMap(\.sequence)) }
        var lost: Set<UInt64> = []
        var isChainKnown = true
        var isBlockBroken = false
        var isRunning = false
        for span in spans {
            let isTouched = changed.touches(span.range)
            if !span.isContinuation, span.sequence != nil { isBlockBroken = isBlockBroken && isRaw(span) }
            if isTouched || !isChainKnown || (span.isContinuation && isBlockBroken) {
                if let sequence = span.sequence { lost.insert(sequence) }
                isBlockBroken = true
            }
            // Where the header is damaged, its place must be known for its check to be tried.
            isChainKnown = !changed.touches(span.header) || (!isRunning && !changed.touches(span.check))
            isRunning = isTouched && changed.touches(span.header)
        }
        return lost
    }

    private func isRaw(_ span: Span) -> Bool { content[span.range.lowerBound + 1] & 3 == 0 }

    /// The last record of this segment that a promise behind the first change proves; `nil` for all of it.
    func proven(_ changed: ByteSet, isLast: Bool) -> UInt64? {
        guard mode == .segment, isUnsealed, isLast else { return nil }
        let promise = spans.last { $0.promises && !changed.touches($0.header) }
        guard let promise else { return firstSequence - 1 }
        return spans.last { $0.sequence != nil && $0.range.upperBound <= promise.range.lowerBound }?.sequence
            ?? firstSequence - 1
    }
}

/// Which bytes of a file differ from what was written.
struct ByteSet: Sendable {
    private(set) var ranges: [Range<Int>] = []

    init(_ ranges: [Range<Int>]) { self.ranges = ranges }

    /// Where `old` and `new` differ; what only one of them has counts.
    init(from old: [UInt8], to new: [UInt8]) {
        let common = Swift.min(old.count, new.count)
        var start: Int?
        for index in 0..<common {
            if old[index] == new[index] {
                if let begun = start { ranges.append(begun..<index) }
                start = nil
            } else if start == nil {
                start = index
            }
        }
        if let begun = start { ranges.append(begun..<common) }
        if old.count != new.count { ranges.append(common..<Swift.max(old.count, new.count)) }
    }

    var isEmpty: Bool { ranges.isEmpty }

    func touches(_ range: Range<Int>) -> Bool { ranges.contains { $0.overlaps(range) } }
}
