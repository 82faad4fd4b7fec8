import Holdfast
import HoldfastSimulation
import Testing

@Suite struct CrashTests {
    @Test(arguments: [CommitMode.journal, .segment])
    func sessionsAndTurnsAreListedAfterSeveralCrashes(commit: CommitMode) throws {
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        for id in ["a", "b", "c"] {
            try opened.store.writeBlocking(.create(id))
            try opened.store.writeBlocking(.beginTurn(in: id, turn: "t", message: #"{"role":"user","content":"hi"}"#))
        }
        for _ in 0..<3 {
            opened = try machine.crash(opened, .keepAll)
            #expect(try opened.store.listBlocking().rows.map(\.summary.session) == ["a", "b", "c"])
            #expect(try opened.store.pendingBlocking().turns.map(\.session) == ["a", "b", "c"])
        }
        // A crash right after the recovery, before anybody has looked at a session.
        for _ in 0..<3 { opened = try machine.crash(opened, .dropAll) }
        #expect(try opened.store.listBlocking().rows.map(\.summary.session) == ["a", "b", "c"])
        #expect(try opened.store.pendingBlocking().turns.map(\.turn.attempts) == [1, 1, 1])
        try opened.store.close()
    }

    @Test func aPromptSurvivesEveryCrashAndIsOverOnce() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        try opened.store.writeBlocking(.beginTurn(in: "s", turn: "t1", message: #"{"role":"user","content":"1"}"#))
        opened = try machine.crash(opened, .dropAll)
        try opened.store.writeBlocking(.resumeTurn("t1", in: "s"))
        opened = try machine.crash(opened, .dropAll)
        #expect(try opened.store.pendingBlocking().turns.map(\.turn.attempts) == [2])
        try opened.store.writeBlocking(
            .endTurn("t1", in: "s", status: .completed, messages: [#"{"role":"assistant","content":"2"}"#]))
        opened = try machine.crash(opened, .dropAll)
        #expect(try opened.store.pendingBlocking().turns.isEmpty)
        #expect(try opened.store.getBlocking("s").messages.count == 2)
        try opened.store.close()
    }
}
