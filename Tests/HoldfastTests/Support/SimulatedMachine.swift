import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads

/// Whether long tests are to be short.
let isQuick = getenv("HOLDFAST_QUICK") != nil

/// A machine with a simulated disk, on which a store is opened, and which can lose its power.
final class SimulatedMachine {
    private(set) var storage: SimulatedStorage
    private let commit: CommitMode
    /// The clock on the wall, if it is not the real one.
    private let clock: TestClock?
    /// From how many bytes on heads are kept, if not as usual.
    private let keptFrom: Int?

    init(
        commit: CommitMode = .journal, clock: TestClock? = nil, keptFrom: Int? = nil,
        _ storage: SimulatedStorage = SimulatedStorage()
    ) {
        self.keptFrom = keptFrom
        self.commit = commit
        self.clock = clock
        self.storage = storage
    }

    func open() throws -> HoldfastStore.Opened {
        var engine = EngineOptions()
        engine.commitMode = commit == .journal ? .journal : .segment
        engine.flushInterval = 5
        engine.segmentByteCount = 3_000
        var options = StoreOptions()
        options.hotSessions = 2
        options.compactsInBackground = false
        if let keptFrom { options.keptHeadByteCount = keptFrom }
        if let clock { options.now = { clock.now } }
        return try HoldfastStore.opened(in: storage, engine: engine, options: options)
    }

    /// Flips one bit in the file `path`, as a failing disk does.
    func flipBit(_ path: String, at offset: UInt64) throws {
        let file = try storage.open(path, .readWrite)
        let byte = try file.read(count: 1, at: offset)
        try file.write(byte.map { $0 ^ 1 }, at: offset)
        try file.close()
    }

    /// How long the file `path` is.
    func byteCount(_ path: String) throws -> UInt64 {
        let file = try storage.open(path, .read)
        defer { try? file.close() }
        return try file.byteCount()
    }

    /// Cuts the power while `opened` is open, and opens the store again.
    func crash(_ opened: HoldfastStore.Opened, _ policy: CrashPolicy) throws -> HoldfastStore.Opened {
        storage = storage.crash(policy)
        opened.log.abandon()
        return try open()
    }
}
