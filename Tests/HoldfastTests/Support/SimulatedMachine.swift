import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastThreads

/// A machine with a simulated disk, on which a store is opened, and which can lose its power.
final class SimulatedMachine {
    private var storage = SimulatedStorage()
    private let commit: CommitMode

    init(commit: CommitMode = .journal) { self.commit = commit }

    func open() throws -> HoldfastStore.Opened {
        var engine = EngineOptions()
        engine.commitMode = commit == .journal ? .journal : .segment
        engine.flushInterval = 5
        engine.segmentByteCount = 3_000
        var options = StoreOptions()
        options.hotSessions = 2
        options.compactsInBackground = false
        return try HoldfastStore.opened(in: storage, engine: engine, options: options)
    }

    /// Cuts the power while `opened` is open, and opens the store again.
    func crash(_ opened: HoldfastStore.Opened, _ policy: CrashPolicy) throws -> HoldfastStore.Opened {
        storage = storage.crash(policy)
        opened.log.abandon()
        return try open()
    }
}
