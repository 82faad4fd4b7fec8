import HoldfastBytes
import HoldfastLog

/// One line of the index: what the session layer wants listed, and a witness of where the session's log ended.
struct IndexRow: Sendable, Equatable {
    /// Sequence 0 when whoever lists the session must look into it.
    var summary: SummaryRow
    /// The last record that was durable, its segment, the byte after it, and its check: what a log that was cut at
    /// a record's border, or replaced by an older copy, cannot show. Segment 0 when unknown.
    var lastSequence: UInt64 = 0
    var segment: UInt32 = 0
    var end: UInt64 = 0
    var chain: UInt64 = 0

    /// The row as a JSON object without its final brace, ready to be sealed or closed.
    var openObject: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("session_id", summary.session.text)
        writer.member("sequence", summary.sequence)
        writer.member("last", lastSequence)
        writer.member("segment", segment)
        writer.member("end", end)
        writer.member("chain", Hex64.text(chain))
        writer.key("summary")
        writer.raw(summary.row)
        writer.endObject()
        return Array(writer.finish().dropLast())
    }

    init(summary: SummaryRow, tail: SegmentTail?) {
        self.summary = summary
        guard let tail else { return }
        lastSequence = tail.sequence
        segment = tail.header?.number ?? 0
        end = tail.offset
        chain = tail.chain
    }

    /// A session of which nothing is known but the folder, and what `witness` has seen.
    init(unknown session: SessionID, witness: IndexRow? = nil) {
        summary = SummaryRow(session: session, sequence: 0, row: Array("{}".utf8))
        guard let witness else { return }
        lastSequence = witness.lastSequence
        segment = witness.segment
        end = witness.end
        chain = witness.chain
    }

    /// Reads a row; `nil` when it is not one.
    init?(_ json: [UInt8]) {
        guard let tree = try? JSONTree.parse(json, detail: 1, depthLimit: 512), tree.root.kind == .object,
            let session = tree.root["session_id"]?.string.flatMap({ SessionID($0) }),
            let sequence = tree.root["sequence"]?.unsigned, sequence < Limits.numberLimit,
            let last = tree.root["last"]?.unsigned, last < Limits.numberLimit,
            let row = tree.root["summary"]
        else { return nil }
        summary = SummaryRow(session: session, sequence: sequence, row: Array(row.raw))
        lastSequence = last
        segment = tree.root["segment"]?.unsigned.flatMap { UInt32(exactly: $0) } ?? 0
        end = tree.root["end"]?.unsigned ?? 0
        chain = tree.root["chain"]?.string.flatMap { Hex64.value($0) } ?? 0
    }

    /// Counts the records of `extent`, bytes that were committed to segment `number`, that the row does not know.
    mutating func count(_ extent: Extent, of number: UInt32) {
        guard (segment, end) < (number, extent.end) else { return }
        let known = segment == number ? end : 0
        extent.bytes.withUnsafeBytes { bytes in
            var at = 0
            if extent.offset == 0, let header = try? SegmentHeader(decoding: bytes) {
                lastSequence = max(lastSequence, header.firstSequence - 1)
                at = header.byteCount
            }
            while at + RecordHeader.byteCount <= bytes.count {
                let record = bytes.slice(at..<bytes.count)
                let isNew = extent.offset + UInt64(at) >= known
                if isNew, record[0] != RecordHeader.markKind { lastSequence += 1 }
                chain = RecordHeader.storedCheck(record)
                at += RecordHeader.byteCount + Int(record.load(UInt32.self, at: 8))
            }
        }
        (segment, end) = (number, extent.end)
    }
}
