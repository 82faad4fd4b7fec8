import HoldfastBytes

/// Reads a transcript: one message object per line. Pure.
///
/// Blank lines are skipped, a byte order mark in front of the first line and a `\r` at the end of any belong to the
/// file, not to the messages.
struct TranscriptParser {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private var lineNumber = 0
    private var offset: UInt64 = 0

    /// What the next line of the file is; `nil` for a blank one.
    mutating func take(_ line: LineSplitter.Line) -> ImportItem? {
        lineNumber += 1
        let start = offset
        switch line {
        case .tooLong(let byteCount):
            offset += UInt64(byteCount) + 1
            let reason = "\(Human.bytes(UInt64(byteCount))), more than a message may have"
            return .damaged(DamagedPiece(place: place, reason: reason, offset: start, bytes: []))
        case .whole(let bytes):
            offset += UInt64(bytes.count) + 1
            return parse(bytes, at: start)
        }
    }

    private var place: String { "line \(lineNumber)" }

    private func parse(_ line: [UInt8], at start: UInt64) -> ImportItem? {
        let hasMark = lineNumber == 1 && line.starts(with: Self.byteOrderMark)
        let text = hasMark ? line.dropFirst(Self.byteOrderMark.count) : line[...]
        if text.allSatisfy(Self.isSpace) { return nil }
        do throws(JSONError) {
            let root = try JSONTree.parse(text, detail: 0, depthLimit: ImportLimits.messageDepth).root
            if root.kind == .object { return .message(Array(root.raw)) }
            return damaged(line, start, "a message must be a JSON object, this is \(root.kind.withArticle)")
        } catch {
            return damaged(line, start, error.description)
        }
    }

    private func damaged(_ line: [UInt8], _ start: UInt64, _ reason: String) -> ImportItem {
        .damaged(DamagedPiece(place: place, reason: reason, offset: start, bytes: line))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}

extension JSONKind {
    /// The kind in a sentence.
    var withArticle: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
