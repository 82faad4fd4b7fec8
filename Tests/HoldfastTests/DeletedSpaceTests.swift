import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import Testing

/// What a deleted session leaves on the disk.
@Suite struct DeletedSpaceTests {
    private let long = JSON("{\"role\":\"user\",\"content\":\"" + String(repeating: "secret ", count: 300) + "\"}")

    /// The names and lengths of the files in the folder of `session`.
    private func files(of session: String, on machine: SimulatedMachine) throws -> [String: UInt64] {
        let folder = StoreLayout.sessionFolder(try #require(SessionID(session)))
        var found: [String: UInt64] = [:]
        for entry in try machine.storage.list(folder) {
            found[entry.name] = try machine.byteCount("\(folder)/\(entry.name)")
        }
        return found
    }

    private func isTombstone(_ files: [String: UInt64]) -> Bool {
        files.count == 2 && files.values.reduce(0, +) < 2_000
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func onlyTheTombstoneOfADeletedSessionIsLeft(_ commit: CommitMode) throws {
        let machine = SimulatedMachine(commit: commit)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        for round in 0..<12 {
            try opened.store.writeBlocking(.append(to: "s", [long]))
            if round == 6 { try opened.store.compactBlocking("s") }
        }
        try opened.store.writeBlocking(.delete("s"))
        #expect(try opened.store.compactBlocking() == 1)
        #expect(isTombstone(try files(of: "s", on: machine)))
        for policy in [CrashPolicy.dropAll, .keepAll] {
            opened = try machine.crash(opened, policy)
            #expect(throws: HoldfastError(.sessionDeleted, "the session was deleted; its id stays taken")) {
                try opened.store.writeBlocking(.create("s"))
            }
        }
        try opened.store.close()
        let check = try StoreCheck(machine.storage).run()
        #expect(check.findings.isEmpty)
    }

    @Test func aSessionThatAnotherOneSharesIsGivenBackWithThatOne() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("parent"))
        for _ in 0..<8 { try opened.store.writeBlocking(.append(to: "parent", [long])) }
        try opened.store.writeBlocking(.branch("parent", to: "child"))
        try opened.store.writeBlocking(.delete("parent"))
        try opened.store.compactBlocking()
        #expect(try opened.store.getBlocking("child").messages.count == 8)
        #expect(!isTombstone(try files(of: "parent", on: machine)))
        try opened.store.writeBlocking(.delete("child"))
        // Which waits until the parent knows.
        try opened.store.close()
        opened = try machine.open()
        try opened.store.compactBlocking()
        #expect(isTombstone(try files(of: "parent", on: machine)))
        #expect(isTombstone(try files(of: "child", on: machine)))
        try opened.store.close()
    }

    @Test func aRunningStoreGivesTheSpaceBackByItself() throws {
        let log = MemoryLog()
        let store = try HoldfastStore(log: log, options: StoreOptions())
        try store.writeBlocking(.create("s"))
        try store.writeBlocking(.delete("s"))
        log.awaitSnapshot(of: "s")
        #expect(log.snapshotText(of: "s") != nil)
        try store.close()
    }
}
