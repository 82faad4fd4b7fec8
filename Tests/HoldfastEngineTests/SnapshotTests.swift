import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

@Suite struct SnapshotTests {
    private let storage = SimulatedStorage()

    private func flipByte(_ path: String, at offset: UInt64) throws {
        let file = try storage.open(path, .readWrite)
        try file.write(try file.read(count: 1, at: offset).map { $0 ^ 1 }, at: offset)
        try file.close()
    }

    /// A log with two segments of a session, the first of which a snapshot replaces.
    private func logWithSnapshots() throws -> (LocalLog, Appender) {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 {
            try a.append(message(number))
            try snapshot(log, through: a.last)
        }
        return (log, a)
    }

    private func snapshot(_ log: LocalLog, through sequence: UInt64) throws {
        try log.putSnapshot(id("a"), through: sequence) { (sink) throws(LogError) in
            try sink.write(Array("{\"session_id\":\"a\",\"sequence\":\(sequence)".utf8))
        }
    }

    @Test func `a snapshot that does not read back as it was written is refused`() throws {
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 { try a.append(message(number)) }
        try log.flushToSegments()
        let error = #expect(throws: LogError.self) {
            try log.putSnapshot(id("a"), through: 3) { (sink) throws(LogError) in
                // More than is gathered in memory, so that a part of it stands on the disk.
                let filler = String(repeating: "x", count: 1 << 20)
                try sink.write(Array("{\"session_id\":\"a\",\"sequence\":3,\"filler\":\"\(filler)\"".utf8))
                let path = StoreLayout.snapshotFile(id("a"), 3) + StoreLayout.temporarySuffix
                try? flipByte(path, at: 500_000)
            }
        }
        #expect(error?.code == .failed)
        #expect(try log.snapshot(id("a")) == nil)
        try log.trim(id("a"), keeping: nil)
        #expect(try payloads(log, "a").count == 3)
        try log.close()
    }

    @Test func `a damaged snapshot replaces no records`() throws {
        let (log, _) = try logWithSnapshots()
        try flipByte(StoreLayout.snapshotFile(id("a"), 2), at: 5)
        try log.trim(id("a"), keeping: nil)
        #expect(try payloads(log, "a").count == 3)
        try log.close()
    }

    @Test func `records that two snapshots replace are dropped`() throws {
        let (log, _) = try logWithSnapshots()
        try log.trim(id("a"), keeping: nil)
        #expect(throws: LogError.self) { try payloads(log, "a") }
        #expect(try payloads(log, "a", from: 3).count == 1)
        try log.close()
    }
}
