/// Every maximum of the session layer, each with its reason.
enum SessionLimits {
    /// Containers inside each other in what a caller gives: keeps recursion and scratch memory small.
    static let depth = 512
    /// The same inside the store's own documents, which wrap a caller's value in a few containers more.
    static let documentDepth = depth + 16
    /// Bytes of `stream`, `source` and `reason`, which are kept in memory while a session is hot.
    static let noteByteCount = 1024
    /// Idempotency keys that a session remembers: retries come within seconds, not after hundreds of writes.
    static let keys = 256
    /// Bytes of messages and texts in the answers that belong to those keys, which are kept in memory too.
    static let keyedByteCount = 1 << 20
    /// Bytes of edited messages that a reader holds at once; what has more is read in several passes.
    static let heldEditByteCount = 16 << 20
    /// Ended turns that a session remembers, to tell a stale turn from one that never was.
    static let endedTurns = 64
    /// Messages that wait in one session: they are kept in memory while it is hot, and a caller that is so far
    /// behind needs to be told.
    static let queuedMessages = 256
    /// Bytes of those messages and their attachments.
    static let queueByteCount = 16 << 20
    /// Queued messages that are done or dropped and remembered, to refuse an id that comes again.
    static let settledMessages = 256
    /// The longest claim of a queued message: a week. What takes longer is renewed.
    static let leaseMilliseconds: UInt64 = 7 * 24 * 3_600_000
    /// How far ahead the end of a claim counts: so far that a clock which is set back by days ends none.
    static let leaseHorizonMilliseconds = 2 * leaseMilliseconds
    /// Ended turns whose output is kept for readers that reconnect: the newest is what they ask for.
    static let keptRuns = 4
    /// Bytes of that output, unless the newest turn alone has more: snapshots carry it.
    static let keptRunByteCount: UInt64 = 4 << 20
    /// Sessions that share a session's messages: each is kept in memory while the session is hot.
    static let pins = 1024
    /// Sessions that are read for the first message of one: each takes a search through its records.
    static let lineageDepth = 16
    /// Code points of a draft: fields are kept in memory while a session is hot.
    static let draftLength = 50_000
    /// Files of a draft.
    static let draftFiles = 50
    /// Messages or rows in one answer.
    static let page = 10_000
    /// Messages or rows in one answer when the request does not say.
    static let defaultPage = 100
    /// Bytes of messages, deltas or rows in one answer; one item more than this still fits.
    static let pageByteCount = 16 << 20
    /// Bytes of one metadata field that a list row still shows.
    static let rowFieldByteCount = 1024
    /// Bytes of all metadata fields in a list row: rows are kept in memory by the log.
    static let rowByteCount = 16 << 10
    /// Bytes that a record adds around its messages, to size requests by.
    static let envelopeByteCount = 64 << 10
}
