import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// Recoveries of a torn tail that are crashed one after the other, deeper than `ImagesCampaign` gets but by luck.
@Suite struct TornTailTests {
    private let segment = StoreLayout.segmentFile(id("a"), 1)

    /// A store in commit mode `segment` with one acknowledged record, and behind it zeros in the place of a second one
    /// that never was; and what had been promised.
    private func torn() throws -> (disk: SimulatedStorage, ledger: [String: Ledger.Entry]) {
        let storage = SimulatedStorage()
        let ledger = Ledger()
        let log = try LocalLog(in: storage, options: smallOptions(.segment, seed: 1), creating: true)
        var a = try Appender(log, "a")
        ledger.submit("a", "first")
        try a.append("first")
        ledger.acknowledge("a", through: 1)
        ledger.submit("a", "second")
        let cuts = moments(of: storage, ledger) { try? a.append("second") }
        log.abandon()
        let synced = try #require(cuts.last { $0.label.hasPrefix("before 'sync \(segment)") })
        return (synced.disk.crash(.dropBytes), synced.ledger)
    }

    /// The disk of a recovery of `image` that is about to write the end of the segment once more, behind the journal:
    /// until it has done so, only the journal's old files say that the end may be torn.
    private func unsettled(_ image: SimulatedStorage, seed: UInt64) -> SimulatedStorage? {
        let disk = image.clone()
        let recovery = moments(of: disk, Ledger()) { EngineOracle(mode: .segment).recover(disk, seed: seed) }
        // Between the two there is one moment only when the file has to be opened for it.
        let labels = ["open", "write"].map { "before '\($0) \(segment)" }
        return recovery.last { moment in labels.contains { moment.label.hasPrefix($0) } }?.disk
    }

    private func policies(_ disk: SimulatedStorage) -> [CrashPolicy] {
        [.dropAll, .keepAll] + disk.unsyncedIndices(notOf: "lock").map { .dropOnly($0) }
    }

    /// Each recovery begins a new journal file, and the third removes the one that named the segment.
    @Test func `a torn tail that was cut stays cut, however often its recovery is crashed`() throws {
        let (disk, ledger) = try torn()
        var images = [disk]
        for depth in 1...3 {
            images = images.flatMap { image in
                let disk = unsettled(image, seed: UInt64(depth) + 10)
                return disk.map { disk in policies(disk).map { disk.crash($0) } } ?? []
            }
            #expect(!images.isEmpty)
            for (number, image) in images.enumerated() {
                let wrong = EngineOracle(mode: .segment).judge(image.clone(), ledger, seed: UInt64(number))
                #expect(wrong.isEmpty, "after \(depth) crashed recoveries: \(wrong)")
            }
        }
    }
}
