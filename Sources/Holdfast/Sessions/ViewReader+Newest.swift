import HoldfastBytes
import HoldfastLog

// The newest messages, which is what is asked for most, without reading all others.
extension ViewReader {
    /// Runs of the messages at the end of both lists.
    struct NewestRuns {
        var runs: MessageRuns
        /// How many messages of the wanted list come before them.
        var before: Int
    }

    /// Where the last `count` messages of `list` are, when the newest records say so by themselves: no record among
    /// them changes what came before, and together they add as many. Else `nil`, and ``runs()`` tells.
    ///
    /// Reads as many records as twice the messages, and if need be 8 and 64 times that.
    func newestRuns(_ count: Int, of list: SessionList) throws(LogError) -> NewestRuns? {
        let wanted = min(count, view.head.count(list))
        guard wanted > 0 else { return nil }
        var span = UInt64(max(64, 2 * wanted))
        for _ in 0..<3 where span < view.head.sequence {
            guard let runs = try runs(addedSince: view.head.sequence - span + 1) else { return nil }
            if runs.count(list) >= wanted {
                return NewestRuns(runs: runs, before: view.head.count(list) - runs.count(list))
            }
            span *= 8
        }
        return nil
    }

    /// The messages that the records from `first` on add; `nil` when one of them does something else to the lists, or
    /// not all of them are there.
    private func runs(addedSince first: Sequence) throws(LogError) -> MessageRuns? {
        var runs = MessageRuns()
        var onlyAdds = true
        do throws(LogError) {
            try records(from: first) { (content, sequence) throws(LogError) in
                onlyAdds = content.change.onlyAdds
                runs.apply(content.change, sequence: sequence)
                return onlyAdds
            }
        } catch {
            guard error.code == .trimmed else { throw error }
            return nil
        }
        let fits = SessionList.allCases.allSatisfy { runs.count($0) <= view.head.count($0) }
        return onlyAdds && fits ? runs : nil
    }
}

extension Change {
    /// Whether the record leaves the messages as they are that were there before it.
    fileprivate var onlyAdds: Bool {
        switch self {
        case .create, .set, .append, .beginTurn, .delta, .endTurn, .router, .turns, .fork, .unpin: true
        case .cut, .clear, .replace, .compactMessages, .restore, .edit, .delete, .begin: false
        }
    }
}
