import HoldfastBytes

/// Where the batches of a journal stand, and what they say.
struct JournalLayout: Sendable {
    struct Write: Sendable {
        var session: String
        var segment: UInt32
        var offset: Int
        var bytes: [UInt8]
    }

    struct Batch: Sendable {
        var path: String
        /// Header and body, without the zeros behind.
        var range: Range<Int>
        var number: UInt64
        var lowWaterMark: UInt64
        var writes: [Write] = []
        /// The sessions that it names.
        var sessions: Set<String> = []
    }

    var batches: [Batch] = []
    /// The files with a valid header.
    var files: [String: Int] = [:]
    /// The segment of each session that is written directly and was not sealed.
    var unsealed: [String: UInt32] = [:]

    var lowWaterMark: UInt64 { batches.last?.lowWaterMark ?? 0 }

    /// What recovery writes into segments.
    var liveWrites: [Write] { batches.filter { $0.number > lowWaterMark }.flatMap(\.writes) }

    init(_ all: [String: [UInt8]]) {
        var headers: [(path: String, header: JournalHeader)] = []
        for (path, bytes) in all where path.hasSuffix(".journal") {
            guard let header = bytes.withUnsafeBytes({ try? JournalHeader(decoding: $0) }) else { continue }
            headers.append((path, header))
            files[path] = bytes.count
        }
        for (path, header) in headers.sorted(by: { $0.header.number < $1.header.number }) {
            read(path, header, all[path] ?? [])
        }
    }

    private mutating func read(_ path: String, _ file: JournalHeader, _ bytes: [UInt8]) {
        var at = JournalHeader.sectorByteCount
        while at + BatchHeader.byteCount < bytes.count {
            let rest = Array(bytes[at...])
            let header = rest.withUnsafeBytes { view -> BatchHeader? in
                let header = try? BatchHeader(decoding: view, offset: UInt64(at), salt: file.salt)
                return BatchHeader.isIntact(view, salt: file.salt) ? header : nil
            }
            guard let header else { return }
            let body = Array(rest[BatchHeader.byteCount..<BatchHeader.byteCount + Int(header.bodyByteCount)])
            var batch = Batch(
                path: path, range: at..<at + BatchHeader.byteCount + body.count, number: header.number,
                lowWaterMark: header.lowWaterMark)
            let entries = body.withUnsafeBytes {
                (try? JournalEntry.decodeAll($0, count: header.entryCount)) ?? []
            }
            for entry in entries { take(entry, body, &batch) }
            batches.append(batch)
            at += header.paddedByteCount
        }
    }

    private mutating func take(_ entry: JournalEntry, _ body: [UInt8], _ batch: inout Batch) {
        switch entry {
        case .write(let segment, let offset, let range):
            batch.sessions.insert(segment.session.text)
            batch.writes.append(
                Write(
                    session: segment.session.text, segment: segment.number, offset: Int(offset),
                    bytes: Array(body[range])))
        case .direct(let segment):
            batch.sessions.insert(segment.session.text)
            unsealed[segment.session.text] = segment.number
        case .sealed(let segment):
            batch.sessions.insert(segment.session.text)
            unsealed[segment.session.text] = nil
        case .index:
            break
        }
    }
}
