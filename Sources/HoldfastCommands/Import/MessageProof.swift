import Holdfast
import HoldfastBytes

/// How many messages a session has, and a hash over all of them in order: what the file has, to compare with what
/// the store gives back.
struct MessageProof: Equatable, Sendable {
    private(set) var count = 0
    private(set) var hash: UInt64 = 0

    /// Takes the next message.
    mutating func add(_ message: [UInt8]) {
        count += 1
        hash = Checksum.of(message, seed: hash)
    }

    /// Takes all of another session.
    mutating func add(_ other: MessageProof) {
        count += other.count
        hash = Checksum.of(Array("\(other.count) \(other.hash)".utf8), seed: hash)
    }
}

/// What a session is to have in the store.
struct SessionProof: Equatable, Sendable {
    /// The messages that people see.
    var visible = MessageProof()
    /// All of them, hidden ones too; `nil` when nothing is known of those.
    var all: MessageProof?
    /// The model's messages; `nil` when they are the visible ones.
    var context: MessageProof?

    /// What the store has of `session`, for comparison: the same parts as `self` has.
    func inStore(
        _ store: HoldfastStore, _ session: String, upToDamage: Bool = false
    ) throws(CommandError) -> SessionProof {
        var found = SessionProof()
        let read = { (list: SessionList, showsHidden: Bool) throws(CommandError) -> MessageProof in
            try Self.read(store, session, list, showsHidden: showsHidden, upToDamage: upToDamage)
        }
        found.visible = try read(.visible, false)
        if all != nil { found.all = try read(.visible, true) }
        if context != nil { found.context = try read(.context, false) }
        return found
    }

    private static func read(
        _ store: HoldfastStore, _ session: String, _ list: SessionList, showsHidden: Bool, upToDamage: Bool
    ) throws(CommandError) -> MessageProof {
        var proof = MessageProof()
        let damage = try store.forEachMessage(of: session, MessageChoice(list: list, showsHidden: showsHidden)) {
            (message, _) throws(CommandError) in
            proof.add(message)
            return true
        }
        if let damage, !upToDamage { throw CommandError(.data, damage.message) }
        return proof
    }
}
