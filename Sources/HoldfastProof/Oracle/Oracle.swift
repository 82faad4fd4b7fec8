import HoldfastBytes
package import HoldfastSimulation

/// Judges what a store makes of a disk image. One rule for all campaigns, at both levels of the store:
///
/// (a) every acknowledged record is there, as it was submitted; (b) each session is a prefix of what was submitted to
/// it, without holes; (c) what was not acknowledged is there whole or not at all; (d) no session is touched by what
/// happened to another, and none is there that nobody made; (e) the pending messages are those of the records that are
/// there; (f) a second recovery changes nothing, and what the first one did is durable; (g) what is lost is named.
///
/// And the store goes on: after the checks it takes more records, crashes again or is closed, and is checked again.
package protocol Oracle: Sendable {
    /// Recovers `image` and checks it against what the ledger held when it was taken. The image is used up.
    ///
    /// - Parameter seed: of what differs from image to image: salts, and how the store goes on.
    /// - Returns: what is wrong; empty when the store kept its promise.
    func judge(_ image: SimulatedStorage, _ ledger: [String: Ledger.Entry], seed: UInt64) -> [String]

    /// Opens `image` as ``judge(_:_:seed:)`` does first, and lets go of it without closing it in order.
    func recover(_ image: SimulatedStorage, seed: UInt64)
}

extension SimulatedStorage {
    /// A number that says what is on the disk, but for what every opening changes: the journal, which each one
    /// continues, and the lock. And where an opening had sessions to look at, it has said so in the index's change log.
    func settledFingerprint(withIndex: Bool) -> UInt64 {
        fingerprint { path in
            path != "journal" && path != "lock" && !path.contains("/\(StoreLayout.headName)")
                && (withIndex || !path.hasPrefix("index-"))
        }
    }

    /// Whether nothing of what the opening of a store has done to this disk would be lost in a power cut.
    var isSettled: Bool {
        settledFingerprint(withIndex: true) == crash(.dropAll).settledFingerprint(withIndex: true)
    }

    /// A number that says what is on the disk, but for the lock, which says nothing about a store.
    package var imageFingerprint: UInt64 { fingerprint { $0 != "lock" } }
}
