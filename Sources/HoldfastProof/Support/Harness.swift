package import HoldfastBytes
package import HoldfastEngine
package import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads

/// A session id from text that is known to be one.
package func sessionID(_ text: String) -> SessionID {
    guard let id = SessionID(text) else { preconditionFailure("not a session id: \(text)") }
    return id
}

/// Options with a seeded source of salts and a clock that stands still, so that a run can be repeated.
package func seededOptions(_ mode: SegmentHeader.CommitMode = .journal, seed: UInt64 = 1) -> EngineOptions {
    var options = EngineOptions()
    options.commitMode = mode
    options.clock = SimulatedClock()
    options.syncThreadCount = 1
    // The records of tests are short; some are to be long enough to be read from the journal again.
    options.heldWriteByteCount = 100
    // A few rows, so that the index is rewritten too.
    options.toleratedIndexLogByteCount = 1_000
    let generator = Lock(SplitMix64(seed: seed))
    options.random = { generator.withLock { $0.next() | 1 } }
    return options
}

/// Collects the outcome of appends.
package final class Outcomes: Sendable {
    private let state = Monitor<(expected: Int, errors: [LogError?])>((0, []))

    package init() {}

    /// A completion to hand to one append.
    package func completion() -> @Sendable (LogError?) -> Void {
        state.withLock { $0.expected += 1 }
        return { [state] error in
            state.withLock { $0.errors.append(error) }
            state.broadcast()
        }
    }

    /// Waits for all completions; answers the errors, `nil` for each success.
    ///
    /// Who is not told within a minute never will be: that is answered as an error with the code `.busy`, which no
    /// append has.
    package func wait() -> [LogError?] {
        if isScheduled {
            // Time is simulated there, and a wait that nobody ends is found by the schedule.
            return state.wait(until: { $0.errors.count >= $0.expected }) { $0.errors }
        }
        return state.wait(until: { $0.errors.count >= $0.expected }, milliseconds: 60_000) { state, isComplete in
            if isComplete { return state.errors }
            return state.errors + [
                LogError(.busy, "\(state.expected - state.errors.count) appends were never answered")
            ]
        }
    }
}

/// One claimed session of a log, appended to and waited for.
package struct Appender {
    package let log: any SessionLog
    package var claim: LogClaim
    package var last: UInt64

    package init(_ log: any SessionLog, _ session: String) throws {
        self.log = log
        claim = try log.claim(sessionID(session))
        last = claim.lastSequence
    }

    /// Appends one record and waits until it is durable.
    package mutating func append(
        _ text: String, kind: UInt8 = 3, time: UInt64 = 1_700_000_000_000, durability: Durability = .durable
    ) throws {
        let outcomes = Outcomes()
        last = try log.append(
            claim, expected: last, kind: kind, time: time, payload: Array(text.utf8),
            durability: durability, completion: outcomes.completion())
        if durability == .awaited { log.commitAwaited() }
        if let error = outcomes.wait().compactMap({ $0 }).first { throw error }
    }
}

/// What is kept of a session whose last record is `sequence` with the payload `text`, where nothing is folded.
package func headContent(_ sequence: UInt64, _ text: String) -> [UInt8] {
    Array("{\"sequence\":\(sequence),\"check\":\"\(Hex64.text(Checksum.of(Array(text.utf8))))\"}".utf8)
}

/// The payloads of a session, as text.
package func payloads(_ log: any SessionLog, _ session: String, from first: UInt64 = 1) throws -> [String] {
    var texts: [String] = []
    try log.read(sessionID(session), from: first) { record in
        texts.append(String(decoding: record.payload, as: UTF8.self))
        return true
    }
    return texts
}

/// A message-like text of about `byteCount` bytes that compresses as conversations do.
package func message(_ number: Int, byteCount: Int = 300) -> String {
    var generator = SplitMix64(seed: UInt64(number))
    let words = ["session", "durable", "append", "the", "of", "tool", "call", "result", "file", "error", "\\n", "42"]
    var text = "{\"role\":\"assistant\",\"number\":\(number),\"content\":\""
    while text.utf8.count < byteCount { text += words[Int(generator.next() % UInt64(words.count))] + " " }
    return text + "\"}"
}
