import Holdfast
import HoldfastBytes

/// Brings the messages of one source into one session, each of them once: a session remembers how much of its source
/// it was given, and what became of that here is nobody's business but the user's.
///
/// What a source has beyond that is appended to a session that still is as the source left it. What was hidden in the
/// source, and a prompt that waits, come along into new sessions only. A session of which an import was interrupted,
/// and which nobody has used since, is imported anew.
struct SessionImport {
    /// How it ended.
    enum Outcome: Equatable {
        case added, extended, unchanged
        /// The session was deleted in the source, and is here now.
        case buried
        /// The session was deleted in the store, and stays so.
        case deleted
        /// The session was left as it is, for this reason.
        case conflict(String)
    }

    let header: ImportedSession
    let store: HoldfastStore
    let writes: WritesInFlight
    private var existing: ExistingMessages?
    /// What the session was imported from before; `nil` for a new one, and for one that was not.
    private let before: Imported?
    private let isDeleted: Bool
    private var conflict: String?
    /// How many of the source's messages are known to be the store's too.
    private var agreedCount = 0
    /// Whether the visible list here is the source's as far as it was read, and what the source has that is new.
    private var agrees = true
    private var unwantedCount = 0
    /// The messages that the source has, and their bytes.
    private var count = 0
    private var byteCount = 0
    /// The model's messages, for a session that is there and has others.
    private var newContext: [[UInt8]]?
    private var pending: PendingPrompt?
    private var isTombstone = false
    /// What the source has, as far as it is to be found in the store.
    private var proof = SessionProof()
    private var times: SourceTimes
    private var writer: ImportWriter

    private var session: String { header.id.text }
    private var isNew: Bool { existing == nil }

    /// Begins the import of a session, which a new one gets its metadata from.
    init(
        _ header: ImportedSession, into store: HoldfastStore, through writes: WritesInFlight
    ) throws(HoldfastError) {
        self.header = header
        self.store = store
        self.writes = writes
        times = SourceTimes(fields: header.fields)
        var existing: ExistingMessages?
        var isDeleted = false
        do throws(HoldfastError) {
            existing = try ExistingMessages(of: header.id.text, in: store)
        } catch {
            guard error.code == .sessionDeleted else { throw error }
            isDeleted = true
        }
        self.isDeleted = isDeleted
        let begun = existing?.summary.sequence ?? 0
        if let known = existing, known.isUntouched, known.imported?.isUnfinished == true { existing = nil }
        writer = ImportWriter(header, through: writes, behind: begun, of: existing)
        self.existing = existing
        before = existing?.imported
    }

    /// Takes what the source has next; what is no part of a session is passed over.
    mutating func take(_ item: ImportItem) throws(CommandError) {
        if case .tombstone = item { isTombstone = true }
        if isDeleted { return }
        switch item {
        case .message(let message): try take(message)
        case .hidden(let message, let state): if isNew { try take(message, hidden: state) }
        case .compacted: if isNew { try writer.compact() }
        case .context(let messages): try takeContext(messages)
        case .pending(let prompt): if isNew { pending = prompt }
        case .session, .tombstone, .damaged, .note, .problem: break
        }
    }

    /// Submits what is left. `isDamaged` says that the source had pieces which are no messages.
    mutating func finish(isDamaged: Bool) throws(CommandError) -> Outcome {
        if isDeleted { return isTombstone ? .unchanged : .deleted }
        if isTombstone { return try bury() }
        try writer.submitBatch()
        if let conflict = conflict ?? missing { return .conflict(conflict) }
        // A file of damage only makes no session; an empty one does.
        if isNew, isDamaged, !writer.hasBegun { return .unchanged }
        if agrees, try asking({ () throws(HoldfastError) in try existing?.take() }) != nil { agrees = false }
        if !isNew { try replaceContext() }
        let hasWritten = writer.appendedCount > 0 || newContext != nil
        if isNew || hasWritten || knowsMore { try complete() }
        return isNew ? .added : hasWritten ? .extended : .unchanged
    }

    /// What there is to tell of the prompt that came along.
    var note: String? { pending?.note }

    /// What the source contributes to the report when it ended so.
    func tally(_ outcome: Outcome) -> ImportReport.Tally {
        ImportReport.Tally(
            session: header.id, outcome: outcome, messages: writer.appendedCount,
            messageBytes: writer.appendedByteCount, textBytes: byteCount,
            proof: agrees && !isDeleted && !isTombstone ? proof : nil)
    }
}

