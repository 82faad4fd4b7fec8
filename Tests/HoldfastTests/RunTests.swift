import Holdfast
import HoldfastSimulation
import Testing

/// The output of turns, as readers of a stream replay it.
@Suite struct RunTests {
    let log = MemoryLog()
    let clock = TestClock()
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log, clock: clock)
        client = try Client(store)
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
    }

    func call(_ op: String, _ more: String = "", on other: Client? = nil) -> Reply {
        (other ?? client).call(#"{"id":1,"op":"\#(op)","session":"s"\#(more.isEmpty ? "" : ",")\#(more)}"#)
    }

    /// A turn with so many deltas.
    func run(_ turn: String, _ count: Int, ends: Bool = true, bytes: Int = 0) {
        _ = call("begin_turn", #""turn":"\#(turn)","message":{},"stream":"st-\#(turn)""#)
        let filler = String(repeating: "x", count: bytes)
        for n in 0..<count { _ = call("delta", #""turn":"\#(turn)","data":"\#(turn) \#(n + 1)\#(filler)""#) }
        if ends { _ = call("end_turn", #""turn":"\#(turn)","status":"completed""#) }
    }

    func events(_ reply: Reply) -> [String] { reply.list("events").map { Reply($0)["data"] ?? "" } }

    @Test func `W1585 the output of an open turn is there after a restart, and goes on without a gap`() throws {
        run("t", 3, ends: false)
        try store.flushBlocking()
        let reopened = try Client(.testing(log.afterCrash(), clock: clock))
        #expect(
            call("run_events", on: reopened).description
                == #"{"id":1,"ok":true,"status":"ok","run":{"turn":"t","stream":"st-t","status":"running","#
                + #""terminal":false,"events":3,"bytes":15,"last_event_id":"t:3","begun_at":1000},"events":["#
                + #"{"event_id":"t:1","number":1,"data":"t 1"},{"event_id":"t:2","number":2,"data":"t 2"},"#
                + #"{"event_id":"t:3","number":3,"data":"t 3"}]}"#)
        _ = call("begin_turn", #""turn":"t","resume":true"#, on: reopened)
        #expect(call("delta", #""turn":"t","data":"t 4""#, on: reopened)["delta"] == "4")
        #expect(events(call("run_events", #""cursor":"t:2""#, on: reopened)) == [#""t 3""#, #""t 4""#])
    }

    @Test func anEndedTurnCanBeReplayedFromItsCursor() {
        run("t", 3)
        let rest = call("run_events", #""cursor":"t:1""#)
        #expect(events(rest) == [#""t 2""#, #""t 3""#])
        #expect(rest["run", "status"] == #""completed""# && rest["run", "terminal"] == "true")
        #expect(events(call("run_events", #""turn":"t","after":1,"through":2"#)) == [#""t 2""#])
        #expect(events(call("run_events", #""cursor":"t:3""#)) == [])
        run("u", 1)
        #expect(events(call("run_events", #""cursor":"t:2""#)) == [#""t 3""#])
        #expect(events(call("run_events")) == [#""u 1""#], "the newest turn, unless one is named")
    }

    @Test func aCursorThatLeadsNowhereIsToldWhy() {
        run("t", 2)
        _ = client.call(#"{"id":0,"op":"create","session":"other"}"#)
        _ = client.call(#"{"id":0,"op":"begin_turn","session":"other","turn":"o","message":{}}"#)
        for (cursor, status) in [
            ("", "cursor_invalid"), ("t", "cursor_invalid"), (":1", "cursor_invalid"), ("t:x", "cursor_invalid"),
            ("t:-1", "cursor_invalid"), ("t:2", "ok"), ("t:3", "cursor_event_missing"), ("x:1", "cursor_run_missing"),
            ("o:0", "cursor_session_mismatch"),
        ] {
            #expect(call("run_events", #""cursor":"\#(cursor)""#)["status"] == "\"\(status)\"", "\(cursor)")
        }
        #expect(client.call(#"{"id":1,"op":"run_events","session":"none"}"#).code == "unknown_session")
        _ = client.call(#"{"id":0,"op":"create","session":"empty"}"#)
        let none = client.call(#"{"id":1,"op":"run_events","session":"empty"}"#)
        #expect(none["status"] == #""cursor_run_missing""#)
    }

    @Test func aTurnOfAnotherSessionIsKnownByItsRow() throws {
        _ = client.call(#"{"id":0,"op":"create","session":"other"}"#)
        _ = client.call(#"{"id":0,"op":"begin_turn","session":"other","turn":"o:1","message":{}}"#)
        _ = client.call(#"{"id":0,"op":"end_turn","session":"other","turn":"o:1","status":"failed"}"#)
        try store.close()
        let reopened = try Client(.testing(log, clock: clock))
        #expect(call("run_events", #""cursor":"o:1:1""#, on: reopened)["status"] == #""cursor_session_mismatch""#)
    }

    @Test func aReplayIsWholeOrNothing() {
        run("t", 10)
        let rows = call("run_events", #""max_rows":9"#)
        #expect(rows["status"] == #""replay_limit_rows""# && events(rows) == [])
        #expect(events(call("run_events", #""cursor":"t:1","max_rows":9"#)).count == 9)
        let bytes = call("run_events", #""max_bytes":50"#)
        #expect(bytes["status"] == #""replay_limit_bytes""# && events(bytes) == [])
        #expect(events(call("run_events", #""max_bytes":51"#)).count == 10)
        #expect(call("run_events", #""max_rows":0"#).code == "bad_request")
        #expect(call("run_events", #""max_bytes":99999999"#).code == "bad_request")
    }

    @Test func theNewestFourEndedTurnsAreKeptAndTheOpenOne() {
        for n in 1...6 { run("t\(n)", n) }
        run("open", 2, ends: false)
        let turns = call("runs").list("runs").map { Reply($0)["turn"] ?? "" }
        #expect(turns == [#""t3""#, #""t4""#, #""t5""#, #""t6""#, #""open""#])
        #expect(call("run_events", #""turn":"t2""#)["status"] == #""cursor_run_missing""#)
        #expect(events(call("run_events", #""turn":"t3""#)).count == 3)
    }

    @Test func ofLongOutputOnlyTheNewestTurnIsKept() {
        run("t1", 3, bytes: 1 << 20)
        run("t2", 2, bytes: 1 << 20)
        #expect(call("runs").list("runs").map { Reply($0)["turn"] } == [#""t2""#])
        run("t3", 5, bytes: 1 << 20)
        #expect(call("runs").list("runs").map { Reply($0)["turn"] } == [#""t3""#])
        #expect(call("run_events", #""max_bytes":16777216"#).list("events").count == 5)
    }

    /// However snapshots fall between the records: the same output, and the same after a restart.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func snapshotsChangeNothing(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var log = log, client = client
        var outputs: [(turn: String, deltas: [String])] = []
        var isOpen = false
        for step in 0..<120 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: #expect(call("compact", on: client).isOK)
            case 1:
                log = log.afterCrash()
                client = try Client(.testing(log, hotSessions: 1))
            case 2, 3, 4:
                if isOpen {
                    #expect(call("end_turn", #""turn":"t\#(outputs.count)","status":"completed""#, on: client).isOK)
                } else {
                    outputs.append(("t\(outputs.count + 1)", []))
                    #expect(call("begin_turn", #""turn":"t\#(outputs.count)","message":{}"#, on: client).isOK)
                }
                isOpen.toggle()
            default:
                let durable = #""data":\#(step),"durability":"durable""#
                if isOpen { outputs[outputs.count - 1].deltas.append("\(step)") }
                let op = isOpen ? ("delta", #""turn":"t\#(outputs.count)",\#(durable)"#) : ("set", #""fields":{}"#)
                #expect(call(op.0, op.1, on: client).isOK)
            }
            let kept = outputs.suffix(isOpen ? 5 : 4)
            guard let wanted = kept.randomElement(using: &random) else { continue }
            let after = Int.random(in: 0...wanted.deltas.count, using: &random)
            let reply = call("run_events", #""turn":"\#(wanted.turn)","after":\#(after)"#, on: client)
            #expect(events(reply) == Array(wanted.deltas[after...]), "seed \(seed), step \(step): \(reply)")
        }
    }

    @Test func `an event that a crash took back is missing, not another`() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        try opened.store.writeBlocking(.beginTurn(in: "s", turn: "t", message: "{}"))
        var first = Mutation.delta(of: "t", in: "s", "1")
        first.durability = .durable
        try opened.store.writeBlocking(first)
        opened = try machine.crash(opened, .dropAll)
        let replay = try opened.store.runEventsBlocking(of: "s", .after(eventID: "t:2"))
        #expect(replay.status == .cursorEventMissing)
        #expect(try opened.store.runEventsBlocking(of: "s", .after(eventID: "t:0")).events.map(\.number) == [1])
        try opened.store.close()
    }
}
