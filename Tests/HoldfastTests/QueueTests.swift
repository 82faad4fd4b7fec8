import Holdfast
import HoldfastLog
import HoldfastSimulation
import Testing

/// The queue of messages that wait in a session.
@Suite struct QueueTests {
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

    func enqueue(_ ids: String...) {
        for id in ids { #expect(call("enqueue", #""queued":"\#(id)","message":{"q":"\#(id)"}"#).isOK) }
    }

    func claim(_ more: String = #""lease_ms":1000"#) -> Reply { call("claim", #""owner":"w",\#(more)"#) }

    @Test func `W660 messages queued while a turn runs survive a restart, in order`() throws {
        #expect(call("begin_turn", #""turn":"t","message":{"q":0}"#).isOK)
        enqueue("a", "b")
        #expect(call("enqueue", #""message":{},"attachments":[{"n":1}],"source":"web""#)["queued"]?.count == 26)
        #expect(call("compact").isOK)
        enqueue("c")
        let reopened = try Client(.testing(log.afterCrash(), clock: clock))
        let queue = call("queue", on: reopened).list("queue").map(Reply.init)
        #expect(queue.count == 4)
        #expect(queue[0]["queued"] == #""a""# && queue[1]["message"] == #"{"q":"b"}"#)
        #expect(queue[2]["attachments"] == #"[{"n":1}]"# && queue[2]["source"] == #""web""#)
        #expect(queue.allSatisfy { $0["state"] == #""queued""# && $0["attempts"] == "0" })
    }

    @Test func `a queued message shows in the list of what waits, found by the rows of the index`() throws {
        _ = client.call(#"{"id":0,"op":"create","session":"idle"}"#)
        enqueue("a", "b")
        try store.close()
        clock.now = 3_000
        let reopened = try HoldfastStore.testing(log, clock: clock)
        let page = try reopened.pendingBlocking()
        #expect(page.turns.isEmpty && page.queued.map(\.message.queued) == ["a", "b"])
        #expect(page.queued.map(\.age) == [2_000, 2_000] && page.queued.map(\.session) == ["s", "s"])
        #expect(try reopened.listBlocking(pendingOnly: true).rows.map(\.queued) == [2])
        #expect(try Client(reopened).call(#"{"id":1,"op":"pending"}"#).list("queued").count == 2)
    }

    @Test func aClaimIsGoodForItsLeaseAndThenForTheNext() {
        enqueue("a", "b")
        let first = claim()
        #expect(first["queued"] == #""a""# && first["attempts"] == "1" && first["message"] == #"{"q":"a"}"#)
        #expect(first["expires_at"] == "2000" && first["claim"]?.count == 26)
        #expect(claim()["queued"] == #""b""#)
        #expect(claim().code == "queue_empty")
        #expect(claim(#""queued":"a","lease_ms":1"#).code == "claimed")
        clock.now = 2_000
        let second = claim()
        #expect(second["queued"] == #""a""# && second["attempts"] == "2")
        let late = call("complete", #""queued":"a","claim":\#(first["claim"] ?? "")"#)
        #expect(late.code == "stale_claim", "the first worker was too slow")
        #expect(call("release", #""queued":"a","claim":\#(first["claim"] ?? "")"#).code == "stale_claim")
        #expect(call("complete", #""queued":"a","claim":\#(second["claim"] ?? "")"#).isOK)
    }

    @Test func aClaimExpiresByTheClockAlsoWhenARecordIsFromTheFuture() throws {
        enqueue("a")
        let year: UInt64 = 365 * 24 * 3_600_000
        clock.now += year
        #expect(call("set", #""fields":{"x":1}"#).isOK)
        clock.now -= year
        #expect(claim()["expires_at"] == "2000")
        #expect(claim().code == "queue_empty")
        clock.now = 2_000
        #expect(call("queue").list("queue").map { Reply($0)["state"] } == [#""queued""#])
        #expect(claim()["attempts"] == "2")
        let times = log.records(of: "s").map(\.time)
        #expect(times == times.sorted() && times.last == 1_000 + year, "no record is older than the one before")
        let reopened = try Client(.testing(log.afterCrash(), clock: clock))
        #expect(call("claim", #""owner":"w","lease_ms":1000"#, on: reopened).code == "queue_empty")
        clock.now = 3_000
        #expect(call("claim", #""owner":"w","lease_ms":1000"#, on: reopened)["attempts"] == "3")
    }

    @Test func aClaimOfAClockThatWasAheadIsNotGoodForLonger() {
        enqueue("a")
        clock.now += 365 * 24 * 3_600_000
        #expect(claim().isOK && claim().code == "queue_empty")
        clock.now = 1_000
        #expect(call("queue").list("queue").map { Reply($0)["state"] } == [#""queued""#])
        #expect(claim()["attempts"] == "2")
        // A clock that is set back a little ends no claim, not even the longest.
        #expect(call("edit_queued", #""queued":"a","message":{}"#).code == "claimed")
        clock.now += 1_000
        let week = 7 * 24 * 3_600_000
        #expect(claim(#""lease_ms":\#(week)"#)["attempts"] == "3")
        clock.now -= 500
        #expect(claim().code == "queue_empty")
    }

    @Test func aClaimThatNobodyTookOverIsGoodAfterItsTime() {
        enqueue("a")
        let claim = claim(#""claim":"c","lease_ms":10"#)
        clock.now = 9_000
        #expect(claim.isOK && call("complete", #""queued":"a","claim":"c""#).isOK)
    }

    @Test func theSameClaimAgainRenewsIt() {
        enqueue("a", "b")
        #expect(claim(#""claim":"c","lease_ms":1000"#)["expires_at"] == "2000")
        clock.now = 1_900
        let renewed = claim(#""claim":"c","lease_ms":1000"#)
        #expect(renewed["queued"] == #""a""# && renewed["expires_at"] == "2900" && renewed["attempts"] == "1")
    }

    @Test func `a message is completed once, and its id is used up`() {
        enqueue("a")
        _ = claim(#""claim":"c","lease_ms":1000"#)
        let done = call("complete", #""queued":"a","claim":"c","messages":[{"q":"a"}],"key":"k""#)
        #expect(done["message_count"] == "1")
        #expect(call("complete", #""queued":"a","claim":"c","messages":[{"q":"a"}]"#).code == "not_queued")
        let retry = call("complete", #""queued":"a","claim":"c","messages":[{"q":"a"}],"key":"k""#)
        #expect(retry["sequence"] == done["sequence"])
        #expect(call("get").list("messages") == [#"{"q":"a"}"#])
        #expect(call("enqueue", #""queued":"a","message":{}"#).code == "already_queued")
    }

    @Test func aReleasedMessageKeepsItsPlaceAndItsCount() {
        enqueue("a", "b")
        _ = claim(#""claim":"c","lease_ms":1000"#)
        #expect(call("release", #""queued":"a","claim":"c""#).isOK)
        #expect(call("complete", #""queued":"a","claim":"c""#).code == "stale_claim")
        #expect(claim()["attempts"] == "2")
    }

    @Test func `A80337 a message that was tried too often is left alone`() {
        enqueue("bad", "good")
        for n in 1...3 {
            #expect(claim(#""lease_ms":1,"max_attempts":3"#)["attempts"] == "\(n)")
            clock.now += 1
        }
        #expect(claim(#""lease_ms":1000,"max_attempts":3"#)["queued"] == #""good""#)
        #expect(claim(#""queued":"bad","lease_ms":1,"max_attempts":3"#).code == "attempts_exhausted")
    }

    @Test func aClaimCanBeginATurnInTheSameRecord() throws {
        #expect(call("enqueue", #""queued":"a","message":{"q":"a"},"attachments":[1],"source":"web""#).isOK)
        enqueue("b")
        let begun = call(
            "claim", #""owner":"w","begin_turn":true,"turn":"t","stream":"st","fields":{"model":"m"}"#)
        #expect(begun["turn"] == #""t""# && begun["queued"] == #""a""# && begun["attempts"] == "1")
        #expect(begun["message"] == #"{"q":"a"}"# && begun["sequence"] == "4")
        let state = call("get")
        #expect(state["turn", "attachments"] == "[1]" && state["turn", "source"] == #""web""#)
        #expect(state["turn", "queued"] == #""a""# && state["fields", "model"] == #""m""#)
        #expect(call("queue").list("queue").map { Reply($0)["state"] } == [#""in_flight""#, #""queued""#])
        #expect(claim(#""begin_turn":true"#).code == "turn_open")
        for op in ["complete", "release", "drop_queued"] {
            #expect(call(op, #""queued":"a","claim":\#(begun["claim"] ?? "")"#).code == "turn_open")
        }
        #expect(call("enqueue", #""queued":"a","message":{}"#).code == "already_queued")
        #expect(call("end_turn", #""turn":"t","status":"completed","messages":[{"r":1}]"#)["message_count"] == "2")
        #expect(call("queue").list("queue").map { Reply($0)["queued"] } == [#""b""#])
        #expect(call("enqueue", #""queued":"a","message":{}"#).code == "already_queued", "the turn's end completed it")
        #expect(call("claim", #""owner":"w","begin_turn":true,"turn":"t""#).code == "stale_turn")
    }

    @Test func aMessageCanBeEditedAndDroppedWhileNobodyWorksOnIt() {
        enqueue("a", "b")
        #expect(call("edit_queued", #""queued":"b","message":{"q":"better"}"#).isOK)
        _ = claim(#""claim":"c","lease_ms":1000"#)
        #expect(call("edit_queued", #""queued":"a","message":{}"#).code == "claimed")
        #expect(call("drop_queued", #""queued":"a""#).code == "claimed")
        #expect(call("drop_queued", #""queued":"a","claim":"c""#).isOK, "whoever works on it may drop it")
        #expect(call("edit_queued", #""queued":"a","message":{}"#).code == "not_queued")
        #expect(call("queue").list("queue").map { Reply($0)["message"] } == [#"{"q":"better"}"#])
        #expect(call("drop_queued", #""queued":"none""#).code == "not_queued")
        _ = claim(#""claim":"d","lease_ms":1"#)
        clock.now += 1
        #expect(call("edit_queued", #""queued":"b","message":{}"#).isOK)
        #expect(call("complete", #""queued":"b","claim":"d""#).code == "stale_claim", "it is another message now")
    }

    @Test func theQueueIsBounded() throws {
        let big = JSON("{\"q\":\"\(String(repeating: "x", count: 9 << 20))\"}")
        try store.writeBlocking(.enqueue(in: "s", queued: "big", message: big))
        #expect { try store.writeBlocking(.enqueue(in: "s", message: big)) } throws: {
            ($0 as? HoldfastError)?.code == .queueFull
        }
        for _ in 1..<256 { try store.writeBlocking(.enqueue(in: "s", message: "{}")) }
        #expect { try store.writeBlocking(.enqueue(in: "s", message: "{}")) } throws: {
            ($0 as? HoldfastError)?.code == .queueFull
        }
        try store.writeBlocking(.editQueued("big", in: "s", message: big))
        try store.writeBlocking(.dropQueued("big", in: "s"))
        try store.writeBlocking(.enqueue(in: "s", message: "{}"))
    }

    @Test(arguments: [
        #""op":"enqueue""#, #""op":"enqueue","message":[]"#, #""op":"enqueue","message":{},"attachments":{}"#,
        #""op":"enqueue","message":{},"queued":"""#, #""op":"claim","owner":"w""#, #""op":"claim","lease_ms":1"#,
        #""op":"claim","owner":"w","lease_ms":0"#, #""op":"claim","owner":"w","lease_ms":700000000"#,
        #""op":"complete""#, #""op":"edit_queued","message":{}"#,
        #""op":"claim","owner":"w","begin_turn":true,"lease_ms":1"#,
    ])
    func refusesWhatMakesNoSense(request: String) {
        let reply = client.call(#"{"id":1,"session":"s",\#(request)}"#)
        #expect(reply.code == "bad_request", "\(reply)")
        #expect(call("get")["sequence"] == "1")
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func queuedMessagesAreListedAfterSeveralPowerCuts(commit: CommitMode) throws {
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        for id in ["a", "b", "c", "d"] {
            try opened.store.writeBlocking(.create(id))
            if id == "d" { continue }
            for n in 1...2 { try opened.store.writeBlocking(.enqueue(in: id, queued: "\(id)\(n)", message: "{}")) }
        }
        try opened.store.writeBlocking(.beginQueuedTurn(in: "b", turn: "t", owner: "w"))
        for policy in [CrashPolicy.keepAll, .dropAll, .dropAll] {
            opened = try machine.crash(opened, policy)
            let page = try opened.store.pendingBlocking()
            #expect(page.queued.map(\.message.queued) == ["a1", "a2", "b2", "c1", "c2"])
            #expect(page.turns.map(\.turn.queued) == ["b1"])
            #expect(try opened.store.listBlocking(pendingOnly: true).rows.map(\.queued) == [2, 1, 2])
        }
        try opened.store.close()
    }

    /// Whatever a power cut takes: what was acknowledged is done once, what was not is done once or not at all.
    @Test(arguments: [CommitMode.journal, .segment], 1...3 as ClosedRange<UInt64>)
    func everyMessageIsDoneOnceThroughPowerCuts(commit: CommitMode, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        let ids = (0..<6).map { "q\($0)" }
        for id in ids {
            try opened.store.writeBlocking(.enqueue(in: "s", queued: id, message: JSON("{\"q\":\"\(id)\"}")))
        }
        while try !opened.store.queueBlocking(of: "s").isEmpty {
            let store = opened.store
            let claim = try store.writeBlocking(.claim(in: "s", owner: "w", leaseMilliseconds: 1))
            let queued = try #require(claim.queued), held = try #require(claim.claim)
            let message = try #require(claim.claimed?.message)
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                opened = try machine.crash(opened, .random(seed: random.next()))
                continue
            case 1:
                // Sent and never answered: the power is cut with the record on its way.
                store.submit(.complete(queued, in: "s", claim: held, messages: [message])) { _ in }
                opened = try machine.crash(opened, .random(seed: random.next()))
            case 2: try store.writeBlocking(.release(queued, in: "s", claim: held))
            case 3:
                try store.writeBlocking(.complete(queued, in: "s", claim: held, messages: [message]))
                opened = try machine.crash(opened, .dropAll)
            default: try store.writeBlocking(.complete(queued, in: "s", claim: held, messages: [message]))
            }
        }
        let done = try opened.store.getBlocking("s", Window(limit: 100)).messages.map(\.description)
        #expect(done.sorted() == ids.map { "{\"q\":\"\($0)\"}" }.sorted(), "seed \(seed)")
        try opened.store.close()
    }
}
