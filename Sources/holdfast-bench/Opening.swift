import Holdfast

/// Opens a store, reads a session's metadata and lists sessions, which shows that it is of use. Says how long each
/// took, how much of the opening was the log's replay, and how much memory the store holds then.
func open(_ options: Options) throws(HoldfastError) {
    let before = Usage.residentKilobytes
    let begun = nanoseconds()
    let opening = try options.openedStore()
    let store = opening.store
    let opened = nanoseconds()
    _ = try store.getBlocking(options.text("session", or: "s0"), Window(limit: 0))
    let read = nanoseconds()
    _ = try store.listBlocking(limit: 100)
    let listed = nanoseconds()
    let memory = Usage.residentKilobytes
    try store.close()
    func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e6 }
    say(
        #"{"open_ms":\#(milliseconds(opened - begun)),"replay_ms":\#(milliseconds(opening.replayNanoseconds)),"#
            + #""first_read_ms":\#(milliseconds(read - opened)),"first_list_ms":\#(milliseconds(listed - read)),"#
            + #""resident_kilobytes":\#(Int(memory) - Int(before))}"#)
}

/// Reads one session again and again: its metadata, its last 50 messages, all of it.
func readSession(_ options: Options) throws(HoldfastError) {
    let session = options.text("session", or: "s0")
    let store = try options.openStore()
    func microseconds(_ body: () throws(HoldfastError) -> Void) throws(HoldfastError) -> Double {
        let begun = nanoseconds()
        try body()
        return Double(nanoseconds() - begun) / 1e3
    }
    let cold = try microseconds { () throws(HoldfastError) in _ = try store.getBlocking(session, Window(limit: 0)) }
    var times = (metadata: [Double](), last: [Double](), all: [Double]())
    var byteCount = 0
    for _ in 0..<options.number("rounds", or: 5) {
        times.metadata.append(
            try microseconds { () throws(HoldfastError) in _ = try store.getBlocking(session, Window(limit: 0)) })
        times.last.append(
            try microseconds { () throws(HoldfastError) in
                _ = try store.getBlocking(session, Window(.last, limit: 50))
            })
        times.all.append(
            try microseconds { () throws(HoldfastError) in byteCount = try readAll(session, of: store) })
    }
    try store.close()
    say(
        #"{"bytes":\#(byteCount),"first_metadata_us":\#(cold),"metadata_us":\#(times.metadata),"#
            + #""last_us":\#(times.last),"all_us":\#(times.all)}"#)
}

/// Reads all messages, page after page; answers how many bytes they have.
private func readAll(_ session: String, of store: HoldfastStore) throws(HoldfastError) -> Int {
    var byteCount = 0
    var place: Int? = 0
    while let from = place {
        let page = try store.getBlocking(session, Window(from: from, limit: 10_000))
        byteCount += page.messages.reduce(0) { $0 + $1.bytes.count }
        place = page.next
    }
    return byteCount
}
