import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// After a crash, something stands in the place of a file or a folder that the recovery wants to write to.
@Suite struct BarredTests {
    private func options(seed: UInt64) -> EngineOptions {
        var options = seededOptions(seed: seed)
        options.flushInterval = 1 << 40
        return options
    }

    private let texts = (0..<6).map { message($0, byteCount: 100) }
    private let segment = StoreLayout.segmentFile(id("a"), 1)

    /// A crashed store: of `a` three records are in its segment and `unflushed` in the journal only; `b` has as many.
    private func crashed(unflushed: Int = 3) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(seed: 1), creating: true)
        var (a, b) = (try Appender(log, "a"), try Appender(log, "b"))
        for number in 0..<3 + unflushed {
            if number == 3 { try log.flushToSegments() }
            try a.append(texts[number])
            try b.append("b \(number)")
        }
        if unflushed == 0 { try log.flushToSegments() }
        log.abandon()
        return storage.crash(.keepAll)
    }

    /// What stands where.
    enum Bar: CaseIterable { case folderForSegment, fileForFolder, fileForShard }

    private func path(_ bar: Bar) -> String {
        switch bar {
        case .folderForSegment: segment
        case .fileForFolder: StoreLayout.sessionFolder(id("a"))
        case .fileForShard: StoreLayout.sessionShard(id("a"))
        }
    }

    /// Puts something into the place; answers what undoes it.
    private func set(_ bar: Bar, in storage: SimulatedStorage) throws -> () throws -> Void {
        let path = path(bar)
        try storage.rename(path, "away")
        if bar == .folderForSegment {
            try storage.createDirectory(path)
            return {
                try storage.removeDirectory(path)
                try storage.rename("away", path)
            }
        }
        try storage.open(path, .create).write([1], at: 0)
        return {
            try storage.remove(path)
            try storage.rename("away", path)
        }
    }

    private func salvaged(_ storage: SimulatedStorage) throws -> ReadOnlyLog {
        let target = SimulatedStorage()
        var salvage = SalvageOptions()
        salvage.engine = options(seed: 9)
        _ = try StoreSalvage(from: storage, options: salvage, meaning: BareMeaning()).run(to: target)
        return try ReadOnlyLog(in: target)
    }

    @Test(arguments: Bar.allCases)
    func `an opening goes on, and what it cannot write is kept and known`(bar: Bar) throws {
        let image = try crashed()
        let undo = try set(bar, in: image)
        let planned = try StoreCheck(image).plan()
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(log.recovery.steps == planned.steps && log.recovery.replayedWriteCount == 3)
        let named = log.recovery.findings.filter(\.isDamage)
        #expect(named.map(\.session) == [id("a")] && named[0].reason.contains("'\(named[0].path)'"))
        // Nothing of the other session is lost, and it goes on.
        var b = try Appender(log, "b")
        try b.append("b 6")
        #expect(try payloads(log, "b") == (0...6).map { "b \($0)" })
        #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        try log.close()
        #expect(try StoreCheck(image).run().findings.contains { $0.session == id("a") && $0.isDamage })
        // Without the bar the file is too short, which is known; what it lacks is in quarantine.
        try undo()
        #expect(try StoreCheck(image).run().findings.filter(\.isDamage).map(\.firstSequence) == [4])
        let again = try LocalLog(in: image, options: options(seed: 3))
        let error = #expect(throws: LogError.self) { _ = try again.claim(id("a")) }
        #expect(error?.code == .damaged)
        again.abandon()
        #expect(try payloads(try salvaged(image), "a") == texts)
    }

    @Test(arguments: Bar.allCases)
    func `a last copy that nobody can judge is kept`(bar: Bar) throws {
        let image = try crashed(unflushed: 0)
        _ = try set(bar, in: image)
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(log.recovery.findings.filter(\.isDamage).map(\.session) == [id("a")])
        try log.close()
        #expect(try payloads(try salvaged(image), "a") == Array(texts.prefix(3)))
        #expect(try payloads(try salvaged(image), "b") == ["b 0", "b 1", "b 2"])
    }

    @Test func `a folder that cannot be read is an error of that session`() throws {
        let image = try crashed()
        _ = try set(.fileForFolder, in: image)
        let error = #expect(throws: LogError.self) { _ = try payloads(try ReadOnlyLog(in: image), "a") }
        #expect(error?.code == .damaged && error?.message.contains(path(.fileForFolder)) ?? false)
        #expect(try payloads(try ReadOnlyLog(in: image), "b").count == 6)
    }

    @Test func `where the rights are missing nothing is changed until they are there`() throws {
        let image = try crashed()
        let before = image.contents
        image.inject(Fault(.permission, on: .open, path: segment, isLasting: true))
        #expect(try payloads(try ReadOnlyLog(in: image), "b").count == 6)
        let error = #expect(throws: LogError.self) { _ = try LocalLog(in: image, options: options(seed: 2)) }
        #expect(error?.code == .readOnly && error?.message.contains("'\(segment)'") ?? false)
        #expect(error?.message.contains("check owner and mode") ?? false)
        #expect(image.contents[segment] == before[segment])
        image.clearFaults()
        let log = try LocalLog(in: image, options: options(seed: 3))
        #expect(log.recovery.findings.isEmpty)
        #expect(try payloads(log, "a") == texts)
        try log.close()
    }
}
