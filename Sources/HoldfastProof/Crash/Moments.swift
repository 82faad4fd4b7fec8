package import HoldfastSimulation
import HoldfastThreads

/// A moment at which the machine might have died.
package struct Moment: Sendable {
    /// What was about to happen, in words.
    package var label: String
    /// The disk, with what was not synced.
    package var disk: SimulatedStorage
    /// What had been promised by then.
    package var ledger: [String: Ledger.Entry]
}

/// Runs `body` and keeps the disk as it was before each operation that changes it, and as it is in the end; where
/// nothing had changed since the moment before, and nothing had been promised, only once.
package func moments(
    of storage: SimulatedStorage, _ ledger: Ledger, _ body: () -> Void
) -> [Moment] {
    let found = Lock<[Moment]>([])
    storage.onOperation { operation, disk in
        guard operation.kind.changesDisk else { return }
        // The ledger first: what it holds by now must be on the disk.
        let state = ledger.state
        found.withLock { moments in
            if let last = moments.last, last.disk.changeCount == disk.changeCount, last.ledger == state { return }
            let label = "before '\(operation)' (\(operation.index))"
            moments.append(Moment(label: label, disk: disk.clone(), ledger: state))
        }
    }
    body()
    storage.onOperation(nil)
    let end = Moment(label: "at the end", disk: storage.clone(), ledger: ledger.state)
    return found.withLock { $0 } + [end]
}

extension Moment {
    /// What to try at this moment: everything lost, kept, and lengths without bytes; each change alone lost, alone
    /// kept, and each prefix; each subset of the sectors of the last write when it has up to `sectorLimit`; and
    /// `mixtureCount` mixtures.
    package func policies(sectorLimit: Int, mixtureCount: Int, seed: UInt64) -> [CrashPolicy] {
        // What became of the lock says nothing.
        let indices = disk.unsyncedIndices(notOf: "lock")
        if indices.isEmpty { return [.dropAll] }
        var policies = CrashPolicy.exhaustive(indices)
        policies += disk.sectorPolicies(limit: sectorLimit)
        for number in 0..<UInt64(mixtureCount) { policies.append(.random(seed: seed &+ number)) }
        return policies
    }
}
