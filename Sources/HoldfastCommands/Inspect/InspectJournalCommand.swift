import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

extension Command {
    /// `holdfast inspect journal`.
    static let inspectJournal = Command(
        name: "inspect journal",
        summary: "Show the files and batches of the journal.",
        operands: [.store],
        options: [
            OptionRule("batches", "also each batch, with the segments that it writes to"), .json,
            OptionRule("limit", .count("N"), "at most so many batches, the newest"),
        ],
        details: [
            "What is above the low-water mark is not known to be in the segments: after a crash the next opening "
                + "would write "
                + "it there. Files are used again and again, so batches below the mark go as time does."
        ],
        examples: [("holdfast inspect journal ./store --batches --limit 10", "the last ten commits")],
        exitCodes: [(.success, "done"), (.committedDamage, "a batch that is needed is damaged")],
        run: { arguments, console throws(CommandError) in
            let inspector = try StoreAccess.inspect(arguments.store)
            var batches = NewestBatches(limit: arguments.count("limit") ?? .max)
            let wantsBatches = arguments.has("batches")
            let outline = try inspecting { () throws(LogError) in
                try inspector.journal { if wantsBatches { batches.add($0) } }
            }
            if arguments.has("json") {
                for batch in batches.batches { try console.write(batch.json(isWaiting: outline.isWaiting(batch))) }
                try console.write(outline.json + [10])
            } else {
                try console.write(outline.text(width: console.columns))
                for batch in batches.batches { try console.line(batch.text(isWaiting: outline.isWaiting(batch))) }
            }
            return outline.findings.contains { $0.kind == .committedDamage } ? .committedDamage : .success
        })
}

/// The last batches of many.
private struct NewestBatches {
    let limit: Int
    private(set) var batches: [JournalBatch] = []

    init(limit: Int) { self.limit = limit }

    mutating func add(_ batch: JournalBatch) {
        batches.append(batch)
        if batches.count > limit { batches.removeFirst(batches.count - limit) }
    }
}

extension JournalOutline {
    fileprivate func isWaiting(_ batch: JournalBatch) -> Bool { batch.header.number > lowWaterMark }

    /// A table of the files, and what waits.
    func text(width: Int?) -> String {
        var table = TextTable([
            .init(heading: "FILE"), .init(heading: "NUMBER", isNumber: true), .init(heading: "BYTES", isNumber: true),
            .init(heading: "FROM BATCH", isNumber: true), .init(heading: "BATCHES", isNumber: true),
            .init(heading: "USED"),
        ])
        for file in files {
            table.add([
                file.path, "\(file.number)", Human.bytes(file.byteCount), "\(file.firstBatch)",
                Human.count(file.batchCount), Human.bytes(file.usedByteCount),
            ])
        }
        var lines = table.lines(width: width ?? .max)
        lines.append("State: \(summary). Batches up to \(lowWaterMark) of \(lastBatch) are in the segments.")
        if idleFileCount > 0 { lines.append("\(Human.count(idleFileCount, "file")) not in use.") }
        lines += findings.map { finding in
            let reason = finding.reason + FlippedBit.remark(finding.bit)
            return DisplayText.oneLine("\(finding.path) at offset \(finding.offset): \(reason)")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// `12 writes (3.1 KiB) of 2 sessions wait for their segments`.
    var summary: String {
        if isClosedInOrder, waitingWriteCount == 0 { return "closed in order" }
        guard waitingWriteCount > 0 else { return "nothing waits for its segment" }
        return "\(Human.count(waitingWriteCount, "write")) (\(Human.bytes(waitingByteCount))) of "
            + "\(Human.count(sessions.count, "session")) wait for their segments"
    }

    /// One object.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.objects("files", files) { file, writer in
            writer.member("file", file.path)
            writer.member("number", file.number)
            writer.member("bytes", file.byteCount)
            writer.member("used_bytes", file.usedByteCount)
            writer.member("first_batch", file.firstBatch)
            writer.member("batches", file.batchCount)
        }
        writer.member("idle_files", idleFileCount)
        writer.member("bytes", byteCount)
        writer.member("used_bytes", usedByteCount)
        writer.member("last_batch", lastBatch)
        writer.member("low_water_mark", lowWaterMark)
        writer.member("closed_in_order", isClosedInOrder)
        writer.member("waiting_writes", waitingWriteCount)
        writer.member("waiting_bytes", waitingByteCount)
        writer.key("sessions")
        writer.beginArray()
        for session in sessions { writer.string(session.text) }
        writer.endArray()
        writer.objects("findings", findings) { finding, writer in
            finding.writeMembers(to: &writer)
        }
        writer.endObject()
        return writer.finish()
    }
}

extension JournalBatch {
    /// A line, and one for each segment.
    fileprivate func text(isWaiting: Bool) -> String {
        let state = header.closesCleanly ? ", closes the store" : isWaiting ? ", waits" : ""
        let line =
            "batch \(header.number) at \(path):\(offset), \(Moment.localSeconds(header.time)), "
            + "\(header.bodyByteCount) bytes, \(Human.count(writes.count, "write")), mark "
            + "\(header.lowWaterMark)\(state)"
        let parts = writes.map { write in
            "    session \(DisplayText.oneLine(write.session.text)), segment \(write.segment), offset \(write.offset), "
                + "\(write.byteCount) bytes"
        }
        return ([line] + parts).joined(separator: "\n")
    }

    fileprivate func json(isWaiting: Bool) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("batch", header.number)
        writer.member("file", path)
        writer.member("offset", offset)
        writer.member("time", header.time)
        writer.member("bytes", header.bodyByteCount)
        writer.member("low_water_mark", header.lowWaterMark)
        writer.member("closes", header.closesCleanly)
        writer.member("waits", isWaiting)
        writer.objects("writes", writes) { write, writer in
            writer.member("session", write.session.text)
            writer.member("segment", write.segment)
            writer.member("offset", write.offset)
            writer.member("bytes", write.byteCount)
        }
        writer.endObject()
        return writer.finish() + [10]
    }
}
