import HoldfastBytes
import HoldfastEngine

/// Shows the bytes of records and headers, with the fields of the format marked. Pure.
struct ByteDump {
    /// Whether the bytes of payloads are shown.
    var showsPayload = false

    /// The bytes that a walk has come to; `nil` for an item that has none.
    func text(_ item: WalkItem) -> String? {
        switch item {
        case .segment(let segment):
            let title = "segment '\(segment.path)', \(segment.byteCount) bytes, \(segment.fileByteCount) in its file"
            return ([title] + Self.lines(segment.header.encoded(), segment.header.fields, at: 0)).joined(
                separator: "\n")
        case .record(let record): return text(record, "record \(record.sequence)")
        case .mark(let mark): return text(mark, "mark before record \(mark.sequence)")
        case .trimmed, .unreadable: return nil
        }
    }

    private func text(_ record: WalkRecord, _ name: String) -> String {
        var lines = [
            "\(name) at \(record.segment):\(record.offset), \(record.bytes.count) bytes, \(Self.codec(record))"
        ]
        lines += Self.lines(record.bytes, record.header.fields, at: record.offset)
        let payload = record.bytes.dropFirst(record.header.byteCount)
        let start = record.offset + UInt64(record.header.byteCount)
        if showsPayload {
            lines += Self.rows(payload, at: start)
        } else if !payload.isEmpty {
            lines.append("  \(Self.hex(start, 8))  \(payload.count) bytes of payload, which --payload shows")
        }
        return lines.joined(separator: "\n")
    }

    private static func codec(_ record: WalkRecord) -> String {
        switch record.header.codec {
        case .raw: "not compressed"
        case .frameStart: "begins a compressed block"
        case .frameContinuation: "continues the block at \(record.block.map(String.init) ?? "a damaged place")"
        }
    }

    /// A line for each field: where it stands, its bytes, its name.
    private static func lines(
        _ bytes: [UInt8], _ fields: [(name: String, range: Range<Int>)], at offset: UInt64
    ) -> [String] {
        fields.map { name, range in
            let shown = bytes[range].map { hex(UInt64($0), 2) }.joined(separator: " ")
            let padding = String(repeating: " ", count: max(1, 26 - shown.utf8.count))
            return "  \(hex(offset + UInt64(range.lowerBound), 8))  \(shown)\(padding)\(name)"
        }
    }

    /// Sixteen bytes per line, and the letters among them.
    private static func rows(_ bytes: ArraySlice<UInt8>, at offset: UInt64) -> [String] {
        stride(from: bytes.startIndex, to: bytes.endIndex, by: 16).map { start in
            let row = bytes[start..<min(start + 16, bytes.endIndex)]
            let shown = row.map { hex(UInt64($0), 2) }.joined(separator: " ")
            let letters = row.map { (32...126).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
            let padding = String(repeating: " ", count: 48 - shown.utf8.count)
            return "  \(hex(offset + UInt64(start - bytes.startIndex), 8))  \(shown)\(padding)|\(letters)|"
        }
    }

    private static func hex(_ value: UInt64, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
