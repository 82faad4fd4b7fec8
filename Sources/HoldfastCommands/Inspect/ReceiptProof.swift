import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastThreads

/// Holds a store against a receipt.
struct ReceiptProof: Sendable {
    /// What became of one session.
    enum Outcome: Equatable, Sendable {
        /// Every record that the receipt covers is there as it was: the digest says so.
        case unaltered(records: UInt64)
        /// The records up to `through` were replaced by a snapshot, which the receipt says nothing of. Those behind are
        /// there, and the head of the chain is the one of the receipt.
        case compacted(through: UInt64)
        /// All that the receipt covers was replaced by a snapshot: nothing is proved.
        case replaced
        case altered(String)
    }

    let receipt: Receipt
    private(set) var outcomes: [(session: SessionID, outcome: Outcome)] = []
    /// Sessions that the receipt does not know.
    private(set) var newCount = 0

    init(_ receipt: Receipt, _ inspector: StoreInspector, _ console: any Console) throws(CommandError) {
        self.receipt = receipt
        guard receipt.storeID == inspector.info.storeID else {
            throw CommandError(.data, "The receipt is of another store: \(receipt.storeID).")
        }
        let known = Set(receipt.sessions.map(\.session))
        newCount = inspector.sessions().count { !known.contains($0) }
        let found = Lock<[Int: Outcome]>([:])
        try OrderedWork(receipt.sessions.count, on: console, showing: "Proving").run {
            (piece, _) throws(CommandError) in
            let outcome = try Self.prove(receipt.sessions[piece], inspector)
            found.withLock { $0[piece] = outcome }
        }
        outcomes = found.withLock { found in
            receipt.sessions.indices.compactMap { place in
                found[place].map { (receipt.sessions[place].session, $0) }
            }
        }
    }

    var isAltered: Bool { outcomes.contains { if case .altered = $0.outcome { true } else { false } } }
    /// Whether every record that the receipt covers is proved to be there as it was.
    var isProved: Bool { outcomes.allSatisfy { if case .unaltered = $0.outcome { true } else { false } } }

    private static func prove(_ part: Receipt.Session, _ inspector: StoreInspector) throws(CommandError) -> Outcome {
        do throws(CommandError) {
            var chain = try RecordChain(part.session, inspector)
            while chain.last < part.last, try chain.next() {}
            return judge(part, chain)
        } catch {
            switch error.code {
            case .noInput: return .altered("the session is not there any more")
            case .committedDamage: return .altered(error.message)
            default: throw error
            }
        }
    }

    private static func judge(_ part: Receipt.Session, _ chain: RecordChain) -> Outcome {
        if part.last == 0 { return .unaltered(records: 0) }
        guard chain.first > 0 else { return .altered("it has no records any more") }
        if chain.first > part.last {
            guard chain.first == part.last + 1 else { return .replaced }
            return chain.checkBefore == part.check
                ? .replaced : .altered("record \(chain.first) does not follow the last record of the receipt")
        }
        guard chain.last == part.last else {
            return .altered("it ends at record \(chain.last); the receipt has record \(part.last)")
        }
        guard chain.check == part.check else { return .altered("record \(part.last) is another one") }
        if chain.first > part.first { return .compacted(through: chain.first - 1) }
        // A session that was covered from a later record on can only be digested from there.
        guard chain.first == part.first else { return .altered("it has records that had been replaced by a snapshot") }
        return chain.digest == part.digest
            ? .unaltered(records: part.last - part.first + 1) : .altered("its records are not those of the receipt")
    }
}

// For people and for programs.
extension ReceiptProof {
    var text: String {
        let records = outcomes.reduce(0 as UInt64) { sum, entry in
            if case .unaltered(let count) = entry.outcome { sum + count } else { sum }
        }
        let whole = outcomes.count { if case .unaltered = $0.outcome { true } else { false } }
        var lines = [
            "Receipt of \(Moment.localSeconds(receipt.writtenAt)), digest \(receipt.digest): "
                + "\(Human.count(whole, "session")) of \(Human.count(outcomes.count)) unaltered "
                + "(\(Human.count(records)) records)."
        ]
        for (session, outcome) in outcomes {
            guard let words = Self.words(outcome) else { continue }
            lines.append("session \(session): \(words)")
        }
        if newCount > 0 { lines.append("\(Human.count(newCount, "session")) not covered, made since.") }
        return lines.map { DisplayText.oneLine($0) + "\n" }.joined()
    }

    private static func words(_ outcome: Outcome) -> String? {
        switch outcome {
        case .unaltered: nil
        case .compacted(let last):
            "the chain ends as in the receipt, and the records since \(last + 1) are there; what a snapshot has "
                + "replaced, "
                + "up to record \(last), the receipt cannot prove any more"
        case .replaced: "a snapshot has replaced all that the receipt covers; it cannot be proved any more"
        case .altered(let reason): "ALTERED: \(reason)"
        }
    }

    /// Writes the proof as members of an open object.
    func writeMembers(to writer: inout JSONWriter) {
        writer.member("written_at", receipt.writtenAt)
        writer.member("digest", receipt.digest)
        writer.member("altered", isAltered)
        writer.member("proved", isProved)
        writer.member("new_sessions", newCount)
        writer.key("sessions")
        writer.beginArray()
        for (session, outcome) in outcomes {
            writer.beginObject()
            writer.member("session", session.text)
            switch outcome {
            case .unaltered(let count):
                writer.member("outcome", "unaltered")
                writer.member("records", count)
            case .compacted(let last):
                writer.member("outcome", "compacted")
                writer.member("replaced_through", last)
            case .replaced: writer.member("outcome", "replaced")
            case .altered(let reason):
                writer.member("outcome", "altered")
                writer.member("reason", reason)
            }
            writer.endObject()
        }
        writer.endArray()
    }
}
