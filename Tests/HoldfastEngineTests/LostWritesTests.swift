import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// What segments have lost is taken from batches of the journal that were not needed any more, before these go.
@Suite struct LostWritesTests {
    private func options(seed: UInt64, journalByteCount: Int = 65_536) -> EngineOptions {
        var options = seededOptions(seed: seed)
        options.flushInterval = 1 << 40
        options.journalByteCounts = journalByteCount...journalByteCount
        options.segmentByteCount = 1_024
        return options
    }

    /// A crashed store in which all is below the low-water mark: `a` has several segments, `b` one.
    private func crashed(_ count: Int = 12, journalByteCount: Int = 65_536) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let made = options(seed: 1, journalByteCount: journalByteCount)
        let log = try LocalLog(in: storage, options: made, creating: true)
        var (a, b) = (try Appender(log, "a"), try Appender(log, "b"))
        for number in 0..<count {
            try a.append(message(number, byteCount: 900))
            try b.append("b \(number)")
            try log.flushToSegments()
        }
        log.abandon()
        return storage.crash(.keepAll)
    }

    private let texts = (0..<12).map { message($0, byteCount: 900) }
    private let first = StoreLayout.segmentFile(id("a"), 1)

    private func segments(_ storage: SimulatedStorage) -> [String] {
        storage.contents.keys.filter { $0.hasPrefix(StoreLayout.sessionFolder(id("a"))) }.sorted()
    }

    private func flip(_ storage: SimulatedStorage, _ path: String, at place: UInt64) throws {
        let file = try storage.open(path, .readWrite)
        let byte = try file.read(count: 1, at: place)
        try file.write([byte[0] ^ 4], at: place)
    }

    /// What is done to the files of `a`.
    enum Damage: CaseIterable {
        case flippedBit, cutInRecord, cutAtRecord, firstGone, lastGone, middleGone, folderGone, folderAndIndexGone
    }

    private func damage(_ storage: SimulatedStorage, _ damage: Damage) throws {
        let all = segments(storage)
        #expect(all.count > 2)
        switch damage {
        case .flippedBit: try flip(storage, all[1], at: 300)
        case .cutInRecord: try storage.open(all[all.count - 1], .readWrite).truncate(to: 200)
        case .cutAtRecord: try storage.open(all[0], .readWrite).truncate(to: 57)
        case .firstGone: try storage.remove(all[0])
        case .lastGone: try storage.remove(all[all.count - 1])
        case .middleGone: try storage.remove(all[1])
        case .folderGone, .folderAndIndexGone:
            for path in all { try storage.remove(path) }
            try storage.removeDirectory(StoreLayout.sessionFolder(id("a")))
            guard damage == .folderAndIndexGone else { return }
            for path in storage.contents.keys where path.hasPrefix("index") { try storage.remove(path) }
        }
    }

    @Test(arguments: Damage.allCases)
    func `opening writes what a segment has lost again`(what: Damage) throws {
        let whole = try crashed()
        let image = whole.clone()
        try damage(image, what)
        let check = try StoreCheck(image).run()
        #expect(!check.hasCommittedDamage && check.findings.contains { $0.kind == .restored })
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(try payloads(log, "a") == texts)
        #expect(log.recovery.findings.filter { $0.kind != .restored && $0.kind != .derived }.isEmpty)
        #expect(log.recovery.findings.contains { $0.kind == .restored && $0.session == id("a") })
        var a = try Appender(log, "a")
        try a.append("and on")
        try log.close()
        for path in segments(whole).dropLast() { #expect(image.contents[path] == whole.contents[path]) }
        let again = try LocalLog(in: image, options: options(seed: 3))
        #expect(try payloads(again, "a") == texts + ["and on"] && again.recovery.findings.isEmpty)
        try again.close()
        #expect(try StoreCheck(image).run().findings.filter { $0.kind != .derived }.isEmpty)
    }

    @Test func `a batch whose flipped bit is turned back has it too`() throws {
        let image = try crashed()
        try damage(image, .firstGone)
        let journal = try #require(image.contents.keys.first { $0.hasPrefix(StoreLayout.journalFolder + "/") })
        // In the first write of the first batch, which is the first record of `a`.
        try flip(image, journal, at: 700)
        var options = options(seed: 2)
        options.journalBits = .turnedBack
        let log = try LocalLog(in: image, options: options)
        #expect(try payloads(log, "a") == texts)
        #expect(!log.recovery.hasCommittedDamage)
        try log.close()
    }

    @Test func `what stood in the place is kept`() throws {
        let image = try crashed()
        let before = try image.readAll(segments(image)[1], limit: 1 << 20)
        try flip(image, segments(image)[1], at: 300)
        let log = try LocalLog(in: image, options: options(seed: 2))
        let finding = try #require(log.recovery.findings.first { $0.kind == .restored })
        let kept = try image.readAll(try #require(finding.quarantine), limit: 1 << 20)
        let range = Int(finding.offset)..<Int(finding.offset + finding.byteCount)
        #expect(range.contains(300) && kept[300 - range.lowerBound] == before[300] ^ 4)
        try log.close()
    }

    @Test(arguments: [Damage.flippedBit, .lastGone, .folderAndIndexGone])
    func `killed at any step, the next opening does it`(what: Damage) throws {
        let damaged = try crashed()
        try damage(damaged, what)
        let disk = damaged.crash(.keepAll)
        let images = Lock<[SimulatedStorage]>([])
        disk.onOperation { _, storage in
            images.withLock { $0 += [storage.crash(.dropAll), storage.crash(.random(seed: UInt64($0.count)))] }
        }
        let log = try LocalLog(in: disk, options: options(seed: 2))
        disk.onOperation(nil)
        log.abandon()
        let all = images.withLock { $0 }
        #expect(all.count > 10)
        for (number, image) in all.enumerated() {
            let again = try LocalLog(in: image, options: options(seed: UInt64(100 + number)))
            #expect(try payloads(again, "a") == texts && !again.recovery.hasCommittedDamage)
            try again.close()
        }
    }

    @Test(arguments: Damage.allCases)
    func `readers see it before anything is opened for writing`(what: Damage) throws {
        let image = try crashed()
        try damage(image, what)
        let before = image.contents
        if what != .folderAndIndexGone {
            #expect(try payloads(try ReadOnlyLog(in: image), "a") == texts)
            let walk = try StoreInspector(image).walk(id("a"))
            var count = 0
            while let item = try walk.next() {
                if case .record = item { count += 1 }
                if case .unreadable(let finding) = item { Issue.record("\(finding.reason)") }
            }
            #expect(count == texts.count)
        }
        #expect(image.contents == before)
    }

    @Test(arguments: Damage.allCases)
    func `a salvage takes it from there, and changes nothing`(what: Damage) throws {
        let image = try crashed()
        try damage(image, what)
        let (before, target) = (image.contents, SimulatedStorage())
        var salvage = SalvageOptions()
        salvage.engine = options(seed: 5)
        let report = try StoreSalvage(from: image, options: salvage, meaning: BareMeaning()).run(to: target)
        #expect(image.contents == before && !report.hasLosses)
        #expect(try payloads(try ReadOnlyLog(in: target), "a") == texts)
    }

    @Test func `what does not make the session whole is kept for a salvage`() throws {
        // Small files: the journal has used those again that held the first records.
        let image = try crashed(40, journalByteCount: 8_192)
        let all = segments(image)
        for path in all { try image.remove(path) }
        let log = try LocalLog(in: image, options: options(seed: 2, journalByteCount: 8_192))
        #expect(log.recovery.hasCommittedDamage)
        #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        var b = try Appender(log, "b")
        for _ in 0..<40 {
            try b.append(message(1, byteCount: 900))
            try log.flushToSegments()
        }
        try log.close()
        let target = SimulatedStorage()
        var salvage = SalvageOptions()
        (salvage.engine, salvage.mode) = (options(seed: 5), .skip)
        let report = try StoreSalvage(from: image, options: salvage, meaning: BareMeaning()).run(to: target)
        let told = try #require(report.sessions.first { $0.session == id("a") })
        #expect(told.fromQuarantine > 3 && told.last == 40)
        #expect(try payloads(try ReadOnlyLog(in: target), "a").last == message(39, byteCount: 900))
    }

    @Test func `what was trimmed stays away`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(seed: 1), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<12 { try a.append(message(number, byteCount: 900)) }
        for last in [UInt64(11), 12] {
            try log.putSnapshot(id("a"), through: last) { (sink) throws(LogError) in try sink.write(Array("{}".utf8)) }
        }
        try log.trim(id("a"), keeping: nil)
        try a.append("behind")
        try log.flushToSegments()
        log.abandon()
        let image = storage.crash(.keepAll)
        let before = segments(image)
        #expect(!before.contains(first))
        let again = try LocalLog(in: image, options: options(seed: 2))
        #expect(again.recovery.findings.isEmpty && segments(image) == before)
        try again.close()
    }
}
