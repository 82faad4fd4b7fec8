import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// A closed store with two sessions of ten records.
private func closedStore(_ mode: SegmentHeader.CommitMode = .journal) throws -> SimulatedStorage {
    let storage = SimulatedStorage()
    let log = try LocalLog(in: storage, options: seededOptions(mode), creating: true)
    for session in ["a", "b"] {
        var appender = try Appender(log, session)
        for number in 0..<10 { try appender.append(message(number)) }
    }
    try log.close()
    return storage
}

extension SimulatedStorage {
    fileprivate func flipBit(_ path: String, at offset: Int, bit: UInt8) throws {
        let file = try open(path, .readWrite)
        var byte = try file.read(count: 1, at: UInt64(offset))
        byte[0] ^= 1 << bit
        try file.write(byte, at: UInt64(offset))
        try file.close()
    }
}

@Suite struct DamageTests {
    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `a flipped bit anywhere in a segment is found, named, and stays in its session`(
        mode: SegmentHeader.CommitMode
    ) throws {
        let storage = try closedStore(mode)
        let path = StoreLayout.segmentFile(id("a"), 1)
        let byteCount = Int(try storage.open(path, .read).byteCount())
        for offset in stride(from: 0, to: byteCount, by: 3) {
            let damaged = storage.clone()
            try damaged.flipBit(path, at: offset, bit: UInt8(offset % 8))
            let log = try LocalLog(in: damaged, options: seededOptions(mode, seed: 2))
            #expect(try payloads(log, "b").count == 10)
            var seen: [String] = []
            #expect(throws: LogError.self, "byte \(offset)") {
                try log.read(id("a"), from: 1) { record in
                    seen.append(String(decoding: record.payload, as: UTF8.self))
                    return true
                }
            }
            #expect(seen == (0..<seen.count).map { message($0) })
            #expect(throws: LogError.self) { _ = try Appender(log, "a") }
            try log.close()
            let report = try StoreCheck(damaged).run()
            #expect(report.hasCommittedDamage && report.findings.allSatisfy { $0.session == id("a") })
        }
    }

    @Test func `a segment that lost its end at a record's border is found by the index`() throws {
        let storage = try closedStore()
        let path = StoreLayout.segmentFile(id("a"), 1)
        let file = try storage.open(path, .readWrite)
        var ends: [UInt64] = []
        for end in 1..<(try file.byteCount()) {
            let cut = storage.clone()
            let copy = try cut.open(path, .readWrite)
            try copy.truncate(to: end)
            let report = try StoreCheck(cut).run()
            #expect(report.hasCommittedDamage, "cut at \(end)")
            if report.findings.contains(where: { $0.reason.contains("proves record 10") }) { ends.append(end) }
        }
        #expect(ends.count == 10)
    }

    @Test func `a damaged journal batch that a later one promises is committed damage`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var a = try Appender(log, "a")
        var b = try Appender(log, "b")
        try a.append("first of a")
        try b.append("only one of b")
        try a.append("second of a")
        log.abandon()
        let journal = try storage.list("journal").map { "journal/\($0.name)" }
        let active = try #require(
            journal.first { path in
                let bytes = try? storage.readAll(path, limit: 1 << 20)
                return bytes.map { String(decoding: $0, as: UTF8.self).contains("only one of b") } ?? false
            })
        let bytes = try storage.readAll(active, limit: 1 << 20)
        let place = try #require(bytes.firstRange(of: Array("only one".utf8))?.lowerBound)
        try storage.flipBit(active, at: place, bit: 0)
        let after = try LocalLog(in: storage.crash(.keepAll), options: seededOptions(seed: 2))
        #expect(after.recovery.hasCommittedDamage)
        #expect(try payloads(after, "a") == ["first of a", "second of a"])
        try after.close()
    }

    @Test func `a damaged last batch that nothing promises is a torn tail`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var a = try Appender(log, "a")
        try a.append("first of a")
        try a.append("second of a")
        log.abandon()
        let journal = try storage.list("journal").map { "journal/\($0.name)" }
        for path in journal {
            let bytes = try storage.readAll(path, limit: 1 << 20)
            guard let place = bytes.firstRange(of: Array("second of".utf8))?.lowerBound else { continue }
            try storage.flipBit(path, at: place, bit: 0)
        }
        let after = try LocalLog(in: storage.crash(.keepAll), options: seededOptions(seed: 2))
        #expect(after.recovery.hasTornTail && !after.recovery.hasCommittedDamage)
        #expect(try payloads(after, "a") == ["first of a"])
        try after.close()
    }

    @Test(arguments: [(Limits.formatVersion + 1, LogError.Code.newerFormat), (Limits.formatVersion - 1, .olderFormat)])
    func `a store of another version is refused and not called damaged`(version: UInt16, code: LogError.Code) throws {
        let storage = try closedStore()
        let text = String(decoding: try storage.readAll("store.json", limit: 4096), as: UTF8.self)
        let other = text.replacing("\"format_version\":\(Limits.formatVersion)", with: "\"format_version\":\(version)")
        let file = try storage.open("store.json", .readWrite)
        try file.write(Array(other.utf8), at: 0)
        let error = #expect(throws: LogError.self) {
            _ = try LocalLog(in: storage, options: seededOptions(seed: 2))
        }
        #expect(error?.code == code)
        #expect(error?.message.contains("holdfast import") == (code == .olderFormat))
        #expect(throws: LogError.self) { _ = try StoreCheck(storage) }
    }

    @Test func `an index that was deleted or damaged is made again`() throws {
        let storage = try closedStore()
        try storage.remove("index.json")
        for entry in try storage.list("") where entry.name.hasPrefix("index-") { try storage.remove(entry.name) }
        let log = try LocalLog(in: storage, options: seededOptions(seed: 2))
        var found: [String] = []
        try log.list { row in
            found.append(row.session.text)
            return true
        }
        #expect(found.sorted() == ["a", "b"])
        try log.close()
        #expect(try StoreCheck(storage).run().findings.isEmpty)
    }
}

