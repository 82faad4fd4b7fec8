import HoldfastBytes
import HoldfastLog

/// A session as it was at one record, for reading; later writes do not show in it.
struct SessionView: Sendable {
    let head: SessionHead
    /// The object that it was taken from, which knows when its last record is durable.
    let origin: HotSession
    /// What comes after the head and cannot be read.
    var damage: SessionDamage?

    var session: SessionID { origin.id }
}

/// Reads what a view refers to out of the log, with memory for the runs of the list and for one record, or for the few
/// mebibytes that the log reads ahead in a long session.
///
/// A compaction may drop the records that a view stands on. Then these functions throw `.trimmed`, and a
/// newer view can be read.
struct ViewReader {
    let log: any SessionLog
    let view: SessionView
    /// Whether messages are looked for in records as far back as there are any, and not in the newest snapshot.
    var prefersRecords = false
    /// What earlier readers have found out.
    private let lastRuns: LastRuns?
    private let opened = OpenedSnapshot()

    init(log: any SessionLog, view: SessionView, lastRuns: LastRuns? = nil, prefersRecords: Bool = false) {
        self.log = log
        self.view = view
        self.lastRuns = lastRuns
        self.prefersRecords = prefersRecords
    }

    /// Calls `body` with the visible messages in `window`, by their places, until it answers `false`.
    func messages(
        in window: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool
    ) throws(LogError) {
        let found = try runs().runs(of: .visible, in: window)
        try messages(of: found) { (message, _) throws(LogError) in try body(message) }
    }

    /// The first pass: where all messages are and how they stand to the lists. Reads the records since the
    /// snapshot, or since the view whose runs are known.
    func runs() throws(LogError) -> MessageRuns {
        let snapshot = try usableSnapshot()
        let base = snapshot?.source.sequence ?? 0
        let known = lastRuns?.runs(of: view, from: base)
        var runs = known?.runs ?? MessageRuns()
        if known == nil, let snapshot { runs = try snapshot.runs() }
        try records(from: (known?.sequence ?? base) + 1) { (content, sequence) throws(LogError) in
            runs.apply(content.change, sequence: sequence)
            return true
        }
        for list in SessionList.allCases where runs.count(list) != view.head.count(list) {
            throw LogError(
                .damaged,
                "the records hold \(runs.count(list)) of \(view.head.count(list)) \(list.rawValue) messages")
        }
        lastRuns?.keep(runs, of: view, from: base)
        return runs
    }

    /// The second pass: calls `body` with each message of `runs`, which are in order, until it answers `false`.
    ///
    /// Reads the snapshot and the records that hold them. Where messages were edited since the snapshot, as many as
    /// fit into memory are read at a time.
    func messages(
        of runs: [MessageRuns.Run], _ body: ([UInt8], MessageRuns.Run) throws(LogError) -> Bool
    ) throws(LogError) {
        var rest = runs[...]
        while !rest.isEmpty {
            let part = rest.takePart(withEditsUpTo: SessionLimits.heldEditByteCount)
            let edits = try edits(of: part)
            var goesOn = true
            let output = { (message: [UInt8], run: MessageRuns.Run) throws(LogError) in
                let text = run.edit.flatMap { edits[$0.sequence] } ?? message
                goesOn = try body(text, run)
                return goesOn
            }
            try parentMessages(of: part, output)
            if goesOn { try snapshotMessages(of: part.drop { $0.source == .parent }, output) }
            if goesOn { try recordMessages(of: part, output) }
            if !goesOn { return }
        }
    }
}

/// What a reader has found out about the snapshot that it uses.
private final class OpenedSnapshot {
    /// `nil` before it was looked for.
    var snapshot: SnapshotReader??
}

extension ViewReader {
    /// The newest snapshot that is not newer than the view. It is verified when it is first asked for.
    func usableSnapshot() throws(LogError) -> SnapshotReader? {
        if let found = opened.snapshot { return found }
        let found = try findSnapshot()
        opened.snapshot = .some(found)
        return found
    }

    private func findSnapshot() throws(LogError) -> SnapshotReader? {
        var source = try log.snapshot(view.session, through: view.head.sequence)
        if prefersRecords { source = try oldest(before: source) }
        return source.map { SnapshotReader(source: $0) }
    }

    /// The snapshot that the oldest records follow; `nil` when no record was dropped.
    private func oldest(before newest: (any SnapshotSource)?) throws(LogError) -> (any SnapshotSource)? {
        do throws(LogError) {
            try log.read(view.session, from: 1) { _ in false }
            return nil
        } catch {
            guard error.code == .trimmed else { throw error }
        }
        var oldest = newest
        while let source = oldest, let older = try log.snapshot(view.session, through: source.sequence - 1) {
            oldest = older
        }
        return oldest
    }

    /// The texts of the edited messages among `runs`, by the records that hold them.
    private func edits(of runs: ArraySlice<MessageRuns.Run>) throws(LogError) -> [Sequence: [UInt8]] {
        let wanted = Set(runs.compactMap { $0.edit?.sequence })
        guard let first = wanted.min() else { return [:] }
        var edits: [Sequence: [UInt8]] = [:]
        try records(from: first) { (content, sequence) throws(LogError) in
            if case .edit(let edit) = content.change, wanted.contains(sequence) { edits[sequence] = edit.message }
            return edits.count < wanted.count
        }
        return edits
    }

