package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage
package import HoldfastThreads

/// How a store works while it is open. None of it is fixed on disk.
package struct EngineOptions: Sendable {
    /// Where an append becomes durable: in the journal (one sync for all sessions), or in the session's segment.
    package var commitMode: SegmentHeader.CommitMode = .journal
    /// The longest record payload, in bytes.
    package var payloadLimit = Limits.payloadByteCount
    /// The most memory that all compression streams may take together, in bytes. So much is enough for 1,024 sessions
    /// that are written to at the same time; fewer take less.
    package var compressionMemory = 256 << 20
    /// How long an append with `soon` may wait for others, in milliseconds.
    package var softWindow: Milliseconds = 50
    /// The longest time between a commit and the flush of its bytes into the segments, in milliseconds.
    package var flushInterval: Milliseconds = 1_000
    /// A flush begins when so many committed bytes are waiting for it.
    package var flushByteCount = 8 << 20
    /// A committer waits when so many committed bytes are waiting for the flusher: bounds memory and replay.
    package var unflushedByteLimit = 64 << 20
    /// How long the first journal file is, and how long the files get with the load, in bytes: whole sectors of 512. A
    /// single batch that is larger gets a file of its own size.
    package var journalByteCounts = Limits.smallestJournalByteCount...Limits.largestJournalByteCount
    /// A segment is closed when it has grown to so many bytes.
    package var segmentByteCount = Limits.segmentByteCount
    /// The most segment files that are held open; at least 1.
    package var openFileLimit = 64
    /// The most threads that sync files side by side. They wait for the disk, not for a processor: the file system
    /// puts the syncs of many threads into one commit of its own. With 1 there are no helping threads at all: the
    /// committer prepares journal files itself.
    package var syncThreadCount = 32
    /// How many snapshots before the newest one, with the records since, ``LocalLog/trim(_:keeping:isFinal:)``
    /// keeps of a session that is not over; `nil` keeps all of every session.
    package var retainedGenerations: Int? = 1
    /// The longest write of the journal that a recovery holds in memory, in bytes; longer ones are read again.
    package var heldWriteByteCount = Limits.heldWriteByteCount
    /// How long the index's change log may become, in bytes, before the index is rewritten; half of the index if that
    /// is more.
    package var toleratedIndexLogByteCount = Limits.toleratedIndexLogByteCount
    /// What an opening does about flipped bits in batches of the journal.
    package var journalBits = JournalBits.ignored
    /// Whether the store's counters are written to the file `meter` once a second, for other processes.
    package var isMetered = false
    package var clock: any Clock = SystemClock()
    /// Where salts and the store's id come from; tests put a seeded source here.
    package var random: @Sendable () -> UInt64 = { UInt64.random(in: 1...UInt64.max) }

    /// On how many threads an opening reads sessions after a crash. That is enough for the processor, and each of them
    /// takes a mebibyte or two, or a long record.
    package var readThreadCount: Int { min(4, syncThreadCount) }

    package init() {}

    /// Stays well below a process's limit of `count` open files, so that the program around the store has some left.
    package mutating func fit(descriptorLimit count: Int) {
        openFileLimit = min(openFileLimit, max(1, count / 8))
        // While it opens a file, a thread may hold two descriptors of folders besides.
        syncThreadCount = min(syncThreadCount, max(1, count / 16))
    }
}
