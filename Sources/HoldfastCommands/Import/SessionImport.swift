import Holdfast
import HoldfastBytes

/// Brings the messages of one source into one session: what the session has must be how the source begins, and the
/// rest is appended. What was hidden in the source, and a prompt that waits, come along into new sessions only.
struct SessionImport {
    /// How it ended.
    enum Outcome: Equatable {
        case added, extended, unchanged
        /// The session was left as it is, for this reason.
        case conflict(String)
    }

    let header: ImportedSession
    private let store: HoldfastStore
    private let writes: WritesInFlight
    private var existing: ExistingMessages?
    private let isNew: Bool
    private var hasCreated = false
    private var sequence: UInt64
    private var batch: [JSON] = []
    private var batchByteCount = 0
    private var conflict: String?
    /// The messages that the source has, those that were appended, and the bytes of either.
    private var count = 0
    private var appendedCount = 0
    private var byteCount = 0
    private var appendedByteCount = 0
    /// How many messages are not hidden so far, and whether those behind them are still to be hidden.
    private var activeCount = 0
    private var isTakingBack = false
    /// The model's messages, for a session that is there and has others.
    private var newContext: [[UInt8]]?
    /// What the source has, as far as it is to be found in the store.
    private var proof = SessionProof()

    private var session: String { header.id.text }

    /// Begins the import of a session, which a new one gets its metadata from.
    init(
        _ header: ImportedSession, into store: HoldfastStore, through writes: WritesInFlight
    ) throws(HoldfastError) {
        self.header = header
        self.store = store
        self.writes = writes
        existing = try ExistingMessages(of: header.id.text, in: store)
        isNew = existing == nil
        sequence = existing?.sequence ?? 0
    }

    /// Takes what the source has next; what is no part of a session is passed over.
    mutating func take(_ item: ImportItem) throws(CommandError) {
        switch item {
        case .message(let message): try take(message)
        case .hidden(let message, let state): if isNew { try take(message, hidden: state) }
        case .compacted: if isNew { try compact() }
        case .context(let messages): try takeContext(messages)
        case .pending(let prompt): if isNew { try take(prompt) }
        case .session, .damaged, .note, .problem: break
        }
    }

    /// Submits what is left. `isDamaged` says that the source had pieces which are no messages.
    mutating func finish(isDamaged: Bool) throws(CommandError) -> Outcome {
        if let conflict { return .conflict(conflict) }
        try submitBatch()
        if try asking({ () throws(HoldfastError) in try existing?.take() }) != nil, let existing {
            let more = Human.count(existing.count - count, "message")
            return .conflict("the store has \(more) more than the file")
        }
        // A file of damage only makes no session; an empty one does.
        if isNew, !isDamaged { try createIfNew() }
        if isNew { return hasCreated ? .added : .unchanged }
        try replaceContext()
        return appendedCount > 0 || newContext != nil ? .extended : .unchanged
    }

    /// What the source contributes to the report when it ended so.
    func tally(_ outcome: Outcome) -> ImportReport.Tally {
        ImportReport.Tally(
            session: header.id, outcome: outcome, messages: appendedCount, messageBytes: appendedByteCount,
            textBytes: byteCount, proof: proof)
    }
}

// The kinds of messages.
extension SessionImport {
    private mutating func take(_ message: [UInt8]) throws(CommandError) {
        count += 1
        byteCount += message.count
        proof.visible.add(message)
        proof.all?.add(message)
        guard conflict == nil else { return }
        let known = try asking { () throws(HoldfastError) in try existing?.take() }
        if let known {
            if known != message { conflict = "message \(count) is another one than in the store" }
            return
        }
        try endTakingBack()
        try append(message)
        activeCount += 1
    }

    private mutating func take(_ message: [UInt8], hidden state: MessageState) throws(CommandError) {
        byteCount += message.count
        if proof.all == nil { proof.all = proof.visible }
        proof.all?.add(message)
        if state == .takenBack {
            // What is taken back is what follows the messages that stay, so those must be written.
            if !isTakingBack { try submitBatch() }
            isTakingBack = true
            return try append(message)
        }
        try endTakingBack()
        try append(message)
        activeCount += 1
    }

    private mutating func endTakingBack() throws(CommandError) {
        if !isTakingBack { return }
        try submitBatch()
    }

    private mutating func compact() throws(CommandError) {
        try submitBatch()
        if activeCount == 0 { return }
        try submit(.compactMessages(session, messages: []), byteCount: 0)
        activeCount = 0
    }

    private mutating func takeContext(_ messages: [[UInt8]]) throws(CommandError) {
        var context = MessageProof()
        for message in messages { context.add(message) }
        proof.context = context
        guard conflict == nil else { return }
        try submitBatch()
        if isNew {
            for message in messages { try append(message, to: .context) }
            return try submitBatch(to: .context)
        }
        if try proof.inStore(store, session).context != context { newContext = messages }
    }

    /// Once nothing speaks against the session any more.
    private mutating func replaceContext() throws(CommandError) {
        guard let newContext else { return }
        var replace = Mutation.replace(session, messages: newContext.map { JSON($0) })
        replace.placement = .context
        try submit(replace, byteCount: newContext.reduce(0) { $0 + $1.count })
    }

    private mutating func take(_ prompt: PendingPrompt) throws(CommandError) {
        try submitBatch()
        try createIfNew()
        let begin = Mutation.beginTurn(
            in: session, turn: prompt.turn, message: JSON(prompt.message),
            attachments: prompt.attachments.map { JSON($0) }, stream: prompt.stream, source: prompt.source)
        try submit(begin, byteCount: prompt.message.count)
    }
}

// The writes.
extension SessionImport {
    private mutating func append(_ message: [UInt8], to placement: Placement? = nil) throws(CommandError) {
        if batchByteCount + message.count > ImportLimits.batchByteCount { try submitMessages(to: placement) }
        batch.append(JSON(message))
        batchByteCount += message.count
        appendedCount += 1
        appendedByteCount += message.count
        if batch.count == ImportLimits.batchMessages { try submitMessages(to: placement) }
    }

    /// Submits the messages that wait, and hides them if they were taken back.
    private mutating func submitBatch(to placement: Placement? = nil) throws(CommandError) {
        try submitMessages(to: placement)
        if !isTakingBack { return }
        isTakingBack = false
        try submit(.takeBack(session, keep: activeCount, context: activeCount), byteCount: 0)
    }

    private mutating func submitMessages(to placement: Placement?) throws(CommandError) {
        if batch.isEmpty { return }
        try createIfNew()
        var append = Mutation.append(to: session, batch)
        append.placement = placement ?? (header.hasOwnContext ? .visible : .both)
        try submit(append, byteCount: batchByteCount)
        batch = []
        batchByteCount = 0
    }

    private mutating func createIfNew() throws(CommandError) {
        if !isNew || hasCreated { return }
        hasCreated = true
        try submit(.create(session, fields: JSON(header.fields)), byteCount: header.fields.count)
    }

    /// Submits a change that is refused unless the one before it was made: a failure leaves no gap in the list.
    private mutating func submit(_ mutation: Mutation, byteCount: Int) throws(CommandError) {
        var mutation = mutation
        if sequence > 0 { mutation.ifSequence = sequence }
        sequence += 1
        try writes.submit(mutation, byteCount: byteCount)
    }
}
