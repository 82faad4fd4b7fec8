/// The first sector of a journal file, and again its last sector.
///
/// Two copies, so that one damaged sector does not hide a file; both are written and synced with the first batch.
///
///     0        4     6   8        16     24      32            40            48        56      64        512
///     +--------+-----+---+--------+------+-------+-------------+-------------+---------+-------+---------+
///     | "HFJL" | ver | 0 | file   | salt | store | first batch | chain before| file    | check | zeros   |
///     |        | u16 |u16| no. u64| u64  | tag   | u64         | u64         | size u64| u64   |         |
///     +--------+-----+---+--------+------+-------+-------------+-------------+---------+-------+---------+
///
/// A file header is valid if and only if (1) the magic is right, (2) the version is 3, (3) `check` is the
/// checksum of bytes 0 to 55, and (4) every field is in its range.
package struct JournalHeader: Equatable, Sendable {
    package static let magic: [UInt8] = Array("HFJL".utf8)
    /// Headers and batches begin on this boundary: a write never shares a sector with what was acknowledged before.
    package static let sectorByteCount = 512

    /// Orders the files; grows with each use of a recycled one.
    package var number: UInt64
    /// Random for each use of the file. Protects against the batches of an earlier use.
    package var salt: UInt64
    /// Protects against a file of another store.
    package var storeTag: UInt64
    /// The number of the first batch in the file.
    package var firstBatch: UInt64
    /// The check of the batch before the first. Protects against a lost file in between.
    package var chainBefore: UInt64
    /// The file's length, all of it written once before its first use.
    package var fileByteCount: UInt64

    package init(
        number: UInt64, salt: UInt64, storeTag: UInt64, firstBatch: UInt64, chainBefore: UInt64,
        fileByteCount: UInt64
    ) {
        self.number = number
        self.salt = salt
        self.storeTag = storeTag
        self.firstBatch = firstBatch
        self.chainBefore = chainBefore
        self.fileByteCount = fileByteCount
    }

    /// Appends the header's sector to `bytes`.
    package func encode(to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes += Self.magic
        bytes.append(littleEndian: Limits.formatVersion)
        bytes.append(littleEndian: UInt16(0))
        for field in [number, salt, storeTag, firstBatch, chainBefore, fileByteCount] {
            bytes.append(littleEndian: field)
        }
        bytes.append(littleEndian: bytes.withUnsafeBytes { Checksum.of($0.slice(start..<start + 56)) })
        bytes.appendZeros(Self.sectorByteCount - 64)
    }

    /// Reads the header in the first sector of `bytes`.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= Self.sectorByteCount else { throw .truncated }
        guard bytes.slice(0..<4).elementsEqual(Self.magic) else {
            throw bytes.prefix(64).allSatisfy { $0 == 0 } ? .neverWritten : .wrongMagic
        }
        let version = bytes.load(UInt16.self, at: 4)
        // There is no version 0: a write was torn behind the magic.
        guard version != 0 else { throw .checksumMismatch }
        guard version == Limits.formatVersion else { throw .unknownVersion(UInt64(version)) }
        guard Checksum.of(bytes.slice(0..<56)) == bytes.load(UInt64.self, at: 56) else { throw .checksumMismatch }
        guard bytes.load(UInt16.self, at: 6) == 0 else { throw .invalid("reserved bytes") }
        self.init(
            number: bytes.load(at: 8), salt: bytes.load(at: 16), storeTag: bytes.load(at: 24),
            firstBatch: bytes.load(at: 32), chainBefore: bytes.load(at: 40), fileByteCount: bytes.load(at: 48))
        guard number > 0, number < Limits.numberLimit, firstBatch > 0, firstBatch < Limits.numberLimit else {
            throw .invalid("numbering")
        }
    }
}

