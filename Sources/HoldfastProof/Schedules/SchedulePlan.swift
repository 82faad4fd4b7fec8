#if HOLDFAST_SCHEDULES
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads

/// What one seed stands for.
struct SchedulePlan: Sendable, CustomStringConvertible {
    enum Subject: Sendable {
        /// The engine: claims, appends, snapshots, flushes.
        case log
        /// The sessions on top of it, with compaction in the background.
        case store
    }

    let seed: UInt64
    let subject: Subject
    let mode: SegmentHeader.CommitMode
    let strategy: Scheduler.Strategy
    /// Timers run out early, at one choice in so many; `nil`: nothing may need a timer.
    let slowness: UInt64?
    let writerCount: Int
    let writesPerWriter: Int
    /// What fails in the middle.
    let fault: Fault?

    init(seed: UInt64) {
        self.seed = seed
        var generator = SplitMix64(seed: seed)
        subject = generator.next() % 3 == 0 ? .store : .log
        mode = generator.next() % 2 == 0 ? .journal : .segment
        switch generator.next() % 6 {
        case 0: strategy = .random(stay: 0)
        case 1: strategy = .random(stay: 60)
        case 2: strategy = .random(stay: 95)
        case 3: strategy = .ranked(changes: 1)
        default: strategy = .ranked(changes: 1 + Int(generator.next() % 8))
        }
        writerCount = 1 + Int(generator.next() % 4)
        writesPerWriter = 2 + Int(generator.next() % 8)
        fault = Self.fault(mode, &generator)
        slowness = fault == nil && generator.next() % 3 == 0 ? nil : 20 << (generator.next() % 6)
    }

    private static func fault(_ mode: SegmentHeader.CommitMode, _ generator: inout SplitMix64) -> Fault? {
        let occurrence = 1 + Int(generator.next() % 16)
        let isLasting = generator.next() % 4 == 0
        switch generator.next() % 10 {
        case 0, 1: return Fault(.io, on: .sync, path: "journal", occurrence: occurrence, isLasting: isLasting)
        case 2: return Fault(.io, on: .sync, path: "sessions", occurrence: occurrence, isLasting: isLasting)
        case 3: return Fault(.io, on: .write, occurrence: occurrence * 2)
        case 4: return Fault(.noSpace, on: .write, occurrence: occurrence * 2, isLasting: isLasting)
        case 5: return Fault(.io, occurrence: occurrence * 8)
        default: return nil
        }
    }

    /// Small limits, so that everything happens within a few writes.
    var options: EngineOptions {
        var options = EngineOptions()
        options.commitMode = mode
        options.clock = ScheduledClock()
        options.syncThreadCount = 1 + Int(seed % 3)
        options.openFileLimit = 1 + Int(seed / 3 % 4)
        options.segmentByteCount = 900
        // So small that journal files are recycled and removed, and the index is rewritten.
        if seed.isMultiple(of: 2) { options.journalByteCounts = 2_048...8_192 }
        options.toleratedIndexLogByteCount = seed % 4 < 2 ? 500 : Limits.toleratedIndexLogByteCount
        options.flushByteCount = 3_000
        options.unflushedByteLimit = 6_000
        let timer: UInt64 = slowness == nil ? 3_600_000 : 5
        options.flushInterval = timer
        options.softWindow = timer
        let generator = Lock(SplitMix64(seed: seed &+ 1))
        options.random = { generator.withLock { $0.next() | 1 } }
        return options
    }

    var description: String {
        "seed \(seed) (\(subject), \(mode), \(strategy), \(writerCount) writers\(fault.map { ", \($0)" } ?? ""))"
    }
}
#endif
