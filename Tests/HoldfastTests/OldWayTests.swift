import Holdfast
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// What users of other stores have lost, done twice: as their stores do it, where it goes wrong in the way that they
/// have reported, and here. `W` and `A` are the trackers of the web interface and the gateway.
struct OldWayTests {
    private static let messages = (0..<4).map {
        #"{"role":"\#($0 % 2 == 0 ? "user" : "assistant")","content":"\#($0)"}"#
    }
    private var old = FileStore()
    private let machine = SimulatedMachine()
    private var opened: HoldfastStore.Opened
    private var store: HoldfastStore { opened.store }

    init() throws {
        opened = try machine.open()
        old.memory["s"] = FileStore.Session(messages: Self.messages)
        old.save("s")
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.append(to: "s", Self.messages.map { JSON($0) }))
    }

    private mutating func crash() throws {
        old.crash()
        old.recover()
        opened = try machine.crash(opened, .dropAll)
    }

    private func texts(_ session: String = "s") throws -> [String] {
        try store.getBlocking(session).messages.map(\.description)
    }

    /// Text that does not become shorter by compression.
    private static func noise(_ seed: Int) -> String {
        var random = SeededGenerator(seed: UInt64(seed))
        return (0..<20).map { _ in String(random.next(), radix: 36) }.joined()
    }

    private func code(_ mutation: Mutation) -> HoldfastError.Code? {
        do { try store.writeBlocking(mutation) } catch { return error.code }
        return nil
    }

    // MARK: What the user did is undone

    @Test mutating func `W2914 an undo is not undone by recovery`() throws {
        old.memory["s"]?.messages.removeLast(2)
        old.save("s")
        try store.writeBlocking(.undoLast("s"))
        try crash()
        #expect(old.files["s"]?.messages == Self.messages, "the old way brings them back")
        #expect(try texts() == Array(Self.messages.prefix(2)))
    }

    @Test mutating func `W5532 a cleared session stays clear`() throws {
        old.memory["s"]?.messages = []
        old.save("s")
        try store.writeBlocking(.clear("s"))
        try crash()
        #expect(old.files["s"]?.messages == Self.messages, "the old way brings them back")
        #expect(try texts().isEmpty)
    }

    @Test mutating func `W4836 a compression is not undone by the longer copy`() throws {
        old.memory["s"]?.messages = ["summary"]
        old.save("s")
        try store.writeBlocking(.compactMessages("s", messages: [#"{"content":"summary"}"#]))
        try crash()
        #expect(old.files["s"]?.messages == Self.messages, "the old way brings them back")
        #expect(try texts() == [#"{"content":"summary"}"#])
    }

    @Test mutating func `W5498 a deleted session stays deleted`() throws {
        old.memory["s"]?.messages.removeLast()
        old.save("s")
        old.delete("s", removesBackup: false)
        try store.writeBlocking(.delete("s"))
        try crash()
        #expect(old.files["s"] != nil, "the old way brings it back from what is left of it")
        #expect(code(.append(to: "s", ["{}"])) == .sessionDeleted)
    }

    @Test mutating func `W1558 metadata is not saved over the transcript`() throws {
        // A session of which only the metadata were loaded.
        old.memory["s"] = FileStore.Session(title: "new")
        old.save("s")
        try store.writeBlocking(.set("s", fields: #"{"title":"new"}"#))
        #expect(old.files["s"]?.messages == [], "the old way writes no messages over all of them")
        try crash()
        #expect(try texts() == Self.messages)
    }

    // MARK: What was in flight is lost

    @Test mutating func `W765 A45110 a prompt survives the crash of its worker`() throws {
        old.begin("s", stream: "st", prompt: "hi")
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"content":"hi"}"#))
        try crash()
        #expect(old.memory["s"]?.pending == nil, "the old way had it in memory")
        #expect(try store.pendingBlocking().turns.map(\.turn.message) == [#"{"content":"hi"}"#])
    }

    @Test mutating func `W1585 what was streamed survives`() throws {
        old.begin("s", stream: "st", prompt: "hi")
        old.save("s")
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"content":"hi"}"#))
        // The worker has a copy of its own, and puts it back at the end.
        var copy = old.memory["s"] ?? FileStore.Session()
        copy.messages.append("partial output")
        var delta = Mutation.delta(of: "t", in: "s", #""partial output""#)
        delta.durability = .durable
        try store.writeBlocking(delta)
        try crash()
        #expect(old.memory["s"]?.messages == Self.messages, "the old way has nothing of it")
        let state = try store.getBlocking("s", Window(limit: 0, deltasAfter: 0))
        #expect(state.deltas?.map(\.data) == [#""partial output""#])
    }

    @Test mutating func `W660 A11711 messages that wait survive`() throws {
        old.queue = ["next"]
        try store.writeBlocking(.enqueue(in: "s", message: #"{"content":"next"}"#))
        try crash()
        #expect(old.queue.isEmpty, "the old way keeps them in the browser")
        #expect(try store.pendingBlocking().queued.count == 1)
    }

    @Test mutating func `A41696 a new id takes the tail along`() throws {
        // There: what is on the disk gets the new id, and what was not flushed yet does not.
        old.memory["s"]?.messages.append("unflushed")
        old.memory["new"] = old.files["s"]
        old.save("new")
        var append = Mutation.append(to: "s", [#"{"content":"unflushed"}"#])
        append.durability = .soon
        try store.writeBlocking(append)
        try store.writeBlocking(.rotate("s", to: "new"))
        try crash()
        #expect(old.files["new"]?.messages.count == 4, "the old way loses the tail")
        #expect(try texts("new").count == 5)
    }

    // MARK: Something happens twice, or to the wrong turn

    @Test mutating func `W1624 repair does not touch a live turn`() throws {
        old.begin("s", stream: "st", prompt: "hi")
        old.save("s")
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"content":"hi"}"#))
        let worker = old.memory["s"]
        old.repair("s", age: 31)
        #expect(old.files["s"]?.messages.last == "(interrupted)" && old.liveStreams == ["st"], "the old way repairs it")
        old.finish("s", FileStore.Session(messages: (worker?.messages ?? []) + ["hi", "answer"]))
        #expect(code(.materialise(in: "s", cause: .processRestart)) == .turnLive)
        try store.writeBlocking(.endTurn("t", in: "s", status: .completed, messages: [#"{"content":"answer"}"#]))
        #expect(try texts().suffix(2) == [#"{"content":"hi"}"#, #"{"content":"answer"}"#])
    }

    @Test mutating func `W4283 A860 what is replayed twice is there once`() throws {
        // There: the journal is appended to what the file has, at each start.
        for _ in 0..<2 { old.memory["s"]?.messages.append("journalled") }
        #expect(old.memory["s"]?.messages.filter { $0 == "journalled" }.count == 2, "the old way has it twice")
        var append = Mutation.append(to: "s", [#"{"content":"journalled"}"#])
        append.key = "unit 1"
        for _ in 0..<2 {
            try store.writeBlocking(append)
            try crash()
        }
        try store.writeBlocking(append)
        #expect(try texts().count == 5)
    }

    @Test mutating func `A late finisher does not write over its successor`() throws {
        old.begin("s", stream: "first", prompt: "one")
        let late = old.memory["s"] ?? FileStore.Session()
        old.memory["s"]?.messages += ["two", "answer to two"]
        old.finish("s", old.memory["s"] ?? FileStore.Session())
        old.finish("s", late)
        #expect(old.files["s"]?.messages.contains("answer to two") == false, "the old way: the last one to write wins")
        try store.writeBlocking(.beginTurn(in: "s", turn: "first", message: #"{"content":"one"}"#))
        try store.writeBlocking(.endTurn("first", in: "s", status: .cancelled))
        try store.writeBlocking(.beginTurn(in: "s", turn: "second", message: #"{"content":"two"}"#))
        #expect(code(.endTurn("first", in: "s", status: .completed, messages: ["{}"])) == .staleTurn)
        try store.writeBlocking(.endTurn("second", in: "s", status: .completed))
        #expect(try texts().suffix(2) == [#"{"content":"one"}"#, #"{"content":"two"}"#])
    }

    @Test mutating func `A80337 a turn that crashes its worker is not tried for ever`() throws {
        // There: what is pending is resumed at each start, and nothing counts the starts.
        old.begin("s", stream: "st", prompt: "poison")
        old.save("s")
        for _ in 0..<10 { old.crash() }
        #expect(old.memory["s"]?.pending == "poison", "the old way tries again")
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"content":"poison"}"#))
        for attempt in 1...3 {
            try crash()
            let resume = Mutation.resumeTurn("t", in: "s", maximumAttempts: 3)
            #expect(code(resume) == (attempt < 3 ? nil : .attemptsExhausted))
        }
    }

    // MARK: What is said is not what is

    @Test mutating func `A1_3 a save that is not made says so`() throws {
        old.memory["s"] = FileStore.Session(pending: "hi")
        old.save("s")
        #expect(old.files["s"]?.messages == Self.messages, "the old way returns as if it had saved")
        #expect(code(.truncate("s", keep: 9)) == .badRequest && code(.restore("s")) == .unknownMessage)
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: "{}"))
        #expect(try store.writeBlocking(.checkpoint("t", in: "s", activity: 0)).isUnchanged)
    }

    @Test mutating func `W846 W3740 the list shows what was saved`() throws {
        old.memory["s"]?.messages.append("more")
        old.save("s", skipsIndex: true)
        try store.writeBlocking(.append(to: "s", ["{}"]))
        try crash()
        #expect(old.index["s"] == 4 && old.files["s"]?.messages.count == 5, "the old way: a row that nobody mends")
        #expect(try store.listBlocking().rows.first?.summary.messageCount == 5)
    }

    @Test mutating func `W498 A2914 there is one source of truth`() throws {
        // There: the file and the database are written one after the other.
        var database = OneFileStore()
        old.memory["s"]?.messages.append("answer")
        old.save("s")
        for message in Self.messages { _ = database.append(message, to: "s") }
        try store.writeBlocking(.append(to: "s", [#"{"content":"answer"}"#]))
        try crash()
        #expect(database.messages("s")?.count != old.files["s"]?.messages.count, "the old way: they differ")
        // Snapshots and rows follow from the records, and say the same.
        try store.compactBlocking("s")
        #expect(try store.deepCheckBlocking("s").isEmpty)
        #expect(try store.listBlocking().rows.first?.summary.messageCount == texts().count)
    }

    @Test func `A45966 a cached agent is not staler than its session`() throws {
        // There: agents are found by key alone.
        var agents = ["key": "agent of 4 messages"]
        let cache = AgentCache<String>(of: store)
        cache.put("agent", for: "key", signature: "sig", baseline: cache.baseline(of: "s"))
        try store.writeBlocking(.append(to: "s", ["{}"]))
        #expect(agents.removeValue(forKey: "key") != nil, "the old way gives out an agent that knows nothing of it")
        #expect(cache.agent(for: "key", signature: "sig", session: "s") == nil)
    }

    // MARK: One costs all

    @Test mutating func `A45383 damage of one session stays in it`() throws {
        var database = OneFileStore()
        for session in ["s", "other"] { _ = database.append("{}", to: session) }
        database.isDamaged = true
        #expect(database.messages("other") == nil, "the old way: one file has them all")
        try store.writeBlocking(.create("other"))
        try store.close()
        let segment = try #require(
            machine.storage.contents.keys.filter { $0.hasSuffix(".segment") && $0.contains("/s/") }.min())
        try machine.flipBit(segment, at: try machine.byteCount(segment) / 2)
        opened = try machine.open()
        #expect(try store.writeBlocking(.append(to: "other", ["{}"])).messageCount == 1)
        let damaged = try? store.getBlocking("s")
        #expect(damaged.map { $0.damage != nil } ?? true)
        #expect(code(.append(to: "s", ["{}"])) == .damaged)
        try store.close()
    }

    @Test mutating func `A65637 a damaged index blocks no write`() throws {
        var database = OneFileStore()
        database.isIndexDamaged = true
        let oldWay = database.append("{}", to: "s")
        #expect(!oldWay, "the old way: each append updates the index")
        try store.close()
        try machine.flipBit("index.json", at: 20)
        opened = try machine.open()
        #expect(try store.writeBlocking(.append(to: "s", ["{}"])).messageCount == 5)
        try store.close()
    }

    @Test func `A74478 writes that meet are all made`() throws {
        var database = OneFileStore()
        database.contention = 16
        let oldWay = database.append("{}", to: "s")
        #expect(!oldWay, "the old way gives up")
        let threads = try (0..<8).map { _ in
            try Thread.start(name: "writer") { [store = self.store] in
                for _ in 0..<20 { _ = try? store.writeBlocking(.append(to: "s", ["{}"])) }
            }
        }
        for thread in threads { thread.join() }
        #expect(try store.getBlocking("s", Window(limit: 1_000)).messages.count == 4 + 160)
    }

    @Test mutating func `W7172 W6561 a change costs what it says, not what the session has`() throws {
        let long = (0..<500).map { "{\"n\":\($0),\"text\":\"\(String(repeating: "x", count: 100))\"}" }
        old.memory["s"]?.messages += long
        let before = old.writtenBytes
        for _ in 0..<10 { old.save("s") }
        #expect(old.writtenBytes - before > 500_000, "the old way writes everything each time")
        let storage = CountingStorage(SimulatedStorage())
        let store = try HoldfastStore.opened(in: storage).store
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.append(to: "s", long.map { JSON($0) }))
        storage.counters.reset()
        for n in 0..<10 { try store.writeBlocking(.set("s", fields: JSON("{\"draft\":\(n)}"))) }
        #expect(storage.counters.counts.bytesWritten < 20_000, "\(storage.counters.counts.bytesWritten)")
        try store.close()
    }

    @Test mutating func `W7081 W4765 what is known of a session does not take its messages`() throws {
        let message = "{\"text\":\"\(String(repeating: "x", count: 1_000))\"}"
        let log = MemoryLog()
        let writer = try HoldfastStore.testing(log)
        for id in (0..<20).map({ "s\($0)" }) {
            old.memory[id] = FileStore.Session(messages: Array(repeating: message, count: 50))
            try writer.writeBlocking(.create(id))
            try writer.writeBlocking(.append(to: id, Array(repeating: JSON(message), count: 50)))
        }
        try writer.compactBlocking()
        #expect(old.heldBytes > 1_000_000, "the old way: a session that was looked at is there whole")
        let reopened = log.afterCrash()
        let store = try HoldfastStore.testing(reopened, hotSessions: 2)
        #expect(try store.listBlocking().rows.map(\.summary.messageCount) == Array(repeating: 50, count: 20))
        for id in (0..<20).map({ "s\($0)" }) {
            #expect(try store.getBlocking(id, Window(limit: 0)).summary.messageCount == 50)
            #expect(try store.writeBlocking(.append(to: id, [#"{"role":"user"}"#])).messageCount == 51)
        }
        #expect(reopened.claimedCount <= 2, "the others were let go")
        #expect(reopened.state.withLock { $0.readCount } == 0, "no message was read to add one")
    }

    @Test mutating func `A54189 A100108 what was replaced gives its space back`() throws {
        var database = OneFileStore()
        var sizes: [Int] = []
        for round in 1...60 {
            let messages = (0..<10).map { "{\"n\":\($0),\"text\":\"\(Self.noise(round * 100 + $0))\"}" }
            database.compact("s", to: messages)
            try store.writeBlocking(.replace("s", messages: messages.map { JSON($0) }))
            if round.isMultiple(of: 5) { try store.compactBlocking("s") }
            guard round.isMultiple(of: 20) else { continue }
            sizes.append(machine.storage.contents.reduce(0) { $0 + ($1.key.contains("/s/") ? $1.value.count : 0) })
        }
        #expect(database.messages("s")?.count == 600, "the old way keeps what nobody reads any more")
        #expect(sizes.count == 3 && sizes[2] < sizes[0] * 3 / 2, "\(sizes)")
        #expect(try texts().count == 10)
    }

    @Test func `W2096 W2283 a prompt is durable at once and a stream soon, with few syncs`() throws {
        var (eager, lazy) = (RunJournal(isEager: true), RunJournal(isEager: false))
        let base = SimulatedStorage()
        let storage = CountingStorage(base)
        let opened = try HoldfastStore.opened(in: storage)
        try opened.store.writeBlocking(.create("s"))
        storage.counters.reset()
        try opened.store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"content":"hi"}"#))
        #expect(storage.counters.counts.syncs > 0)
        for number in 0..<200 {
            eager.append("\(number)")
            lazy.append("\(number)")
            try opened.store.writeBlocking(.delta(of: "t", in: "s", JSON("\(number)")))
        }
        try opened.store.flushBlocking()
        let syncs = storage.counters.counts.syncs
        lazy.cutPower()
        #expect(eager.syncs == 200 && lazy.events.isEmpty, "the old way: a sync for each event, or all of them lost")
        #expect(syncs < 100, "\(syncs)")
        let found = try HoldfastStore.opened(in: base.crash(.dropAll)).store
        opened.log.abandon()
        #expect(try found.getBlocking("s", Window(limit: 0, deltasAfter: 0)).deltas?.count == 200)
        try found.close()
    }

    @Test func `ClawRouter 61 a sticky pin does not outlive the cache that it is for`() throws {
        var pins = ["s": "anthropic"]
        let clock = TestClock()
        let client = try Client(.testing(MemoryLog(), clock: clock))
        for event in [#""event":"set","model":"anthropic/m""#, #""event":"sticky","provider":"anthropic""#] {
            #expect(client.call(#"{"op":"router","session":"s",\#(event)}"#).isOK)
        }
        clock.now += 300_001
        #expect(pins.removeValue(forKey: "s") == "anthropic", "the old way pins for good")
        let entry = client.call(#"{"op":"router_get","session":"s"}"#)
        #expect(entry["router", "cache_sticky_now"] == "false" && entry["router", "model"] != nil, "\(entry)")
    }
}
