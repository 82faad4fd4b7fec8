/// One entry of a batch. It names the segment that it is about, so that none depends on another one.
///
///     0      1    2          6        10       14     14+n
///     +------+----+----------+--------+--------+------+--------+
///     | kind | n  | segment  | place  | length | id   | bytes  |
///     | u8   | u8 | no. u32  | u32    | u32    | n    | length |
///     +------+----+----------+--------+--------+------+--------+
///
/// An entry is valid if and only if its kind is known, id and bytes end inside the body, the id (but for an index
/// entry) is a session's and the segment number in its range, and what the kind does not use is 0.
package enum JournalEntry: Equatable, Sendable {
    /// The bytes of the batch's body in `bytes` belong at `offset` of the segment.
    case write(SegmentKey, offset: UInt32, bytes: Range<Int>)
    /// The segment is written and synced directly, so only its end may be torn.
    case direct(SegmentKey)
    /// The segment, written directly so far, has been sealed with a mark and synced.
    case sealed(SegmentKey)
    /// How much of the index was on stable storage before: generation, length and chain of the change log.
    case index(bytes: Range<Int>)

    package enum Kind: UInt8, Sendable {
        case write = 1
        case direct = 2
        case sealed = 3
        case index = 4
    }

    /// What stands before the id.
    package static let headerByteCount = 14
    /// What an entry takes at most besides its bytes.
    package static let longestHeadByteCount = headerByteCount + SessionID.longestByteCount
    /// The bytes of an index entry.
    package static let indexByteCount = 24

    /// How many bytes of a segment the entry brings.
    package var writtenByteCount: Int {
        if case .write(_, _, let bytes) = self { bytes.count } else { 0 }
    }

    /// Appends all of an entry but its `byteCount` bytes, which follow.
    package static func encodeHead(
        _ kind: Kind, _ segment: SegmentKey? = nil, place: UInt32 = 0, byteCount: Int = 0, to body: inout [UInt8]
    ) {
        body.append(kind.rawValue)
        body.append(UInt8(segment?.session.text.utf8.count ?? 0))
        body.append(littleEndian: segment?.number ?? 0)
        body.append(littleEndian: place)
        body.append(littleEndian: UInt32(byteCount))
        if let segment { body += segment.session.text.utf8 }
    }

    /// The entries of a batch's `body`.
    ///
    /// - Throws: where one of them breaks a rule, or they are not `count` or do not fill the body.
    package static func decodeAll(
        _ body: UnsafeRawBufferPointer, count: UInt32
    ) throws(FormatError) -> [JournalEntry] {
        guard Int(count) <= body.count / headerByteCount else { throw .invalid("entry count") }
        var entries: [JournalEntry] = []
        entries.reserveCapacity(Int(count))
        var offset = 0
        for _ in 0..<count { entries.append(try decodeNext(body, at: &offset)) }
        guard offset == body.count else { throw .invalid("bytes after the last entry") }
        return entries
    }

    /// Those of a damaged `body` that can be made out: one that breaks a rule is passed over where its lengths fit.
    package static func decodeReadable(_ body: UnsafeRawBufferPointer) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var offset = 0
        while offset < body.count {
            let start = offset
            if let entry = try? decodeNext(body, at: &offset) {
                entries.append(entry)
            } else if offset == start {
                break
            }
        }
        return entries
    }

    /// The entry at `offset`, which goes on behind it as soon as its lengths are known to fit.
    private static func decodeNext(
        _ body: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(FormatError) -> JournalEntry {
        guard body.count - offset >= headerByteCount else { throw .truncated }
        let head = body.slice(offset..<offset + headerByteCount)
        let id = offset + headerByteCount..<offset + headerByteCount + Int(head[1])
        let length = Int(head.load(UInt32.self, at: 10))
        guard body.count - id.upperBound >= length else { throw .truncated }
        let bytes = id.upperBound..<id.upperBound + length
        offset = bytes.upperBound

        guard let kind = Kind(rawValue: head[0]) else { throw .invalid("entry kind") }
        let (number, place) = (head.load(UInt32.self, at: 2), head.load(UInt32.self, at: 6))
        if kind == .index {
            guard id.isEmpty, number == 0, place == 0, length == indexByteCount else { throw .invalid("index entry") }
            return .index(bytes: bytes)
        }
        guard let session = SessionID(utf8: body.slice(id)) else { throw .invalid("session id") }
        guard number > 0, number < Limits.segmentNumberLimit else { throw .invalid("numbering") }
        let segment = SegmentKey(session: session, number: number)
        if kind == .write { return .write(segment, offset: place, bytes: bytes) }
        guard place == 0, length == 0 else { throw .invalid("entry with a place or bytes") }
        return kind == .direct ? .direct(segment) : .sealed(segment)
    }
}
