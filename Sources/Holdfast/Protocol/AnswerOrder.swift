/// In which order answers go out, whatever the order in which they become ready. Pure.
///
/// The answers of one lane (one session) go out in the order of its requests; lanes do not wait for each
/// other. A barrier, which is a `flush`, waits for every request that came before it.
struct AnswerOrder {
    /// A request that waits for its answer.
    struct Ticket: Hashable, Sendable {
        /// `nil` for the lane of requests that belong to no session.
        fileprivate let lane: String?
        fileprivate let number: UInt64
        fileprivate let isBarrier: Bool
    }

    private struct Lane {
        var waiting: ArraySlice<UInt64> = []
        var ready: [UInt64: [UInt8]] = [:]
    }

    private struct Barrier {
        let number: UInt64
        /// Requests before it that are not answered.
        var remaining: Int
        var answer: [UInt8]?
    }

    private var lanes: [[UInt8]?: Lane] = [:]
    private var barriers: [Barrier] = []
    private var lastNumber: UInt64 = 0
    /// Requests that are not answered, barriers left out.
    private var waiting = 0

    /// Takes a request in. The order of the calls is the order of the requests.
    mutating func add(lane: String?) -> Ticket {
        lastNumber += 1
        waiting += 1
        lanes[lane.map { Array($0.utf8) }, default: Lane()].waiting.append(lastNumber)
        return Ticket(lane: lane, number: lastNumber, isBarrier: false)
    }

    /// Takes in a request that waits for all before it.
    mutating func addBarrier() -> Ticket {
        lastNumber += 1
        barriers.append(Barrier(number: lastNumber, remaining: waiting))
        return Ticket(lane: nil, number: lastNumber, isBarrier: true)
    }

    /// Whether the answer to a request would go out at once; for a barrier always, whose answer is short.
    func isNext(_ ticket: Ticket) -> Bool {
        ticket.isBarrier || lanes[ticket.lane.map { Array($0.utf8) }]?.waiting.first == ticket.number
    }

    /// Takes the answer to one request; gives what can go out now, in order.
    mutating func fill(_ ticket: Ticket, with answer: [UInt8]) -> [[UInt8]] {
        if ticket.isBarrier {
            for index in barriers.indices where barriers[index].number == ticket.number {
                barriers[index].answer = answer
            }
            return openBarriers()
        }
        let key = ticket.lane.map { Array($0.utf8) }
        guard var lane = lanes[key] else { preconditionFailure("an answer without its request") }
        lanes[key] = nil
        lane.ready[ticket.number] = answer
        var sent: [[UInt8]] = []
        while let first = lane.waiting.first, let answer = lane.ready.removeValue(forKey: first) {
            lane.waiting.removeFirst()
            sent.append(answer)
            count(first)
        }
        if !lane.waiting.isEmpty { lanes[key] = lane }
        return sent + openBarriers()
    }

    /// Counts the request `number` as answered.
    private mutating func count(_ number: UInt64) {
        waiting -= 1
        for index in barriers.indices where number < barriers[index].number { barriers[index].remaining -= 1 }
    }

    private mutating func openBarriers() -> [[UInt8]] {
        var sent: [[UInt8]] = []
        while let first = barriers.first, first.remaining == 0, let answer = first.answer {
            barriers.removeFirst()
            sent.append(answer)
        }
        return sent
    }
}
