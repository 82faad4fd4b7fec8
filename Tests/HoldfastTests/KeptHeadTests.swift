import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

@Suite struct KeptHeadTests {
    private static func heads(_ storage: SimulatedStorage) -> Set<String> {
        Set(storage.contents.keys.filter { $0.hasSuffix("/\(StoreLayout.headName)") })
    }

    /// The same disk without head files.
    private static func withoutHeads(_ storage: SimulatedStorage) throws -> SimulatedStorage {
        let copy = storage.clone()
        for path in heads(copy) { try copy.remove(path) }
        return copy
    }

    private static func text(_ number: Int, byteCount: Int = 1_000) -> JSON {
        JSON("{\"role\":\"user\",\"content\":\"\(number) \(String(repeating: "x", count: byteCount))\"}")
    }

    /// Whatever state a session is in, it is the same whether its head was kept or is folded; and it is kept each time.
    @Test(arguments: [11, 12, 13] as [UInt64], [CommitMode.journal, .segment])
    func aKeptHeadIsTheFoldOfTheRecords(seed: UInt64, commit: CommitMode) throws {
        let clock = TestClock()
        let machine = SimulatedMachine(commit: commit, clock: clock, keptFrom: 0)
        var run = ModelRun()
        for part in 0..<6 {
            let opened = try machine.open()
            run.reopen()
            for step in ModelStep.steps(40, seed: seed &+ UInt64(part) << 32) {
                var random = SeededGenerator(seed: step.seed)
                let number = part * 40 + step.number
                try run.mutate(opened.store, run.session(at: number, &random), number, &random)
                if step.number == 20, part.isMultiple(of: 2) { try opened.store.compactBlocking() }
            }
            try opened.store.close()
            try compare(machine, commit, clock, run)
        }
    }

    private func compare(_ machine: SimulatedMachine, _ commit: CommitMode, _ clock: TestClock, _ run: ModelRun) throws
    {
        let live = run.model.filter { !$0.value.isDeleted }.keys.sorted()
        let kept = Self.heads(machine.storage)
        for id in live {
            let path = StoreLayout.headFile(try #require(SessionID(id)))
            #expect(kept.contains(path), "the head of \(id) is not kept: it would not come back as it is")
        }
        let stores = try [machine.storage.clone(), Self.withoutHeads(machine.storage)].map { storage in
            try SimulatedMachine(commit: commit, clock: clock, keptFrom: .max, storage).open().store
        }
        for store in stores { for id in live { try run.compare(store, id) } }
        for store in stores { try store.close() }
        // What a list shows is made of the head alone.
        let rows = try [machine.storage.clone(), Self.withoutHeads(machine.storage)].map { storage in
            let store = try SimulatedMachine(commit: commit, clock: clock, keptFrom: .max, storage).open().store
            defer { try? store.close() }
            for id in live { _ = try store.getBlocking(id, Window(limit: 0, deltasAfter: 0)) }
            return try store.listBlocking(limit: 1_000).rows.map(\.json.description)
        }
        #expect(rows[0] == rows[1])
    }

    @Test func smallSessionsHaveNoHeadFileAndLongOnesWakeFromOne() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        for id in ["small", "long"] { try opened.store.writeBlocking(.create(id, fields: "{\"title\":\"t\"}")) }
        for number in 0..<200 { try opened.store.writeBlocking(.append(to: "long", [Self.text(number)])) }
        try opened.store.writeBlocking(.append(to: "small", [Self.text(0)]))
        try opened.store.close()
        let path = StoreLayout.headFile(try #require(SessionID("long")))
        #expect(Self.heads(machine.storage) == [path])
        let head = machine.storage.contents[path]

        opened = try machine.open()
        let before = machine.storage.operations.count
        #expect(try opened.store.getBlocking("long", Window(limit: 0)).summary.messageCount == 200)
        let read = machine.storage.operations[before...].filter { $0.kind == .read && $0.path.hasSuffix(".segment") }
        #expect(read.count <= 6)
        let bytes = read.reduce(0) { if case .bytes(let count, _) = $1.detail { $0 + count } else { $0 } }
        #expect(bytes < 4_000)
        // What was appended since is too little for another.
        try opened.store.writeBlocking(.append(to: "long", [Self.text(200)]))
        try opened.store.close()
        #expect(machine.storage.contents[path] == head)
        opened = try machine.open()
        #expect(try opened.store.getBlocking("long", Window(limit: 1_000)).messages.count == 201)
        try opened.store.close()
    }

    @Test func aLongSessionThatIsUsedHasItsHeadKeptNowAndThen() throws {
        let storage = SimulatedStorage()
        var options = StoreOptions()
        options.compaction.busyByteCount = 1 << 40
        let opened = try HoldfastStore.opened(in: storage, options: options)
        try opened.store.writeBlocking(.create("long"))
        let path = StoreLayout.headFile(try #require(SessionID("long")))
        var number = 0
        while storage.contents[path] == nil, number < 500 {
            try opened.store.writeBlocking(.append(to: "long", [Self.text(number, byteCount: 16 << 10)]))
            number += 1
        }
        #expect(number >= 64 && number < 500)
        for _ in 0..<3 {
            try opened.store.writeBlocking(.append(to: "long", [Self.text(number)]))
            number += 1
        }
        let image = storage.processCrash()
        try opened.store.close()
        let again = try HoldfastStore.opened(in: image, options: options)
        let state = try again.store.getBlocking("long", Window(limit: 10_000))
        #expect(state.messages.count == number && state.damage == nil)
        try again.store.close()
    }

    @Test func aSnapshotComesWithAHead() throws {
        let machine = SimulatedMachine()
        let opened = try machine.open()
        try opened.store.writeBlocking(.create("long"))
        for number in 0..<100 { try opened.store.writeBlocking(.append(to: "long", [Self.text(number)])) }
        #expect(Self.heads(machine.storage).isEmpty)
        try opened.store.compactBlocking("long")
        #expect(Self.heads(machine.storage).count == 1)
        let before = machine.storage.contents
        try opened.store.compactBlocking("long")
        #expect(
            machine.storage.contents[Self.heads(machine.storage).first ?? ""]
                == before[Self.heads(machine.storage).first ?? ""])
        let image = machine.storage.processCrash()
        opened.log.abandon()
        let again = try SimulatedMachine(image).open()
        let start = image.operations.count
        #expect(try again.store.getBlocking("long", Window(limit: 0)).summary.messageCount == 100)
        #expect(!image.operations[start...].contains { $0.kind == .read && $0.path.contains("snapshot") })
        try again.store.close()
    }

    @Test func ofADeletedSessionNoHeadStays() throws {
        let machine = SimulatedMachine(keptFrom: 0)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s", fields: "{\"secret\":\"word\"}"))
        try opened.store.close()
        #expect(Self.heads(machine.storage).count == 1)
        opened = try machine.open()
        try opened.store.writeBlocking(.delete("s"))
        try opened.store.compactBlocking("s")
        try opened.store.close()
        #expect(Self.heads(machine.storage).isEmpty)
        opened = try machine.open()
        #expect(throws: HoldfastError.self) { try opened.store.getBlocking("s") }
        try opened.store.close()
        #expect(Self.heads(machine.storage).isEmpty)
    }

