import Holdfast
import HoldfastBytes

/// One thing that a file holds, in the order of the file. A session comes first, what follows is its.
enum ImportItem: Equatable {
    case session(ImportedSession)
    /// A message, an object, byte for byte without the whitespace around it.
    case message([UInt8])
    /// A message that is kept and not shown: taken back by the user, or about to be compacted.
    case hidden([UInt8], MessageState)
    /// All messages until here were compacted.
    case compacted
    /// The model's messages, of a session whose lists differ.
    case context([[UInt8]])
    /// A prompt that waits for its answer.
    case pending(PendingPrompt)
    /// The session was deleted; nothing else is known of it.
    case tombstone
    /// What is no message.
    case damaged(DamagedPiece)
    /// Something to tell that is no damage.
    case note(String)
    /// Something that is not imported, to tell.
    case problem(String)
}

/// What a session begins with.
struct ImportedSession: Equatable {
    var id: SessionID
    /// The metadata, one object.
    var fields = Array("{}".utf8)
    /// Whether the model's messages are others than those that people see; then they follow as
    /// ``ImportItem/context(_:)``.
    var hasOwnContext = false
}

/// A prompt whose turn has not ended.
struct PendingPrompt: Equatable {
    /// The prompt, an object.
    var message: [UInt8]
    /// What came with it, an array.
    var attachments: [UInt8]?
    var turn: String?
    var stream: String?
    var source: String?
    /// What is to be told where the prompt comes into the store, which it does with a new session only.
    var note: String?
}

/// A part of a file that could not be imported.
struct DamagedPiece: Equatable {
    /// Where it is: `line 12`, `message 3`, or empty for the whole file.
    var place: String
    /// What is wrong with it, for people.
    var reason: String
    /// Where its bytes begin in the file.
    var offset: UInt64
    /// The bytes; none when there are too many to be copied.
    var bytes: [UInt8]
}

/// Every maximum of an import, each with its reason.
enum ImportLimits {
    /// The longest message: with its record's envelope it must fit the longest payload of a store, 64 MiB.
    static let messageByteCount = (64 << 20) - (64 << 10)
    /// The longest session document, which is parsed as a whole.
    static let documentByteCount = 512 << 20
    /// The longest list of deleted sessions: that program keeps 1000 ids.
    static let tombstoneByteCount = 1 << 20
    /// The longest journal of turns that is read as a whole, and the most events of one session.
    static let journalByteCount = 64 << 20
    static let journalEvents = 100_000
    /// The longest database, which is copied before it is opened.
    static let databaseByteCount: UInt64 = 64 << 30
    /// Containers inside each other in a message: what a store takes.
    static let messageDepth = 510
    /// How deep folders are looked into: a tree of thousands of levels must not exhaust the stack.
    static let folderDepth = 64
    /// Messages in one record: many compress better together, too many make one damaged record costly.
    static let batchMessages = 256
    /// Bytes of messages after which a record is closed.
    static let batchByteCount = 1 << 20
    /// Bytes that may wait for the disk at the same time.
    static let inFlightByteCount = 16 << 20
    /// Damaged pieces that one run copies and names; each copy is synced, and nobody reads more lines of them.
    static let copiedPieces = 1000
    /// Bytes of one read.
    static let pieceByteCount = 1 << 20
}
