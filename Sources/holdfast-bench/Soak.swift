import Holdfast
import Synchronization

/// Has a store work for a long time at a steady pace, and prints once in each interval what it takes by then.
///
/// 64 sessions stream deltas, 60 a second each, turn after turn; 16 append the records of the input, 8 a second each.
/// A session is deleted when its client has begun another four, so that what is kept does not grow.
func soak(_ options: Options) throws(HoldfastError) {
    let input = Input(options.text("input"), clientCount: 16)
    let store = try options.openStore()
    let begun = nanoseconds()
    let end = begun + UInt64(options.seconds("seconds", or: 60) * 1e9)
    let interval = UInt64(options.seconds("interval", or: 10) * 1e9)
    let times = Times()
    var bodies: [() -> Void] = (0..<64).map { number in { stream(number, in: store, times, until: end) } }
    bodies += input.dealt.enumerated().map { number, records in
        { use(records, as: number, in: store, times, until: end) }
    }
    bodies.append {
        var next = begun + interval
        while next <= end {
            rest(until: next)
            sayInterval(Double(next - begun) / 1e9, times)
            next += interval
        }
    }
    runAll(bodies)
    try store.close()
}

/// How long the durable writes of the current interval took, in nanoseconds, and the bytes of all writes ever.
private final class Times: Sendable {
    private let state = Mutex<(durable: [UInt32], recordCount: Int, byteCount: Int)>(([], 0, 0))

    /// Makes the change, and notes how long it took from when it was due.
    func write(_ mutation: Mutation, byteCount: Int, to store: HoldfastStore, due: UInt64) {
        do {
            let isDurable = try store.writeBlocking(mutation).isDurable
            let took = UInt32(clamping: nanoseconds() - due)
            state.withLock { state in
                if isDurable { state.durable.append(took) }
                state.recordCount += 1
                state.byteCount += byteCount
            }
        } catch {
            fail("\(error)")
        }
    }

    /// What was noted; the next interval begins without durable writes.
    func take() -> (durable: [UInt32], recordCount: Int, byteCount: Int) {
        state.withLock { state in
            defer { state.durable.removeAll(keepingCapacity: true) }
            return state
        }
    }
}

private func sayInterval(_ seconds: Double, _ times: Times) {
    let (durable, recordCount, byteCount) = times.take()
    let sorted = durable.sorted()
    func microseconds(_ part: Int) -> Double {
        sorted.isEmpty ? 0 : Double(sorted[(sorted.count - 1) * part / 100]) / 1e3
    }
    say(
        #"{"seconds":\#(seconds),"records":\#(recordCount),"bytes":\#(byteCount),"durable":\#(sorted.count),"#
            + #""p50_us":\#(microseconds(50)),"p99_us":\#(microseconds(99)),"#
            + #""resident_kilobytes":\#(Usage.residentKilobytes),"descriptors":\#(Usage.descriptorCount)}"#)
}

/// Names of one client's sessions; deletes those that are four behind.
private struct Sessions {
    let prefix: String
    private(set) var count = 0

    /// The name of the next session, which is made.
    mutating func next(in store: HoldfastStore, _ times: Times) -> String {
        let now = nanoseconds()
        if count >= 4 { times.write(.delete("\(prefix)-\(count - 4)"), byteCount: 0, to: store, due: now) }
        let name = "\(prefix)-\(count)"
        count += 1
        times.write(.create(name), byteCount: 0, to: store, due: now)
        return name
    }
}

/// Turns of 240 deltas, 60 a second, each ended with a message; six to a session.
private func stream(_ number: Int, in store: HoldfastStore, _ times: Times, until end: UInt64) {
    let piece = String(repeating: "a piece of output ", count: 5)
    let message = JSON(#"{"role":"assistant","content":"\#(String(repeating: piece, count: 240))"}"#)
    var sessions = Sessions(prefix: "stream-\(number)")
    var due = nanoseconds() + UInt64(number) * 260_417
    while due < end {
        let session = sessions.next(in: store, times)
        for turn in 0..<6 where due < end {
            let turn = "turn-\(turn)"
            let begin = Mutation.beginTurn(in: session, turn: turn, message: prompt)
            times.write(begin, byteCount: prompt.bytes.count, to: store, due: nanoseconds())
            for delta in 0..<240 {
                due += 16_666_667
                rest(until: due)
                let data = JSON("\"\(delta) \(piece.prefix(40 + (delta * 7) % 50))\"")
                times.write(
                    .delta(of: turn, in: session, data), byteCount: data.bytes.count, to: store, due: due)
            }
            let ending = Mutation.endTurn(turn, in: session, status: .completed, messages: [message])
            times.write(ending, byteCount: message.bytes.count, to: store, due: nanoseconds())
        }
    }
}

/// Appends `records` over and over, 8 a second, 160 to a session.
private func use(
    _ records: [InputRecord], as number: Int, in store: HoldfastStore, _ times: Times, until end: UInt64
) {
    var sessions = Sessions(prefix: "tools-\(number)")
    var session = ""
    var due = nanoseconds() + UInt64(number) * 7_812_500
    var count = 0
    while due < end {
        if count % 160 == 0 { session = sessions.next(in: store, times) }
        let json = JSON(records[count % records.count].json)
        rest(until: due)
        times.write(.append(to: session, [json]), byteCount: json.bytes.count, to: store, due: due)
        due += 125_000_000
        count += 1
    }
}
