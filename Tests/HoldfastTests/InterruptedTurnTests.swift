import Holdfast
import HoldfastSimulation
import Testing

/// Turns whose worker is gone: found, resumed or materialised, never twice and never under a live worker.
@Suite struct InterruptedTurnTests {
    let log = MemoryLog()
    let clock = TestClock()
    let store: HoldfastStore
    let client: Client

    init() throws {
        clock.now = 10_000
        store = try .testing(log, clock: clock)
        client = try Client(store)
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
    }

    func call(_ op: String, _ more: String = "", on other: Client? = nil) -> Reply {
        (other ?? client).call(#"{"id":1,"op":"\#(op)","session":"s"\#(more.isEmpty ? "" : ",")\#(more)}"#)
    }

    func begin(_ more: String = "") {
        _ = call("begin_turn", #""turn":"t","message":{"role":"user","content":"hi"}\#(more)"#)
    }

    /// The store as a new process finds it.
    func restarted() throws -> Client {
        try store.flushBlocking()
        return try Client(.testing(log.afterCrash(), clock: clock))
    }

    @Test func `W1471 a restart keeps prompt, partial output and a marker, in one record`() throws {
        begin(#","attachments":[{"name":"a.png"}],"source":"telegram""#)
        for text in [#""Ro""#, #"{"event":"tool"}"#, #""me \"\u00e9""#, #""\ud83d""#, #""\ude00""#] {
            #expect(call("delta", #""turn":"t","data":\#(text)"#).isOK)
        }
        let after = try restarted()
        clock.now = 75_500
        let turn = Reply(after.call(#"{"id":1,"op":"pending"}"#).list("turns").first ?? "")
        #expect(turn["age_ms"] == "65500" && turn["live"] == "false" && turn["attempts"] == "1")
        #expect(turn["deltas"] == "5" && turn["delta_bytes"] == "49" && turn["last_delta"] == "7")
        let before = call("get", on: after)["sequence"]
        let answer = call("materialise", #""cause":"process_restart""#, on: after)
        #expect(before == "7" && answer["sequence"] == "8" && answer["message_count"] == "3")
        let state = call("get", on: after)
        #expect(
            state.list("messages") == [
                #"{"role":"user","content":"hi","timestamp":10,"_recovered":true,"#
                    + #""attachments":[{"name":"a.png"}],"_source":"telegram"}"#,
                #"{"role":"assistant","content":"Rome \"\u00e9\ud83d\ude00","timestamp":75,"_partial":true}"#,
                #"{"role":"assistant","content":"The answer was interrupted.","timestamp":75,"_error":true,"#
                    + #""type":"interrupted","interruption_cause":"process_restart"}"#,
            ])
        #expect(state["turn"] == nil && state["context_count"] == nil, "the context has them too")
        #expect(call("run_events", on: after)["run", "status"] == #""interrupted""#)
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func `W765 A45110 a prompt and all that came with it is durable before its turn runs`(commit: CommitMode) throws {
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        let begun = try opened.store.writeBlocking(
            .beginTurn(
                in: "s", turn: "t", message: #"{"role":"user","content":"hi"}"#, attachments: #"[{"name":"a"}]"#,
                fields: #"{"model":"m"}"#, stream: "st", source: "web"))
        #expect(begun.isDurable)
        for _ in 0..<2 {
            opened = try machine.crash(opened, .dropAll)
            let turn = try #require(try opened.store.pendingBlocking().turns.first?.turn)
            #expect(turn.message == #"{"role":"user","content":"hi"}"# && turn.attachments == #"[{"name":"a"}]"#)
            #expect(turn.stream == "st" && turn.source == "web" && turn.begunAt > 0 && turn.attempts == 1)
        }
        #expect(try opened.store.getBlocking("s").fields == #"{"model":"m"}"#)
        #expect(try opened.store.pendingBlocking().turns.count == 1, "it is shown once")
        try opened.store.close()
    }

    @Test func `W4283 a turn is materialised once`() throws {
        begin()
        let after = try restarted()
        #expect(call("materialise", #""cause":"unknown","key":"k""#, on: after)["message_count"] == "2")
        #expect(call("materialise", #""cause":"unknown","key":"k""#, on: after)["message_count"] == "2")
        #expect(call("materialise", #""cause":"unknown""#, on: after).code == "no_turn")
        #expect(call("materialise", #""cause":"unknown","turn":"t""#, on: after).code == "stale_turn")
        #expect(call("get", on: after).list("messages").count == 2)
        #expect(call("end_turn", #""turn":"t","status":"completed""#, on: after).code == "stale_turn")
    }

    @Test func `W1624 repair never fires on a live turn`() throws {
        begin()
        clock.now += 1_000_000
        #expect(call("materialise", #""cause":"process_restart""#).code == "turn_live", "however old it is")
        #expect(client.call(#"{"id":1,"op":"pending"}"#).list("turns").map { Reply($0)["live"] } == ["true"])
        let after = try restarted()
        #expect(call("begin_turn", #""turn":"t","resume":true"#, on: after)["attempts"] == "2")
        #expect(call("materialise", #""cause":"process_restart""#, on: after).code == "turn_live", "it was resumed")
    }

    @Test func aTurnCanBeAbandonedByTheProcessThatRunsIt() {
        begin()
        #expect(call("abandon_turn", #""turn":"other""#).code == "stale_turn")
        #expect(call("abandon_turn", #""turn":"t""#).isOK)
        #expect(call("abandon_turn", #""turn":"t""#)["unchanged"] == "true")
        let marker = #""cause":"lost_worker_bookkeeping","notice":"Sorry.""#
        #expect(call("materialise", marker)["message_count"] == "2")
        #expect(Reply(call("get").list("messages").last ?? "")["content"] == #""Sorry.""#)
    }

    @Test func youngTurnsCanBeLeftAlone() throws {
        begin()
        let after = try restarted()
        clock.now += 29_999
        let request = #""cause":"process_restart","min_age_ms":30000"#
        #expect(call("materialise", request, on: after).code == "turn_live")
        clock.now += 1
        #expect(call("materialise", request, on: after).isOK)
    }

    @Test func aPromptThatIsListedIsNotListedAgain() throws {
        begin()
        _ = call("append", #""turn":"t","messages":[{"r":1}]"#)
        let after = try restarted()
        _ = call("materialise", #""cause":"unknown","messages":[{"r":2}]"#, on: after)
        let messages = call("get", on: after).list("messages")
        #expect(messages.count == 4 && messages[0] == #"{"role":"user","content":"hi"}"# && messages[2] == #"{"r":2}"#)
    }

    @Test func partialOutputCanBeForPeopleOnly() throws {
        begin()
        let after = try restarted()
        let partial = #""cause":"unknown","messages":[{"r":1},{"r":2}],"list":["visible","both"]"#
        #expect(call("materialise", partial, on: after)["message_count"] == "4")
        #expect(call("get", on: after).list("messages")[1...2] == [#"{"r":1}"#, #"{"r":2}"#])
        _ = call("compact", on: after)
        let context = call("get", #""list":"context""#, on: after).list("messages")
        #expect(context.count == 3 && context[1] == #"{"r":2}"#)
    }

    @Test(arguments: [
        ("{ }", #"{"timestamp":10,"_recovered":true}"#),
        (#"{"timestamp":1.5,"_recovered":0}"#, #"{"timestamp":1.5,"_recovered":0}"#),
        (#"{"a":{"timestamp":1} }"#, #"{"a":{"timestamp":1} ,"timestamp":10,"_recovered":true}"#),
    ])
    func `W2041 recovery keeps every byte of the prompt`(message: String, recovered: String) throws {
        _ = call("begin_turn", #""turn":"t","message":\#(message),"source":"webui""#)
        let after = try restarted()
        #expect(call("materialise", #""cause":"unknown""#, on: after).isOK)
        #expect(call("get", on: after).list("messages").first == recovered)
    }

    @Test func `A80337 a turn that crashes its worker is not resumed for ever`() throws {
        begin()
        var log = log
        for attempt in 2...3 {
            log = log.afterCrash()
            let after = try Client(.testing(log, clock: clock))
            let reply = call("begin_turn", #""turn":"t","resume":true,"max_attempts":3"#, on: after)
            #expect(reply["attempts"] == "\(attempt)")
        }
        let after = try Client(.testing(log.afterCrash(), clock: clock))
        let refused = call("begin_turn", #""turn":"t","resume":true,"max_attempts":3"#, on: after)
        #expect(refused.code == "attempts_exhausted")
        #expect(call("materialise", #""cause":"process_restart""#, on: after).isOK)
    }

    @Test func `A32687 an old prompt is not answered out of the blue`() throws {
        begin()
        let after = try restarted()
        clock.now += 3_600_001
        let resume = #""turn":"t","resume":true,"max_age_ms":"#
        #expect(call("begin_turn", resume + "3600000", on: after).code == "turn_expired")
        #expect(call("begin_turn", resume + "3600001", on: after).isOK)
    }

    @Test(arguments: [false, true])
    func aTurnIsAsOldAsTheClockSaysAlsoBehindARecordFromTheFuture(isQueued: Bool) throws {
        let year: UInt64 = 365 * 24 * 3_600_000
        clock.now += year
        #expect(call("set", #""fields":{"x":1}"#).isOK)
        clock.now -= year
        if isQueued {
            _ = call("enqueue", #""message":{}"#)
            #expect(call("claim", #""owner":"w","begin_turn":true,"turn":"t""#).isOK)
        } else {
            begin()
        }
        if isQueued { #expect(call("compact").isOK) }
        let after = try restarted()
        #expect(call("get", on: after)["turn", "begun_at"] == "10000")
        clock.now += 1_000
        #expect(Reply(after.call(#"{"id":1,"op":"pending"}"#).list("turns").first ?? "")["age_ms"] == "1000")
        let resume = #""turn":"t","resume":true,"max_age_ms":"#
        #expect(call("begin_turn", resume + "999", on: after).code == "turn_expired")
        #expect(call("begin_turn", resume + "1000", on: after)["attempts"] == "2")
        #expect(call("abandon_turn", #""turn":"t""#, on: after).isOK)
        let materialise = #""cause":"process_restart","min_age_ms":"#
        #expect(call("materialise", materialise + "1001", on: after).code == "turn_live")
        #expect(call("materialise", materialise + "1000", on: after).isOK)
    }

    @Test func aRecordFromTheFutureDoesNotMakeATurnOlder() throws {
        begin()
        clock.now += 3_600_000
        #expect(call("delta", #""turn":"t","data":1"#).isOK)
        clock.now -= 3_599_000
        let after = try restarted()
        #expect(call("materialise", #""cause":"unknown","min_age_ms":1001"#, on: after).code == "turn_live")
        #expect(call("begin_turn", #""turn":"t","resume":true,"max_age_ms":1000"#, on: after).isOK)
    }

    @Test func theWritesOfAnEarlierAttemptAreRefused() throws {
        begin()
        let after = try restarted()
        #expect(call("delta", #""turn":"t","attempt":1,"data":1"#, on: after).isOK)
        _ = call("begin_turn", #""turn":"t","resume":true"#, on: after)
        #expect(call("delta", #""turn":"t","attempt":1,"data":1"#, on: after).code == "stale_turn")
        let end = #""turn":"t","status":"completed","attempt":"#
        #expect(call("end_turn", end + "1", on: after).code == "stale_turn")
        #expect(call("end_turn", end + "2", on: after).isOK)
    }

    @Test func outputThatASnapshotHoldsIsKeptToo() throws {
        begin()
        _ = call("delta", #""turn":"t","data":"a""#)
        _ = call("compact")
        _ = call("delta", #""turn":"t","data":"b""#)
        let after = try restarted()
        _ = call("materialise", #""cause":"unknown""#, on: after)
        #expect(Reply(call("get", on: after).list("messages")[1])["content"] == #""ab""#)
    }

    @Test func `what came from the queue is done with its turn`() throws {
        _ = call("enqueue", #""queued":"q","message":{"q":1}"#)
        _ = call("claim", #""owner":"w","begin_turn":true,"turn":"t""#)
        let after = try restarted()
        #expect(call("queue", on: after).list("queue").count == 1)
        #expect(after.call(#"{"id":1,"op":"pending"}"#).list("queued").isEmpty, "it is the prompt of a turn")
        #expect(call("materialise", #""cause":"unknown""#, on: after).isOK)
        #expect(call("queue", on: after).list("queue").isEmpty)
        #expect(call("enqueue", #""queued":"q","message":{}"#, on: after).code == "already_queued")
    }

    /// Power cuts around the repair, answered or not: one prompt, one marker.
    @Test(arguments: [CommitMode.journal, .segment], 1...8 as ClosedRange<UInt64>)
    func `a turn is materialised exactly once through power cuts`(commit: CommitMode, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        try opened.store.writeBlocking(.beginTurn(in: "s", turn: "t", message: #"{"role":"user"}"#))
        for text in ["\"a\"", "\"b\""] {
            var delta = Mutation.delta(of: "t", in: "s", JSON(text))
            delta.durability = .durable
            try opened.store.writeBlocking(delta)
        }
        opened = try machine.crash(opened, .dropAll)
        while try !opened.store.pendingBlocking().turns.isEmpty {
            opened.store.submit(.materialise(in: "s", cause: .processRestart)) { _ in }
            if Bool.random(using: &random) { try opened.store.flushBlocking() }
            opened = try machine.crash(opened, .random(seed: random.next()))
        }
        #expect(throws: HoldfastError.self) {
            try opened.store.writeBlocking(.materialise(in: "s", cause: .processRestart))
        }
        let messages = try opened.store.getBlocking("s").messages.map(\.description)
        #expect(messages.count == 3 && messages[1].contains(#""content":"ab""#), "seed \(seed)")
        try opened.store.close()
    }
}
