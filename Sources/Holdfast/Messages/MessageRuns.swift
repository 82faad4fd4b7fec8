import HoldfastLog

/// Where a session's messages are, hidden ones included, and which of them stand in which list: how many of
/// which record, or of the snapshot, in the order in which they were added.
///
/// Folding the lists needs the number of messages that each record adds, not the messages, so that the lists
/// of a session of any length are known from a few bytes per record.
struct MessageRuns: Sendable, Equatable {
    /// What holds messages. The parent's come before the snapshot's, and those before the ones of all records.
    enum Source: Sendable, Equatable {
        /// The session that this one was made from: its messages that stood in a list then, from 0.
        case parent
        /// The array of this name in the snapshot.
        case snapshot(SnapshotArray)
        case record(Sequence)
    }

    /// How a message stands to one list.
    enum Standing: Sendable, Equatable {
        /// It was never in the list, or was cut off it for good.
        case absent
        case active
        case compacted
        /// Taken back by the record with this number.
        case takenBack(Sequence)
    }

    /// The record that holds a message's present text.
    struct Edit: Sendable, Equatable {
        var sequence: Sequence
        var byteCount: Int
    }

    /// Messages of one kind that follow each other in one source.
    struct Run: Sendable, Equatable {
        var source: Source
        /// The place of the first one in the source's array, from 0.
        var first: Int
        var count: Int
        var visible = Standing.active
        var context = Standing.active
        /// Of a run with one message.
        var edit: Edit?
        /// Whether the source has no other message.
        var isAll = false

        subscript(list: SessionList) -> Standing {
            get { list == .visible ? visible : context }
            set { if list == .visible { visible = newValue } else { context = newValue } }
        }
    }

    private(set) var runs: [Run] = []
    private var visibleCount = 0
    private var contextCount = 0

    /// How many messages are active in `list`.
    func count(_ list: SessionList) -> Int { list == .visible ? visibleCount : contextCount }

    /// Folds the record `sequence` in.
    mutating func apply(_ change: Change, sequence: Sequence) {
        switch change {
        case .cut(let cut):
            let standing = cut.kind == .takeBack ? Standing.takenBack(sequence) : .absent
            self.cut(.visible, to: cut.count ?? visibleCount, leaving: standing)
            self.cut(.context, to: cut.contextCount ?? contextCount, leaving: standing)
            forgetAbsent()
        case .replace(let messages): withdraw(from: messages.placement, leaving: .absent)
        case .compactMessages(let messages): withdraw(from: messages.placement, leaving: .compacted)
        case .clear, .delete: self = MessageRuns()
        case .restore(let restore): self.restore(restore.sequence)
        case .edit(let edit):
            self.edit(edit, Edit(sequence: sequence, byteCount: edit.message.count))
        case .create, .set, .append, .beginTurn, .delta, .endTurn, .router, .turns, .fork, .unpin: break
        case .begin(let begin): addShared(begin.shared)
        }
        add(change.addedMessages, from: .record(sequence))
    }

    /// Adds messages that came after all others.
    mutating func add(_ run: Run) {
        guard run.count > 0 else { return }
        runs.append(run)
        if run.visible == .active { visibleCount += run.count }
        if run.context == .active { contextCount += run.count }
    }

    private mutating func add(_ messages: MessageList, from source: Source) {
        var first = 0
        while first < messages.count {
            let placement = messages.placement(at: first)
            var end = messages.count
            if messages.placements != nil {
                end = (first..<end).first { messages.placement(at: $0) != placement } ?? end
            }
            add(
                Run(
                    source: source, first: first, count: end - first,
                    visible: placement.contains(.visible) ? .active : .absent,
                    context: placement.contains(.context) ? .active : .absent,
                    isAll: messages.count == 1))
            first = end
        }
    }
}

// The changes of what is there already.
extension MessageRuns {
    /// Leaves only the first `keep` of the active messages of `list`. Walks from the end, where cuts are.
    private mutating func cut(_ list: SessionList, to keep: Int, leaving standing: Standing) {
        var index = runs.count
        while count(list) > keep, index > 0 {
            index -= 1
            guard runs[index][list] == .active else { continue }
            let surplus = count(list) - keep
            if surplus < runs[index].count {
                split(index, at: runs[index].count - surplus)
                index += 1
            }
            runs[index][list] = standing
            note(-runs[index].count, list)
        }
        if standing == .absent { forgetTakenBack(list) }
    }

    /// Drops for good what was taken back behind the last active message of `list`: a cut for good settles it.
    private mutating func forgetTakenBack(_ list: SessionList) {
        for index in runs.indices.reversed() {
            if runs[index][list] == .active { return }
            if runs[index][list].takenBack != nil { runs[index][list] = .absent }
        }
    }

    /// Takes every active message out of the lists of `placement`.
    private mutating func withdraw(from placement: Placement, leaving standing: Standing) {
        for list in SessionList.allCases where placement.contains(list) {
            cut(list, to: 0, leaving: standing)
        }
        if standing == .absent { forgetAbsent() }
    }

    private mutating func forgetAbsent() { runs.removeAll { $0.visible == .absent && $0.context == .absent } }

    private mutating func restore(_ sequence: Sequence) {
        for index in runs.indices {
            for list in SessionList.allCases where runs[index][list] == .takenBack(sequence) {
                runs[index][list] = .active
                note(runs[index].count, list)
            }
        }
    }

    private mutating func edit(_ request: MessageEdit, _ edit: Edit) {
        var end = count(request.list)
        for index in runs.indices.reversed() where runs[index][request.list] == .active {
            end -= runs[index].count
            guard request.index >= end else { continue }
            var target = index
            if request.index > end {
                split(index, at: request.index - end)
                target += 1
            }
            if runs[target].count > 1 { split(target, at: 1) }
            runs[target].edit = edit
            return
        }
    }

    /// Makes two runs of the one at `index`, the first with `count` messages.
    private mutating func split(_ index: Int, at count: Int) {
        var rest = runs[index]
        runs[index].count = count
        rest.first += count
        rest.count -= count
        runs.insert(rest, at: index + 1)
    }

    private mutating func note(_ more: Int, _ list: SessionList) {
        if list == .visible { visibleCount += more } else { contextCount += more }
    }
}

extension Change {
    /// The messages that the record adds to the lists.
    var addedMessages: MessageList {
        switch self {
        case .append(let messages), .replace(let messages), .compactMessages(let messages): messages
        case .endTurn(let end): end.messages
        case .turns(let change): change.addedMessages
        case .create, .set, .beginTurn, .delta, .delete, .edit, .cut, .clear, .restore, .router, .fork, .unpin:
            MessageList(checked: [])
        case .begin(let begin): begin.messages
        }
    }
}
