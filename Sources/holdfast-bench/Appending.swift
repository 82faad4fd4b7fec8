import Glibc
import Holdfast

/// Appends the records of a file and reports as tools/lib/bench/peers/peer.c does, with the same options, and
///
/// - `--commit journal|segment`, `--style threads|tasks|deltas`;
/// - `--compaction off`, and `--compact 1` to compact all sessions at the end, which then counts;
/// - `--warm N` to append all records N times before, each time to new sessions, which does not count;
/// - `--crash 1` to end as by `kill -9` when all is appended.
///
/// Of `written_bytes`, `prepared_bytes` are the zeros that new files of the journal were filled with, to be used from
/// then on.
func append(_ options: Options) async throws(HoldfastError) {
    let clientCount = max(1, options.number("clients", or: 1))
    let input = Input(options.text("input"), clientCount: clientCount)
    let style = options.text("style", or: "threads")
    let store = try options.openStore()
    var clients = (0..<clientCount).map {
        Client($0, of: input, areSessionsKnown: options.number("first", or: 0) > 0, areDeltas: style == "deltas")
    }
    func run(_ end: UInt64?, rounds: Int) async {
        let pace = Pace(
            begun: nanoseconds(), end: end, rounds: rounds, rate: options.seconds("rate", or: 0),
            clientCount: clientCount)
        clients = style == "tasks" ? await runTasks(clients, in: store, pace) : runThreads(clients, in: store, pace)
    }
    let warmRounds = options.number("warm", or: 0)
    if warmRounds > 0 {
        await run(nil, rounds: warmRounds)
        for index in clients.indices { clients[index].forget() }
        rest(until: nanoseconds() + 3_000_000_000)  // until the flusher has done its work too
    }
    let journal = options.text("store") + "/journal"
    let (before, journalBefore) = (Usage.now(), fileByteCounts(in: journal))
    let begun = nanoseconds()
    let limit = options.number("once", or: 0) == 1 ? nil : options.seconds("seconds", or: 1)
    await run(limit.map { begun + UInt64($0 * 1e9) }, rounds: warmRounds + 1)
    let elapsed = Double(nanoseconds() - begun) / 1e9
    let times = (elapsed: elapsed, timely: limit ?? elapsed)
    func newFiles() -> [String: Int] { fileByteCounts(in: journal).filter { journalBefore[$0.key] == nil } }
    let madeFiles = newFiles()
    if options.number("crash", or: 0) == 1 {
        report(clients, times, before, madeFiles)
        kill(getpid(), SIGKILL)
    }
    if options.number("compact", or: 0) == 1 { try store.compactBlocking() }
    try store.close()
    // Closing in order makes a small one.
    report(clients, times, before, madeFiles.merging(newFiles()) { byteCount, _ in byteCount })
}

private func report(
    _ clients: [Client], _ seconds: (elapsed: Double, timely: Double), _ before: Usage, _ madeFiles: [String: Int]
) {
    let latencies = clients.flatMap(\.latencies).sorted()
    func microseconds(_ part: Int) -> Double { Double(latencies[(latencies.count - 1) * part / 100]) / 1e3 }
    let after = Usage.now()
    say(
        #"{"records":\#(latencies.count),"bytes":\#(clients.map(\.byteCount).reduce(0, +)),"#
            + #""seconds":\#(seconds.elapsed),"timely_records":\#(clients.map(\.timely.count).reduce(0, +)),"#
            + #""timely_bytes":\#(clients.map(\.timely.byteCount).reduce(0, +)),"timely_seconds":\#(seconds.timely),"#
            + #""p50_us":\#(microseconds(50)),"p99_us":\#(microseconds(99)),"max_us":\#(microseconds(100)),"#
            + #""processor_seconds":\#(after.processorSeconds - before.processorSeconds),"#
            + #""written_bytes":\#(after.writtenBytes - before.writtenBytes),"#
            + #""prepared_bytes":\#(madeFiles.values.reduce(0, +))}"#)
}
