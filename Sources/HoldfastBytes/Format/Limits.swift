/// Every maximum that the format or the engine relies on, each with its reason.
package enum Limits {
    /// The version that this code writes and the only one that it reads.
    package static let formatVersion: UInt16 = 4

    /// Sequences, batches, journal files, generations and counts stay below this, and no store comes near. What is read
    /// is held against it, so that counting on from there cannot overflow.
    package static let numberLimit: UInt64 = 1 << 62

    /// The same for the segments of one session, which have 32 bits.
    package static let segmentNumberLimit: UInt32 = 1 << 31

    /// The longest payload of a record before compression: bounds what a damaged length can make a reader
    /// allocate, and how long one caller can hold the committer.
    package static let payloadByteCount = 64 << 20

    /// The longest record payload that an option may allow: keeps every length far inside 32 bits.
    package static let largestPayloadLimit = 1 << 30

    /// A segment is closed and the next one begun when it has grown to this size, so that retention can drop old
    /// records file by file and a scan of the last file stays short.
    package static let segmentByteCount = 64 << 20

    /// The first journal file of a store: a new store stays under 1 MiB on disk.
    package static let smallestJournalByteCount = 256 << 10

    /// Journal files grow by this factor with the load, up to ``largestJournalByteCount``.
    package static let journalGrowthFactor = 4

    /// The usual largest journal file; a single batch that is larger gets a file of its own size.
    package static let largestJournalByteCount = 64 << 20

    /// A journal batch is closed when it holds this many bytes, so that one sync never waits for an unbounded
    /// write; a single larger record makes a batch of its own.
    package static let batchByteCount = 4 << 20

    /// The longest write of the journal that a recovery holds in memory. A longer one is read again where it is needed,
    /// which takes less time than the system needs to clear as much memory, and leaves a replay's memory small.
    package static let heldWriteByteCount = 8 << 10

    /// A change log of the index that is not longer, in bytes, is read in some ten milliseconds. To rewrite the index
    /// of a few thousand short sessions for each mebibyte of it was a tenth of all bytes written.
    package static let toleratedIndexLogByteCount: UInt64 = 4 << 20

    /// How much of a snapshot's document is compressed at a time, and held decompressed by a reader: shorter blocks
    /// take more room, as docs/decisions/0009-snapshots.md has measured.
    package static let snapshotBlock = 1 << 20

    /// The longest block of a snapshot that is read: bounds what a damaged length can make a reader allocate.
    package static let largestSnapshotBlock = 8 << 20

    /// The most blocks that a snapshot may have: the table of more would be longer than metadata may be.
    package static let snapshotBlockCount = 4 << 20

    /// The longest line or document of metadata (store file, one index row) that is read.
    package static let metadataByteCount = 16 << 20

    /// Containers inside each other in a head file: those of a session's document, and what is around it.
    package static let headDepth = 1024
}
