import Holdfast

/// When clients stop, and how fast they go.
struct Pace: Sendable {
    let begun: UInt64
    /// `nil` to stop after the last record of the input, for the `rounds`-th time.
    let end: UInt64?
    let rounds: Int
    /// Appends of each client a second; 0 for as many as it can.
    let rate: Double
    let clientCount: Int
}

/// One client of the store: it appends its records one after the other, each when the one before is durable.
///
/// Used by one thread or task at a time.
struct Client: Sendable {
    private let number: Int
    private let records: [InputRecord]
    private let sessionCount: UInt32
    /// Whether the sessions are there already, so that none is made and, after the last record, all go on.
    private let areSessionsKnown: Bool
    /// Whether records are deltas of one open turn for each session.
    private let areDeltas: Bool
    private var next = 0
    private var round: UInt32 = 0
    private var made: Set<UInt64> = []
    /// How long appends took, in nanoseconds.
    private(set) var latencies: [UInt32] = []
    private(set) var byteCount = 0
    /// The appends that had ended when the time was over, and their bytes; all of them when there is no such time.
    private(set) var timely = (count: 0, byteCount: 0)

    init(_ number: Int, of input: Input, areSessionsKnown: Bool, areDeltas: Bool) {
        self.number = number
        records = input.dealt[number]
        sessionCount = input.sessionCount
        self.areSessionsKnown = areSessionsKnown
        self.areDeltas = areDeltas
        latencies.reserveCapacity(1 << 18)
    }

    /// Whether the client's work is over.
    func isDone(_ pace: Pace) -> Bool {
        pace.end.map { nanoseconds() >= $0 } ?? (Int(round) * records.count + next >= pace.rounds * records.count)
    }

    /// Waits until the next append is due, and answers when that was; the clients take turns.
    func waitForTurn(_ pace: Pace) -> UInt64 {
        if pace.rate == 0 { return nanoseconds() }
        let share = Double(latencies.count) + Double(number) / Double(pace.clientCount)
        let due = pace.begun + UInt64(share / pace.rate * 1e9)
        rest(until: due)
        return due
    }

    /// The next writes: the append of a record, and before it what makes its session, when that is new. A write that is
    /// durable makes all before it durable too, so that only the last need be waited for.
    ///
    /// After the last record it begins again, with sessions that nobody has seen unless they are known.
    mutating func nextWrites() -> [Mutation] {
        if next == records.count { (next, round) = (0, round + 1) }
        let record = records[next]
        next += 1
        let number = UInt64(record.session) + (areSessionsKnown ? 0 : UInt64(round) * UInt64(sessionCount))
        let session = "s\(number)"
        let isNew = !areSessionsKnown && made.insert(number).inserted
        var writes: [Mutation] = []
        if isNew {
            writes.append(.create(session))
            writes[0].durability = .soon
            if areDeltas { writes.append(.beginTurn(in: session, turn: "turn", message: prompt)) }
        }
        let json = JSON(record.json)
        writes.append(areDeltas ? .delta(of: "turn", in: session, json) : .append(to: session, [json]))
        return writes
    }

    /// Forgets what was measured, and goes on from here.
    mutating func forget() {
        latencies.removeAll(keepingCapacity: true)
        byteCount = 0
        timely = (0, 0)
    }

    /// Notes that the append of the last record, which was due at `then`, has ended.
    mutating func noteEnd(since then: UInt64, _ pace: Pace) {
        let now = nanoseconds()
        let recordByteCount = records[next - 1].json.count
        latencies.append(UInt32(clamping: now - then))
        byteCount += recordByteCount
        if let end = pace.end, now > end { return }
        timely = (timely.count + 1, timely.byteCount + recordByteCount)
    }
}

/// What turns answer.
let prompt: JSON = #"{"role":"user","content":"go on"}"#
