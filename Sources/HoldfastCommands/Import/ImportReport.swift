import HoldfastBytes

/// What an import did.
struct ImportReport {
    /// The files whose sessions were new, went on, had everything already, and had something else.
    var added = 0
    var extended = 0
    var unchanged = 0
    var conflicting = 0
    /// The files that could not be read or written into the store.
    var failed = 0
    /// The sessions that were deleted because their source had deleted them.
    var buried = 0
    /// The messages that were appended, and their bytes.
    var messages = 0
    var messageBytes = 0
    /// The bytes of all messages of the sessions that are in the store now as in their files.
    var textBytes = 0
    /// What the segments of those sessions take.
    var segmentBytes: UInt64 = 0
    /// Pieces of files that are no messages, and how many of them were copied.
    var damaged = 0
    var setAside = 0
    /// Files and folders that are no sessions.
    var skipped = 0
    /// The visible messages of the imported sessions: as the files have them, and as the store gives them back.
    var before = MessageProof()
    var after = MessageProof()
    /// The files that were read, their bytes and one hash for all; and those that another program changed meanwhile.
    var sourceFiles = 0
    var sourceBytes: UInt64 = 0
    var sourceHash: UInt64 = 0
    var changedSources: [String] = []
    /// How things were imported that are not plain, as sentences; the first thousand.
    var notes: [String] = []
    /// Everything that was not imported, as sentences; the first thousand.
    var problems: [String] = []
    var milliseconds: UInt64 = 0

    /// What one file contributes.
    struct Tally {
        var session: SessionID
        var outcome: SessionImport.Outcome
        var messages: Int
        var messageBytes: Int
        var textBytes: Int
        /// What the store is to give back; `nil` when the session went on here.
        var proof: SessionProof?
    }

    /// Counts a file whose writes have been answered.
    mutating func count(_ tally: Tally) {
        switch tally.outcome {
        case .added: added += 1
        case .extended: extended += 1
        case .unchanged, .deleted: unchanged += 1
        case .buried: buried += 1
        case .conflict: conflicting += 1
        }
        messages += tally.messages
        messageBytes += tally.messageBytes
        textBytes += tally.textBytes
    }

    /// Whether something that looked like a session or a message is not in the store.
    var isIncomplete: Bool { conflicting > 0 || failed > 0 || damaged > 0 || !problems.isEmpty }

    /// The summary for people.
    var text: String {
        var lines = [
            "\(Human.count(added, "session")) new, \(Human.count(extended)) extended, "
                + "\(Human.count(unchanged)) unchanged, \(Human.count(conflicting)) conflicting, "
                + "\(Human.count(failed)) failed.",
            "\(Human.count(messages, "message")) added, \(Human.bytes(UInt64(messageBytes))), "
                + "in \(Human.duration(milliseconds: milliseconds)).",
        ]
        if buried > 0 { lines.append("\(Human.count(buried, "deleted session")) taken over as deleted.") }
        lines.append(proofSentence)
        if damaged > 0 {
            lines.append(
                "\(Human.count(damaged, "damaged piece")) left out, \(Human.count(setAside)) of them copied into "
                    + "the store's quarantine.")
        }
        if skipped > 0 { lines.append("\(Human.count(skipped, "other file")) skipped.") }
        if segmentBytes > 0 {
            let ratio = Human.decimal(Double(textBytes) / Double(segmentBytes), digits: 1)
            lines.append(
                "These sessions take \(Human.bytes(segmentBytes)) for \(Human.bytes(UInt64(textBytes))) of "
                    + "messages (\(ratio)x).")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var proofSentence: String {
        let messages = "\(Human.count(after.count, "message")) read back from the store"
        let isSame = before == after ? "same as in the files" : "NOT the same as in the files"
        let files = Human.count(sourceFiles, "file")
        let sources =
            changedSources.isEmpty ? "\(files) unchanged" : "\(Human.count(changedSources.count)) of \(files) changed"
        return "\(messages), \(isSame) (hash \(Hex64.text(after.hash))); \(sources) (hash \(Hex64.text(sourceHash)))."
    }

    /// The summary for programs: one object on one line.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        let members: [(StaticString, Int)] = [
            ("new", added), ("extended", extended), ("unchanged", unchanged), ("conflicting", conflicting),
            ("failed", failed),
            ("messages", messages), ("message_bytes", messageBytes), ("text_bytes", textBytes),
            ("segment_bytes", Int(segmentBytes)), ("damaged", damaged), ("set_aside", setAside),
            ("skipped", skipped), ("deleted", buried), ("milliseconds", Int(milliseconds)),
        ]
        for (name, value) in members {
            writer.key(name)
            writer.integer(value)
        }
        write("before", before, to: &writer)
        write("after", after, to: &writer)
        writer.object("sources") { writer in
            writer.member("files", sourceFiles)
            writer.member("bytes", sourceBytes)
            writer.member("hash", Hex64.text(sourceHash))
            write("changed", changedSources, to: &writer)
        }
        write("notes", notes, to: &writer)
        write("problems", problems, to: &writer)
        writer.endObject()
        return writer.finish() + [10]
    }

    private func write(_ name: StaticString, _ proof: MessageProof, to writer: inout JSONWriter) {
        writer.key(name)
        writer.beginObject()
        writer.member("messages", proof.count)
        writer.member("hash", Hex64.text(proof.hash))
        writer.endObject()
    }

    private func write(_ name: StaticString, _ texts: [String], to writer: inout JSONWriter) {
        writer.key(name)
        writer.beginArray()
        for text in texts { writer.string(text) }
        writer.endArray()
    }
}
