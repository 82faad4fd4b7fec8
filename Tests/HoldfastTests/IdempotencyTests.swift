import Holdfast
import HoldfastLog
import Testing

@Suite struct IdempotencyTests {
    let log = MemoryLog()
    let client: Client

    init() throws {
        client = try Client(.testing(log))
        _ = client.call(#"{"id":0,"op":"create","session":"s"}"#)
    }

    func append(_ key: String, on client: Client? = nil) -> Reply {
        (client ?? self.client).call(#"{"id":1,"op":"append","session":"s","messages":[{}],"key":"\#(key)"}"#)
    }

    @Test func aRetryGetsTheFirstAnswerAndChangesNothing() {
        let first = append("k")
        _ = append("other")
        #expect(append("k").description == first.description)
        #expect(client.call(#"{"id":2,"op":"get","session":"s"}"#)["message_count"] == "2")
    }

    @Test func aRetryIsAnsweredBeforeConditionsAreChecked() {
        let line = #"{"id":1,"op":"delete","session":"s","if_sequence":1,"key":"k"}"#
        let first = client.call(line)
        #expect(first.isOK)
        #expect(client.call(line).description == first.description, "though the session is deleted by now")
    }

    @Test func aRetryWaitsForTheFirstToBeDurable() {
        log.holdingCommits {
            client.send(
                #"{"id":1,"op":"append","session":"s","messages":[{}],"key":"k","durability":"soon"}"#)
            client.send(#"{"id":2,"op":"append","session":"s","messages":[{}],"key":"k"}"#)
            #expect(client.wait(for: 2).count == 2, "only the create and the soft append")
        }
        let replies = client.finish()
        #expect(replies[1]["durable"] == "false")
        #expect(replies[2]["sequence"] == "2" && replies[2]["durable"] == nil)
        #expect(log.records(of: "s").count == 2)
    }

    @Test func aRetryOfAWriteThatFailedFails() {
        log.setHeld(true)
        client.send(#"{"id":1,"op":"append","session":"s","messages":[{}],"key":"k"}"#)
        client.send(#"{"id":2,"op":"append","session":"s","messages":[{}],"key":"k"}"#)
        log.failNextCommit(LogError(.failed, "broken"))
        log.setHeld(false)
        let replies = client.wait(for: 3)
        #expect(replies[1].code == "failed" && replies[2].code == "failed")
        #expect(append("k")["sequence"] == "2", "nothing was kept, so the key is free")
    }

    @Test func keysSurviveACrashAndASnapshot() throws {
        let first = append("k")
        _ = client.call(#"{"id":1,"op":"compact","session":"s"}"#)
        let second = append("l")
        let survivor = try Client(.testing(log.afterCrash()))
        #expect(append("k", on: survivor).description == first.description)
        #expect(append("l", on: survivor).description == second.description)
    }

    @Test func aMadeUpTurnIsTheSameInTheRetry() {
        let line = #"{"id":1,"op":"begin_turn","session":"s","message":{},"key":"k"}"#
        let first = client.call(line)
        #expect(first["turn"] != nil && client.call(line).description == first.description)
    }

    @Test func aKeyBelongsToOneOperation() {
        _ = append("k")
        #expect(client.call(#"{"id":1,"op":"delete","session":"s","key":"k"}"#).code == "bad_request")
    }

    @Test func onlyTheNewest256KeysAreKnown() {
        for n in 0...256 { _ = append("k\(n)") }
        #expect(append("k1")["message_count"] == "2")
        #expect(append("k0")["message_count"] == "258", "pushed out, so it counts as new")
    }
}
