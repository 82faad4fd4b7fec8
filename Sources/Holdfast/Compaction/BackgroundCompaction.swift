import HoldfastBytes
import HoldfastLog
import HoldfastThreads

/// The thread that compacts sessions when the policy finds it worth its while.
final class BackgroundCompaction: Sendable {
    private struct Queue {
        /// Sessions to compact, each once.
        var due: [SessionID] = []
        var members: Set<SessionID> = []
        /// Sessions whose head is to be kept; they go first, for that takes a moment only.
        var unkept: [SessionID: HotSession] = [:]
        var isStopping = false
    }

    private enum Step {
        case compact(SessionID)
        case keepHead(HotSession)
        case lookForIdle
        case stop
    }

    private let compactor: Compactor
    private let sessions: HotSessions
    private let policy: CompactionPolicy
    private let now: @Sendable () -> Milliseconds
    private let queue = Monitor(Queue())
    private let thread = Lock<Thread?>(nil)
    /// How often idle sessions are looked for.
    private static let pauseMilliseconds: UInt64 = 60_000

    init(_ compactor: Compactor, _ sessions: HotSessions, _ options: StoreOptions) {
        self.compactor = compactor
        self.sessions = sessions
        policy = options.compaction
        now = options.now
    }

    /// Starts the thread, which runs until ``stop()``.
    func start() throws(HoldfastError) {
        do {
            let started = try Thread.start(name: "holdfast-compact") { self.run() }
            thread.withLock { $0 = started }
        } catch {
            throw HoldfastError(.failed, "cannot start a thread: \(error)")
        }
    }

    /// Ends the thread, when it has finished the snapshot that it is at. Nothing happens when none was
    /// started.
    func stop() {
        queue.withLock { $0.isStopping = true }
        queue.broadcast()
        thread.withLock { $0.take() }?.join()
    }

    /// Queues the session if its last append made a snapshot due, or the keeping of its head. Called with the session's
    /// lock held.
    func noteAppend(to session: HotSession, _ state: HotSession.State) {
        if policy.shouldSnapshot(state.load, idle: 0) {
            add(session.id)
        } else if state.unkeptBytes >= state.nextKeep {
            queue.withLock { $0.unkept[session.id] = session }
            queue.signal()
        }
    }

    /// Queues a session whose deletion is durable: what it held is of no use any more. Called from a thread of the log.
    func noteDeletion(of id: SessionID) { add(id) }

    private func add(_ id: SessionID) {
        queue.withLock { queue in
            if queue.members.insert(id).inserted { queue.due.append(id) }
        }
        queue.signal()
    }

    private func run() {
        while true {
            switch nextStep() {
            case .compact(let id): if (try? compactor.compact(id)) == nil { compactor.giveUp(id) }
            case .keepHead(let session): session.keepHead(in: sessions.log, from: HotSession.State.busyByteCount)
            case .lookForIdle: lookForIdle()
            case .stop: return
            }
        }
    }

    private func nextStep() -> Step {
        queue.wait(
            until: { !$0.due.isEmpty || !$0.unkept.isEmpty || $0.isStopping }, milliseconds: Self.pauseMilliseconds
        ) { queue, _ in
            if queue.isStopping { return .stop }
            if let session = queue.unkept.popFirst()?.value { return .keepHead(session) }
            if queue.due.isEmpty { return .lookForIdle }
            let id = queue.due.removeFirst()
            queue.members.remove(id)
            return .compact(id)
        }
    }

    private func lookForIdle() {
        let now = now()
        for session in sessions.all {
            guard let load = compactor.load(of: session) else { continue }
            if policy.shouldSnapshot(load, idle: now - min(now, load.lastUse)) { add(session.id) }
        }
    }
}
