/// What the records 30 to 38 change: a running turn's bookkeeping, the queue of messages, and turns that
/// nobody works on any more.
enum TurnChange: Sendable, Equatable {
    case checkpoint(Checkpoint)
    case enqueue(Enqueue)
    case editQueued(Enqueue)
    case dropQueued(QueueStep)
    case claim(ClaimQueued)
    case complete(QueueStep)
    case release(QueueStep)
    case materialise(Materialise)
    case abandonTurn

    var kind: RecordKind {
        switch self {
        case .checkpoint: .checkpoint
        case .enqueue: .enqueue
        case .editQueued: .editQueued
        case .dropQueued: .dropQueued
        case .claim: .claim
        case .complete: .complete
        case .release: .release
        case .materialise: .materialise
        case .abandonTurn: .abandonTurn
        }
    }

    /// The messages that the record adds to the list.
    var addedMessages: MessageList {
        switch self {
        case .complete(let step): step.messages
        case .materialise(let materialise): materialise.messages ?? MessageList()
        case .checkpoint, .enqueue, .editQueued, .dropQueued, .claim, .release, .abandonTurn: MessageList()
        }
    }
}

/// What a running turn has come to.
struct Checkpoint: Sendable, Equatable {
    /// The caller's counter of what the turn has done.
    var activity: UInt64?
}

/// A message for the queue, or what becomes of one that waits there.
struct Enqueue: Sendable, Equatable {
    /// The message's id in the queue; made up when it is missing.
    var queued: String?
    var message: [UInt8]
    /// An array; `nil` in an edit keeps what there is.
    var attachments: [UInt8]?
    var source: String?
}

/// A step of one queued message.
struct QueueStep: Sendable, Equatable {
    var queued: String
    /// The claim of whoever does the step.
    var claim: String?
    /// Of `complete` only: messages that join the list with it.
    var messages = MessageList()
}

/// The right to work on a queued message, for a while.
struct ClaimQueued: Sendable, Equatable {
    /// In a request, `nil` for the first one that is free.
    var queued: String?
    /// The id of the claim; in a request, `nil` to have one made up.
    var claim: String?
    var owner: String
    /// Of the request only.
    var leaseMilliseconds: UInt64 = 0
    /// Of the request only: messages that were claimed this often are left alone.
    var maximumAttempts: UInt64?
    /// When others may claim the message.
    var expiresAt: UInt64 = 0
    /// The turn that begins with the message.
    var begin: BeginTurn?
}

/// The end of a turn whose worker is gone.
struct Materialise: Sendable, Equatable {
    var cause: InterruptionCause
    /// In a request, the partial output, or `nil` for the deltas that are strings; in a record, all that joins
    /// the list.
    var messages: MessageList?
    /// Of the request only: what the marker says to people.
    var notice: String?
    /// Of the request only: younger turns are left alone.
    var minimumAge: UInt64 = 0
}

/// What is known of whoever writes, besides the mutation.
struct WriteContext: Sendable {
    /// The time of the record, which is never before that of the record before.
    var time: UInt64
    /// The time on the clock, by which leases and ages are judged. One record of a clock that was ahead keeps `time`
    /// there for as long.
    var now: UInt64
    /// The store's lifetime, from opening to closing, which owns the turns that it begins.
    var lifetime: Label

    /// When a turn begins that begins now, if it is not the time of the record.
    var begunAt: UInt64? { now == time ? nil : now }
}
