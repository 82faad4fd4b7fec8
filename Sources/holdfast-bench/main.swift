import Glibc
import Holdfast

// Appends the records of a file to a store and reports as tools/lib/bench/peer.c does:
//
//     holdfast-bench --store FOLDER --input FILE [--clients N] [--seconds S] [--commit journal|segment]
//         [--style threads|tasks]

var words: [String: String] = [:]
var rest = CommandLine.arguments.dropFirst()
while let name = rest.popFirst(), let value = rest.popFirst() { words[name] = value }

guard let folder = words["--store"], let input = words["--input"], let records = readInput(input), !records.isEmpty
else { fail("usage: --store FOLDER --input FILE [--clients N] [--seconds S] [--commit MODE] [--style STYLE]") }
let clientCount = words["--clients"].flatMap { Int($0) } ?? 1
let seconds = words["--seconds"].flatMap { Double($0) } ?? 1
let commit = words["--commit"].flatMap(CommitMode.init(rawValue:)) ?? .journal
let style = words["--style"] ?? "threads"

let sessionCount = (records.map(\.session).max() ?? 0) + 1
var dealt = [[InputRecord]](repeating: [], count: max(1, clientCount))
for record in records { dealt[Int(record.session) % dealt.count].append(record) }
guard dealt.allSatisfy({ !$0.isEmpty }) else { fail("there are more clients than sessions in \(input)") }

do {
    let store = try HoldfastStore.open(path: folder, commit: commit)
    var clients = dealt.map { Client($0, sessionCount: sessionCount) }
    let begun = nanoseconds()
    let end = begun + UInt64(seconds * 1e9)
    if style == "tasks" {
        clients = await runTasks(clients, in: store, until: end)
    } else {
        clients = runThreads(clients, in: store, until: end)
    }
    let elapsed = Double(nanoseconds() - begun) / 1e9
    try store.close()
    let latencies = clients.flatMap(\.latencies).sorted()
    func microseconds(_ part: Int) -> Double { Double(latencies[(latencies.count - 1) * part / 100]) / 1e3 }
    print(
        #"{"peer":"holdfast","records":\#(latencies.count),"bytes":\#(clients.map(\.byteCount).reduce(0, +)),"#
            + #""seconds":\#(elapsed),"p50_us":\#(microseconds(50)),"p99_us":\#(microseconds(99)),"#
            + #""max_us":\#(microseconds(100))}"#)
} catch {
    fail("\(error)")
}