// What the source has.
extension SessionImport {
    private mutating func take(_ message: [UInt8]) throws(CommandError) {
        count += 1
        byteCount += message.count
        proof.visible.add(message)
        proof.all?.add(message)
        times.take(message)
        guard conflict == nil else { return }
        let isHere = isNew ? false : try isKnown(message)
        if !isHere { try writer.append(message, seen: proof.visible.list) }
    }

    /// Whether the session, which is there, was given the message before, or has it by itself, or is not to have it.
    private mutating func isKnown(_ message: [UInt8]) throws(CommandError) -> Bool {
        let known = agrees ? try asking { () throws(HoldfastError) in try existing?.take() } : nil
        if known == message {
            agreedCount = count
        } else if let before, count > before.visible.count, agrees, known == nil {
            if let conflict = refusal { self.conflict = conflict } else { return false }
        } else {
            agrees = false
        }
        if agrees { return true }
        guard let before else {
            conflict = known == nil ? "it was not imported, and the file has more messages" : differing
            return true
        }
        if count > before.visible.count { unwantedCount += 1 }
        if count == before.visible.count, proof.visible.list != before.visible { conflict = differing }
        return true
    }

    private var differing: String { "message \(agreedCount + 1) is another one than in the store" }

    /// Why nothing can be appended to a session that is as it was imported.
    private var refusal: String? {
        existing?.rotatedTo.map { "the session goes on as '\($0)'" }
    }

    /// What is not as it should be at the end of the source.
    private var missing: String? {
        if unwantedCount > 0 {
            let more = Human.count(unwantedCount, "new message")
            return "the session went on here since it was imported, and the file has \(more)"
        }
        guard let before, count < before.visible.count else { return nil }
        return "the file has \(Human.count(before.visible.count - count, "message")) less than were imported"
    }

    private mutating func take(_ message: [UInt8], hidden state: MessageState) throws(CommandError) {
        byteCount += message.count
        if proof.all == nil { proof.all = proof.visible }
        proof.all?.add(message)
        try writer.append(hidden: message, isTakenBack: state == .takenBack)
    }

    private mutating func takeContext(_ messages: [[UInt8]]) throws(CommandError) {
        var context = MessageProof()
        for message in messages { context.add(message) }
        guard conflict == nil else { return }
        try writer.submitBatch()
        if isNew {
            proof.context = context
            return try writer.appendContext(messages)
        }
        // What the model is sent here may have changed since; the source's counts when it has changed instead.
        if let before, before.context == context.list { return }
        proof.context = context
        let found = try proof.inStore(store, session).context
        if found == context { return }
        if let before, found?.list == before.context ?? before.visible { return newContext = messages }
        conflict = "the model's messages are others than in the store"
    }
}

// What is written when everything is known.
extension SessionImport {
    private mutating func replaceContext() throws(CommandError) {
        guard let newContext else { return }
        var replace = Mutation.replace(session, messages: newContext.map { JSON($0) })
        replace.placement = .context
        try writer.submit(replace, byteCount: newContext.reduce(0) { $0 + $1.count })
    }

    /// Whether the store has more of the source by itself than is noted.
    private var knowsMore: Bool { before.map { $0.visible != proof.visible.list } ?? false }

    /// Notes that the session has all that the source has, with the times that it has there.
    private mutating func complete() throws(CommandError) {
        try writer.begin()
        if let pending { times.take(prompt: pending.message) }
        var last =
            pending.map { prompt in
                Mutation.beginTurn(
                    in: session, turn: prompt.turn, message: JSON(prompt.message),
                    attachments: prompt.attachments.map { JSON($0) }, stream: prompt.stream, source: prompt.source)
            } ?? .set(session, fields: "{}")
        var imported = Imported(visible: proof.visible.list, context: proof.context?.list ?? before?.context)
        imported.times = times.times(after: existing?.summary)
        last.imported = imported
        try writer.submit(last, byteCount: pending?.message.count ?? 0)
    }

    /// Deletes the session, as its source has, unless it was used here since it was imported.
    private mutating func bury() throws(CommandError) -> Outcome {
        if let existing, !existing.isUntouched {
            return .conflict("it was deleted in hermes-webui, and is in use here")
        }
        try writer.begin()
        try writer.submit(.delete(session), byteCount: 0)
        return .buried
    }
}

extension MessageProof {
    /// The messages as a session notes them.
    var list: Imported.List { Imported.List(count: count, hash: hash) }
}
