import HoldfastBytes

/// How much of the index was on stable storage when a batch of the journal was written.
///
/// A change log that lost its end at the border of a line, or was replaced by an older copy, is valid by itself, and
/// its older rows would be believed. Only what was written elsewhere tells.
struct IndexMark: Sendable, Equatable {
    /// The generation of `index.json`.
    var generation: UInt64
    /// The length of the change log of that generation.
    var logByteCount: UInt64 = 0
    /// The chain of its lines.
    var chain: UInt64 = 0

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for field in [generation, logByteCount, chain] { bytes.append(littleEndian: field) }
        return bytes
    }

    init(generation: UInt64, logByteCount: UInt64 = 0, chain: UInt64 = 0) {
        self.generation = generation
        self.logByteCount = logByteCount
        self.chain = chain
    }

    /// Reads a mark; `nil` when it is not one.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == JournalEntry.indexByteCount else { return nil }
        self.init(generation: bytes.load(at: 0), logByteCount: bytes.load(at: 8), chain: bytes.load(at: 16))
    }

    /// Damage, when the index is gone that had rows of sessions, and so is every session.
    func traceless(_ content: IndexFile.Content?, _ sessions: Set<SessionID>) -> RecoveryReport.Finding? {
        guard sessions.isEmpty, content.map({ $0.damage != nil }) ?? true, generation > 1 || logByteCount > 0 else {
            return nil
        }
        return RecoveryReport.Finding(
            kind: .committedDamage, session: nil, path: StoreLayout.sessionsFolder, offset: 0, byteCount: 0,
            reason: "the index that the journal names is gone, and so is every session")
    }

    /// The mark behind one more line, given without its newline.
    mutating func add(line: UnsafeRawBufferPointer) {
        chain = Checksum.of(line, seed: chain)
        logByteCount += UInt64(line.count + 1)
    }
}
