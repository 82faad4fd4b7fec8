import Holdfast
import HoldfastLog
import Testing

/// Rotations, branches and copies on a log in memory.
@Suite struct LineageTests {
    let log = MemoryLog()
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log)
        client = try Client(store)
        try store.writeBlocking(.create("p", fields: #"{"title":"Trip","pinned":true,"n":1.0}"#))
        try store.writeBlocking(.append(to: "p", (0..<10).map(Self.message)))
    }

    static func message(_ number: Int) -> JSON { JSON("{\"n\":\(number)}") }

    func messages(_ session: String, in store: HoldfastStore? = nil) throws -> [Int] {
        let messages = try (store ?? self.store).getBlocking(session, Window(limit: 10_000)).messages
        return messages.map { Int($0.description.filter(\.isNumber)) ?? -1 }
    }

    func refusal(_ mutation: Mutation) -> HoldfastError? {
        #expect(throws: HoldfastError.self) { try store.writeBlocking(mutation) }
    }

    // MARK: Branches and copies

    @Test func aBranchBeginsWithTheMessagesUpToItsPoint() throws {
        let reply = client.call(#"{"id":1,"op":"branch","session":"p","new_session":"c","count":4}"#)
        #expect(reply["new_session"] == #""c""# && reply["sequence"] == "3" && reply["message_count"] == "10")
        try store.writeBlocking(.append(to: "c", [Self.message(70)]))
        try store.writeBlocking(.append(to: "p", [Self.message(10)]))
        #expect(try messages("c") == [0, 1, 2, 3, 70])
        #expect(try messages("p") == Array(0...10))
        let child = client.call(#"{"id":1,"op":"get","session":"c","from":3,"limit":1}"#)
        #expect(child["message_count"] == "5" && child.list("messages") == [#"{"n":3}"#] && child["next"] == "4")
        #expect(
            child["fields"]
                == #"{"title":"Trip (fork)","pinned":false,"n":1.0,"parent_session_id":"p","session_source":"fork"}"#)
        #expect(child["lineage"] == #"{"kind":"branch","parent":"p","sequence":2,"shared":4}"#)
        #expect(client.call(#"{"id":1,"op":"get","session":"p"}"#)["fields", "pinned"] == "true")
    }

    @Test func aCopyHasEverythingButThePin() throws {
        try store.writeBlocking(.duplicate("p", to: "c", fields: #"{"n":2}"#))
        #expect(try messages("c") == Array(0..<10))
        #expect(try store.getBlocking("c").fields == #"{"title":"Trip (copy)","pinned":false,"n":2}"#)
    }

    @Test func aSessionWithoutATitleIsCopiedAsUntitled() throws {
        try store.writeBlocking(.create("bare"))
        try store.writeBlocking(.duplicate("bare", to: "c"))
        #expect(try store.getBlocking("c").fields == #"{"title":"Untitled (copy)"}"#)
    }

    @Test func whatIsSharedIsNotInTheRecordsOfTheBranch() throws {
        let long = JSON("{\"t\":\"\(String(repeating: "x", count: 100_000))\"}")
        for _ in 0..<20 { try store.writeBlocking(.append(to: "p", [long])) }
        try store.writeBlocking(.branch("p", to: "c"))
        try store.writeBlocking(.append(to: "c", [Self.message(70)]))
        try store.compactBlocking("c")
        #expect(log.records(of: "p").last.map { $0.payload.count < 200 } == true)
        #expect(log.snapshotText(of: "c").map { $0.utf8.count < 1_000 } == true)
        #expect(try store.getBlocking("c", Window(from: 29, limit: 2)).messages == [long, Self.message(70)])
    }

    @Test func branchesOutliveSnapshotsTrimmingAndRestarts() throws {
        try store.writeBlocking(.branch("p", to: "c", keep: 7))
        try store.writeBlocking(.truncate("p", keep: 2))
        for round in 0..<3 {
            try store.writeBlocking(.append(to: "p", [Self.message(100 + round)]))
            try store.writeBlocking(.append(to: "c", [Self.message(200 + round)]))
            try store.compactBlocking()
        }
        let expected = Array(0..<7) + [200, 201, 202]
        #expect(try messages("c") == expected)
        try store.writeBlocking(.truncate("c", keep: 3))
        try store.compactBlocking("c")
        #expect(try messages("c") == [0, 1, 2])
        let reopened = try HoldfastStore.testing(log.afterCrash())
        #expect(try messages("c", in: reopened) == [0, 1, 2])
        #expect(try messages("p", in: reopened) == [0, 1, 100, 101, 102])
    }

    @Test func chainsOfBranchesReadThroughAllOfThem() throws {
        var expected = Array(0..<10)
        var name = "p"
        for link in 0..<40 {
            expected = Array(expected.dropLast()) + [100 + link, 200 + link]
            let next = "c\(link)"
            try store.writeBlocking(.branch(name, to: next, keep: expected.count - 2))
            try store.writeBlocking(.append(to: next, [Self.message(100 + link), Self.message(200 + link)]))
            name = next
            #expect(try messages(name) == expected)
        }
        try store.compactBlocking()
        let reopened = try HoldfastStore.testing(log.afterCrash())
        #expect(try messages(name, in: reopened) == expected)
        let opening = log.snapshotText(of: "c30").map { String($0.prefix(600)) } ?? ""
        #expect(!opening.isEmpty && !opening.contains(#""depth":17"#), "\(opening)")
    }

    @Test func aSnapshotThatTakesInTheParentsMessagesIsReadAsItIs() throws {
        var expected = Array(0..<10)
        var name = "p"
        for link in 0..<16 {
            try store.writeBlocking(.branch(name, to: "c\(link)"))
            name = "c\(link)"
            try store.writeBlocking(.append(to: name, [Self.message(100 + link), Self.message(200 + link)]))
            expected += [100 + link, 200 + link]
        }
        try store.compactBlocking(name)
        #expect(try messages(name) == expected)
        // Too long a chain: the parent's messages become its own, in a snapshot of the same record.
        try store.writeBlocking(.branch(name, to: "c16"))
        #expect(try messages(name) == expected)
        for more in 0..<2 {
            try store.writeBlocking(.append(to: name, [Self.message(300 + more)]))
            expected.append(300 + more)
            try store.compactBlocking(name)
            #expect(try messages(name) == expected)
        }
        #expect(try messages(name, in: try HoldfastStore.testing(log.afterCrash())) == expected)
    }

    // MARK: What is kept for whom

    @Test func aDeletedParentIsHiddenAndKeptAsLongAsItIsNeeded() throws {
        try store.writeBlocking(.branch("p", to: "c", keep: 5))
        try store.writeBlocking(.branch("c", to: "g"))
        try store.writeBlocking(.delete("p"))
        try store.writeBlocking(.delete("c"))
        try store.compactBlocking()
        #expect(try store.listBlocking().rows.map(\.summary.session) == ["g"])
        #expect(try messages("g") == Array(0..<5))
        #expect(refusal(.branch("p", to: "x"))?.code == .sessionDeleted)
        try store.writeBlocking(.delete("g"))
        try store.close()
        let reopened = try HoldfastStore.testing(log.afterCrash())
        try reopened.compactBlocking()
    }

    @Test func theLastBranchThatGoesFreesTheParent() throws {
        try store.writeBlocking(.branch("p", to: "c"))
        try store.compactBlocking()
        try store.writeBlocking(.append(to: "p", [Self.message(1)]))
        try store.compactBlocking("p")
        #expect(log.records(of: "p").first?.sequence == 1, "from before the branch on nothing is trimmed")
        try store.writeBlocking(.delete("c"))
        try store.close()
        #expect(log.records(of: "p").last?.kind == 24, "the pin is taken out")
        let reopened = try HoldfastStore.testing(log)
        try reopened.compactBlocking("p")
        #expect(log.records(of: "p").isEmpty && log.snapshotText(of: "p")?.contains("pins") == false)
    }

    @Test func aPinThatWasNotTakenOutHoldsNothing() throws {
        try store.writeBlocking(.branch("p", to: "c"))
        try store.writeBlocking(.delete("c"))
        try store.flushBlocking()
        try store.compactBlocking("p")
        // The record that takes the pin out is written in the background, and may come after the snapshot.
        #expect(log.records(of: "p").allSatisfy { $0.kind == 24 })
    }

    @Test func damageOfTheParentIsNamedAndConcernsTheSharedMessagesOnly() throws {
        try store.writeBlocking(.branch("p", to: "c", keep: 5))
        try store.writeBlocking(.append(to: "c", [Self.message(70)]))
        log.damageRecord(of: "p", at: 1)
        let reopened = try HoldfastStore.testing(log.afterCrash())
        let error = #expect(throws: HoldfastError.self) { try reopened.getBlocking("c") }
        #expect(
            error?.code == .damaged && error?.message.contains("session 'p'") == true, "\(String(describing: error))")
        #expect(try reopened.getBlocking("c", Window(from: 5)).messages == [Self.message(70)])
        #expect(try reopened.writeBlocking(.append(to: "c", [Self.message(71)])).messageCount == 7)
        #expect(try reopened.compactBlocking("c") == 1)
        #expect(try reopened.getBlocking("c", Window(from: 5)).messages == [Self.message(70), Self.message(71)])
    }

    // MARK: Rotations

    @Test func aRotationTakesTheConversationToItsNewID() throws {
        var first = Mutation.append(to: "p", [Self.message(10)])
        first.key = "k"
        try store.writeBlocking(first)
        let reply = client.call(
            #"{"id":1,"op":"rotate","session":"p","new_session":"q","fields":{"n":2},"old_fields":{"archived":true}}"#)
        #expect(reply["new_session"] == #""q""#)
        #expect(try messages("q") == Array(0...10))
        let new = client.call(#"{"id":1,"op":"get","session":"q"}"#)
        #expect(new["fields"] == #"{"title":"Trip","pinned":true,"n":2,"parent_session_id":"p"}"#)
        #expect(new["lineage"] == #"{"kind":"rotate","parent":"p","sequence":3,"shared":11,"root":"p"}"#)
        let old = client.call(#"{"id":1,"op":"get","session":"p"}"#)
        #expect(old["rotated_to"] == #""q""# && old.list("messages").count == 11)
        #expect(old["fields"] == #"{"title":"Trip","pinned":false,"n":1.0,"archived":true}"#)
        let late = client.call(#"{"id":1,"op":"append","session":"p","messages":[{}]}"#)
        #expect(late.code == "rotated" && late["error", "new_session"] == #""q""#)
        first.session = "q"
        #expect(try store.writeBlocking(first).sequence == 3, "a retry under the new id is the same write")
        #expect(try messages("q").count == 11)
        try store.writeBlocking(.rotate("q", to: "r"))
        #expect(try store.getBlocking("r").lineage?.root == "p")
    }

    @Test func theOpenTurnAndItsFenceMoveAlong() throws {
        try store.writeBlocking(.beginTurn(in: "p", turn: "old", message: #"{"q":0}"#))
        try store.writeBlocking(.endTurn("old", in: "p", status: .completed, keepsMessage: false))
        try store.writeBlocking(.beginTurn(in: "p", turn: "t", message: #"{"q":1}"#, stream: "st"))
        for n in 1...3 { try store.writeBlocking(.delta(of: "t", in: "p", JSON("\(n)"))) }
        var rotate = Mutation.rotate("p", to: "q", messages: [#"{"n":99}"#])
        rotate.turn = "t"
        try store.writeBlocking(rotate)
        #expect(try store.pendingBlocking().turns.map(\.session) == ["q"])
        try store.writeBlocking(.delta(of: "t", in: "q", "4"))
        func deltas() throws -> [String]? {
            try store.getBlocking("q", Window(deltasAfter: 1)).deltas?.map { "\($0.number):\($0.data)" }
        }
        #expect(try deltas() == ["2:2", "3:3", "4:4"])
        try store.compactBlocking()
        #expect(try deltas() == ["2:2", "3:3", "4:4"])
        let late = refusal(.endTurn("t", in: "p", status: .completed))
        #expect(late?.code == .rotated && late?.newSession == "q")
        #expect(refusal(.endTurn("old", in: "q", status: .failed))?.code == .staleTurn)
        try store.writeBlocking(.endTurn("t", in: "q", status: .completed, messages: [#"{"n":100}"#]))
        #expect(try messages("q") == [99, 1, 100])
        try store.writeBlocking(.rotate("q", to: "r"))
        #expect(try store.getBlocking("r").turn == nil)
    }

    @Test func twoRotationsInOneTurnKeepItsDeltas() throws {
        try store.writeBlocking(.beginTurn(in: "p", turn: "t", message: #"{"q":1}"#))
        for (name, next) in [("p", "q"), ("q", "r")] {
            try store.writeBlocking(.delta(of: "t", in: name, JSON("\"\(name)\"")))
            try store.writeBlocking(.rotate(name, to: next, messages: []))
        }
        try store.writeBlocking(.delta(of: "t", in: "r", #""r""#))
        try store.flushBlocking()
        let reopened = try HoldfastStore.testing(log.afterCrash())
        let state = try reopened.getBlocking("r", Window(deltasAfter: 0))
        #expect(state.deltas?.map(\.data) == [#""p""#, #""q""#, #""r""#])
    }

    @Test func aRotationIsRefusedByItsConditions() throws {
        try store.writeBlocking(.create("there"))
        try store.writeBlocking(.create("gone"))
        try store.writeBlocking(.delete("gone"))
        #expect(refusal(.rotate("p", to: "there"))?.code == .sessionExists)
        #expect(refusal(.rotate("p", to: "gone"))?.code == .sessionDeleted)
        #expect(refusal(.rotate("p", to: "p"))?.code == .badRequest)
        #expect(refusal(.rotate("none", to: "x"))?.code == .unknownSession)
        #expect(refusal(.branch("p", to: "x", keep: 11))?.code == .badRequest)
        #expect(refusal(.branch("p", to: "x", fields: #"{"messages":[]}"#))?.code == .badRequest)
        var stale = Mutation.rotate("p", to: "x")
        stale.ifSequence = 1
        #expect(refusal(stale)?.code == .conflict)
        #expect(client.call(#"{"id":1,"op":"begin","session":"x"}"#).code == "unknown_operation")
        #expect(throws: HoldfastError.self) { try store.getBlocking("x") }
        #expect(try store.writeBlocking(.create("x")).sequence == 1)
    }

    @Test func aRetryGetsTheFirstAnswer() throws {
        var branch = Mutation.branch("p")
        branch.key = "k"
        let first = try store.writeBlocking(branch)
        #expect(first.newSession?.utf8.count == 24)
        #expect(try store.writeBlocking(branch) == first)
        try store.compactBlocking("p")
        let reopened = try HoldfastStore.testing(log.afterCrash())
        #expect(try reopened.writeBlocking(branch) == first)
        #expect(try reopened.listBlocking().rows.count == 2)
    }

    @Test func rotationsAcrossEachOtherEnd() async throws {
        try store.writeBlocking(.create("q"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<200 {
                group.addTask { [store] in
                    let (a, b) = n.isMultiple(of: 2) ? ("p", "q") : ("q", "p")
                    _ = try? await store.write(n % 4 < 2 ? .rotate(a, to: b) : .branch(a, to: b))
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.getBlocking("p").rotatedTo == nil)
    }

    // MARK: Half done

    @Test func aFullDiskBetweenTheTwoRecordsIsMadeUpForLater() throws {
        log.failAppends(after: 1, with: LogError(.diskFull, "no room"))
        // The first record is there: this is no refusal without effect, and a retry under the same key gets the answer.
        var rotate = Mutation.rotate("p", to: "q")
        rotate.key = "k"
        #expect(refusal(rotate)?.code == .failed)
        #expect(refusal(.append(to: "p", ["{}"]))?.code == .diskFull)
        log.setAppendError(nil)
        #expect(try store.writeBlocking(rotate).newSession == "q")
        #expect(try store.writeBlocking(.append(to: "q", [Self.message(70)])).sequence == 2)
        #expect(try messages("q") == Array(0..<10) + [70])
        #expect(refusal(.append(to: "p", ["{}"]))?.code == .rotated)
    }

    @Test func aCrashBetweenTheTwoRecordsIsMadeUpForByTheNextOpening() throws {
        log.failAppends(after: 1, with: LogError(.diskFull, "no room"))
        #expect(refusal(.branch("p", to: "c", keep: 3))?.code == .failed)
        log.setAppendError(nil)
        let survivor = log.afterCrash()
        #expect(survivor.records(of: "c").isEmpty)
        let reopened = try HoldfastStore.testing(survivor, recovering: ["p"])
        #expect(survivor.records(of: "c").count == 1)
        #expect(throws: HoldfastError.self) { try reopened.writeBlocking(.create("c")) }
        #expect(try messages("c", in: reopened) == [0, 1, 2])
    }
}
