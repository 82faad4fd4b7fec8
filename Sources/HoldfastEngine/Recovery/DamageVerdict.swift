import HoldfastBytes

/// What is known of the place in a segment where the valid records end.
struct DamageEvidence: Equatable, Sendable {
    /// What stands there.
    enum Finding: Equatable, Sendable, CaseIterable {
        /// The end of the file.
        case end
        /// Bytes that are not a valid record.
        case invalid
        /// The device did not give the bytes.
        case unreadable
    }

    var finding: Finding
    var mode: SegmentHeader.CommitMode
    /// The journal names the segment as one that was being written directly: its end may be torn.
    var isBeingWritten: Bool
    /// A later segment, a later promise in this one, a snapshot or the index says that records from here on, or
    /// up to here, were durable.
    var isPromised: Bool
}

/// What the engine makes of it.
enum DamageVerdict: Equatable, Sendable {
    /// The log ends here as it should.
    case end
    /// Never acknowledged: cut it off, keep the bytes in quarantine, go on.
    case tornTail
    /// Acknowledged records are damaged or missing: cut nothing, take no more appends, name what is lost.
    case committedDamage
    /// The disk failed to read; nothing may be concluded about the records.
    case mediaError
}

extension DamageVerdict {
    /// The decision table for damage, one row per line; the first that fits decides.
    ///
    ///     finding     mode      being written   promised   verdict
    ///     unreadable  any       any             any        mediaError        an error of the device is no end of file
    ///     end         any       any             no         end
    ///     end         any       any             yes        committedDamage   the file lost its end
    ///     invalid     journal   any             any        committedDamage   it was durable in the journal first, and
    ///                                                                        replay has written again what may be torn
    ///     invalid     segment   no              any        committedDamage   it was sealed, so all of it was synced
    ///     invalid     segment   yes             yes        committedDamage   a promise lies behind it
    ///     invalid     segment   yes             no         tornTail          the last write, cut before its sync
    static func decide(_ evidence: DamageEvidence) -> DamageVerdict {
        switch evidence.finding {
        case .unreadable: .mediaError
        case .end: evidence.isPromised ? .committedDamage : .end
        case .invalid:
            evidence.mode == .segment && evidence.isBeingWritten && !evidence.isPromised ? .tornTail : .committedDamage
        }
    }
}
