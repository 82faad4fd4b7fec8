package import Holdfast
import HoldfastBytes
import HoldfastEngine
package import HoldfastSimulation
import HoldfastThreads

/// Sessions that are made, changed, compacted and deleted, with turns that begin and end, by a ``HoldfastStore``.
package struct SessionWorkload: Workload {
    /// What there is most of.
    package enum Kind: String, Sendable, CaseIterable {
        case turns, compaction, deletion
    }

    package var kind: Kind
    package var commit: CommitMode
    package var seed: UInt64
    package var stepCount = 24

    package init(_ kind: Kind, _ commit: CommitMode, seed: UInt64) {
        self.kind = kind
        self.commit = commit
        self.seed = seed
    }

    package var description: String { "sessions \(kind.rawValue), commit in the \(commit), seed \(seed)" }
    package var oracle: any Oracle { SessionOracle(commit: commit) }

    package func start(on storage: SimulatedStorage, _ ledger: Ledger) -> any WorkloadRun {
        SessionRun(self, storage, ledger)
    }
}

/// Opens a store of sessions under options with which little happens at a time, and nothing by itself.
func openSmall(
    _ storage: SimulatedStorage, _ commit: CommitMode, seed: UInt64
) throws(HoldfastError) -> HoldfastStore.Opened {
    var options = StoreOptions()
    options.hotSessions = 2
    options.keptHeadByteCount = 0
    options.compactsInBackground = false
    options.now = { 1_700_000_000_000 }
    let engine = smallOptions(commit == .journal ? .journal : .segment, seed: seed)
    return try HoldfastStore.opened(in: storage, engine: engine, options: options)
}

extension HoldfastStore.Opened {
    /// Lets go of the store as a crash of the process does.
    func abandon() {
        log.abandon()
        // What is left is to end the threads; that nothing can be flushed any more is what is meant.
        try? store.close()
    }
}

/// One run of a ``SessionWorkload``.
private final class SessionRun: WorkloadRun {
    private let workload: SessionWorkload
    private let storage: SimulatedStorage
    private let ledger: Ledger
    private var generator: SplitMix64
    private var opened: HoldfastStore.Opened?
    private var openings: UInt64 = 0
    private var records = 0
    /// The session as it should be after 0, 1, 2 … records.
    private var models: [String: [SessionModel]] = [:]
    private var doubtful: Set<String> = []
    private let sessions = ["a", "b", "c/.."]
    private(set) var errors: [String] = []
    private(set) var violations: [String] = []

    init(_ workload: SessionWorkload, _ storage: SimulatedStorage, _ ledger: Ledger) {
        self.workload = workload
        self.storage = storage
        self.ledger = ledger
        generator = SplitMix64(seed: workload.seed)
    }

    func run() {
        for _ in 0..<workload.stepCount {
            if opened == nil { open() }
            guard opened != nil else { break }
            attempt { try step() }
        }
    }

    func close() {
        attempt { try opened?.store.close() }
        opened = nil
    }

    func resumes() -> Bool {
        if opened == nil { open() }
        attempt { try opened?.log.flushToSegments() }
        for session in sessions + ["resumed"] {
            let before = errors.count
            attempt { try write(session) }
            if errors.count > before { return false }
        }
        return opened != nil
    }

    func abandon() {
        opened?.abandon()
        opened = nil
    }

    // MARK: Steps

    private func open() {
        openings += 1
        attempt { opened = try openSmall(storage, workload.commit, seed: workload.seed &+ openings) }
    }

    private func step() throws {
        let session = sessions[Int(generator.next() % UInt64(sessions.count))]
        switch generator.next() % (workload.kind == .compaction ? 16 : 24) {
        case 0: try opened?.log.flushToSegments()
        case 1: try opened?.store.flushBlocking()
        case 2:
            abandon()
            open()
            // What was to be durable soon may not have been in time.
            doubtful = Set(models.keys)
        case 3:
            close()
            open()
        case 4, 5, 6, 7:
            guard models[session] != nil, workload.kind != .turns else { return try write(session) }
            // Else the snapshot's own flush is followed by a batch that comes sooner or later.
            try opened?.log.flushToSegments()
            try opened?.store.compactBlocking(session)
        default: try write(session)
        }
    }

    private func write(_ session: String) throws {
        if doubtful.contains(session) { try lookAgain(session) }
        guard let store = opened?.store else { return }
        let known = models[session] ?? [SessionModel()]
        guard var model = known.last else { return }
        records += 1
        guard let mutation = model.change(session, records, isNew: known.count == 1, workload.kind, &generator) else {
            return
        }
        models[session] = known + [model]
        ledger.submit(session, model.description)
        let answer = Monitor<Result<WriteResult, HoldfastError>?>(nil)
        store.submit(mutation) { [ledger] result in
            if case .success(let success) = result, success.isDurable {
                ledger.acknowledge(session, through: Int(success.sequence))
            }
            answer.withLock { $0 = result }
            answer.broadcast()
        }
        let result = answer.wait(until: { $0 != nil }, milliseconds: 60_000) { result, _ in result }
        switch result {
        case .success(let success):
            if success.sequence != known.count {
                violations.append("\(session): record \(known.count) was answered with sequence \(success.sequence)")
            }
        case .failure(let error):
            if error.message.isEmpty { violations.append("an error without a word: \(error.code)") }
            doubtful.insert(session)
            throw error
        case nil: violations.append("\(session): record \(known.count) was never answered")
        }
    }

    /// After a failure: what the store shows now is what counts, and no more than it acknowledged.
    private func lookAgain(_ session: String) throws {
        guard let store = opened?.store, let known = models[session] else { return }
        let (count, text) = try read(session, in: store, ledger.state[session]?.submitted.count ?? 0)
        let acknowledged = ledger.state[session]?.acknowledged ?? 0
        if count < acknowledged {
            violations.append("\(session): \(acknowledged) acknowledged, the store shows \(count)")
        } else if count >= known.count || known[count].description != text && count > 0 {
            violations.append("\(session): the store shows what was never written: \(text)")
        } else {
            models[session] = Array(known[...count])
            ledger.goBack(session, to: count)
            ledger.acknowledge(session, through: count)
        }
        doubtful.remove(session)
    }

    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch { errors.append("\(error)") }
    }
}

/// How many records a session has and what they come to. `deletedAt` is the number of a deleted session's last record.
func read(
    _ session: String, in store: HoldfastStore, _ deletedAt: Int
) throws(HoldfastError) -> (count: Int, text: String) {
    do throws(HoldfastError) {
        let state = try store.getBlocking(session, Window(limit: 10_000, deltasAfter: 0))
        if let damage = state.damage { throw HoldfastError(.damaged, damage.message) }
        return (Int(state.summary.sequence), SessionModel.describe(state))
    } catch {
        if error.code == .unknownSession { return (0, "") }
        if error.code == .sessionDeleted { return (deletedAt, SessionModel.deleted) }
        throw error
    }
}
