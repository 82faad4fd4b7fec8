import Holdfast
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// Power cuts at every operation of the disk while sessions are made from others: both records are there, or neither,
/// and nothing that was acknowledged is missing.
@Suite struct ForkCrashTests {
    /// What was acknowledged before a moment.
    private struct Acknowledged: Sendable {
        var branch = false
        var rotation = false
        var end = false
        var deletion = false
    }

    private struct Moment: Sendable {
        var operation: String
        var image: SimulatedStorage
        var acknowledged: Acknowledged
    }

    private static let prompt: JSON = #"{"q":1}"#
    private static let messages: [JSON] = (0..<6).map { JSON("{\"n\":\($0)}") }

    /// Runs `script` on a machine and keeps its disk as it was before each operation.
    private func moments(
        _ commit: CommitMode, _ script: (HoldfastStore, Lock<Acknowledged>) throws -> Void
    ) throws -> [Moment] {
        let machine = SimulatedMachine(commit: commit)
        let acknowledged = Lock(Acknowledged())
        let found = Lock<[Moment]>([])
        let store = try machine.open().store
        try store.writeBlocking(.create("p", fields: #"{"title":"T"}"#))
        try store.writeBlocking(.append(to: "p", Self.messages))
        try store.writeBlocking(.beginTurn(in: "p", turn: "t", message: Self.prompt))
        machine.storage.onOperation { operation, disk in
            let state = acknowledged.withLock { $0 }
            guard operation.kind.changesDisk else { return }
            found.withLock { $0.append(Moment(operation: "\(operation)", image: disk.clone(), acknowledged: state)) }
        }
        try script(store, acknowledged)
        try store.close()
        machine.storage.onOperation(nil)
        let end = Moment(
            operation: "the end", image: machine.storage.clone(), acknowledged: acknowledged.withLock { $0 })
        return found.withLock { $0 } + [end]
    }

    private func forEachCrash(
        _ commit: CommitMode, _ moments: [Moment], _ check: (HoldfastStore, Acknowledged) throws -> Void
    ) throws {
        #expect(moments.count > 20)
        for (index, moment) in moments.enumerated() where !isQuick || index % 4 == 0 {
            let other: CrashPolicy = index.isMultiple(of: 2) ? .keepAll : .random(seed: UInt64(index))
            for policy in [.dropAll, other] {
                let machine = SimulatedMachine(commit: commit, moment.image.crash(policy))
                let opened = try machine.open()
                try check(opened.store, moment.acknowledged)
                // Killed before anybody closes the store, and again.
                let again = try machine.crash(opened, .dropAll)
                try check(again.store, moment.acknowledged)
                try again.store.close()
            }
        }
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func aRotationHappensOrDoesNot(commit: CommitMode) throws {
        let moments = try moments(commit) { store, acknowledged in
            try store.writeBlocking(.rotate("p", to: "q"))
            acknowledged.withLock { $0.rotation = true }
            try store.writeBlocking(.endTurn("t", in: "q", status: .completed))
            acknowledged.withLock { $0.end = true }
            try store.compactBlocking()
        }
        try forEachCrash(commit, moments) { store, acknowledged in
            let old = try store.getBlocking("p")
            #expect(old.messages == Self.messages)
            let hasRotated = old.rotatedTo == "q"
            #expect(hasRotated || !acknowledged.rotation)
            #expect(try store.listBlocking().rows.map(\.summary.session) == (hasRotated ? ["p", "q"] : ["p"]))
            let pending = try store.pendingBlocking().turns
            guard hasRotated else {
                #expect(pending.map(\.session) == ["p"])
                return
            }
            let new = try store.getBlocking("q")
            let hasEnded = new.turn == nil
            #expect(hasEnded || !acknowledged.end)
            #expect(new.messages == Self.messages + (hasEnded ? [Self.prompt] : []))
            #expect(pending.map(\.session) == (hasEnded ? [] : ["q"]))
            #expect(pending.allSatisfy { $0.turn.message == Self.prompt && $0.turn.attempts == 1 })
            #expect(throws: HoldfastError.self) { try store.writeBlocking(.create("q")) }
        }
    }

    @Test(arguments: [CommitMode.journal, .segment])
    func aBranchIsMadeOrIsNot(commit: CommitMode) throws {
        let moments = try moments(commit) { store, acknowledged in
            try store.writeBlocking(.branch("p", to: "c", keep: 4))
            acknowledged.withLock { $0.branch = true }
            try store.compactBlocking()
            try store.writeBlocking(.delete("p"))
            acknowledged.withLock { $0.deletion = true }
            try store.compactBlocking()
        }
        try forEachCrash(commit, moments) { store, acknowledged in
            let names = try store.listBlocking().rows.map(\.summary.session)
            #expect(names.contains("c") || !acknowledged.branch)
            #expect(!names.contains("p") || !acknowledged.deletion)
            guard names.contains("c") else {
                #expect { try store.getBlocking("c") } throws: { ($0 as? HoldfastError)?.code == .unknownSession }
                return
            }
            let child = try store.getBlocking("c")
            #expect(child.messages == Array(Self.messages.prefix(4)) && child.lineage?.parent == "p")
            #expect(try store.pendingBlocking().turns.map(\.session) == (names.contains("p") ? ["p"] : []))
        }
    }

    /// The first two operations that fail, fail for ever: between the records of a rotation too.
    @Test(arguments: [CommitMode.journal, .segment])
    func aFailingDiskLeavesARotationWholeOrUndone(commit: CommitMode) throws {
        for occurrence in 1...12 {
            let machine = SimulatedMachine(commit: commit)
            let opened = try machine.open()
            try opened.store.writeBlocking(.create("p"))
            try opened.store.writeBlocking(.append(to: "p", Self.messages))
            machine.storage.inject(Fault(.io, on: .sync, occurrence: occurrence, isLasting: true))
            let result = try? opened.store.writeBlocking(.rotate("p", to: "q"))
            let later = try machine.crash(opened, .dropAll).store
            let hasRotated = try later.getBlocking("p").rotatedTo == "q"
            #expect(hasRotated || result == nil)
            #expect(try later.listBlocking().rows.count == (hasRotated ? 2 : 1))
            #expect(try later.getBlocking(hasRotated ? "q" : "p").messages == Self.messages)
            try later.close()
        }
    }
}
