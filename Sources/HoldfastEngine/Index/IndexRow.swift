import HoldfastBytes
import HoldfastLog

/// One line of the index: what the session layer wants listed, and a witness of where the session's log ended.
struct IndexRow: Sendable, Equatable {
    var summary: SummaryRow
    /// The segment that held the last record, the byte after it, and its check: what a log that was cut at a
    /// record's border, or replaced by an older copy, cannot show. 0 when unknown.
    var segment: UInt32 = 0
    var end: UInt64 = 0
    var chain: UInt64 = 0

    /// The row as a JSON object without its final brace, ready to be sealed or closed.
    var openObject: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("session_id")
        writer.string(summary.session.text)
        writer.key("sequence")
        writer.integer(summary.sequence)
        writer.key("segment")
        writer.integer(segment)
        writer.key("end")
        writer.integer(end)
        writer.key("chain")
        writer.string(Hex64.text(chain))
        writer.key("summary")
        writer.raw(summary.row)
        writer.endObject()
        return Array(writer.finish().dropLast())
    }

    init(summary: SummaryRow, tail: SegmentTail?) {
        self.summary = summary
        guard let tail else { return }
        segment = tail.header?.number ?? 0
        end = tail.offset
        chain = tail.chain
    }

    /// A session of which only the folder is known.
    init(unknown session: SessionID) {
        summary = SummaryRow(session: session, sequence: 0, row: Array("{}".utf8))
    }

    /// Reads a row; `nil` when it is not one.
    init?(_ json: [UInt8]) {
        guard let tree = try? JSONTree.parse(json, detail: 1, depthLimit: 512), tree.root.kind == .object,
            let session = tree.root["session_id"]?.string.flatMap({ SessionID($0) }),
            let sequence = tree.root["sequence"]?.unsigned, sequence < Limits.numberLimit,
            let row = tree.root["summary"]
        else { return nil }
        summary = SummaryRow(session: session, sequence: sequence, row: Array(row.raw))
        segment = tree.root["segment"]?.unsigned.flatMap { UInt32(exactly: $0) } ?? 0
        end = tree.root["end"]?.unsigned ?? 0
        chain = tree.root["chain"]?.string.flatMap { Hex64.value($0) } ?? 0
    }
}
