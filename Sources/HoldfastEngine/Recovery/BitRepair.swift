package import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage

/// Flipped bits that were found in segments, each proved to be the one thing that is wrong with its record.
package struct BitRepairs: Sendable {
    package struct Repair: Sendable, Equatable {
        package var session: SessionID
        package var path: String
        package var bit: FlippedBit
        /// The record that it is in, or the segment's header.
        package var offset: UInt64
        package var byteCount: UInt64
        package var sequence: Sequence
    }

    package var repairs: [Repair] = []
    /// Sessions of which nothing else is damaged.
    package var healed: Set<SessionID> = []

    package init() {}
}

extension StoreCheck {
    /// Looks for single flipped bits in the segments of `sessions`. Reads only.
    ///
    /// Cost: each bit of a damaged record is tried, for records up to 64 KiB and for some twenty seconds in all.
    package func flippedBits(in sessions: [SessionID]) throws(LogError) -> BitRepairs {
        try flippedBits(in: sessions, BitSearch(budget: BitBudget()))
    }

    /// Names in `findings` the bits that would mend what is damaged. Takes a second reading of the damaged sessions,
    /// and less than two seconds of search.
    func tellOfBits(_ findings: inout [RecoveryReport.Finding]) throws(LogError) {
        let damaged = Set(findings.filter { $0.kind == .committedDamage }.compactMap(\.session))
        let found = try flippedBits(in: damaged.sorted(), BitSearch(budget: .ofTelling))
        for repair in found.repairs {
            for place in findings.indices
            where findings[place].path == repair.path && findings[place].offset == repair.offset {
                findings[place].bit = repair.bit
            }
        }
    }

    private func flippedBits(in sessions: [SessionID], _ bits: BitSearch) throws(LogError) -> BitRepairs {
        var found = BitRepairs()
        if sessions.isEmpty { return found }
        let overlay = try overlay(bits: self.bits == .turnedBack ? .turnedBack : .ignored)
        for session in sessions {
            let scan = scan(of: session, overlay)
            let walk = SalvageWalk(
                storage: scan.storage, session: session, storeTag: scan.storeTag, unflushed: scan.unflushed, bits: bits,
                repairsBits: true)
            let faults = try walk.run { (_) throws(LogError) in true }
            found.repairs += faults.compactMap { fault in
                fault.bit.map {
                    BitRepairs.Repair(
                        session: session, path: fault.path, bit: $0, offset: fault.offset, byteCount: fault.byteCount,
                        sequence: fault.sequence)
                }
            }
            // A header that can be made again is damaged as long as nobody does.
            let isHealed = faults.allSatisfy { $0.isMended && $0.bit != nil }
            if !faults.isEmpty, isHealed { found.healed.insert(session) }
        }
        return found
    }
}

extension BitRepairs {
    /// What carrying the repairs out does, in order.
    package func steps(in storage: any Storage) -> [RecoveryStep] {
        repairs.flatMap { repair in
            let copy = (try? storage.open(repair.path, .read)).flatMap {
                try? $0.read(count: Int(repair.byteCount), at: repair.offset)
            }
            let aside = RecoveryStep(
                kind: .setAside, session: repair.session, path: repair.path, offset: repair.offset,
                byteCount: repair.byteCount, quarantine: copy.map(Quarantine.path(of:)))
            let turn = RecoveryStep(
                kind: .repairBit, session: repair.session, path: repair.path, offset: repair.bit.offset, byteCount: 1)
            return [aside, turn]
        }
    }
}

extension LocalLog {
    /// Turns flipped bits back in the segments, each after its record has been copied into quarantine as it was.
    /// Durable on return; may be killed at any step and done again.
    ///
    /// No session of `repairs` may be claimed.
    package func carryOut(_ found: BitRepairs) throws(LogError) {
        let quarantine = Quarantine(storage: storage, clock: options.clock)
        for repair in found.repairs {
            var finding = RecoveryReport.Finding(
                kind: .committedDamage, session: repair.session, path: repair.path, offset: repair.offset,
                byteCount: repair.byteCount,
                reason: repair.bit.story)
            finding.firstSequence = repair.sequence
            _ = try quarantine.setAside(finding)
            try storing { () throws(StorageError) in
                let file = try storage.open(repair.path, .readWrite)
                let byte = try file.read(count: 1, at: repair.bit.offset)
                try file.write([(byte.first ?? 0) ^ 1 << UInt8(repair.bit.bit)], at: repair.bit.offset)
                try file.sync()
                try file.close()
            }
        }
    }

    /// Has `make` write a snapshot that takes the place of a damaged one, whose records must all be there.
    ///
    /// A copy goes into quarantine first, and the damaged file goes last: a repair that was killed is seen, and done
    /// again. Durable on return.
    ///
    /// - Returns: what `make` answers, whether there is a snapshot now. If not, the damaged file stays.
    package func replaceSnapshot(
        _ path: String, of session: SessionID, with make: () -> Bool
    ) throws(LogError) -> Bool {
        let byteCount = try storing { () throws(StorageError) in try storage.attributes(path)?.byteCount ?? 0 }
        let finding = RecoveryReport.Finding(
            kind: .derived, session: session, path: path, offset: 0, byteCount: byteCount,
            reason: "the snapshot fails its checksum")
        if byteCount > 0 { _ = try Quarantine(storage: storage, clock: options.clock).setAside(finding) }
        guard make() else { return false }
        // Of a deleted session none before the newest is kept.
        guard try storing({ () throws(StorageError) in try storage.attributes(path) }) != nil else { return true }
        // One through the same record has taken its name.
        if try SnapshotFiles(storage: storage, storeTag: store.tag).isIntact(path) { return true }
        try storing { () throws(StorageError) in
            try storage.remove(path)
            try storage.syncDirectory(StoreLayout.sessionFolder(session))
        }
        return true
    }
}
