import Holdfast
import HoldfastLog
import HoldfastSimulation
import Testing

/// Titles that only one conversation has.
@Suite struct TitleTests {
    let log = MemoryLog()
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log)
        client = try Client(store)
        for id in ["a", "b", "c"] { try store.writeBlocking(.create(id)) }
    }

    private func title(of id: String, in store: HoldfastStore? = nil) throws -> String {
        try (store ?? self.store).getBlocking(id).fields.description
    }

    private func refusal(_ session: String, _ title: String) throws -> HoldfastError? {
        var mutation = try Mutation.setTitle(session, to: title)
        // One that is not refused must not wait for commits that are held.
        mutation.durability = .soon
        return #expect(throws: HoldfastError.self) { try store.writeBlocking(mutation) }
    }

    /// The outputs of hermes-agent, in its words.
    @Test func titlesAreUniqueAndNumberedAsElsewhere() throws {
        #expect(client.call(#"{"id":1,"op":"set_title","session":"a","title":"  pr\u200boj\n"}"#).isOK)
        #expect(try title(of: "a") == #"{"title":"proj"}"#)
        let taken = client.call(#"{"id":1,"op":"set_title","session":"b","title":"proj"}"#)
        #expect(taken.code == "title_taken" && taken["error", "session"] == #""a""#)
        #expect(taken["error", "message"] == #""Title 'proj' is already in use by session a""#)
        #expect(client.call(#"{"id":1,"op":"next_title","title":"proj"}"#)["title"] == #""proj #2""#)
        #expect(client.call(#"{"id":1,"op":"set_title","session":"b","title":"proj #2"}"#).isOK)
        #expect(client.call(#"{"id":1,"op":"next_title","title":"proj #2"}"#)["title"] == #""proj #3""#)
        #expect(client.call(#"{"id":1,"op":"next_title","title":"other"}"#)["title"] == #""other""#)
        #expect(client.call(#"{"id":1,"op":"find_title","title":"proj"}"#)["session"] == #""b""#)
        #expect(client.call(#"{"id":1,"op":"find_title","title":"proj #1"}"#)["session"] == "null")
        let long = client.call(
            "{\"id\":1,\"op\":\"set_title\",\"session\":\"c\",\"title\":\"\(String(repeating: "x", count: 101))\"}")
        #expect(long.code == "bad_request" && long["error", "message"] == #""Title too long (101 chars, max 100)""#)
        #expect(client.call(#"{"id":1,"op":"set_title","session":"none","title":"x"}"#).code == "unknown_session")
        #expect(client.call(#"{"id":1,"op":"set_title","session":"a","title":" "}"#).isOK)
        #expect(try title(of: "a") == "{}")
        #expect(client.call(#"{"id":1,"op":"set_title","session":"c","title":"proj"}"#).isOK)
        let kept = client.call(#"{"id":1,"op":"set_title","session":"c","title":"new","if_empty":true}"#)
        #expect(kept["unchanged"] == "true")
        #expect(client.call(#"{"id":1,"op":"set_title","session":"a","title":"new","if_empty":true}"#).isOK)
        #expect(try title(of: "a") == #"{"title":"new"}"#)
    }

    @Test func whateverElseGivesOrTakesATitleCounts() throws {
        #expect(try store.nextTitleBlocking(after: "t") == "t")
        try store.writeBlocking(.rename("a", to: "t"))
        #expect(try refusal("b", "t")?.session == "a")
        try store.writeBlocking(.set("a", fields: #"{"title":null}"#))
        try store.writeBlocking(.setTitle("b", to: "t"))
        try store.writeBlocking(.create("d", fields: #"{"title":"u"}"#))
        #expect(try refusal("a", "u")?.session == "d")
        try store.writeBlocking(.delete("d"))
        try store.writeBlocking(.setTitle("a", to: "u"))
        try store.writeBlocking(.branch("a", to: "e"))
        #expect(try refusal("c", "u (fork)")?.session == "e")
        var turn = Mutation.beginTurn(in: "e", turn: "t", message: "{}")
        turn.fields = #"{"title":"v"}"#
        try store.writeBlocking(turn)
        #expect(try refusal("c", "v")?.session == "e")
        try store.writeBlocking(.setTitle("c", to: "u (fork)"))
    }

    @Test func aConversationKeepsItsTitleAcrossRotations() throws {
        try store.writeBlocking(.setTitle("a", to: "trip"))
        try store.writeBlocking(.rotate("a", to: "a2"))
        #expect(try store.sessionBlocking(titled: "trip") == "a2")
        #expect(try store.nextTitleBlocking(after: "trip") == "trip #2")
        #expect(try refusal("b", "trip")?.session == "a2")
        try store.writeBlocking(.rotate("a2", to: "a3", fields: #"{"title":"trip #2"}"#))
        #expect(try store.sessionBlocking(titled: "trip") == "a3")
        // The older ids hold no title: what the conversation gave up anyone may take.
        try store.writeBlocking(.setTitle("b", to: "trip"))
        #expect(try refusal("a3", "trip")?.session == "b")
        let again = try HoldfastStore.testing(log.afterCrash())
        #expect(throws: HoldfastError.self) { try again.writeBlocking(.setTitle("a3", to: "trip")) }
        try again.writeBlocking(.setTitle("b", to: "walk"))
        try again.writeBlocking(.setTitle("c", to: "trip"))
    }

    @Test func ofManyCallersOneGetsTheTitle() async throws {
        for n in 0..<50 { try store.writeBlocking(.create("s\(n)")) }
        for round in 0..<20 {
            let winners = try await withThrowingTaskGroup(of: Int.self) { group in
                for n in 0..<50 {
                    group.addTask { [store] in
                        let mutation = try Mutation.setTitle("s\(n)", to: "title \(round)")
                        do { _ = try await store.write(mutation) } catch let error as HoldfastError {
                            #expect(error.code == .titleTaken)
                            return 0
                        }
                        return 1
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(winners == 1)
        }
    }

    /// Titles that change while they are read for the first time, from many threads.
    @Test func titlesThatChangeWhileTheyAreReadAreKnown() async throws {
        for n in 0..<200 { try store.writeBlocking(.create("s\(n)", fields: JSON("{\"title\":\"old \(n)\"}"))) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<200 {
                group.addTask { [store] in
                    if n == 100 { _ = try await store.nextTitle(after: "x") }
                    for round in 0..<5 { try await store.write(.rename("s\(n)", to: "new \(n) \(round)")) }
                }
            }
            try await group.waitForAll()
        }
        for n in 0..<200 {
            #expect(try store.sessionBlocking(titled: "new \(n) 4") == "s\(n)")
            #expect(try store.sessionBlocking(titled: "new \(n) 3") == nil)
            #expect(try store.sessionBlocking(titled: "old \(n)") == nil)
        }
    }

    @Test func whatWasRefusedTakesNoTitle() throws {
        try store.writeBlocking(.setTitle("a", to: "first"))
        log.setAppendError(LogError(.diskFull, "no room"))
        #expect(try refusal("a", "second")?.code == .diskFull)
        log.setAppendError(nil)
        try store.writeBlocking(.setTitle("b", to: "second"))
        #expect(try refusal("c", "first")?.session == "a")
    }

    /// Until it is durable that a title was given up, a crash may bring it back.
    @Test func aTitleIsFreeWhenThatIsDurable() throws {
        try store.writeBlocking(.setTitle("a", to: "first"))
        var change = try Mutation.setTitle("a", to: "second")
        change.durability = .soon
        try log.holdingCommits {
            try store.writeBlocking(change)
            #expect(try refusal("b", "first")?.session == "a")
            #expect(try refusal("b", "second")?.session == "a")
        }
        try store.flushBlocking()
        try store.writeBlocking(.setTitle("b", to: "first"))
    }

    @Test func aRetryGetsTheFirstAnswerWhoeverHasTheTitleNow() throws {
        var first = try Mutation.setTitle("a", to: "t")
        first.key = "k"
        let answer = try store.writeBlocking(first)
        try store.writeBlocking(.setTitle("a", to: "u"))
        try store.writeBlocking(.setTitle("b", to: "t"))
        #expect(try store.writeBlocking(first) == answer)
        #expect(try title(of: "a") == #"{"title":"u"}"#)
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func titlesSurviveCrashes(commit: CommitMode) throws {
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        for id in ["a", "b"] { try opened.store.writeBlocking(.create(id)) }
        for round in 0..<4 {
            let (owner, other) = round.isMultiple(of: 2) ? ("a", "b") : ("b", "a")
            try opened.store.writeBlocking(.setTitle(other, to: "mine \(round)"))
            try opened.store.writeBlocking(.setTitle(owner, to: "t"))
            opened = try machine.crash(opened, .random(seed: UInt64(round)))
            let mutation = try Mutation.setTitle(other, to: "t")
            let error = #expect(throws: HoldfastError.self) { try opened.store.writeBlocking(mutation) }
            #expect(error?.code == .titleTaken && error?.session == owner)
        }
        try opened.store.close()
    }
}
