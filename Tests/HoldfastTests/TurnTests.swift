import Holdfast
import Testing

@Suite struct TurnTests {
    let log = MemoryLog()
    let clock = TestClock()
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log, clock: clock)
        client = try Client(store)
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
    }

    func begin(_ turn: String = "t", _ more: String = "") -> Reply {
        client.call(#"{"id":1,"op":"begin_turn","session":"s","turn":"\#(turn)","message":{"q":1}\#(more)}"#)
    }

    func end(_ turn: String = "t", _ more: String = "") -> Reply {
        client.call(#"{"id":2,"op":"end_turn","session":"s","turn":"\#(turn)","status":"completed"\#(more)}"#)
    }

    var messages: [String] { client.call(#"{"id":3,"op":"get","session":"s"}"#).list("messages") }

    @Test func thePromptJoinsTheListWhenTheTurnEnds() {
        #expect(begin("t", #","stream":"st","source":"web""#)["attempts"] == "1")
        #expect(messages == [])
        let reply = end("t", #","messages":[{"r":1}]"#)
        #expect(reply["turn"] == #""t""# && reply["message_count"] == "2")
        #expect(messages == [#"{"q":1}"#, #"{"r":1}"#])
    }

    @Test func thePromptPrecedesWhatTheTurnAppends() {
        _ = begin()
        #expect(
            client.call(#"{"id":1,"op":"append","session":"s","turn":"t","messages":[{"r":1}]}"#)[
                "message_count"]
                == "2")
        let open = client.call(#"{"id":1,"op":"get","session":"s"}"#)
        #expect(open["turn", "message_listed"] == "true" && open["turn", "message"] == #"{"q":1}"#)
        _ = client.call(#"{"id":1,"op":"append","session":"s","turn":"t","messages":[{"r":2}]}"#)
        _ = end("t", #","messages":[{"r":3}]"#)
        #expect(messages == [#"{"q":1}"#, #"{"r":1}"#, #"{"r":2}"#, #"{"r":3}"#])
    }

    @Test func thePromptCanBeDropped() {
        _ = begin()
        #expect(end("t", #","keep_message":false"#)["message_count"] == "0")
        #expect(messages == [])
    }

    @Test func anotherTurnWaitsForTheEndOfTheOpenOne() {
        _ = begin()
        #expect(begin("u").code == "turn_open")
        #expect(begin("t").code == "turn_open")
        _ = end()
        #expect(begin("t").code == "stale_turn", "an id is used once")
        #expect(begin("u").isOK)
    }

    @Test func aLateFinisherCannotTouchItsSuccessor() {
        _ = begin("old")
        _ = end("old")
        for line in [
            #""op":"append","turn":"old","messages":[{}]"#, #""op":"set","turn":"old","fields":{}"#,
            #""op":"truncate","turn":"old","count":0"#, #""op":"delta","turn":"old","data":1"#,
            #""op":"end_turn","turn":"old","status":"failed""#, #""op":"delete","turn":"old""#,
        ] {
            #expect(client.call(#"{"id":1,"session":"s",\#(line)}"#).code == "stale_turn")
        }
        _ = begin("new")
        #expect(end("old").code == "stale_turn")
        #expect(end("never").code == "stale_turn")
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#)["turn", "turn"] == #""new""#)
    }

    @Test func aTurnWithoutAnIdGetsOne() {
        let reply = client.call(#"{"id":1,"op":"begin_turn","session":"s","message":{}}"#)
        let turn = reply["turn"] ?? ""
        #expect(turn.count == 26)
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#)["turn", "turn"] == turn)
    }

    @Test func anotherAttemptCountsAndKeepsThePrompt() {
        _ = begin()
        let reply = client.call(
            #"{"id":1,"op":"begin_turn","session":"s","turn":"t","resume":true,"stream":"two"}"#)
        #expect(reply["attempts"] == "2")
        let turn = client.call(#"{"id":1,"op":"get","session":"s"}"#)
        #expect(turn["turn", "message"] == #"{"q":1}"# && turn["turn", "stream"] == #""two""#)
        let other = client.call(#"{"id":1,"op":"begin_turn","session":"s","turn":"u","resume":true}"#)
        #expect(other.code == "stale_turn")
    }

    @Test func deltasAreNumberedAndReadBack() {
        _ = begin()
        for n in 1...3 {
            let reply = client.call(#"{"id":1,"op":"delta","session":"s","turn":"t","data":"d\#(n)"}"#)
            #expect(reply["delta"] == "\(n)" && reply["durable"] == "false")
        }
        let all = client.call(#"{"id":1,"op":"get","session":"s","deltas":true}"#)
        #expect(
            all.list("deltas") == [
                #"{"delta":1,"data":"d1"}"#, #"{"delta":2,"data":"d2"}"#, #"{"delta":3,"data":"d3"}"#,
            ])
        let rest = client.call(#"{"id":1,"op":"get","session":"s","after_delta":2}"#)
        #expect(rest.list("deltas") == [#"{"delta":3,"data":"d3"}"#])
        _ = end()
        #expect(client.call(#"{"id":1,"op":"get","session":"s","deltas":true}"#).list("deltas") == [])
        _ = begin("u")
        #expect(client.call(#"{"id":1,"op":"delta","session":"s","turn":"u","data":1}"#)["delta"] == "1")
    }

    @Test func deltasOutliveASnapshotTakenInTheirMidst() throws {
        _ = begin()
        _ = client.call(#"{"id":1,"op":"delta","session":"s","turn":"t","data":[1, 2]}"#)
        #expect(client.call(#"{"id":1,"op":"compact","session":"s"}"#)["compacted"] == "1")
        _ = client.call(#"{"id":1,"op":"delta","session":"s","turn":"t","data":null}"#)
        #expect(client.call(#"{"id":1,"op":"compact","session":"s"}"#)["compacted"] == "1")
        _ = client.call(#"{"id":1,"op":"delta","session":"s","turn":"t","data":"]"}"#)
        let all = client.call(#"{"id":1,"op":"get","session":"s","deltas":true}"#)
        #expect(
            all.list("deltas") == [
                #"{"delta":1,"data":[1, 2]}"#, #"{"delta":2,"data":null}"#, #"{"delta":3,"data":"]"}"#,
            ])
    }

    @Test func pendingTurnsSurviveACrash() throws {
        clock.now = 5_000
        _ = begin("t", #","source":"web""#)
        _ = client.call(#"{"id":1,"op":"create","session":"idle"}"#)
        let survivor = log.afterCrash()
        clock.now = 65_000
        let reopened = try Client(.testing(survivor, clock: clock))
        #expect(
            reopened.call(#"{"id":1,"op":"pending"}"#).list("turns") == [
                #"{"session":"s","age_ms":60000,"live":false,"turn":"t","begun_at":5000,"attempts":1,"deltas":0,"#
                    + #""delta_bytes":0,"last_delta":0,"activity":0,"source":"web","message_listed":false,"#
                    + #""message":{"q":1}}"#
            ])
        _ = reopened.call(
            #"{"id":2,"op":"end_turn","session":"s","turn":"t","status":"failed","reason":"crash"}"#)
        #expect(reopened.call(#"{"id":3,"op":"pending"}"#).list("turns") == [])
        #expect(reopened.call(#"{"id":3,"op":"get","session":"s"}"#).list("messages") == [#"{"q":1}"#])
    }

    /// The protocol says how many; an older worker finds no turn of its own then, whatever its id.
    @Test func theNewestEndedTurnsAreRememberedAndOlderOnesWriteNothingEither() {
        for n in 0...64 { #expect(begin("t\(n)").isOK && end("t\(n)").isOK) }
        #expect(begin("t1").code == "stale_turn" && end("t1").code == "stale_turn")
        #expect(end("t0").code == "no_turn")
        _ = begin("t65")
        #expect(end("t0").code == "stale_turn" && end("t65").isOK)
        #expect(begin("t0").isOK)
    }
}
