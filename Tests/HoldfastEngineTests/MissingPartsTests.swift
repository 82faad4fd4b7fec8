import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// Stores of which whole files and folders are gone, or stand in each other's places.
@Suite struct MissingPartsTests {
    private func options(_ mode: SegmentHeader.CommitMode = .journal, seed: UInt64 = 1) -> EngineOptions {
        var options = seededOptions(mode, seed: seed)
        options.flushInterval = 1 << 40
        return options
    }

    private func store(_ mode: SegmentHeader.CommitMode = .journal, isClosed: Bool = true) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(mode), creating: true)
        for session in ["a", "b", "c"] {
            var appender = try Appender(log, session)
            for number in 0..<3 { try appender.append("\(session) \(number)") }
        }
        if isClosed { try log.close() } else { log.abandon() }
        return storage.crash(.keepAll)
    }

    private func remove(_ storage: SimulatedStorage, _ folder: String) throws {
        for entry in try storage.list(folder) {
            let path = "\(folder)/\(entry.name)"
            if entry.isDirectory { try remove(storage, path) } else { try storage.remove(path) }
        }
        try storage.removeDirectory(folder)
    }

    private func removeIndex(_ storage: SimulatedStorage) throws {
        for path in storage.contents.keys where path.hasPrefix("index") { try storage.remove(path) }
    }

    /// What checking finds, with nothing changed.
    private func check(_ storage: SimulatedStorage) throws -> StoreCheck.Report {
        let before = storage.contents
        let report = try StoreCheck(storage).run()
        #expect(storage.contents == before)
        return report
    }

    private func salvage(_ storage: SimulatedStorage) throws -> (report: SalvageReport, log: ReadOnlyLog) {
        let (before, target) = (storage.contents, SimulatedStorage())
        var salvage = SalvageOptions()
        salvage.engine = options(seed: 9)
        let report = try StoreSalvage(from: storage, options: salvage, meaning: BareMeaning()).run(to: target)
        #expect(storage.contents == before)
        return (report, try ReadOnlyLog(in: target))
    }

    @Test func `without store.json everything can be looked at, and the loss is named`() throws {
        let storage = try store()
        try storage.remove(StoreLayout.storeFile)
        #expect(try check(storage).findings.map(\.path) == [StoreLayout.storeFile])
        let inspector = try StoreInspector(storage)
        #expect(inspector.sessions() == [id("a"), id("b"), id("c")] && inspector.info.createdAt == 0)
        #expect(try payloads(try ReadOnlyLog(in: storage), "b") == ["b 0", "b 1", "b 2"])
        #expect(throws: LogError.self) { _ = try LocalLog(in: storage, options: options(seed: 2)) }
    }

    @Test func `a folder in which no file says which store it is is none`() throws {
        let storage = SimulatedStorage()
        _ = try storage.createDirectory("journal")
        #expect(throws: LogError.self) { _ = try StoreCheck(storage) }
    }

    @Test func `without its folder the journal is named as lost, also by an opening, which goes on`() throws {
        let storage = try store()
        try remove(storage, StoreLayout.journalFolder)
        #expect(try check(storage).findings.map(\.path) == [StoreLayout.journalFolder])
        #expect(try payloads(try ReadOnlyLog(in: storage), "b") == ["b 0", "b 1", "b 2"])
        let log = try LocalLog(in: storage, options: options(seed: 2))
        #expect(log.recovery.hasCommittedDamage)
        var a = try Appender(log, "a")
        try a.append("and on")
        try log.close()
        #expect(try check(storage).findings.filter(\.isDamage).isEmpty)
    }

    @Test func `without their folder all sessions are named as lost, and new ones are taken`() throws {
        let storage = try store()
        try remove(storage, StoreLayout.sessionsFolder)
        let findings = try check(storage).findings
        #expect(findings.filter { $0.path == StoreLayout.sessionsFolder }.count == 1)
        #expect(Set(findings.compactMap(\.session)) == [id("a"), id("b"), id("c")])
        let error = #expect(throws: LogError.self) { _ = try payloads(try ReadOnlyLog(in: storage), "a") }
        #expect(error?.code == .damaged)
        let log = try LocalLog(in: storage, options: options(seed: 2))
        #expect(log.recovery.hasCommittedDamage)
        #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        var new = try Appender(log, "new")
        try new.append("text")
        try log.close()
        #expect(try payloads(try ReadOnlyLog(in: storage), "new") == ["text"])
    }

    @Test(arguments: [false, true])
    func `when the index has gone with all sessions, the journal knows that there were some`(
        isFolderGone: Bool
    ) throws {
        let storage = try store()
        for shard in try storage.list(StoreLayout.sessionsFolder) {
            try remove(storage, "\(StoreLayout.sessionsFolder)/\(shard.name)")
        }
        if isFolderGone { try storage.removeDirectory(StoreLayout.sessionsFolder) }
        try removeIndex(storage)
        #expect(try check(storage).hasCommittedDamage && salvage(storage).report.hasLosses)
        let log = try LocalLog(in: storage, options: options(seed: 2))
        #expect(log.recovery.hasCommittedDamage)
        try log.close()
    }

    @Test func `a new store without sessions has lost none`() throws {
        let storage = SimulatedStorage()
        try LocalLog(in: storage, options: options(), creating: true).close()
        try removeIndex(storage)
        #expect(try !check(storage).hasCommittedDamage)
    }

    @Test func `a directly written segment that nothing has seen is named when it is gone`() throws {
        let storage = try store(.segment, isClosed: false)
        let path = StoreLayout.segmentFile(id("b"), 1)
        try storage.remove(path)
        try removeIndex(storage)
        let findings = try check(storage).findings.filter { $0.session != nil }
        #expect(findings.map(\.path) == [path] && findings.allSatisfy { $0.kind == .tornTail })
        let inspector = try StoreInspector(storage)
        for session in inspector.sessions() {
            let walk = try inspector.walk(session)
            while try walk.next() != nil {}
        }
        #expect(try salvage(storage).report.hasTornTail)
        let log = try LocalLog(in: storage, options: options(.segment, seed: 2))
        #expect(!log.recovery.hasCommittedDamage)
        var b = try Appender(log, "b")
        try b.append("anew")
        #expect(try payloads(log, "b") == ["anew"])
        try log.close()
    }

    @Test func `segments in each other's place are found by their headers`() throws {
        let storage = try store()
        let (a, b) = (StoreLayout.segmentFile(id("a"), 1), StoreLayout.segmentFile(id("b"), 1))
        try storage.rename(a, "swap")
        try storage.rename(b, a)
        try storage.rename("swap", b)
        #expect(try check(storage).hasCommittedDamage)
        let (report, log) = try salvage(storage)
        #expect(!report.hasLosses)
        for session in ["a", "b", "c"] { #expect(try payloads(log, session) == (0..<3).map { "\(session) \($0)" }) }
        let told = try #require(report.sessions.first { $0.session == id("a") })
        #expect(told.findings.map(\.path) == [b])
    }

    @Test(arguments: [false, true])
    func `a folder under another name is found by its headers, without the index too`(isIndexGone: Bool) throws {
        let storage = try store()
        let place = "\(StoreLayout.sessionShard(id("a")))/somewhere"
        try storage.rename(StoreLayout.sessionFolder(id("a")), place)
        if isIndexGone { try removeIndex(storage) }
        #expect(try check(storage).findings.contains { $0.path == place && $0.isDamage })
        #expect(try payloads(salvage(storage).log, "a") == ["a 0", "a 1", "a 2"])
    }

    @Test func `a copy of another session's segment takes nothing from that session`() throws {
        let storage = try store()
        let (a, b) = (StoreLayout.segmentFile(id("a"), 1), StoreLayout.segmentFile(id("b"), 1))
        let bytes = try storage.readAll(b, limit: 1 << 20)
        let file = try storage.open(a, .readWrite)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        let (report, log) = try salvage(storage)
        #expect(report.hasLosses)
        #expect(try payloads(log, "b") == ["b 0", "b 1", "b 2"])
        #expect(report.sessions.map(\.session) == [id("a")])
    }
}