/// What only a witness outside of the session's own files can tell.
@Suite struct WitnessTests {
    /// A closed store with session `a`, ten records, and the file of its segment.
    private func store() throws -> (SimulatedStorage, String) {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<10 { try a.append(message(number)) }
        try log.close()
        return (storage, StoreLayout.segmentFile(id("a"), 1))
    }

    @Test func `a log that lost its end at a record's border takes no appends`() throws {
        let (storage, path) = try store()
        let log = try LocalLog(in: storage.clone(), options: seededOptions(seed: 2))
        var offsets: [UInt64] = []
        try log.close()
        let whole = try storage.open(path, .read).byteCount()
        for end in stride(from: whole - 1, to: 56, by: -1) {
            let cut = storage.clone()
            try cut.open(path, .readWrite).truncate(to: end)
            let log = try LocalLog(in: cut, options: seededOptions(seed: 3))
            let error = #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
            #expect(error?.code == .damaged)
            if error?.message.contains("proves record 10") == true { offsets.append(end) }
            try log.close()
        }
        #expect(offsets.count == 10)
    }

    @Test func `a session whose folder is gone is not begun anew`() throws {
        let (storage, path) = try store()
        try storage.remove(path)
        try storage.removeDirectory(StoreLayout.sessionFolder(id("a")))
        let log = try LocalLog(in: storage, options: seededOptions(seed: 2))
        #expect(throws: LogError.self) { _ = try log.claim(id("a")) }
        try log.close()
    }

    @Test func `no row of a damaged index is believed`() throws {
        let (storage, _) = try store()
        let log = try storage.list("").map(\.name).first { $0.hasPrefix("index-") }
        let path = try #require(log)
        let byteCount = Int(try storage.open(path, .read).byteCount())
        for offset in stride(from: 0, to: byteCount - 1, by: 7) {
            let damaged = storage.clone()
            let file = try damaged.open(path, .readWrite)
            var byte = try file.read(count: 1, at: UInt64(offset))
            byte[0] ^= 4
            try file.write(byte, at: UInt64(offset))
            let reader = try ReadOnlyLog(in: damaged)
            #expect(try reader.summary(id("a"))?.sequence == 0)
            let log = try LocalLog(in: damaged, options: seededOptions(seed: 2))
            var rows: [SummaryRow] = []
            try log.list { row in
                rows.append(row)
                return true
            }
            #expect(rows.map(\.session) == [id("a")] && rows[0].sequence == 0)
            try log.close()
        }
    }

