import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// What a recovery has done is durable when it ends.
@Suite struct DurableRecoveryTests {
    @Test func `a torn end that an opening has cut off stays cut off when the power goes`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(.segment), creating: true)
        var a = try Appender(log, "a")
        for number in 0..<3 { try a.append(message(number)) }
        log.abandon()
        let path = StoreLayout.segmentFile(sessionID("a"), 1)
        let torn = storage.crash(.keepAll)
        let length = try byteCount(path, torn)
        let file = try torn.open(path, .readWrite)
        try file.truncate(to: length - 3)
        try file.sync()
        let opened = try LocalLog(in: torn, options: seededOptions(.segment, seed: 2))
        #expect(opened.recovery.findings.map(\.kind) == [.tornTail])
        opened.abandon()
        let cut = try byteCount(path, torn)
        #expect(cut < length - 3)
        #expect(try byteCount(path, torn.crash(.dropAll)) == cut)
    }

    private func byteCount(_ path: String, _ storage: SimulatedStorage) throws -> UInt64 {
        let file = try storage.open(path, .read)
        defer { try? file.close() }
        return try file.byteCount()
    }
}
