import HoldfastBytes
import HoldfastLog

/// The rows of the index by session: those of `index.json` as the text that was read, and what changed since.
///
/// A row is parsed when it is asked for. So a store with many sessions is ready at once, and an idle one costs the
/// bytes of its row and little more. Copies share the text.
struct IndexRows: Sendable {
    private var text: IndexText?
    private var newer: [SessionID: IndexRow] = [:]

    init() {}

    init(_ text: IndexText) { self.text = text }

    init(_ rows: some Swift.Sequence<IndexRow>) { for row in rows { set(row) } }

    /// The row of `session`. Cost: one look into a table, and parsing the row.
    subscript(session: SessionID) -> IndexRow? { newer[session] ?? text?.row(of: session) }

    /// Puts `row` in the place of its session's earlier one.
    mutating func set(_ row: IndexRow) { newer[row.summary.session] = row }

    /// Every row once, in no order. Cost: all are parsed.
    var all: some Swift.Sequence<IndexRow> {
        let old = (text?.offsets ?? []).lazy.compactMap { [text, newer] offset -> IndexRow? in
            guard let row = text?.row(at: offset), newer[row.summary.session] == nil else { return nil }
            return row
        }
        return [AnySequence(old), AnySequence(newer.values)].joined()
    }

    /// The sessions that have a row.
    var sessions: Set<SessionID> { Set(all.lazy.map(\.summary.session)) }
}

/// The text of `index.json` with a table of where each session's row is. Its seal was right when it was read.
final class IndexText: Sendable {
    private let bytes: [UInt8]
    /// Open addressing by the identifier's hash: the offset of the row's line plus 1, or 0. A power of two.
    private let slots: [Int]
    private static let idKey = Array("{\"session_id\":\"".utf8)

    /// Takes `bytes` with a row in each of `lines`; `nil` when one of them is none.
    init?(_ bytes: [UInt8], lines: [Int]) {
        self.bytes = bytes
        var slots = [Int](repeating: 0, count: Self.slotCount(lines.count))
        for line in lines {
            guard let session = Self.session(at: line, in: bytes) else { return nil }
            slots[Self.slot(of: session, in: slots, bytes)] = line + 1
        }
        self.slots = slots
    }

    /// Where the rows begin.
    var offsets: [Int] { slots.compactMap { $0 > 0 ? $0 - 1 : nil } }

    func row(of session: SessionID) -> IndexRow? {
        let line = slots[Self.slot(of: session, in: slots, bytes)]
        return line == 0 ? nil : row(at: line - 1)
    }

    /// The row whose line begins at `offset`. One that says who it is of, but otherwise cannot be read, says nothing.
    func row(at offset: Int) -> IndexRow? {
        IndexRow(Self.object(at: offset, in: bytes))
            ?? Self.session(at: offset, in: bytes).map { IndexRow(unknown: $0) }
    }

    /// At most three quarters of the slots are taken.
    private static func slotCount(_ count: Int) -> Int {
        var slots = 16
        while slots / 4 * 3 < count { slots *= 2 }
        return slots
    }

    /// The slot of the session's row, or the free one where it belongs.
    private static func slot(of session: SessionID, in slots: [Int], _ bytes: [UInt8]) -> Int {
        // At least one slot is free, so this ends.
        var slot = session.hashValue & (slots.count - 1)
        while slots[slot] > 0, self.session(at: slots[slot] - 1, in: bytes) != session {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    /// Whose row begins at `offset`: read from its first bytes, where the id of a row as it is written stands.
    private static func session(at offset: Int, in bytes: [UInt8]) -> SessionID? {
        let start = offset + idKey.count
        let head = bytes[offset..<min(bytes.count, start + SessionID.longestByteCount + 1)]
        if head.starts(with: idKey), let end = head[start...].firstIndex(where: { $0 == 0x22 || $0 == 0x5C }),
            bytes[end] == 0x22
        {
            return SessionID(utf8: bytes[start..<end])
        }
        return IndexRow(object(at: offset, in: bytes))?.summary.session
    }

    /// The line at `offset`, without the comma that separates it from the next.
    private static func object(at offset: Int, in bytes: [UInt8]) -> [UInt8] {
        let end = bytes[offset...].firstIndex(of: 10) ?? bytes.count
        let line = bytes[offset..<end]
        return Array(line.last == 0x2C ? line.dropLast() : line)
    }
}
