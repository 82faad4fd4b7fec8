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

    /// The row of `session`. Cost: the logarithm of their number, and parsing the row.
    subscript(session: SessionID) -> IndexRow? { newer[session] ?? text?.row(of: session) }

    /// Puts `row` in the place of its session's earlier one.
    mutating func set(_ row: IndexRow) { newer[row.summary.session] = row }

    /// Every row once, in no order. Cost: all are parsed.
    var all: AllRows { AllRows(text: text, offsets: (text?.offsets ?? [])[...], newer: newer) }

    /// The rows, one after the other.
    struct AllRows: Swift.Sequence, IteratorProtocol {
        fileprivate let text: IndexText?
        fileprivate var offsets: ArraySlice<UInt32>
        fileprivate let newer: [SessionID: IndexRow]
        private var rest: Dictionary<SessionID, IndexRow>.Values.Iterator

        fileprivate init(text: IndexText?, offsets: ArraySlice<UInt32>, newer: [SessionID: IndexRow]) {
            (self.text, self.offsets, self.newer) = (text, offsets, newer)
            rest = newer.values.makeIterator()
        }

        mutating func next() -> IndexRow? {
            while let offset = offsets.popFirst() {
                if let row = text?.row(at: Int(offset)), newer[row.summary.session] == nil { return row }
            }
            return rest.next()
        }
    }

    /// The sessions that have a row.
    var sessions: Set<SessionID> { Set(all.lazy.map(\.summary.session)) }
}

/// The text of `index.json`, in which the rows stand in the order of their sessions.
final class IndexText: Sendable {
    private let bytes: [UInt8]
    /// Where the rows begin. In four bytes each, for there is one for each session of the store.
    let offsets: [UInt32]
    /// Whether each line was a row behind those before it. One that is not is left out.
    let isWhole: Bool

    /// Takes `bytes` with a row in each of `lines`.
    init(_ bytes: [UInt8], lines: ArraySlice<Int>) {
        self.bytes = bytes
        var offsets: [UInt32] = []
        offsets.reserveCapacity(lines.count)
        var last: SessionID?
        for line in lines {
            guard let offset = UInt32(exactly: line), let session = Self.session(at: line, in: bytes),
                last.map({ $0 < session }) ?? true
            else { continue }
            offsets.append(offset)
            last = session
        }
        self.offsets = offsets
        isWhole = offsets.count == lines.count
    }

    /// The row of `session`. Cost: the logarithm of their number, and parsing the row.
    func row(of session: SessionID) -> IndexRow? {
        func id(at place: Int) -> SessionID? { Self.session(at: Int(offsets[place]), in: bytes) }
        let place = offsets.indices.partitionPoint { place in id(at: place).map { $0 < session } ?? false }
        return place < offsets.count && id(at: place) == session ? row(at: Int(offsets[place])) : nil
    }

    /// The row whose line begins at `offset`. One that says who it is of, but otherwise cannot be read, says nothing.
    func row(at offset: Int) -> IndexRow? {
        bytes.withBytes { IndexRow(Self.object(at: offset, in: $0)) }
            ?? Self.session(at: offset, in: bytes).map { IndexRow(unknown: $0) }
    }

    /// Whose row begins at `offset`: read from its first bytes, where the id of a row as it is written stands.
    private static func session(at offset: Int, in bytes: [UInt8]) -> SessionID? {
        bytes.withBytes { bytes in
            let start = offset + IndexRow.idKey.utf8CodeUnitCount
            if bytes.has(IndexRow.idKey, at: offset), let end = bytes.firstIndex(of: 0x22, from: start),
                case let id = bytes.slice(start..<end), id.firstIndex(of: 0x5C, from: 0) == nil
            {
                return SessionID(utf8: id)
            }
            return IndexRow(object(at: offset, in: bytes))?.summary.session
        }
    }

    /// The line at `offset`, without the comma that separates it from the next.
    private static func object(at offset: Int, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let end = bytes.firstIndex(of: 10, from: offset) ?? bytes.count
        return bytes.slice(offset..<(end > offset && bytes[end - 1] == 0x2C ? end - 1 : end))
    }
}
