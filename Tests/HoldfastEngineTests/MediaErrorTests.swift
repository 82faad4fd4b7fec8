import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// After a crash, the device does not give or take the bytes of one session. The others must not notice.
@Suite struct MediaErrorTests {
    private func options(_ mode: SegmentHeader.CommitMode = .journal, seed: UInt64) -> EngineOptions {
        var options = seededOptions(mode, seed: seed)
        options.flushInterval = 1 << 40
        return options
    }

    private let texts = (0..<6).map { message($0, byteCount: 140) }
    private let segment = StoreLayout.segmentFile(id("a"), 1)
    private let folder = StoreLayout.sessionFolder(id("a"))

    /// A crashed store: of `a` three records are in its segment and `unflushed` in the journal only; `b` has as many.
    /// With 0 the journal still has the three, too, in older batches.
    private func crashed(
        _ mode: SegmentHeader.CommitMode = .journal, unflushed: Int = 3
    ) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(mode, seed: 1), creating: true)
        try append(0..<3, to: log)
        if unflushed == 0 {
            try log.flushToSegments()
            log.abandon()
        } else {
            try log.close()
            let again = try LocalLog(in: storage, options: options(mode, seed: 5))
            try append(3..<3 + unflushed, to: again)
            again.abandon()
        }
        return storage.crash(.keepAll)
    }

    private func append(_ numbers: Range<Int>, to log: LocalLog) throws {
        var (a, b) = (try Appender(log, "a"), try Appender(log, "b"))
        for number in numbers {
            try a.append(texts[number])
            try b.append("b \(number)")
        }
    }

    private func fault(
        _ kind: OperationKind, _ path: String? = nil, from occurrence: Int = 1, isLasting: Bool = true
    ) -> Fault {
        Fault(.io, on: kind, path: path ?? segment, occurrence: occurrence, isLasting: isLasting)
    }

    /// Opens the store while the device fails: `b` is whole and goes on, `a` is told as damaged and takes nothing.
    private func openBeside(
        _ image: SimulatedStorage, _ mode: SegmentHeader.CommitMode = .journal, naming device: String = "(EIO)"
    ) throws -> LocalLog {
        let log = try LocalLog(in: image, options: options(mode, seed: 2))
        let named = log.recovery.findings.filter(\.isDamage)
        #expect(Set(named.map(\.session)) == [id("a")])
        #expect(named.contains { $0.kind == .mediaError && $0.reason.contains(device) })
        var b = try Appender(log, "b")
        let before = try payloads(log, "b")
        #expect(before == (0..<before.count).map { "b \($0)" } && before.count >= 3)
        try b.append("b \(before.count)")
        #expect(try payloads(log, "b").count == before.count + 1)
        let error = #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        #expect(error?.message.contains(device) ?? false, "\(String(describing: error))")
        var listed: [String] = []
        try log.list { row in
            listed.append(row.session.text)
            return true
        }
        #expect(listed.sorted() == ["a", "b"])
        return log
    }

    /// The store when the device works again: `a` is whole and goes on.
    private func expectWhole(
        _ image: SimulatedStorage, _ count: Int, _ mode: SegmentHeader.CommitMode = .journal
    ) throws {
        let log = try LocalLog(in: image, options: options(mode, seed: 3))
        #expect(!log.recovery.hasCommittedDamage)
        #expect(try payloads(log, "a") == Array(texts.prefix(count)))
        var a = try Appender(log, "a")
        try a.append("and on")
        try log.close()
        #expect(try StoreCheck(image).run().findings.filter { $0.kind != .derived }.isEmpty)
    }

    @Test(arguments: [OperationKind.read, .byteCount])
    func `a segment that the device does not give costs its session alone`(kind: OperationKind) throws {
        let image = try crashed()
        let before = try #require(image.contents[segment])
        image.inject(fault(kind))
        let planned = try StoreCheck(image).plan()
        let log = try openBeside(image)
        #expect(log.recovery.steps == planned.steps && log.recovery.findings.count == planned.findings.count)
        // It may come once: what can be read now is not taken for the session.
        let error = #expect(throws: LogError.self) { _ = try payloads(log, "a") }
        #expect(error?.code == .failed)
        try log.close()
        let check = try StoreCheck(image).run().findings.filter { $0.session == id("a") }
        #expect(check.map(\.kind) == [.mediaError] && check[0].path == segment)
        let item = try StoreInspector(image).walk(id("a")).next()
        guard case .unreadable(let told)? = item else { return #expect(Bool(false), "\(String(describing: item))") }
        #expect(told.kind == .mediaError)
        // Nothing that was there has changed; what the journal had stands behind it.
        let after = try #require(image.contents[segment])
        #expect(after.starts(with: before))
        image.clearFaults()
        try expectWhole(image, 6)
    }

    @Test func `a segment that the device does not open costs its session alone if nothing belongs there`() throws {
        let image = try crashed(unflushed: 0)
        let before = image.contents[segment]
        image.inject(fault(.open))
        let planned = try StoreCheck(image).plan()
        let log = try openBeside(image)
        #expect(log.recovery.steps == planned.steps)
        try log.close()
        #expect(image.contents[segment] == before)
        image.clearFaults()
        try expectWhole(image, 3)
    }

    /// What the journal has for a session is not forgotten before the disk has it.
    @Test(arguments: [OperationKind.open, .write, .sync])
    func `where the device does not take what belongs there, the store does not open until it does`(
        kind: OperationKind
    ) throws {
        let image = try crashed()
        image.inject(fault(kind))
        if kind != .open { image.inject(fault(.read)) }  // or it would be written elsewhere
        for _ in 0..<2 {
            let error = #expect(throws: LogError.self) { _ = try LocalLog(in: image, options: options(seed: 2)) }
            #expect(error?.code == .failed && error?.message.contains("(EIO)") ?? false)
        }
        #expect(image.contents.keys.filter { $0.hasPrefix(folder) } == [segment])
        image.clearFaults()
        try expectWhole(image.crash(.dropAll), 6)
    }

    /// Made by the replay, or there and not durable: until it is, nothing is taken for written.
    @Test(arguments: [OperationKind.createDirectory, .open, .syncDirectory, .sync], [1, 2])
    func `an error that comes once while a session's files are made costs one opening at most`(
        kind: OperationKind, occurrence: Int
    ) throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: options(seed: 1), creating: true)
        var a = try Appender(log, "a")
        for text in texts { try a.append(text) }
        log.abandon()
        let image = storage.crash(.dropAll)
        image.inject(fault(kind, StoreLayout.sessionsFolder, from: occurrence, isLasting: false))
        let opened = try? LocalLog(in: image, options: options(seed: 2))
        if let opened { #expect(try payloads(opened, "a") == texts) }
        opened?.abandon()
        image.clearFaults()
        try expectWhole(image.crash(.dropAll), 6)
    }

    @Test func `what stands before a bad sector can be read`() throws {
        let image = try crashed()
        let whole = try #require(image.contents[segment])
        // What is read for the header ends before it.
        try #require(whole.count - 2 >= SegmentHeader.longestByteCount)
        var bad = fault(.read)
        // The last bytes of the third record, the last that was flushed.
        bad.bytes = UInt64(whole.count - 2)..<UInt64(whole.count)
        image.inject(bad)
        let log = try openBeside(image)
        var read: [String] = []
        let error = #expect(throws: LogError.self) {
            try log.read(id("a"), from: 1) { record in
                read.append(String(decoding: record.payload, as: UTF8.self))
                return true
            }
        }
        #expect(read == Array(texts.prefix(2)) && error?.code == .failed)
        #expect(log.recovery.findings.first { $0.kind == .mediaError }?.firstSequence == 3)
        try log.close()
        image.clearFaults()
        try expectWhole(image, 6)
    }

    /// In commit mode `segment`, with zeros behind the last record that was acknowledged.
    private func torn() throws -> SimulatedStorage {
        let image = try crashed(.segment)
        let file = try image.open(segment, .readWrite)
        try file.write([UInt8](repeating: 0, count: 3_000), at: file.byteCount())
        return image
    }

    @Test(arguments: 1...12, [false, true])
    func `an error of the device is never the end of a log that is written directly`(
        occurrence: Int, isLasting: Bool
    ) throws {
        let image = try torn()
        let before = try #require(image.contents[segment])
        image.inject(fault(.read, from: occurrence, isLasting: isLasting))
        guard let log = try? LocalLog(in: image, options: options(.segment, seed: 2)) else {
            #expect(image.contents[segment] == before)
            image.clearFaults()
            return try expectWhole(image, 6, .segment)
        }
        #expect(try payloads(log, "b").count == 6)
        if log.recovery.hasCommittedDamage {
            #expect(image.contents[segment] == before)
            image.clearFaults()
            // It is not known what of the end is durable, although it can be read now.
            #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        }
        image.clearFaults()
        try log.close()
        try expectWhole(image, 6, .segment)
    }

    @Test func `behind a place that is not valid, what cannot be read may be a promise`() throws {
        let image = try torn()
        let before = try #require(image.contents[segment])
        var bad = fault(.read)
        bad.bytes = UInt64(before.count - 100)..<UInt64(before.count)
        image.inject(bad)
        let log = try openBeside(image, .segment, naming: "the device does not give what follows")
        #expect(try payloads(try ReadOnlyLog(in: image), "b").count == 7)
        #expect(image.contents[segment] == before)
        try log.close()
        image.clearFaults()
        try expectWhole(image, 6, .segment)
    }

    @Test(arguments: [OperationKind.write, .sync])
    func `a segment that the device does not take is written elsewhere, as at run time`(kind: OperationKind) throws {
        let image = try crashed()
        image.inject(fault(kind))
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(!log.recovery.hasCommittedDamage)
        #expect(try payloads(log, "a") == texts)
        try log.close()
        image.clearFaults()
        #expect(try image.list("quarantine").contains { $0.name.hasSuffix(".bytes") })
        try expectWhole(image, 6)
    }

    @Test func `a folder that the device does not give costs its session alone`() throws {
        let image = try crashed()
        image.inject(fault(.list, folder))
        let log = try LocalLog(in: image, options: options(seed: 2))
        #expect(log.recovery.findings.contains { $0.kind == .mediaError && $0.session == id("a") })
        #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        var b = try Appender(log, "b")
        try b.append("b 6")
        try log.close()
        image.clearFaults()
        #expect(try payloads(try LocalLog(in: image, options: options(seed: 3)), "a") == texts)
    }

    @Test func `what a segment has lost is written over a place that the device does not give`() throws {
        let image = try crashed(unflushed: 0)
        let whole = try #require(image.contents[segment])
        // Record 3 is in a batch below the low-water mark still.
        let file = try image.open(segment, .readWrite)
        try file.truncate(to: UInt64(whole.count - 40))
        try file.sync()
        var bad = fault(.read)
        bad.bytes = UInt64(whole.count - 60)..<UInt64(whole.count - 40)
        image.inject(bad)
        let log = try LocalLog(in: image, options: options(seed: 2))
        let named = log.recovery.findings.filter { $0.session == id("a") }
        #expect(named.map(\.kind) == [.restored] && named[0].quarantine == nil, "\(named)")
        try log.close()
        image.clearFaults()
        try expectWhole(image, 3)
    }
}
