import Glibc
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
@testable import Holdfast
import Testing

/// What a running turn keeps, what that costs, and that nothing is written for nothing.
@Suite struct CheckpointTests {
    let log = MemoryLog()
    let clock = SimulatedClock()
    let store: HoldfastStore
    let client: Client
    /// The worker's counter, and the errors that were reported.
    let counter = Lock<UInt64>(0)
    let errors = Lock<[HoldfastError]>([])

    init() throws {
        var options = StoreOptions()
        options.compactsInBackground = false
        options.clock = clock
        store = try HoldfastStore(log: log, options: options)
        client = try Client(store)
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: "{}"))
    }

    func call(_ op: String, _ more: String = "") -> Reply {
        client.call(#"{"id":1,"op":"\#(op)","session":"s"\#(more.isEmpty ? "" : ",")\#(more)}"#)
    }

    func checkpointer(turn: String = "t", attempt: UInt64? = nil) throws -> Checkpointer {
        try Checkpointer(
            store, session: "s", turn: turn, attempt: attempt, activity: { [counter] in counter.withLock { $0 } },
            fields: { [counter] in JSON("{\"tools\":\(counter.withLock { $0 })}") },
            report: { [errors] error in errors.withLock { $0.append(error) } })
    }

    /// Lets an interval pass and its checkpoint become durable.
    func passInterval() throws {
        clock.advance(milliseconds: 15_000)
        store.checkpoints.lookAtDue()
        try store.flushBlocking()
    }

    var recordCount: Int { log.records(of: "s").count }

    @Test func `W7172 a checkpoint that changes nothing writes nothing, and says so`() {
        let first = call("checkpoint", #""turn":"t","fields":{"tokens":1},"activity":3"#)
        #expect(first["sequence"] == "3" && first["unchanged"] == nil && first["turn"] == #""t""#)
        for same in [#""fields":{"tokens":1},"activity":3"#, #""activity":3"#, #""fields":{"none":null}"#, ""] {
            let again = call("checkpoint", #""turn":"t"\#(same.isEmpty ? "" : ",")\#(same)"#)
            #expect(again["sequence"] == "3" && again["unchanged"] == "true", "\(same)")
        }
        #expect(recordCount == 3)
        #expect(
            call("checkpoint", #""turn":"t","fields":{"tokens":1.0}"#)["sequence"] == "4", "it is spelled otherwise")
        #expect(call("get")["turn", "activity"] == "3")
    }

    @Test func `A1_3 a write that is not made is an error or says so`() {
        #expect(call("checkpoint", #""turn":"t","activity":0"#)["unchanged"] == "true")
        #expect(call("checkpoint", #""activity":1"#).code == "bad_request")
        #expect(call("replace", #""messages":[]"#)["sequence"] == "3", "with a turn open too")
        _ = call("end_turn", #""turn":"t","status":"completed""#)
        #expect(call("checkpoint", #""turn":"t","activity":1"#).code == "stale_turn")
        #expect(call("get")["sequence"] == "4")
    }

    @Test func `end_turn clears the five fields of a turn in flight, and takes messages and fields, in one record`() {
        _ = call("end_turn", #""turn":"t","status":"completed""#)
        let begun = call(
            "begin_turn",
            #""turn":"u","message":{"q":1},"attachments":["a"],"source":"web","stream":"st","fields":{"model":"m"}"#)
        #expect(begun["sequence"] == "4")
        let open = call("get")
        #expect(open["turn", "attachments"] == #"["a"]"# && open["turn", "source"] == #""web""#)
        #expect(open["turn", "stream"] == #""st""# && open["turn", "message"] == #"{"q":1}"#)
        #expect(open["turn", "begun_at"] != nil && open["fields"] == #"{"model":"m"}"#)
        let end = #""turn":"u","status":"cancelled","messages":[{"partial":1},{"marker":1}],"fields":{"tokens":9}"#
        #expect(call("end_turn", end)["sequence"] == "5")
        let ended = call("get")
        #expect(ended["turn"] == nil && ended["fields"] == #"{"model":"m","tokens":9}"#)
        #expect(ended.list("messages") == ["{}", #"{"q":1}"#, #"{"partial":1}"#, #"{"marker":1}"#])
        _ = call("begin_turn", #""turn":"v","message":{}"#)
        #expect(call("end_turn", #""turn":"v","status":"interrupted""#).code == "bad_request")
    }

    @Test func theCheckpointerWritesWhenTheCounterHasGrownOnly() throws {
        let checkpointer = try checkpointer()
        defer { checkpointer.stopBlocking() }
        try passInterval()
        #expect(recordCount == 2, "nothing has happened yet")
        counter.withLock { $0 = 3 }
        clock.advance(milliseconds: 14_999)
        store.checkpoints.lookAtDue()
        try store.flushBlocking()
        #expect(recordCount == 2, "it is not time yet")
        try passInterval()
        #expect(recordCount == 3)
        for _ in 0..<5 { try passInterval() }
        #expect(recordCount == 3)
        counter.withLock { $0 = 4 }
        try passInterval()
        #expect(recordCount == 4)
        let state = try store.getBlocking("s")
        #expect(state.turn?.activity == 4 && state.fields == #"{"tools":4}"#)
        #expect(errors.withLock { $0 } == [])
    }

    @Test func theCheckpointerLooksAtOnceWhenItIsNudged() throws {
        let checkpointer = try checkpointer()
        counter.withLock { $0 = 1 }
        checkpointer.nudge()
        for _ in 0..<1_000 where recordCount == 2 { sleep(milliseconds: 5) }
        checkpointer.stopBlocking()
        #expect(recordCount == 3)
    }

    @Test func nothingIsWrittenOnceItHasStopped() throws {
        let checkpointer = try checkpointer()
        counter.withLock { $0 = 1 }
        log.setHeld(true)
        clock.advance(milliseconds: 15_000)
        store.checkpoints.lookAtDue()
        let hasStopped = Lock(false)
        let stopping = try Thread.start(name: "stopping") {
            checkpointer.stopBlocking()
            hasStopped.withLock { $0 = true }
        }
        sleep(milliseconds: 30)
        #expect(!hasStopped.withLock { $0 }, "a checkpoint is on its way")
        log.setHeld(false)
        stopping.join()
        #expect(recordCount == 3)
        counter.withLock { $0 = 2 }
        checkpointer.nudge()
        try passInterval()
        checkpointer.look()
        try store.flushBlocking()
        #expect(recordCount == 3 && errors.withLock { $0 } == [])
    }

    @Test func whatHappensWhileACheckpointIsOnItsWayIsKeptNext() throws {
        let checkpointer = try checkpointer()
        counter.withLock { $0 = 1 }
        log.setHeld(true)
        checkpointer.look()
        counter.withLock { $0 = 2 }
        checkpointer.look()
        checkpointer.look()
        log.setHeld(false)
        for _ in 0..<1_000 where recordCount < 4 { sleep(milliseconds: 5) }
        checkpointer.stopBlocking()
        #expect(recordCount == 4)
        #expect(try store.getBlocking("s").turn?.activity == 2)
    }

    @Test func anErrorIsReportedAndTheNextIntervalTriesAgain() throws {
        let checkpointer = try checkpointer()
        defer { checkpointer.stopBlocking() }
        counter.withLock { $0 = 1 }
        log.setAppendError(LogError(.diskFull, "full"))
        try passInterval()
        try passInterval()
        #expect(errors.withLock { $0.map(\.code) } == [.diskFull, .diskFull])
        log.setAppendError(nil)
        try passInterval()
        #expect(errors.withLock { $0.count } == 2)
        #expect(recordCount == 3)
    }

    @Test func afterTheTurnItReportsOnceAndIsSilent() throws {
        let checkpointer = try checkpointer(attempt: 1)
        defer { checkpointer.stopBlocking() }
        try store.writeBlocking(.resumeTurn("t", in: "s"))
        for n in 1...3 {
            counter.withLock { $0 = UInt64(n) }
            try passInterval()
        }
        #expect(errors.withLock { $0.map(\.code) } == [.staleTurn])
        #expect(recordCount == 3)
    }

    @Test func aClosedStoreMakesNoCheckpoints() async throws {
        let checkpointer = try checkpointer()
        try store.close()
        counter.withLock { $0 = 1 }
        checkpointer.nudge()
        await checkpointer.stop()
        #expect(recordCount == 2)
        #expect(throws: HoldfastError.self) { try self.checkpointer() }
    }

    /// W7172: 'a ten-minute turn on a 24.7 MB session spent 41.6 s' rewriting it. Everything that is written counts:
    /// journal, segments, index, and what closing writes. Not counted are snapshots, which follow the bytes that were
    /// appended, whatever they were.
    @Test(arguments: getenv("HOLDFAST_QUICK") == nil ? [CommitMode.journal, .segment] : [.journal])
    func `W7172 a turn of a long session costs what the turn says`(commit: CommitMode) throws {
        let storage = CountingStorage(SimulatedStorage())
        var engine = EngineOptions()
        engine.commitMode = commit == .journal ? .journal : .segment
        let filler = Array("the quick brown fox jumps over \(0x9E37_79B9_7F4A_7C15 as UInt64); ".utf8)
        let text = Array((0..<110).map { _ in filler }.joined())
        var options = StoreOptions()
        options.compactsInBackground = false
        var opened = try HoldfastStore.opened(in: storage, engine: engine, options: options)
        try opened.store.writeBlocking(.create("s", fields: #"{"title":"long"}"#))
        var bytes = 0
        for batch in 0..<50 {
            let messages = (0..<100).map { n in
                JSON(Array("{\"n\":\(batch * 100 + n),\"content\":\"".utf8) + text + Array("\"}".utf8))
            }
            bytes += messages.reduce(0) { $0 + $1.bytes.count }
            try opened.store.writeBlocking(.append(to: "s", messages))
        }
        #expect(bytes >= 25 << 20, "\(bytes)")
        try opened.store.close()

        opened = try HoldfastStore.opened(in: storage, creating: false, engine: engine, options: options)
        let store = opened.store
        #expect(try store.getBlocking("s", Window(limit: 0)).summary.messageCount == 5_000)
        // Opening again has cost a journal file, which is written in advance, once for all turns of all sessions.
        try store.writeBlocking(.create("other"))
        storage.counters.reset()
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"role":"user","content":"go on"}"#))
        for n in 1...10 {
            let fields = JSON("{\"input_tokens\":\(n * 1_000),\"output_tokens\":\(n * 100)}")
            try store.writeBlocking(.checkpoint("t", in: "s", fields: fields, activity: UInt64(n)))
        }
        let answer = JSON(Array(#"{"role":"assistant","content":""#.utf8) + text.prefix(800) + Array("\"}".utf8))
        try store.writeBlocking(.endTurn("t", in: "s", status: .completed, messages: [answer]))
        try store.close()
        let written = storage.counters.counts.bytesWritten
        #expect(written < 64 << 10, "\(written) bytes were written")
    }
}

private func sleep(milliseconds: UInt64) {
    Monitor(false).wait(until: { $0 }, milliseconds: milliseconds) { _, _ in }
}
