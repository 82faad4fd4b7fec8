package import HoldfastBytes
package import HoldfastLog

/// What a salvage is to do.
package struct SalvageOptions: Sendable {
    package var mode = DamageMode.cut
    /// The last record of each session, and the last moment, that is taken over; `nil` takes all.
    package var untilSequence: Sequence?
    package var untilTime: Milliseconds?
    /// The only sessions to take over; `nil` takes all.
    package var sessions: Set<SessionID>?
    /// Whether a single flipped bit is turned back where the record's checks prove it.
    package var repairsBits = false
    /// How many sessions are worked on side by side.
    package var threadCount = 1
    /// The clock and the random numbers of the new store.
    package var engine = EngineOptions()

    package init() {}
}

/// What became of one session in a salvage.
package struct SalvagedSession: Sendable, Equatable {
    /// Records that could not be had.
    package struct Loss: Sendable, Equatable {
        package var first: Sequence
        package var last: Sequence
        /// What is known of the place where they should be.
        package var path: String?
        package var offset: UInt64?
        package var byteCount: UInt64?
        package var reason: String
        /// A single flipped bit that would mend the first of them.
        package var bit: FlippedBit?
        /// Whether a snapshot includes them, so that only their history is lost.
        package var isInSnapshot = false
    }

    package let session: SessionID
    /// The records that the new store has of it, and the numbers of the first and the last.
    package var recordCount = 0
    package var first: Sequence = 0
    package var last: Sequence = 0
    package var snapshotCount = 0
    /// Of the records, those that came from elsewhere than the segments.
    package var fromJournal = 0
    package var fromQuarantine = 0
    package var repairedBits: [FlippedBit] = []
    package var losses: [Loss] = []
    /// Records of the new store that stand for lost ones and say nothing.
    package var fillerCount = 0
    /// Records that could be proved and were left out, because others before them are lost.
    package var leftOutCount = 0
    /// A torn end that was never acknowledged, or other things found.
    package var findings: [RecoveryReport.Finding] = []

    /// Whether there is anything to tell but its numbers.
    package var isWhole: Bool {
        losses.isEmpty && findings.isEmpty && fromJournal == 0 && fromQuarantine == 0 && repairedBits.isEmpty
            && leftOutCount == 0
    }

    /// Whether acknowledged data is missing from the new store, be it only the history of what a snapshot has.
    package var hasLosses: Bool { !losses.isEmpty || leftOutCount > 0 || findings.contains(where: \.isDamage) }

    init(_ session: SessionID) { self.session = session }
}

/// What a salvage has found, and what it has made.
package struct SalvageReport: Sendable {
    /// The id of the new store.
    package var storeID = ""
    package var sessionCount = 0
    package var recordCount = 0
    package var snapshotCount = 0
    /// Bytes of the new store's segments.
    package var byteCount: UInt64 = 0
    /// Sessions that have nothing at the moment, or up to the record, that was asked for.
    package var absentCount = 0
    /// Damage outside of sessions: in the journal, the index, `store.json`.
    package var findings: [RecoveryReport.Finding] = []
    /// The sessions of which there is something to tell, in order.
    package var sessions: [SalvagedSession] = []
    /// How many records were read back from the new store and found to be the ones that were written.
    package var provedRecordCount = 0

    /// Whether acknowledged data is missing from the new store, or may be: of a batch of the journal that cannot be
    /// read nobody knows whose records it held, nor which sessions were in a folder that is gone.
    package var hasLosses: Bool {
        sessions.contains(where: \.hasLosses)
            || findings.contains { $0.isDamage && $0.path != StoreLayout.storeFile }
    }
    package var hasTornTail: Bool {
        (findings + sessions.flatMap(\.findings)).contains { $0.kind == .tornTail }
    }

    /// A folder under a wrong name has cost nothing when the sessions of all that it holds are complete.
    ///
    /// - Parameter chosen: the sessions that were looked at; `nil` for all.
    mutating func settle(_ strayFolder: String, _ owners: Set<SessionID>?, chosen: Set<SessionID>?) {
        let incomplete = Set(sessions.filter(\.hasLosses).map(\.session))
        guard let owners, owners.isDisjoint(with: incomplete), chosen.map(owners.isSubset) ?? true else { return }
        for place in findings.indices where findings[place].path == strayFolder && findings[place].isDamage {
            findings[place].kind = .derived
            findings[place].reason += "; all that is in it was found there"
        }
    }

    mutating func add(_ session: SalvagedSession) {
        if session.last == 0 && session.losses.isEmpty && session.findings.isEmpty {
            absentCount += 1
        } else if session.last > 0 {
            sessionCount += 1
        }
        recordCount += session.recordCount
        snapshotCount += session.snapshotCount
        if !session.isWhole { sessions.append(session) }
    }
}
