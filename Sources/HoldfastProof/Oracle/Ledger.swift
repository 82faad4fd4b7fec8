import HoldfastThreads

/// What was submitted and what was acknowledged: what the oracle compares a store with.
///
/// Any thread may write to it. It must hear of a record before the store does, and of an acknowledgement no later than
/// anyone else.
package final class Ledger: Sendable {
    /// What is known of one session.
    package struct Entry: Sendable, Hashable {
        /// What record 1, 2, 3 … is to be: of a log its payload, of a store of sessions the session's state after it.
        package var submitted: [String] = []
        /// The first so many records are acknowledged.
        package var acknowledged = 0
        /// Records that failed and whose places others have taken since, by their place from 0. As long as none of the
        /// others is acknowledged, a crash may bring back either.
        package var alternatives: [Int: [String]] = [:]
        /// Records up to here may have been trimmed.
        package var snapshot: UInt64 = 0
        /// The snapshots that were begun to be written, by their sequences.
        package var documents: [UInt64: String] = [:]
        /// The newest of them that is known to be durable; 0 when there is none.
        package var durableDocument: UInt64 = 0

        package init() {}

        /// Whether `text` may stand in the place `index`.
        package func allows(_ text: String, at index: Int) -> Bool {
            if index < submitted.count && submitted[index] == text { return true }
            return index >= acknowledged && alternatives[index]?.contains(text) == true
        }

        /// What is known once `texts`, from record `first` on, have been read from a store that was recovered: they are
        /// durable, and what was not acknowledged and is not there will not come back.
        package mutating func settle(_ texts: [String], from first: Int) {
            submitted = Array(submitted.prefix(first)) + texts
            acknowledged = submitted.count
            alternatives = [:]
        }
    }

    private let entries: Lock<[String: Entry]>

    /// A ledger that begins with what is known already.
    package init(_ entries: [String: Entry] = [:]) { self.entries = Lock(entries) }

    /// Everything that is known now.
    package var state: [String: Entry] { entries.withLock { $0 } }

    /// Notes that the session's next record is handed to the store.
    package func submit(_ session: String, _ text: String) { change(session) { $0.submitted.append(text) } }

    /// Notes that the store did not take the record that was submitted last: it must never be seen.
    package func withdraw(_ session: String) { change(session) { _ = $0.submitted.popLast() } }

    /// Notes that the session's first record without an acknowledgement has got one.
    package func acknowledge(_ session: String) { change(session) { $0.acknowledged += 1 } }

    /// Notes that the first `count` records of the session are acknowledged.
    package func acknowledge(_ session: String, through count: Int) {
        change(session) { $0.acknowledged = max($0.acknowledged, min(count, $0.submitted.count)) }
    }

    /// Notes that records up to `sequence` may be trimmed from now on.
    package func snapshot(_ session: String, _ sequence: UInt64) { change(session) { $0.snapshot = sequence } }

    /// Notes that a snapshot is going to be written.
    package func beginDocument(_ session: String, _ sequence: UInt64, _ text: String) {
        change(session) { $0.documents[sequence] = text }
    }

    /// Notes that the snapshot is durable.
    package func finishDocument(_ session: String, _ sequence: UInt64) {
        change(session) { $0.durableDocument = max($0.durableDocument, sequence) }
    }

    /// Notes that records after `count` have failed and that the session goes on from there.
    package func goBack(_ session: String, to count: Int) {
        change(session) { entry in
            for (index, text) in entry.submitted.enumerated().dropFirst(count) {
                entry.alternatives[index, default: []].append(text)
            }
            entry.submitted.removeSubrange(min(count, entry.submitted.count)...)
        }
    }

    /// See ``Entry/settle(_:from:)``.
    package func settle(_ session: String, _ texts: [String], from first: Int) {
        change(session) { $0.settle(texts, from: first) }
    }

    private func change(_ session: String, _ body: (inout Entry) -> Void) {
        entries.withLock { body(&$0[session, default: Entry()]) }
    }
}

extension [String: Ledger.Entry] {
    /// A number that differs when what must be there differs. What else may be there only grows with time, so the first
    /// judgement of an image is the strictest.
    var fingerprint: UInt64 {
        reduce(into: 0) { sum, item in
            var generator = SplitMix64Seed(item.key)
            generator.mix(UInt64(item.value.acknowledged))
            generator.mix(item.value.durableDocument)
            sum &+= generator.value
        }
    }
}
