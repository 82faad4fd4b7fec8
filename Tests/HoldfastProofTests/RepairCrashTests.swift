import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

@testable import HoldfastProof

/// A repair that is killed at any step, and done again, comes to the same end.
struct RepairCrashTests {
    /// A store with a flipped bit in one record, a damaged snapshot, and an index that is too old.
    private func damaged() throws -> (disk: SimulatedStorage, store: RotStore, record: [UInt8]) {
        let store = try RotStore.engineStore(.journal, isClosed: true)
        let disk = store.image.clone()
        let bert = try #require(store.truth.sessions["bert"]?.segments[1])
        let span = try #require(bert.spans.first { $0.sequence == 3 })
        var bytes = try #require(store.files[bert.path])
        bytes[span.range.upperBound - 2] ^= 8
        try disk.put(bytes, at: bert.path)
        let snapshot = try #require(store.files.keys.filter { $0.contains("snapshot-6") }.first)
        try disk.put(store.files[snapshot].map { $0.dropLast(9) + Array("123456789".utf8) }, at: snapshot)
        try disk.put(store.files["index.json"].map { Array($0.dropLast(30)) }, at: "index.json")
        return (disk.crash(.keepAll), store, Array(bytes[span.range]))
    }

    /// What `holdfast recover --repair-bits` does.
    private func repair(_ disk: SimulatedStorage, seed: UInt64) throws {
        let log = try LocalLog(in: disk, options: RotStore.options(.journal, seed: seed))
        _ = try log.repairIndex()
        let check = try StoreCheck(disk)
        let findings = try check.run().findings
        let sessions = Set(findings.filter { $0.kind == .committedDamage }.compactMap(\.session))
        try log.carryOut(try check.flippedBits(in: sessions.sorted()))
        for finding in findings where finding.kind == .derived {
            guard let session = finding.session else { continue }
            let isMade = try log.replaceSnapshot(finding.path, of: session) {
                (try? log.putSnapshot(session, through: 10) { (sink) throws(LogError) in
                    try sink.write(Array("{\"made\":\"again\"}".utf8))
                }) != nil
            }
            #expect(isMade)
        }
        try log.close()
    }

    private func expectRepaired(_ disk: SimulatedStorage, _ store: RotStore, _ record: [UInt8]) throws {
        #expect(try StoreCheck(disk).run().findings == [])
        let files = try disk.allFiles()
        for (path, bytes) in store.files where path.hasSuffix(".segment") { #expect(files[path] == bytes) }
        #expect(files.contains { $0.key.hasPrefix("quarantine/") && $0.value == record }, "the evidence is gone")
        #expect(files.keys.contains { $0.hasSuffix("/snapshot-10.json.zst") }, "no snapshot was made again")
    }

    @Test func killedAtAnyStep() throws {
        let (disk, store, record) = try damaged()
        let images = Images()
        disk.onOperation { _, storage in images.add(storage) }
        try repair(disk, seed: 5)
        disk.onOperation(nil)
        try expectRepaired(disk, store, record)
        #expect(images.all.count > 40)
        for (number, image) in images.all.enumerated() {
            try repair(image, seed: UInt64(100 + number))
            try expectRepaired(image, store, record)
        }
    }

    private final class Images: Sendable {
        private let kept = Lock<[SimulatedStorage]>([])
        var all: [SimulatedStorage] { kept.withLock { $0 } }

        func add(_ storage: SimulatedStorage) {
            kept.withLock { kept in
                kept.append(storage.crash(.dropAll))
                kept.append(storage.crash(.random(seed: UInt64(kept.count))))
            }
        }
    }
}
