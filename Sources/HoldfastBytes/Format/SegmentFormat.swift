/// The first bytes of a segment file.
///
///     0        4     6      7      8     16            24            32       40       44      48   48+n
///     +--------+-----+------+------+-----+-------------+-------------+--------+--------+-------+----+-------+
///     | "HFSG" | ver | mode | n    | salt| first       | chain before| store  | segment| begun | id | check |
///     | 4      | u16 | u8   | u8   | u64 | sequence u64| first u64   | tag u64| no. u32| u32, s| n  | u64   |
///     +--------+-----+------+------+-----+-------------+-------------+--------+--------+-------+----+-------+
///
/// A header is valid if and only if (1) the magic is right, (2) the version is 4, (3) `check` is the checksum of
/// all bytes before it, and (4) every field is in its range.
package struct SegmentHeader: Equatable, Sendable {
    /// How records of this segment became durable.
    package enum CommitMode: UInt8, Sendable {
        /// In the journal first: whatever stands in the file was durable before it was written there.
        case journal = 1
        /// In the file itself: what no later record promises may be torn.
        case segment = 2
    }

    package static let magic: [UInt8] = Array("HFSG".utf8)
    package static let fixedByteCount = 48
    /// The longest header there is.
    package static let longestByteCount = fixedByteCount + SessionID.longestByteCount + 8

    /// Decides what damage at the end of the file means.
    package var mode: CommitMode
    /// Random; enters every record's checksums, through ``seed``. Protects against stale bytes, bytes of another file,
    /// and payloads that imitate records.
    package var salt: UInt64
    /// The sequence of the first record here. Protects against a lost or repeated segment.
    package var firstSequence: UInt64
    /// The check of the record before the first, 0 in the session's first segment. Protects against a predecessor
    /// that lost its end.
    package var chainBefore: UInt64
    /// The store's tag. Protects against a file copied in from another store.
    package var storeTag: UInt64
    /// 1, 2, 3 …, as in the file's name. Protects against a renamed file.
    package var number: UInt32
    /// Seconds since 1970, as a rule not later than the first record; any value is valid. Short record headers count
    /// their time from here.
    package var begun: UInt32
    /// Whose records these are. Protects against a file in the wrong folder, and lets a lost folder name be found.
    package var session: SessionID

    package init(
        mode: CommitMode, salt: UInt64, firstSequence: UInt64, chainBefore: UInt64, storeTag: UInt64,
        number: UInt32, begun: UInt32, session: SessionID
    ) {
        self.mode = mode
        self.salt = salt
        self.firstSequence = firstSequence
        self.chainBefore = chainBefore
        self.storeTag = storeTag
        self.number = number
        self.begun = begun
        self.session = session
    }

    /// The header of a segment whose first record has `time`, in milliseconds since 1970.
    package init(
        mode: CommitMode, salt: UInt64, firstSequence: UInt64, chainBefore: UInt64, storeTag: UInt64,
        number: UInt32, time: UInt64, session: SessionID
    ) {
        self.init(
            mode: mode, salt: salt, firstSequence: firstSequence, chainBefore: chainBefore, storeTag: storeTag,
            number: number, begun: UInt32(clamping: time / 1000), session: session)
    }

    /// A header of which `damaged` has only the salt and the time, which stand nowhere else; `nil` where it is too
    /// short for them, or a whole header: another segment's. The records of the segment prove whether it is right.
    package init?(
        ofDamaged damaged: [UInt8], mode: CommitMode, firstSequence: UInt64, chainBefore: UInt64, storeTag: UInt64,
        number: UInt32, session: SessionID
    ) {
        guard damaged.count >= Self.fixedByteCount, !damaged.withUnsafeBytes(Self.isWhole) else { return nil }
        let (salt, begun) = damaged.withUnsafeBytes { ($0.load(UInt64.self, at: 8), $0.load(UInt32.self, at: 44)) }
        self.init(
            mode: mode, salt: salt, firstSequence: firstSequence, chainBefore: chainBefore, storeTag: storeTag,
            number: number, begun: begun, session: session)
    }

    /// Whether `bytes` begin with a header that is as it was written, of whatever version.
    private static func isWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let end = fixedByteCount + Int(bytes[7])
        guard bytes.slice(0..<4).elementsEqual(magic), bytes.count >= end + 8 else { return false }
        return Checksum.of(bytes.slice(0..<end)) == bytes.load(UInt64.self, at: end)
    }

    /// What the checksums of its records begin with.
    var seed: UInt64 { salt ^ UInt64(begun) }

    /// When the segment was begun, in milliseconds since 1970.
    package var begunAt: UInt64 { UInt64(begun) * 1000 }

    /// The header's length; the first record begins there.
    package var byteCount: Int { Self.fixedByteCount + session.text.utf8.count + 8 }

    /// The fields in the order of the bytes, for dumps.
    package var fields: [(name: String, range: Range<Int>)] {
        let end = byteCount - 8
        return [
            ("magic", 0..<4), ("version", 4..<6), ("mode", 6..<7), ("length of id", 7..<8), ("salt", 8..<16),
            ("first sequence", 16..<24), ("chain before first", 24..<32), ("store tag", 32..<40),
            ("segment no.", 40..<44), ("begun", 44..<48), ("id", Self.fixedByteCount..<end),
            ("check", end..<byteCount),
        ]
    }

    /// The bytes of the header.
    package func encoded() -> [UInt8] {
        precondition(number > 0 && firstSequence > 0)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        bytes += Self.magic
        bytes.append(littleEndian: Limits.formatVersion)
        bytes.append(mode.rawValue)
        bytes.append(UInt8(session.text.utf8.count))
        bytes.append(littleEndian: salt)
        bytes.append(littleEndian: firstSequence)
        bytes.append(littleEndian: chainBefore)
        bytes.append(littleEndian: storeTag)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: begun)
        bytes += Array(session.text.utf8)
        bytes.append(littleEndian: Checksum.of(bytes))
        return bytes
    }

    /// Reads the header at the front of `bytes`.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= Self.fixedByteCount else { throw .truncated }
        guard bytes.slice(0..<4).elementsEqual(Self.magic) else {
            throw bytes.prefix(Self.fixedByteCount).allSatisfy { $0 == 0 } ? .neverWritten : .wrongMagic
        }
        let version = bytes.load(UInt16.self, at: 4)
        // There is no version 0: a write was torn behind the magic.
        guard version != 0 else { throw .checksumMismatch }
        guard version == Limits.formatVersion else { throw .unknownVersion(UInt64(version)) }
        let end = Self.fixedByteCount + Int(bytes[7])
        guard bytes.count >= end + 8 else { throw .truncated }
        guard Checksum.of(bytes.slice(0..<end)) == bytes.load(UInt64.self, at: end) else {
            throw .checksumMismatch
        }
        guard let mode = CommitMode(rawValue: bytes[6]) else { throw .invalid("commit mode") }
        guard let session = SessionID(utf8: bytes.slice(Self.fixedByteCount..<end)) else {
            throw .invalid("session id")
        }
        self.init(
            mode: mode, salt: bytes.load(at: 8), firstSequence: bytes.load(at: 16),
            chainBefore: bytes.load(at: 24), storeTag: bytes.load(at: 32), number: bytes.load(at: 40),
            begun: bytes.load(at: 44), session: session)
        guard number > 0, number < Limits.segmentNumberLimit, firstSequence > 0, firstSequence < Limits.numberLimit
        else { throw .invalid("numbering") }
    }
}