    /// Calls `body` with those messages of `runs` that the snapshot has.
    private func snapshotMessages(
        of runs: ArraySlice<MessageRuns.Run>, _ body: ([UInt8], MessageRuns.Run) throws(LogError) -> Bool
    ) throws(LogError) {
        guard case .snapshot? = runs.first?.source else { return }
        guard let snapshot = try usableSnapshot() else {
            throw LogError(.trimmed, "the snapshot has gone while it was read")
        }
        var arrays: [SnapshotArray: SnapshotElements] = [:]
        for run in runs {
            guard case .snapshot(let array) = run.source else { return }
            var elements: SnapshotElements
            if let begun = arrays.removeValue(forKey: array) {
                elements = begun
            } else {
                let known = array == .messages ? lastRuns?.start(in: snapshot.source, of: view) : nil
                elements = try snapshot.elements(of: array, in: runs.window(in: array), from: known)
            }
            defer {
                if array == .messages, let start = elements.following {
                    lastRuns?.keep(start, in: snapshot.source, of: view)
                }
            }
            for place in run.first..<run.first + run.count {
                if try !body(try elements.element(at: place), run) { return }
            }
            arrays[array] = elements
        }
    }

    /// Calls `body` with those messages of `runs` that are in records.
    private func recordMessages(
        of runs: ArraySlice<MessageRuns.Run>, _ body: ([UInt8], MessageRuns.Run) throws(LogError) -> Bool
    ) throws(LogError) {
        var runs = runs.drop { $0.source.record == nil }
        guard let first = runs.first?.source.record else { return }
        let last = view.head.sequence
        try log.read(view.session, from: first) { (record) throws(LogError) in
            guard record.sequence <= last else { return false }
            let ofRecord = runs.prefix { $0.source.record == record.sequence }
            runs = runs[ofRecord.endIndex...]
            return try record.messages(of: ofRecord, body) && !runs.isEmpty && record.sequence < last
        }
    }

    /// Calls `body` with the decoded records from `first` to the view's last.
    func records(
        from first: Sequence, _ body: (RecordContent, Sequence) throws(LogError) -> Bool
    ) throws(LogError) {
        let last = view.head.sequence
        guard first <= last else { return }
        try log.read(view.session, from: first) { (record) throws(LogError) in
            guard record.sequence <= last else { return false }
            let content = try RecordContent(reading: record)
            return try body(content, record.sequence) && record.sequence < last
        }
    }
}

extension MessageRuns.Source {
    /// The record, unless it is the snapshot.
    fileprivate var record: Sequence? { if case .record(let sequence) = self { sequence } else { nil } }
}

extension ArraySlice<MessageRuns.Run> {
    /// The part of the snapshot's `array` in which the messages are.
    fileprivate func window(in array: SnapshotArray) -> Range<Int> {
        let runs = filter { $0.source == .snapshot(array) }
        guard let first = runs.first, let last = runs.last else { return 0..<0 }
        return first.first..<last.first + last.count
    }

    /// Takes the first runs out, as many as have at most `limit` bytes of edited messages, and at least one.
    fileprivate mutating func takePart(withEditsUpTo limit: Int) -> Self {
        var byteCount = first?.edit?.byteCount ?? 0
        let end = dropFirst().firstIndex { run in
            byteCount += run.edit?.byteCount ?? 0
            return byteCount > limit
        }
        let part = self[..<(end ?? endIndex)]
        self = self[part.endIndex...]
        return part
    }
}

extension LogRecord {
    /// Calls `body` with those messages of `runs` that the record adds, until it answers `false`; answers what it did.
    fileprivate func messages(
        of runs: ArraySlice<MessageRuns.Run>, _ body: ([UInt8], MessageRuns.Run) throws(LogError) -> Bool
    ) throws(LogError) -> Bool {
        guard let first = runs.first else { return true }
        // Whoever made the runs has parsed the record. A bare array is only taken apart now, as a snapshot's is.
        if runs.count == 1, kind == RecordKind.append.rawValue, payloadSlice.first == UInt8(ascii: "[") {
            if first.isAll, payloadSlice.last == UInt8(ascii: "]") { return try body(onlyElement, first) }
            return try elements(first.first..<first.first + first.count) { (message) throws(LogError) in
                try body(message, first)
            }
        }
        let messages = try RecordContent(reading: self).change.addedMessages.messages
        for run in runs {
            for message in messages[run.first..<run.first + run.count] {
                if try !body(Array(message), run) { return false }
            }
        }
        return true
    }

    /// The one element of the array that the payload is, without whitespace around it.
    private var onlyElement: [UInt8] {
        payloadSlice.withBytes { bytes in
            var element = 1..<bytes.count - 1
            while !element.isEmpty, bytes[element.lowerBound] <= UInt8(ascii: " ") { element.removeFirst() }
            while !element.isEmpty, bytes[element.upperBound - 1] <= UInt8(ascii: " ") { element.removeLast() }
            return Array(bytes.slice(element))
        }
    }

    /// Calls `body` with the elements in `window` of the array that the payload is.
    private func elements(
        _ window: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool
    ) throws(LogError) -> Bool {
        var splitter = ElementSplitter(window: window)
        var goesOn = true
        try splitter.next(payloadSlice.dropFirst()) { (message, _) throws(LogError) in
            goesOn = try body(message)
            return goesOn
        }
        guard !goesOn || splitter.position == window.upperBound else {
            throw LogError(.damaged, "record \(sequence) has fewer messages than were counted")
        }
        return goesOn
    }
}

extension RecordContent {
    /// What `record` says. A payload that does not fit its kind is damage: it was checked before it was
    /// written.
    init(reading record: LogRecord) throws(LogError) {
        do throws(ContentError) {
            try self.init(kind: record.kind, payload: record.payload)
        } catch {
            throw LogError(.damaged, "record \(record.sequence): \(error)")
        }
    }
}
