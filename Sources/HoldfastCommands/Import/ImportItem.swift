/// One thing that a file of messages holds.
enum ImportItem: Equatable {
    /// A message, an object, byte for byte without the whitespace around it.
    case message([UInt8])
    /// What is no message.
    case damaged(DamagedPiece)
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