    @Test func aDeepCheckHoldsTheHeadAgainstTheRecords() throws {
        let machine = SimulatedMachine(keptFrom: 0)
        let opened = try machine.open()
        try opened.store.writeBlocking(.create("s", fields: "{\"title\":\"right\"}"))
        try opened.store.close()
        let path = StoreLayout.headFile(try #require(SessionID("s")))
        for title in ["right", "wrong"] {
            let file = try #require(HeadFile(decoding: machine.storage.contents[path] ?? []))
            var other = file
            other.head = Array(
                String(decoding: file.head, as: UTF8.self).replacing("right", with: title).utf8)
            let handle = try machine.storage.open(path, .readWrite)
            try handle.write(other.encoded(), at: 0)
            try handle.close()
            let problems = try machine.open()
            #expect(try problems.store.deepCheckBlocking("s").isEmpty == (title == "right"))
            problems.log.abandon()
        }
    }

    @Test func ofASessionWithDamageBeforeItsHeadWhatComesBeforeIsRead() throws {
        let machine = SimulatedMachine(keptFrom: 0)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        // In segments of their own, so that it is known where they stand.
        for number in 0..<20 { try opened.store.writeBlocking(.append(to: "s", [Self.text(number, byteCount: 10)])) }
        try opened.store.close()
        let segment = StoreLayout.segmentFile(try #require(SessionID("s")), 1)
        try machine.flipBit(segment, at: 700)
        opened = try machine.open()
        let state = try opened.store.getBlocking("s", Window(limit: 1_000))
        #expect(state.damage != nil && state.messages.count < 20)
        #expect(state.messages == (0..<state.messages.count).map { Self.text($0, byteCount: 10) })
        try opened.store.close()
    }

    /// A session at the end of a long chain makes its parent's messages its own, in a snapshot of the same record.
    @Test func aHeadFromBeforeAParentsMessagesBecameTheSessionsOwnIsNotGoneOnFrom() throws {
        let machine = SimulatedMachine(keptFrom: 0)
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("p"))
        try opened.store.writeBlocking(.append(to: "p", [Self.text(0, byteCount: 9)]))
        var last = "p"
        for link in 0..<16 {
            try opened.store.writeBlocking(.branch(last, to: "c\(link)"))
            last = "c\(link)"
            try opened.store.writeBlocking(.append(to: last, [Self.text(link + 1, byteCount: 9)]))
        }
        try opened.store.close()
        let path = StoreLayout.headFile(try #require(SessionID(last)))
        let before = try #require(machine.storage.contents[path])
        opened = try machine.open()
        #expect(try opened.store.getBlocking(last).lineage?.sharedMessages == 16)
        try opened.store.writeBlocking(.branch(last, to: "c16"))
        try opened.store.close()
        let after = try #require(machine.storage.contents[path])
        for head in [after, before] {
            let file = try machine.storage.open(path, .create)
            try file.truncate(to: 0)
            try file.write(head, at: 0)
            try file.close()
            opened = try machine.open()
            let state = try opened.store.getBlocking(last, Window(limit: 100))
            #expect(state.messages == (0..<17).map { Self.text($0, byteCount: 9) })
            #expect(state.lineage?.sharedMessages == 0)
            opened.log.abandon()
        }
    }
}
