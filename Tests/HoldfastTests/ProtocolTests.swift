import HoldfastLog
import HoldfastThreads
@testable import Holdfast
import Testing

@Suite struct ProtocolTests {
    let log = MemoryLog()
    let clock = TestClock()
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log, clock: clock)
        client = try Client(store)
    }

    @Test func theLifeOfASession() {
        #expect(
            client.call(#"{"id":1,"op":"create","session":"s","fields":{"title":"T","n":1.50}}"#).description
                == #"{"id":1,"ok":true,"session":"s","sequence":1,"message_count":0}"#)
        #expect(
            client.call(#"{"id":2,"op":"append","session":"s","messages":[{"a":1},{"b":2}]}"#).description
                == #"{"id":2,"ok":true,"session":"s","sequence":2,"message_count":2}"#)
        clock.now = 2_000
        #expect(
            client.call(#"{"id":3,"op":"set","session":"s","fields":{"title":null,"x":"é"}}"#).description
                == #"{"id":3,"ok":true,"session":"s","sequence":3,"message_count":2}"#)
        #expect(
            client.call(#"{"id":4,"op":"get","session":"s"}"#).description
                == #"{"id":4,"ok":true,"session":"s","sequence":3,"message_count":2,"user_message_count":0,"#
                + #""created_at":1000,"updated_at":2000,"last_message_at":1000,"fields":{"n":1.50,"x":"é"},"from":0,"#
                + #""messages":[{"a":1},{"b":2}]}"#)
        #expect(client.call(#"{"id":5,"op":"truncate","session":"s","count":1}"#)["message_count"] == "1")
        #expect(client.call(#"{"id":6,"op":"replace","session":"s","messages":[]}"#)["message_count"] == "0")
        #expect(client.call(#"{"id":7,"op":"delete","session":"s"}"#).isOK)
        for op in ["get", "create", "delete", "truncate"] {
            let count = op == "truncate" ? #","count":0"# : ""
            #expect(client.call(#"{"id":8,"op":"\#(op)","session":"s"\#(count)}"#).code == "session_deleted")
        }
    }

    @Test(arguments: [
        (#"[]"#, "bad_request"),
        (#"nonsense"#, "bad_request"),
        (#"{"id":1}"#, "bad_request"),
        (#"{"id":1,"op":"fly"}"#, "unknown_operation"),
        (#"{"id":1,"op":"append","session":"none","messages":[{}]}"#, "unknown_session"),
        (#"{"id":1,"op":"get","session":"none"}"#, "unknown_session"),
        (#"{"id":1,"op":"create","session":"s"}"#, "session_exists"),
        (#"{"id":1,"op":"create","session":""}"#, "bad_request"),
        (#"{"id":1,"op":"append","messages":[{}]}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[]}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[1]}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":{}}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"if_sequence":7}"#, "conflict"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"if_sequence":-1}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"if_sequence":1.5}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"turn":"t"}"#, "no_turn"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"attempt":1}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"key":""}"#, "bad_request"),
        (#"{"id":1,"op":"append","session":"s","messages":[{}],"durability":"maybe"}"#, "bad_request"),
        (#"{"id":1,"op":"truncate","session":"s","count":1}"#, "bad_request"),
        (#"{"id":1,"op":"set","session":"s","fields":[]}"#, "bad_request"),
        (#"{"id":1,"op":"set","session":"s","fields":{"messages":1}}"#, "bad_request"),
        (#"{"id":1,"op":"set","session":"s","fields":{"hold\u0066ast":1}}"#, "bad_request"),
        (#"{"id":1,"op":"begin_turn","session":"s"}"#, "bad_request"),
        (#"{"id":1,"op":"begin_turn","session":"s","turn":"t","resume":true}"#, "no_turn"),
        (#"{"id":1,"op":"delta","session":"s","data":1}"#, "bad_request"),
        (#"{"id":1,"op":"end_turn","session":"s","turn":"t","status":"completed"}"#, "no_turn"),
        (#"{"id":1,"op":"end_turn","session":"s","turn":"t","status":"odd"}"#, "bad_request"),
        (#"{"id":1,"op":"list","session":"s"}"#, "bad_request"),
        (#"{"id":1,"op":"list","limit":0}"#, "bad_request"),
        (#"{"id":1,"op":"get","session":"s","limit":10001}"#, "bad_request"),
    ])
    func refusals(line: String, code: String) {
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
        let reply = client.call(line)
        #expect(reply.code == code, "\(reply)")
        #expect(reply["id"] == (line.contains(#""id":1"#) ? "1" : "null"))
        #expect(client.call(#"{"id":2,"op":"get","session":"s"}"#)["sequence"] == "1")
    }

    @Test func refusesUnknownAndDoubledFieldsByName() {
        let unknown = client.call(#"{"id":1,"op":"create","session":"s","colour":"red"}"#)
        #expect(unknown["error", "message"]?.contains("colour") == true)
        for (line, names) in [
            (#"{"id":1,"op":"append","sesion":"s","messages":[{}]}"#, ["'sesion'", "'session'"]),
            (#"{"id":1,"op":"append","session":"s","mesages":[{}]}"#, ["'mesages'", "'messages'"]),
            (#"{"id":1,"op":"claim","session":"s","owner":"w","lease":5}"#, ["'lease'", "'lease_ms'"]),
            (#"{"id":1,"opp":"get","session":"s"}"#, ["'opp'", "'op'"]),
            (#"{"id":1,"op":"get","session":7,"sesion":"s"}"#, ["'session'"]),
            (#"{"id":1,"op":"truncate","session":"s","keep":1,"turn":"t"}"#, ["'keep'", "'count'"]),
            (#"{"id":1,"op":"truncate","session":"s","turn":"t"}"#, ["the operation needs the field 'count'"]),
        ] {
            let reply = client.call(line)
            let message = reply["error", "message"] ?? ""
            #expect(reply.code == "bad_request" && names.allSatisfy(message.contains), "\(reply)")
            #expect(!message.contains("'turn'"), "a field that other operations have is not misspelt: \(reply)")
        }
        let doubled = client.call(#"{"id":1,"op":"create","op":"create","session":"s"}"#)
        #expect(doubled["error", "message"]?.contains("twice") == true)
        #expect(client.call(#"{"id":1,"op":"get","session":"s"}"#).code == "unknown_session")
    }

    @Test func anAnswerIsOneLineWhateverWasImported() throws {
        let message = JSON("{\n \"role\":\r\n\"user\",\"content\":\"a\\nb\"}")
        try store.writeBlocking(.create("s", fields: JSON("{\"draft\":{\n\"text\":\"hi\"\n}}")))
        try store.writeBlocking(.append(to: "s", [message]))
        for op in ["get", "list", "pending"] {
            let session = op == "get" ? #","session":"s""# : ""
            let answer = client.call(#"{"id":1,"op":"\#(op)"\#(session)}"#)
            #expect(answer.isOK && !answer.description.contains { $0.isNewline }, "\(op)")
        }
        let got = client.call(#"{"id":1,"op":"get","session":"s"}"#).description
        #expect(got.contains(#"{  "role":  "user","content":"a\nb"}"#) && got.contains(#"{ "text":"hi" }"#))
    }

    @Test func echoesIdsByteForByte() {
        for id in ["1.50", "-0", "1e400", #""\u0041""#, #""é""#, "12345678901234567890123"] {
            #expect(client.call(#"{"op":"flush","id":\#(id)}"#)["id"] == id)
        }
        let refused = client.call(#"{"op":"flush","id":{}}"#)
        #expect(refused.code == "bad_request" && refused["id"] == "null")
    }

    @Test func goesOnAfterLinesThatAreNoRequests() {
        let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
        #expect(client.call(#"{"id":1,"op":"create","session":"s","fields":\#(deep)}"#).code == "bad_request")
        client.send("   ")
        client.refuseLongLine()
        client.send(#"{"id":2,"op":"create","session":"s"}"#)
        let replies = client.wait(for: 3)
        #expect(replies[1].code == "too_large" && replies[1]["id"] == "null")
        #expect(replies[2].isOK)
    }

    @Test func refusesIdsThatAreNotUnicodeByName() {
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
        let begin = #""op":"begin_turn","session":"s","message":{}"#
        for (field, request) in [
            ("session", #""op":"create","session":"\ud800""#),
            ("session", #""op":"get","session":"\udc01""#),
            ("key", #""op":"append","session":"s","messages":[{}],"key":"k\ud800""#),
            ("key", #""op":"append","session":"s","messages":[{}],"key":"k\udc01""#),
            ("turn", #"\#(begin),"turn":"\ud800\u0041""#),
            ("stream", #"\#(begin),"stream":"\udc01""#),
            ("source", #"\#(begin),"source":"\ud800""#),
            ("after", #""op":"list","after":"\ud800""#),
        ] {
            let reply = client.call(#"{"id":1,\#(request)}"#)
            #expect(reply.code == "bad_request", "\(reply)")
            #expect(reply["error", "message"]?.contains("'\(field)'") == true, "\(reply)")
        }
        let whole = #"{"id":1,"op":"append","session":"s","messages":[{"t":"\ud800"}],"key":"\ud83d\ude00"}"#
        #expect(client.call(whole)["sequence"] == "2", "a pair is Unicode, and messages are not looked into")
        #expect(client.call(whole)["sequence"] == "2")
    }

    @Test func conflictNamesTheSequence() {
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
        let reply = client.call(#"{"id":1,"op":"delete","session":"s","if_sequence":9}"#)
        #expect(reply.code == "conflict" && reply["error", "sequence"] == "1")
        #expect(client.call(#"{"id":2,"op":"delete","session":"s","if_sequence":1}"#).isOK)
    }

    @Test func createMakesUpAnId() {
        let reply = client.call(#"{"id":1,"op":"create"}"#)
        #expect(reply.isOK && (reply["session"]?.count ?? 0) == 26)
    }

    @Test func answersComeInOrderWithinASessionOnly() {
        _ = client.call(#"{"id":0,"op":"create","session":"a"}"#)
        _ = client.call(#"{"id":0,"op":"create","session":"b"}"#)
        log.holdingCommits {
            client.send(#"{"id":1,"op":"append","session":"a","messages":[{}]}"#)
            client.send(#"{"id":2,"op":"append","session":"a","messages":[]}"#)
            client.send(#"{"id":3,"op":"append","session":"b","messages":[]}"#)
            client.send(#"{"id":4,"op":"flush"}"#)
            client.send(#"{"id":5,"op":"append","session":"b","messages":[],"turn":"x"}"#)
            let early = client.wait(for: 4).map { $0["id"] }
            #expect(
                early == ["0", "0", "3", "5"], "the refusal of 2 must wait for 1, and 4 for all before it")
        }
        let order = client.finish().compactMap { $0["id"] }
        #expect(order == ["0", "0", "3", "5", "1", "2", "4"])
    }

    @Test func aBarrierWaitsForEveryAnswerBeforeIt() {
        var order = AnswerOrder()
        let (a, b) = (order.add(lane: "a"), order.add(lane: "b"))
        let flush = order.addBarrier()
        let later = order.add(lane: "b")
        #expect(order.fill(flush, with: [3]) == [])
        #expect(order.fill(later, with: [4]) == [])
        #expect(order.fill(b, with: [2]) == [[2], [4]])
        #expect(order.fill(a, with: [1]) == [[1], [3]])
    }

    @Test func aReadInThePipelineSeesWhatCameBeforeItAndNothingElse() {
        client.send(#"{"id":1,"op":"create","session":"a"}"#)
        client.send(#"{"id":2,"op":"append","session":"a","messages":[{"n":1}]}"#)
        client.send(#"{"id":3,"op":"get","session":"a"}"#)
        client.send(#"{"id":4,"op":"append","session":"a","messages":[{"n":2}]}"#)
        client.send(#"{"id":5,"op":"delete","session":"a"}"#)
        let replies = client.finish()
        #expect(replies.map { $0["id"] } == ["1", "2", "3", "4", "5"])
        #expect(replies[2].list("messages") == [#"{"n":1}"#])
    }

    @Test func boundsWhatIsInFlight() throws {
        var limits = ProtocolSession.Limits()
        limits.requests = 4
        let bounded = try Client(store, limits: limits)
        _ = bounded.call(#"{"id":0,"op":"create","session":"s"}"#)
        log.setHeld(true)
        let sender = try Thread.start(name: "sender") {
            for n in 1...200 { bounded.send(#"{"id":\#(n),"op":"append","session":"s","messages":[{}]}"#) }
        }
        #expect(log.mostQueued(within: 200) == 4)
        log.setHeld(false)
        sender.join()
        let replies = bounded.finish()
        #expect(replies.map { $0["id"] } == (0...200).map { "\($0)" })
        #expect(replies.last?["message_count"] == "200")
    }

    @Test func aReadIsNotHeldUpByAnswersThatWaitForIt() throws {
        let message = JSON("{\"text\":\"\(String(repeating: "x", count: 1_500))\"}")
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.append(to: "s", [message]))
        var limits = ProtocolSession.Limits()
        limits.bytes = 3_000
        let (isTaking, answers) = (Monitor(false), Lock<[Reply]>([]))
        let session = try ProtocolSession(store: store, limits: limits) { line in
            isTaking.wait(until: { $0 }) { _ in }
            answers.withLock { $0.append(Reply(String(decoding: line, as: UTF8.self))) }
        }
        let send = { (line: String) in session.handle(line: Array(line.utf8)) }
        // The answer to the first read is not taken, so the second one waits, and the edit behind it becomes durable.
        send(#"{"id":1,"op":"get","session":"s"}"#)
        send(#"{"id":2,"op":"get","session":"s"}"#)
        send(#"{"id":3,"op":"edit","session":"s","index":0,"patch":{"n":1}}"#)
        try log.flush()
        isTaking.withLock { $0 = true }
        isTaking.broadcast()
        let hasEnded = Monitor(false)
        _ = try Thread.start(name: "finisher") {
            session.finish()
            hasEnded.withLock { $0 = true }
            hasEnded.broadcast()
        }
        #expect(hasEnded.wait(until: { $0 }, milliseconds: 10_000) { _, hasEnded in hasEnded })
        #expect(answers.withLock { $0 }.map { $0["id"] } == ["1", "2", "3"])
    }

    @Test func anAnswerIsNextWhenThoseBeforeItInItsLaneHaveGone() {
        var order = AnswerOrder()
        let (first, second, other) = (order.add(lane: "a"), order.add(lane: "a"), order.add(lane: nil))
        let flush = order.addBarrier()
        #expect(order.isNext(first) && !order.isNext(second) && order.isNext(other) && order.isNext(flush))
        _ = order.fill(first, with: [1])
        #expect(order.isNext(second))
    }

    @Test func softWritesAreAnsweredBeforeTheyAreDurable() {
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
        log.holdingCommits {
            let reply = client.call(
                #"{"id":1,"op":"append","session":"s","messages":[{}],"durability":"soon"}"#)
            #expect(reply.isOK && reply["durable"] == "false")
        }
        #expect(client.call(#"{"id":2,"op":"get","session":"s"}"#).list("messages") == ["{}"])
    }
}
