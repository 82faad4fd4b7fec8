package import HoldfastBytes

/// What opening a store found and did.
package struct RecoveryReport: Sendable, Equatable {
    /// Something that was cut off, set aside or found damaged.
    package struct Finding: Sendable, Equatable {
        package enum Kind: String, Sendable {
            /// Never acknowledged; cut off and kept in quarantine.
            case tornTail = "torn_tail"
            /// Acknowledged and damaged or missing.
            case committedDamage = "committed_damage"
            /// The device failed to read.
            case mediaError = "media_error"
            /// Acknowledged and damaged or missing in its segment, and written again from the journal.
            case restored
            /// Derived data that was rebuilt or will be.
            case derived = "derived"
        }

        package var kind: Kind
        /// `nil` for what belongs to all sessions.
        package var session: SessionID?
        package var path: String
        package var offset: UInt64
        package var byteCount: UInt64
        /// The first and last record concerned, where known.
        package var firstSequence: UInt64?
        package var lastSequence: UInt64?
        package var reason: String
        /// The file in quarantine that holds the bytes, once they have been set aside.
        package var quarantine: String?
        /// The one bit that makes the bytes whole again when it is turned back, where that was looked for.
        package var bit: FlippedBit?

        /// Whether something that was acknowledged is damaged, missing or cannot be read.
        package var isDamage: Bool { kind == .committedDamage || kind == .mediaError }

        package init(
            kind: Kind, session: SessionID?, path: String, offset: UInt64, byteCount: UInt64, reason: String
        ) {
            self.kind = kind
            self.session = session
            self.path = path
            self.offset = offset
            self.byteCount = byteCount
            self.reason = reason
        }
    }

    /// Whether the store had been closed in order, so that nothing had to be looked at.
    package var wasClosedCleanly = false
    /// Journal batches that were read, and their bytes.
    package var journalBatchCount = 0
    package var journalByteCount: UInt64 = 0
    /// Writes of the journal that were carried out again, and their bytes.
    package var replayedWriteCount = 0
    package var replayedByteCount: UInt64 = 0
    /// The sessions that the journal named as possibly touched. Of others only what older batches of the journal hold
    /// was looked at.
    package var sessions: [SessionID] = []
    package var findings: [Finding] = []
    /// Sessions that nobody may append to before the next opening, and why: what is durable of them is not known.
    package var refused: [SessionID: String] = [:]
    /// What was done to the files, in order, or what would be done.
    package var steps: [RecoveryStep] = []
    /// How long it took, from the beginning of the opening to the journal's word that all of it is in the segments.
    package var nanoseconds: UInt64 = 0

    package init() {}

    /// Whether acknowledged data was damaged or lost.
    package var hasCommittedDamage: Bool { findings.contains(where: \.isDamage) }

    /// Whether something unacknowledged was cut off.
    package var hasTornTail: Bool { findings.contains { $0.kind == .tornTail } }
}

/// One thing that recovery does to the files of a store.
package struct RecoveryStep: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// Bytes that a segment has lost are written again from batches that the journal no longer needed.
        case restore
        /// Committed bytes are written from the journal into a segment.
        case replay
        /// Bytes are copied into the quarantine.
        case setAside = "set_aside"
        /// A file loses its end.
        case cut
        /// A file goes that holds no record at all; its bytes have been set aside.
        case remove
        /// The end of a segment is written once more, by way of the journal: no sync proves it.
        case writeAgain = "write_again"
        /// The session's row in the index is to be made again.
        case refresh
        /// One bit is turned back, by the proof of the record's checks.
        case repairBit = "repair_bit"
        /// A damaged snapshot goes, and another is made from the records.
        case rebuildSnapshot = "rebuild_snapshot"
        /// A new index is written.
        case rebuildIndex = "rebuild_index"
        /// A prompt goes back into the session's queue, and its turn ends.
        case requeue
        /// A queued message that somebody had claimed is free again.
        case release
        /// A turn ends with its prompt and what there is of its output.
        case materialise
    }

    package var kind: Kind
    package var session: SessionID?
    package var path: String
    /// The first byte concerned, and how many; of a replay, all bytes of the segment together.
    package var offset: UInt64 = 0
    package var byteCount: UInt64 = 0
    /// Where a copy is kept.
    package var quarantine: String?

    package init(
        kind: Kind, session: SessionID? = nil, path: String, offset: UInt64 = 0, byteCount: UInt64 = 0,
        quarantine: String? = nil
    ) {
        self.kind = kind
        self.session = session
        self.path = path
        self.offset = offset
        self.byteCount = byteCount
        self.quarantine = quarantine
    }
}

extension RecoveryStep {
    /// The step's members, inside an object that the caller has begun.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member("step", kind.rawValue)
        writer.member("session", session?.text)
        writer.member("file", path)
        writer.member("offset", offset)
        writer.member("bytes", byteCount)
        writer.member("quarantine", quarantine)
    }
}
