import Holdfast
import HoldfastLog
import Testing

/// How many of a session's messages are the user's: a member of lists, and so known without reading the messages.
@Suite struct UserCountTests {
    private static let user: JSON = #"{"role":"user","content":"q"}"#
    private static let assistant: JSON = #"{"role":"assistant","content":"a","user":"user"}"#
    private let log = MemoryLog()
    private let store: HoldfastStore

    /// Begins with a session of a question, an answer, a question, an answer.
    init() throws {
        store = try .testing(log)
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.append(to: "s", [Self.user, Self.assistant, Self.user, Self.assistant]))
    }

    /// What the list and a read without messages say.
    private func count(_ session: String = "s", in other: HoldfastStore? = nil) throws -> Int? {
        let store = other ?? self.store
        let row = try store.listBlocking().rows.first { $0.summary.session == session }
        let read = try store.getBlocking(session, Window(limit: 0)).summary
        #expect(row?.summary.userMessageCount == read.userMessageCount)
        return read.userMessageCount
    }

    @Test func everyChangeOfTheListIsCounted() throws {
        var contextOnly = Mutation.append(to: "s", [Self.user])
        contextOnly.placement = .context
        var mixed = Mutation.append(to: "s", [Self.user, Self.user, Self.user])
        mixed.placements = [.visible, .context, .both]
        var hidesFromModel = Mutation.compactMessages("s", messages: [Self.user])
        hidesFromModel.placement = .context
        let steps: [(mutation: Mutation, count: Int)] = [
            (.append(to: "s", [Self.user, #"{"ro\u006ce":"us\u0065r"}"#]), 4), (.undoLast("s"), 3),
            (.retryLast("s"), 2),
            (.takeBack("s", keep: 1), 1), (.restore("s"), 2), (.takeBack("s", keep: 2), 1), (.undoLast("s"), 0),
            (.append(to: "s", [Self.user, Self.assistant, Self.user, Self.user, #"{"role":"tool"}"#]), 3),
            (.truncate("s", keep: 4), 3), (.truncate("s", keep: 1), 1), (contextOnly, 1), (mixed, 3),
            (.edit("s", at: 0, message: Self.assistant), 2), (.edit("s", at: 0, patch: #"{"role":"user"}"#), 3),
            (.edit("s", at: 0, message: Self.user), 3), (.edit("s", at: 1, in: .context, message: Self.assistant), 3),
            (hidesFromModel, 3), (.compactMessages("s", messages: [Self.assistant, Self.user]), 1),
            (.replace("s", messages: [Self.user, Self.user]), 2), (.set("s", fields: #"{"role":"user"}"#), 2),
            (.clear("s"), 0), (.append(to: "s", [Self.user]), 1),
        ]
        for (step, (mutation, expected)) in steps.enumerated() {
            try store.writeBlocking(mutation)
            #expect(try count() == expected, "step \(step)")
            if step.isMultiple(of: 3) { try store.compactBlocking() }
        }
        let reopened = try HoldfastStore.testing(log.afterCrash(), recovering: ["s"])
        #expect(try count(in: reopened) == 1)
    }

    @Test func aPromptIsCountedWhenItJoinsTheList() throws {
        try store.writeBlocking(.beginTurn(in: "s", turn: "t", message: Self.user))
        #expect(try count() == 2)
        try store.writeBlocking(.endTurn("t", in: "s", status: .completed, messages: [Self.assistant]))
        #expect(try count() == 3)
        try store.writeBlocking(.beginTurn(in: "s", turn: "u", message: Self.user))
        let reopened = try HoldfastStore.testing(log.afterCrash(), recovering: ["s"])
        try reopened.writeBlocking(.materialise(in: "s", cause: .processRestart))
        #expect(try count(in: reopened) == 4)
    }

    @Test func aForkCountsWhatItShares() throws {
        try store.writeBlocking(.takeBack("s", keep: 3))
        for keep in 0...3 { try store.writeBlocking(.branch("s", to: "b\(keep)", keep: keep)) }
        for (keep, expected) in [0, 1, 1, 2].enumerated() { #expect(try count("b\(keep)") == expected) }
        try store.writeBlocking(.duplicate("b3", to: "copy"))
        try store.writeBlocking(.rotate("copy", to: "turned"))
        try store.writeBlocking(.rotate("s", to: "summed", messages: [Self.assistant, Self.user, Self.user]))
        let reopened = try HoldfastStore.testing(log.afterCrash(), recovering: ["s"])
        for store in [store, reopened] {
            #expect(try count("copy", in: store) == 2 && count("turned", in: store) == 2)
            #expect(try count("summed", in: store) == 2 && count("s", in: store) == 2)
        }
        try reopened.writeBlocking(.undoLast("turned"))
        try reopened.compactBlocking("turned")
        #expect(try count("turned", in: reopened) == 1 && count("b3", in: reopened) == 2)
    }

    @Test(arguments: [
        (4, #"{"count":3,"context_count":3}"#), (2, #"{"fields":{},"touch":false,"lost":true}"#),
        (10, #"{"index":0,"message":{"role":"user"}}"#),
    ])
    func whatRecordsDoNotSayIsLeftOutUntilTheListBeginsAnew(kind: UInt8, payload: String) throws {
        let older = log.afterCrash()
        older.addRecord(to: "s", kind: kind, payload: Array(payload.utf8))
        let store = try HoldfastStore.testing(older)
        try store.writeBlocking(.append(to: "s", [Self.user]))
        try store.compactBlocking("s")
        #expect(try count(in: store) == nil)
        let answer = try Client(store).call(#"{"id":1,"op":"get","session":"s","limit":0}"#)
        #expect(answer.isOK && answer["user_message_count"] == nil)
        try store.writeBlocking(.branch("s", to: "b", keep: 1))
        #expect(try count("b", in: store) == 1, "what a branch begins with is read anyway")
        try store.writeBlocking(.replace("s", messages: [Self.user, Self.assistant]))
        #expect(try count(in: store) == 1)
    }

    @Test func messagesThatCannotBeReadStopNoChange() throws {
        try store.writeBlocking(.branch("s", to: "cut"))
        try store.writeBlocking(.branch("s", to: "edited"))
        let damaged = log.afterCrash()
        damaged.damageRecord(of: "s", at: 1)
        let store = try HoldfastStore.testing(damaged)
        #expect(try count("cut", in: store) == 2)
        try store.writeBlocking(.truncate("cut", keep: 3))
        try store.writeBlocking(.edit("edited", at: 0, message: Self.assistant))
        #expect(try count("cut", in: store) == nil && count("edited", in: store) == nil)
        try store.writeBlocking(.clear("cut"))
        #expect(try count("cut", in: store) == 0)
    }
}
