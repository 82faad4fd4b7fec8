package import HoldfastBytes
package import HoldfastLog

/// What a running store has done: since it was opened, and in the newest stretch of time.
package struct MeterSample: Sendable, Equatable {
    /// The process that has the store open.
    package struct Process: Sendable, Equatable {
        package var id: UInt64
        /// Tells the process from a later one with its id; see ``ProcessMark``.
        package var mark: String
    }

    /// Counts since the store was opened.
    package struct Totals: Sendable, Equatable {
        /// Records that became durable.
        package var records: UInt64 = 0
        /// What they take in their segments.
        package var bytes: UInt64 = 0
        package var batches: UInt64 = 0
        /// Records that were refused or failed.
        package var failures: UInt64 = 0
    }

    /// How values of one kind were spread. Percentiles are at most an eighth too high.
    package struct Spread: Sendable, Equatable {
        package var median: UInt64 = 0
        package var p99: UInt64 = 0
        package var largest: UInt64 = 0
    }

    /// One of the sessions with the most records in the stretch. Counts are certain; there may have been a few more.
    package struct Busy: Sendable, Equatable {
        package var session: SessionID
        package var records: UInt64
        package var bytes: UInt64
    }

    package var process: Process
    package var commitMode: String
    package var openedAt: Milliseconds
    /// When this was written.
    package var writtenAt: Milliseconds
    /// Whether the store was closed after it.
    package var isClosed = false
    package var totals = Totals()
    /// How long the stretch is that the following is about.
    package var milliseconds: UInt64 = 0
    package var recent = Totals()
    /// Microseconds that batches took to be written and synced.
    package var commit = Spread()
    /// Records in a batch.
    package var batch = Spread()
    /// Records that were waiting when a batch was taken.
    package var queue = Spread()
    /// Committed bytes that were not in the segments yet at its end.
    package var unflushedBytes: UInt64 = 0
    package var busiest: [Busy] = []

    /// The most sessions that are named.
    package static let busiestLimit = 16

    init(process: Process, commitMode: String, openedAt: Milliseconds) {
        self.process = process
        self.commitMode = commitMode
        self.openedAt = openedAt
        writtenAt = openedAt
    }
}

// MARK: As JSON

extension MeterSample {
    /// Writes the sample as members of an open object.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member("format_version", Limits.formatVersion)
        writer.member("process", process.id)
        writer.member("process_mark", process.mark)
        writer.member("commit_mode", commitMode)
        writer.member("opened_at", openedAt)
        writer.member("written_at", writtenAt)
        writer.member("closed", isClosed)
        writer.object("totals") { totals.write(to: &$0) }
        writer.object("recent") { writer in
            writer.member("milliseconds", milliseconds)
            recent.write(to: &writer)
            writer.object("commit_microseconds") { commit.write(to: &$0) }
            writer.object("batch_records") { batch.write(to: &$0) }
            writer.object("queued_records") { queue.write(to: &$0) }
            writer.member("unflushed_bytes", unflushedBytes)
        }
        writer.key("busiest")
        writer.beginArray()
        for session in busiest { session.write(to: &writer) }
        writer.endArray()
    }

    /// The sample as one sealed line.
    var line: [UInt8] {
        var writer = JSONWriter(capacity: 2048)
        writer.beginObject()
        writeMembers(to: &writer)
        writer.endObject()
        return SealedJSON.sealed(Array(writer.finish().dropLast())) + [10]
    }

    /// Reads the first line of `bytes`; `nil` when it is not a whole and unchanged sample. What lies behind the line is
    /// left of a longer one.
    init?(line bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 10), SealedJSON.isIntact(bytes[..<end]),
            let root = try? JSONTree.parse(bytes[..<end], depthLimit: 8).root, root.kind == .object,
            root["format_version"]?.unsigned == UInt64(Limits.formatVersion),
            let id = root.number("process"), let mark = root.short("process_mark"),
            let commitMode = root.short("commit_mode"), let openedAt = root.number("opened_at"),
            let writtenAt = root.number("written_at"), let isClosed = root["closed"]?.bool,
            let totals = Totals(root["totals"]), let recent = root["recent"]
        else { return nil }
        self.init(process: Process(id: id, mark: mark), commitMode: commitMode, openedAt: openedAt)
        self.writtenAt = writtenAt
        self.isClosed = isClosed
        self.totals = totals
        guard read(recent), let list = root["busiest"], list.kind == .array else { return nil }
        for element in list.elements.prefix(Self.busiestLimit) {
            guard let busy = Busy(element) else { return nil }
            busiest.append(busy)
        }
    }

    private mutating func read(_ object: JSONRef) -> Bool {
        guard let milliseconds = object.number("milliseconds"), let recent = Totals(object),
            let commit = Spread(object["commit_microseconds"]), let batch = Spread(object["batch_records"]),
            let queue = Spread(object["queued_records"]), let unflushed = object.number("unflushed_bytes")
        else { return false }
        self.milliseconds = milliseconds
        self.recent = recent
        self.commit = commit
        self.batch = batch
        self.queue = queue
        unflushedBytes = unflushed
        return true
    }
}

extension MeterSample.Totals {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("records", records)
        writer.member("bytes", bytes)
        writer.member("batches", batches)
        writer.member("failures", failures)
    }

    fileprivate init?(_ object: JSONRef?) {
        guard let records = object?.number("records"), let bytes = object?.number("bytes"),
            let batches = object?.number("batches"), let failures = object?.number("failures")
        else { return nil }
        self.init(records: records, bytes: bytes, batches: batches, failures: failures)
    }
}

extension MeterSample.Spread {
    init(_ histogram: LogHistogram) {
        self.init(median: histogram.percentile(50), p99: histogram.percentile(99), largest: histogram.maximum)
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("p50", median)
        writer.member("p99", p99)
        writer.member("max", largest)
    }

    fileprivate init?(_ object: JSONRef?) {
        guard let median = object?.number("p50"), let p99 = object?.number("p99"), let largest = object?.number("max")
        else { return nil }
        self.init(median: median, p99: p99, largest: largest)
    }
}

extension MeterSample.Busy {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("session", session.text)
        writer.member("records", records)
        writer.member("bytes", bytes)
        writer.endObject()
    }

    fileprivate init?(_ object: JSONRef) {
        guard let session = object["session"]?.string.flatMap({ SessionID($0) }),
            let records = object.number("records"),
            let bytes = object.number("bytes")
        else { return nil }
        self.init(session: session, records: records, bytes: bytes)
    }
}

extension JSONRef {
    /// A count that no sum of a few can make overflow.
    fileprivate func number(_ key: String) -> UInt64? {
        self[key]?.unsigned.flatMap { $0 < Limits.numberLimit ? $0 : nil }
    }

    /// A text of at most 64 bytes.
    fileprivate func short(_ key: String) -> String? { self[key]?.string.flatMap { $0.utf8.count <= 64 ? $0 : nil } }
}
