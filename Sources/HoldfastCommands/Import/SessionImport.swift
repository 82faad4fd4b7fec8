import Holdfast
import HoldfastBytes

/// Brings the messages of one file into one session: what the session has must be how the file begins, and the
/// rest is appended.
struct SessionImport {
    /// How it ended.
    enum Outcome: Equatable {
        case added, extended, unchanged
        /// The session was left as it is, for this reason.
        case conflict(String)
    }

    private let session: String
    private let fields: [UInt8]
    private let writes: WritesInFlight
    private var existing: ExistingMessages?
    private let isNew: Bool
    private var hasCreated = false
    private var sequence: UInt64
    private var batch: [JSON] = []
    private var batchByteCount = 0
    private var conflict: String?
    /// The messages that the file has, those of them that were appended, and the bytes of either.
    private var count = 0
    private var appendedCount = 0
    private var byteCount = 0
    private var appendedByteCount = 0

    /// Begins the import of a file with the metadata `fields`, which a new session gets.
    init(
        _ session: String, fields: [UInt8], into store: HoldfastStore, through writes: WritesInFlight
    ) throws(HoldfastError) {
        self.session = session
        self.fields = fields
        self.writes = writes
        existing = try ExistingMessages(of: session, in: store)
        isNew = existing == nil
        sequence = existing?.sequence ?? 0
    }

    /// Takes the file's next message.
    mutating func take(_ message: [UInt8]) throws(CommandError) {
        count += 1
        byteCount += message.count
        guard conflict == nil else { return }
        let known = try asking { () throws(HoldfastError) in try existing?.take() }
        guard let known else { return try append(message) }
        if known != message { conflict = "message \(count) is another one than in the store" }
    }

    /// Submits what is left. `isDamaged` says that the file had pieces which are no messages.
    mutating func finish(isDamaged: Bool) throws(CommandError) -> Outcome {
        if let conflict { return .conflict(conflict) }
        if try asking({ () throws(HoldfastError) in try existing?.take() }) != nil, let existing {
            let more = Human.count(existing.count - count, "message")
            return .conflict("the store has \(more) more than the file")
        }
        try submitBatch()
        // A file of damage only makes no session; an empty one does.
        if isNew, !isDamaged { try createIfNew() }
        if isNew { return hasCreated ? .added : .unchanged }
        return appendedCount > 0 ? .extended : .unchanged
    }

    /// What the file contributes to the report when it ended so.
    func tally(_ outcome: Outcome, _ id: SessionID) -> ImportReport.Tally {
        ImportReport.Tally(
            session: id, outcome: outcome, messages: appendedCount, messageBytes: appendedByteCount,
            textBytes: byteCount)
    }

    private mutating func append(_ message: [UInt8]) throws(CommandError) {
        if batchByteCount + message.count > ImportLimits.batchByteCount { try submitBatch() }
        batch.append(JSON(message))
        batchByteCount += message.count
        appendedCount += 1
        appendedByteCount += message.count
        if batch.count == ImportLimits.batchMessages { try submitBatch() }
    }

    private mutating func submitBatch() throws(CommandError) {
        if batch.isEmpty { return }
        try createIfNew()
        try submit(.append(to: session, batch), byteCount: batchByteCount)
        batch = []
        batchByteCount = 0
    }

    private mutating func createIfNew() throws(CommandError) {
        if !isNew || hasCreated { return }
        hasCreated = true
        try submit(.create(session, fields: JSON(fields)), byteCount: fields.count)
    }

    /// Submits a change that is refused unless the one before it was made: a failure leaves no gap in the list.
    private mutating func submit(_ mutation: Mutation, byteCount: Int) throws(CommandError) {
        var mutation = mutation
        if sequence > 0 { mutation.ifSequence = sequence }
        sequence += 1
        try writes.submit(mutation, byteCount: byteCount)
    }
}
