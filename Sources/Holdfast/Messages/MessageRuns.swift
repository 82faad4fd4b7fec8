import HoldfastLog

/// Where the listed messages are: which record, or the snapshot, holds which of them.
///
/// Folding a session's list needs the number of messages that each record adds, not the messages, so that the
/// list of a session of any length is known from a few bytes per record.
struct MessageRuns: Sendable, Equatable {
    /// Listed messages that follow each other in one record.
    struct Run: Sendable, Equatable {
        /// The record; 0 for the snapshot.
        var source: Sequence
        /// The place of the first one in the record's array, from 0.
        var first: Int
        var count: Int
    }

    /// In the order of the list, which is the order of the records too.
    private(set) var runs: [Run] = []
    /// The messages listed.
    private(set) var count = 0

    /// Nothing, or the messages that a snapshot has.
    init(snapshotCount: Int = 0) { add(snapshotCount, from: 0) }

    /// Folds the record `sequence` in.
    mutating func apply(_ change: Change, sequence: Sequence) {
        switch change {
        case .truncate(let keep): truncate(to: keep)
        case .replace, .delete: truncate(to: 0)
        case .create, .set, .append, .beginTurn, .delta, .endTurn, .router, .turns: break
        }
        add(change.addedMessages.count, from: sequence)
    }

    private mutating func add(_ added: Int, from source: Sequence) {
        guard added > 0 else { return }
        runs.append(Run(source: source, first: 0, count: added))
        count += added
    }

    private mutating func truncate(to keep: Int) {
        while count > keep, let last = runs.popLast() {
            count -= last.count
            if count < keep {
                runs.append(Run(source: last.source, first: last.first, count: keep - count))
                count = keep
            }
        }
    }

    /// The runs that make up the part `window` of the list.
    func runs(in window: Range<Int>) -> [Run] {
        var found: [Run] = []
        var start = 0
        for run in runs {
            let overlap = (start..<start + run.count).clamped(to: window)
            if !overlap.isEmpty {
                let first = run.first + overlap.lowerBound - start
                found.append(Run(source: run.source, first: first, count: overlap.count))
            }
            start += run.count
        }
        return found
    }
}

extension Change {
    /// The messages that the record adds to the list.
    var addedMessages: MessageList {
        switch self {
        case .append(let messages), .replace(let messages): messages
        case .endTurn(let end): end.messages
        case .turns(let change): change.addedMessages
        case .create, .set, .truncate, .beginTurn, .delta, .delete, .router: MessageList(checked: [])
        }
    }
}
