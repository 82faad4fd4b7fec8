import HoldfastBytes
import HoldfastLog

/// An open turn.
struct TurnHead: Sendable, Equatable {
    var id: Label
    /// The pending message as it is spelled.
    var message: [UInt8]
    /// What came with it: an array.
    var attachments: [UInt8]?
    /// Whether the pending message has joined the list.
    var isListed = false
    /// The record that began the turn; 0 when that was under an earlier id of the session.
    var sequence: Sequence
    var begunAt: Milliseconds
    var attempts: UInt64 = 1
    var deltas: UInt64 = 0
    var deltaBytes: UInt64 = 0
    /// The record of the newest delta; 0 when there is none.
    var lastDelta: Sequence = 0
    /// The counter of the newest checkpoint.
    var activity: UInt64 = 0
    var stream: String?
    var source: String?
    /// The lifetime of the store that began or resumed the turn; `nil` once it was abandoned.
    var lifetime: Label?
    /// Where the message came from, if that was the queue.
    var queued: Label?

    /// How long ago the turn began, in milliseconds; 0 for one that began while the clock was ahead of `now`.
    func age(at now: Milliseconds) -> Milliseconds { now - min(now, begunAt) }
}

/// A turn that has ended and whose output can still be read.
struct RunHead: Sendable, Equatable {
    var id: Label
    var status: TurnStatus
    /// The record that began the turn.
    var sequence: Sequence
    var begunAt: Milliseconds
    var endedAt: Milliseconds
    var deltas: UInt64
    var deltaBytes: UInt64
    var stream: String?
}

/// A message that waits in the queue.
struct QueuedHead: Sendable, Equatable {
    /// Who works on it, and until when nobody else may.
    struct Lease: Sendable, Equatable {
        var claim: Label
        var owner: String
        var expiresAt: Milliseconds

        func isGood(at time: Milliseconds) -> Bool { Self.isGood(until: expiresAt, at: time) }

        /// Whether a lease that ends at `end` is good. One that ends later than any can was made while the clock was
        /// ahead: nothing tells when it ought to end, and a worker that is there still can complete its message.
        static func isGood(until end: Milliseconds, at time: Milliseconds) -> Bool {
            time < end && end - time <= SessionLimits.leaseHorizonMilliseconds
        }
    }

    var id: Label
    var message: [UInt8]
    var attachments: [UInt8]?
    var source: String?
    var queuedAt: Milliseconds
    /// How often it was claimed.
    var attempts: UInt64 = 0
    /// The newest claim, which may have expired.
    var lease: Lease?

    /// Whether somebody has a claim that is good at `time`.
    func isClaimed(at time: Milliseconds) -> Bool { lease?.isGood(at: time) ?? false }

    var byteCount: Int { message.count + (attachments?.count ?? 0) }
}

/// What became of a queued message.
enum QueueOutcome: String, Sendable {
    case done, dropped
}

/// The output of one turn among all that its session keeps.
struct TurnOutput: Equatable {
    var id: Label
    /// The places of its deltas.
    var deltas: Range<Int>
    /// The record that began the turn.
    var sequence: Sequence
}

extension SessionHead {
    /// The turns whose output is kept, oldest first.
    var outputs: [TurnOutput] {
        var outputs: [TurnOutput] = []
        var start = 0
        for run in runs {
            let end = start + Int(clamping: run.deltas)
            outputs.append(TurnOutput(id: run.id, deltas: start..<end, sequence: run.sequence))
            start = end
        }
        if let turn {
            let end = start + Int(clamping: turn.deltas)
            outputs.append(TurnOutput(id: turn.id, deltas: start..<end, sequence: turn.sequence))
        }
        return outputs
    }

    /// The output of the turn `id`; `nil` when it is not kept.
    func output(of id: Label) -> TurnOutput? { outputs.last { $0.id == id } }
}
