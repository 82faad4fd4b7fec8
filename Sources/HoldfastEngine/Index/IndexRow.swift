import HoldfastBytes
import HoldfastLog
import HoldfastStorage

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

    /// What every row begins with: its session's id follows.
    static let idKey: StaticString = "{\"session_id\":\""

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

    /// Reads a row that is a whole object; `nil` when it is not one.
    init?(_ json: UnsafeRawBufferPointer) {
        guard json.last == UInt8(ascii: "}") else { return nil }
        self.init(openObject: json.slice(0..<json.count - 1))
    }

    /// Reads a row from what ``openObject`` wrote; `nil` when it is not one.
    init?(openObject: UnsafeRawBufferPointer) {
        if let row = RowScanner(openObject).row {
            self = row
            return
        }
        guard let tree = try? JSONTree.parse(Array(openObject) + [UInt8(ascii: "}")], detail: 1, depthLimit: 512),
            tree.root.kind == .object,
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
    mutating func count(_ extent: Extent, of number: UInt32) throws(StorageError) {
        guard (segment, end) < (number, extent.end) else { return }
        let known = segment == number ? end : 0
        try extent.bytes().withUnsafeBytes { bytes in
            var first = 0
            if extent.offset == 0, let header = try? SegmentHeader(decoding: bytes) {
                lastSequence = max(lastSequence, header.firstSequence - 1)
                first = header.byteCount
            }
            RecordHeader.forEachTrusted(in: bytes, from: first) { at, isMark, check in
                if !isMark, extent.offset + UInt64(at) >= known { lastSequence += 1 }
                chain = check
            }
        }
        (segment, end) = (number, extent.end)
    }
}

/// Reads a row that is spelled as ``IndexRow/openObject`` spells it and ends with its summary, which is a fifth of the
/// work of parsing it: a store is opened by reading all rows.
private struct RowScanner {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The row; `nil` when it is spelled otherwise. The summary is believed to be a JSON object: the seal says so.
    var row: IndexRow? {
        var scanner = self
        return scanner.scanned()
    }

    private mutating func scanned() -> IndexRow? {
        guard take(IndexRow.idKey), let session = text().flatMap({ SessionID(utf8: $0) }),
            take(",\"sequence\":"), let sequence = number(), take(",\"last\":"), let last = number(),
            take(",\"segment\":"), let segment = number().flatMap({ UInt32(exactly: $0) }),
            take(",\"end\":"), let end = number(),
            take(",\"chain\":\""), let chain = text().flatMap({ Hex64.value($0) }),
            take(",\"summary\":"), place + 1 < bytes.count, bytes[place] == UInt8(ascii: "{"),
            bytes.last == UInt8(ascii: "}")
        else { return nil }
        let summary = SummaryRow(session: session, sequence: sequence, row: Array(bytes[place...]))
        var row = IndexRow(summary: summary, tail: nil)
        (row.lastSequence, row.segment, row.end, row.chain) = (last, segment, end, chain)
        return row
    }

    private mutating func take(_ literal: StaticString) -> Bool {
        guard bytes.has(literal, at: place) else { return false }
        place += literal.utf8CodeUnitCount
        return true
    }

    /// What stands before the next quote, which is passed over; `nil` when it has an escape.
    private mutating func text() -> UnsafeRawBufferPointer? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\""), from: place) else { return nil }
        let text = bytes.slice(place..<end)
        guard text.firstIndex(of: UInt8(ascii: "\\"), from: 0) == nil else { return nil }
        place = end + 1
        return text
    }

    private mutating func number() -> UInt64? {
        var value: UInt64 = 0
        let start = place
        while place < bytes.count, case let digit = bytes[place] &- UInt8(ascii: "0"), digit < 10 {
            value = value * 10 + UInt64(digit)
            place += 1
            // No number that is written has more digits; and so it cannot overflow.
            guard place - start <= 16 else { return nil }
        }
        return place > start ? value : nil
    }
}