/// The fixed part of a batch: what one sync made durable, for all sessions together.
///
///     0        4      8       16          24     28      32     40            48      56      64
///     +--------+------+-------+-----------+------+-------+------+-------------+-------+-------+---------+-------+
///     | "HFBT" | count| batch | low-water | body | flags | time | chain before| check | header| entries | zeros |
///     |        | u32  | no.u64| mark u64  | u32  | u32   | u64  | u64         | u64   | check | (body)  | to 512|
///     +--------+------+-------+-----------+------+-------+------+-------------+-------+-------+---------+-------+
///
/// A batch is valid if and only if (1) the magic is right, (2) `header check` is the checksum of bytes 0 to 55
/// under the file's salt exclusive-or the batch's offset, (3) its body ends inside the file, and (4) `check` is
/// the checksum of the body under a seed that is the checksum of bytes 0 to 47 under the salt. It continues the
/// log if and only if its number follows that of the batch before and `chain before` is that batch's check.
///
/// The committer syncs a batch before it writes the next. So a valid batch is the promise that every batch
/// before it was durable.
package struct BatchHeader: Equatable, Sendable {
    package static let magic: [UInt8] = Array("HFBT".utf8)
    package static let byteCount = 64
    private static let cleanBit: UInt32 = 1

    package var entryCount: UInt32
    /// 1, 2, 3 … through all files of the store.
    package var number: UInt64
    /// Every batch up to this one is in the segments, and they were synced.
    package var lowWaterMark: UInt64
    package var bodyByteCount: UInt32
    /// The store was closed after this batch and nothing needs to be replayed.
    package var closesCleanly: Bool
    /// Milliseconds since 1970, for people.
    package var time: UInt64
    /// The check of the batch before, also across files. Protects against a lost or repeated batch.
    package var chainBefore: UInt64

    package init(
        entryCount: UInt32, number: UInt64, lowWaterMark: UInt64, bodyByteCount: UInt32, closesCleanly: Bool,
        time: UInt64, chainBefore: UInt64
    ) {
        self.entryCount = entryCount
        self.number = number
        self.lowWaterMark = lowWaterMark
        self.bodyByteCount = bodyByteCount
        self.closesCleanly = closesCleanly
        self.time = time
        self.chainBefore = chainBefore
    }

    /// Header and body, without the padding.
    package var wholeByteCount: Int { Self.byteCount + Int(bodyByteCount) }

    /// Header, body and padding.
    package var paddedByteCount: Int { Self.padded(wholeByteCount) }

    /// `count` rounded up to whole sectors.
    package static func padded(_ count: Int) -> Int {
        let sector = JournalHeader.sectorByteCount
        return (count + sector - 1) / sector * sector
    }

    /// Completes the batch that begins at `start` of `buffer`, whose body already stands behind the header's place:
    /// writes the header, pads to a whole sector, answers the check.
    package func seal(_ buffer: inout [UInt8], from start: Int, offset: UInt64, salt: UInt64) -> UInt64 {
        precondition(buffer.count == start + Self.byteCount + Int(bodyByteCount))
        let check = buffer.withUnsafeMutableBytes { all -> UInt64 in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: all[start...])
            bytes.copyBytes(from: Self.magic)
            bytes.store(entryCount, at: 4)
            bytes.store(number, at: 8)
            bytes.store(lowWaterMark, at: 16)
            bytes.store(bodyByteCount, at: 24)
            bytes.store(closesCleanly ? Self.cleanBit : 0, at: 28)
            bytes.store(time, at: 32)
            let view = UnsafeRawBufferPointer(bytes)
            bytes.store(chainBefore, at: 40)
            let check = Self.check(of: view, bodyByteCount: Int(bodyByteCount), salt: salt)
            bytes.store(check, at: 48)
            bytes.store(Checksum.of(view.slice(0..<56), seed: salt ^ offset), at: 56)
            return check
        }
        buffer.appendZeros(paddedByteCount - Self.byteCount - Int(bodyByteCount))
        return check
    }

    /// Reads and checks the header at the front of `bytes`, which stand at `offset` of a file with `salt`.
    package init(decoding bytes: UnsafeRawBufferPointer, offset: UInt64, salt: UInt64) throws(FormatError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        guard bytes.slice(0..<4).elementsEqual(Self.magic) else {
            // An unused journal file is sector after sector of this.
            let words = stride(from: 0, to: Self.byteCount, by: 8)
            throw words.allSatisfy { bytes.load(UInt64.self, at: $0) == 0 } ? .neverWritten : .wrongMagic
        }
        guard Checksum.of(bytes.slice(0..<56), seed: salt ^ offset) == bytes.load(UInt64.self, at: 56) else {
            throw .checksumMismatch
        }
        let flags = bytes.load(UInt32.self, at: 28)
        guard flags & ~Self.cleanBit == 0 else { throw .invalid("flags") }
        self.init(
            entryCount: bytes.load(at: 4), number: bytes.load(at: 8), lowWaterMark: bytes.load(at: 16),
            bodyByteCount: bytes.load(at: 24), closesCleanly: flags & Self.cleanBit != 0, time: bytes.load(at: 32),
            chainBefore: bytes.load(at: 40))
        guard lowWaterMark < number else { throw .invalid("low-water mark") }
        guard number < Limits.numberLimit else { throw .invalid("numbering") }
    }

    /// Whether the whole batch in `bytes` (at least header and body) is what was written.
    package static func isIntact(_ bytes: UnsafeRawBufferPointer, salt: UInt64) -> Bool {
        let body = Int(bytes.load(UInt32.self, at: 24))
        guard bytes.count >= byteCount + body else { return false }
        return check(of: bytes, bodyByteCount: body, salt: salt) == storedCheck(bytes)
    }

    /// The check that the header holds: the `chain before` of the next batch.
    package static func storedCheck(_ bytes: UnsafeRawBufferPointer) -> UInt64 { bytes.load(at: 48) }

    private static func check(of batch: UnsafeRawBufferPointer, bodyByteCount: Int, salt: UInt64) -> UInt64 {
        let seed = Checksum.of(batch.slice(0..<48), seed: salt)
        return Checksum.of(batch.slice(byteCount..<byteCount + bodyByteCount), seed: seed)
    }
}