    @Test func `an index of rubbish does not keep the store from opening`() throws {
        let (storage, _) = try store()
        let crashed = try LocalLog(in: storage, options: seededOptions(seed: 2))
        var a = try Appender(crashed, "a")
        try a.append("more")
        crashed.abandon()
        let image = storage.crash(.keepAll)
        let file = try image.open("index.json", .readWrite)
        try file.write([UInt8](repeating: 0, count: 20_000_000), at: 0)
        let log = try LocalLog(in: image, options: seededOptions(seed: 3))
        var again = try Appender(log, "a")
        #expect(again.last == 11)
        try again.append("and more")
        var count = 0
        try log.list { _ in
            count += 1
            return true
        }
        #expect(count == 1)
        try log.close()
        #expect(try StoreCheck(image).run().findings.isEmpty)
    }

    @Test func `a copy in quarantine that a crash has cut short is made again`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        let name = try log.setAside(Array("evidence".utf8), session: nil, path: "x", offset: 0, reason: "test")
        try storage.open(name, .readWrite).truncate(to: 0)
        #expect(try log.setAside(Array("evidence".utf8), session: nil, path: "x", offset: 0, reason: "test") == name)
        #expect(try storage.readAll(name, limit: 100) == Array("evidence".utf8))
        let manifest = try storage.readAll("quarantine/manifest.jsonl", limit: 10_000)
        _ = try log.setAside(Array("evidence".utf8), session: nil, path: "x", offset: 0, reason: "test")
        #expect(try storage.readAll("quarantine/manifest.jsonl", limit: 10_000) == manifest)
        _ = try log.setAside(Array("evidence".utf8), session: nil, path: "y", offset: 0, reason: "test")
        #expect(try storage.readAll("quarantine/manifest.jsonl", limit: 10_000).count > manifest.count)
        try log.close()
    }

    @Test func `each piece of damage is kept in quarantine, also when an opening finds several`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var appenders = try ["a", "b"].map { try Appender(log, $0) }
        for index in appenders.indices { try appenders[index].append("kept") }
        try log.flushToSegments()
        var tails: [[UInt8]] = []
        for index in appenders.indices {
            try appenders[index].append("replayed")
            // What a crash has left behind the end of the segment, another in each.
            let segment = try storage.open(StoreLayout.segmentFile(id(["a", "b"][index]), 1), .readWrite)
            let tail = [UInt8](repeating: UInt8(index + 1), count: 300)
            try segment.write(tail, at: try segment.byteCount() + 2_000)
            tails.append(tail)
        }
        log.abandon()
        let image = storage.crash(.keepAll)
        let after = try LocalLog(in: image, options: seededOptions(seed: 2))
        let names = Set(after.recovery.findings.compactMap(\.quarantine))
        let kept = try names.map { try image.readAll($0, limit: 10_000) }
        #expect(names.count == 2)
        #expect(tails.allSatisfy { tail in kept.contains { $0.suffix(300) == tail[...] } })
        try after.close()
    }

    @Test func `a flush tells that an append that nobody waited for has failed`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(.segment), creating: true)
        var a = try Appender(log, "a")
        try a.append("kept")
        storage.inject(Fault(.noSpace, on: .write, path: "sessions"))
        let outcomes = Outcomes()
        _ = try log.append(
            a.claim, expected: a.last, kind: 3, time: 0, payload: Array("lost".utf8), durability: .soon,
            completion: outcomes.completion())
        #expect(throws: LogError.self) { try log.flush() }
        #expect(outcomes.wait().first??.code == .diskFull)
        try log.flush()
        try log.close()
        #expect(throws: LogError.self) { try log.flush() }
    }
}
