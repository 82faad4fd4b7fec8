import Holdfast
import HoldfastBytes

/// Writes what an import brings into one session, in batches. Each of its records is refused unless the one before it
/// was made, so that a failure leaves no gap in the list, and says how much of the source is there with it.
struct ImportWriter {
    private let header: ImportedSession
    private let writes: WritesInFlight
    /// The last record of the session.
    private var sequence: UInt64
    /// What the session was imported from before; `nil` for one that is new, or to be begun anew.
    private let before: Imported?
    private let isNew: Bool
    /// Whether a new session has its first record.
    private(set) var hasBegun = false
    private var batch: [JSON] = []
    private var batchByteCount = 0
    /// The visible messages of the source that are there once the batch is.
    private var seen = MessageProof().list
    /// The messages that were appended, and their bytes.
    private(set) var appendedCount = 0
    private(set) var appendedByteCount = 0
    /// How many messages are not hidden so far, and whether those behind them are still to be hidden.
    private var activeCount = 0
    private var isTakingBack = false

    private var session: String { header.id.text }

    /// Writes behind the record `sequence` of the session `existing`; without one, makes the session, or begins it anew
    /// when it has records.
    init(
        _ header: ImportedSession, through writes: WritesInFlight, behind sequence: UInt64,
        of existing: ExistingMessages?
    ) {
        self.header = header
        self.writes = writes
        self.sequence = sequence
        isNew = existing == nil
        before = existing?.imported
    }

    /// Adds a visible message, up to which the source has `seen`.
    mutating func append(_ message: [UInt8], seen: Imported.List) throws(CommandError) {
        if isTakingBack { try submitBatch() }
        activeCount += 1
        try add(message, to: placement, seen: seen)
    }

    /// Adds a message that is to be hidden: taken back at once, or compacted with what comes before ``compact()``.
    mutating func append(hidden message: [UInt8], isTakenBack: Bool) throws(CommandError) {
        // What is taken back is what follows the messages that stay, so those must be written.
        if isTakenBack != isTakingBack { try submitBatch() }
        isTakingBack = isTakenBack
        if !isTakenBack { activeCount += 1 }
        try add(message, to: placement, seen: seen)
    }

    /// Adds the messages that the model alone is sent.
    mutating func appendContext(_ messages: [[UInt8]]) throws(CommandError) {
        for message in messages { try add(message, to: .context, seen: seen) }
        try submitMessages(to: .context)
    }

    /// Hides all messages until here: compacted.
    mutating func compact() throws(CommandError) {
        try submitBatch()
        if activeCount == 0 { return }
        try submit(.compactMessages(session, messages: []), byteCount: 0)
        activeCount = 0
    }

    /// Submits the messages that wait, and hides them if they were taken back.
    mutating func submitBatch() throws(CommandError) {
        try submitMessages(to: placement)
        if !isTakingBack { return }
        isTakingBack = false
        try submit(.takeBack(session, keep: activeCount, context: activeCount), byteCount: 0)
    }

    /// Makes a new session, if that was not done yet.
    mutating func begin() throws(CommandError) {
        if !isNew || hasBegun { return }
        hasBegun = true
        let first = sequence == 0 ? Mutation.create(session, fields: JSON(header.fields)) : .clear(session)
        try submit(first, byteCount: header.fields.count)
    }

    /// Submits a change that is refused unless the one before it was made.
    mutating func submit(_ mutation: Mutation, byteCount: Int) throws(CommandError) {
        var mutation = mutation
        if sequence > 0 { mutation.ifSequence = sequence }
        if isNew, mutation.imported == nil { mutation.imported = Imported(visible: seen, isUnfinished: true) }
        sequence += 1
        try writes.submit(mutation, byteCount: byteCount)
    }

    private var placement: Placement { header.hasOwnContext ? .visible : .both }

    private mutating func add(
        _ message: [UInt8], to placement: Placement, seen: Imported.List
    ) throws(CommandError) {
        if batchByteCount + message.count > ImportLimits.batchByteCount { try submitMessages(to: placement) }
        batch.append(JSON(message))
        self.seen = seen
        batchByteCount += message.count
        appendedCount += 1
        appendedByteCount += message.count
        if batch.count == ImportLimits.batchMessages { try submitMessages(to: placement) }
    }

    private mutating func submitMessages(to placement: Placement) throws(CommandError) {
        if batch.isEmpty { return }
        try begin()
        var append = Mutation.append(to: session, batch)
        append.placement = placement
        if !isNew { append.imported = Imported(visible: seen, context: before?.context) }
        try submit(append, byteCount: batchByteCount)
        batch = []
        batchByteCount = 0
    }
}
