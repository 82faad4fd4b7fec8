package import HoldfastBytes
package import HoldfastLog

/// What a ``SessionWalk`` comes to, in the order of the log.
package enum WalkItem: Sendable, Equatable {
    /// A segment begins.
    case segment(WalkSegment)
    /// The records up to this one were dropped after a snapshot had replaced them.
    case trimmed(through: Sequence)
    /// A record that is proved by its checks and its place in the chain.
    case record(WalkRecord)
    /// The entry that is no record and takes no sequence; its `sequence` is that of the next record.
    case mark(WalkRecord)
    /// Bytes that are no valid record, or records that are not there. `firstSequence` and `lastSequence` say which
    /// records are missing, as far as that is known; a mark may be damaged without any.
    case unreadable(RecoveryReport.Finding)
}

/// The header of a segment, and what is known of the file.
package struct WalkSegment: Sendable, Equatable {
    package var path: String
    package var header: SegmentHeader
    /// The length with all that is committed.
    package var byteCount: UInt64
    /// How much of it the file has: the rest is in the journal only.
    package var fileByteCount: UInt64
}

/// One record as it stands in its segment.
package struct WalkRecord: Sendable, Equatable {
    /// What is known of the payload.
    package enum Content: Sendable, Equatable {
        /// As it was appended.
        case payload([UInt8])
        /// The bytes are the ones that were written, but the compressed block that they continue is damaged further up.
        case undecodable
        /// The walk was told not to decompress.
        case notDecoded
    }

    package var sequence: Sequence
    /// Kind, flags, time and sizes.
    package var header: RecordHeader
    /// The segment's number and file.
    package var segment: UInt32
    package var path: String
    /// Where the record begins in the segment.
    package var offset: UInt64
    /// The check of the record before, and its own: the session's chain head as of this record.
    package var chain: UInt64
    package var check: UInt64
    /// Where the compressed block begins that it belongs to; `nil` for a record that is not compressed, and when the
    /// beginning is damaged.
    package var block: UInt64?
    /// Whether the segment's file does not have the record yet.
    package var isOnlyInJournal: Bool
    package var content: Content
    /// Header and stored payload, byte for byte, when the walk was asked for them.
    package var bytes: [UInt8] = []

    /// How many bytes it takes in the segment.
    package var byteCount: UInt64 { UInt64(header.recordByteCount) }

    /// The payload, when it can be had.
    package var payload: [UInt8]? { if case .payload(let bytes) = content { bytes } else { nil } }
}

/// What a walk is asked for.
package struct WalkOptions: Sendable {
    /// The first record that is wanted.
    package var from: Sequence = 1
    /// Whether payloads are decompressed.
    package var decodes = true
    /// Whether the stored bytes are wanted.
    package var keepsBytes = false
    /// Whether a flipped bit is looked for where bytes are no valid record: takes less than two seconds in all.
    package var namesBits = false
    /// Bytes of segments that may be gone, as the journal still has them.
    var older: [UInt32: [Extent]] = [:]

    package init(
        from: Sequence = 1, decodes: Bool = true, keepsBytes: Bool = false, namesBits: Bool = false
    ) {
        self.namesBits = namesBits
        self.from = from
        self.decodes = decodes
        self.keepsBytes = keepsBytes
    }

    init(from: Sequence, older: [UInt32: [Extent]]) {
        self.init(from: from)
        self.older = older
    }
}
