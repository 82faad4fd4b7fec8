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
    /// The sessions that the journal named; no other session's folder was opened.
    package var sessions: [SessionID] = []
    package var findings: [Finding] = []
    /// How long it took.
    package var milliseconds: UInt64 = 0

    package init() {}

    /// Whether acknowledged data was damaged or lost.
    package var hasCommittedDamage: Bool {
        findings.contains { $0.kind == .committedDamage || $0.kind == .mediaError }
    }

    /// Whether something unacknowledged was cut off.
    package var hasTornTail: Bool { findings.contains { $0.kind == .tornTail } }
}
