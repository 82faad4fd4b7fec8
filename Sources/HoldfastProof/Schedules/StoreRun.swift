#if HOLDFAST_SCHEDULES
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads

/// The whole store: writers that share sessions, readers, compaction in the background, closing in the middle.
///
/// Each session is created, opens a turn that nobody ends, and takes messages: record `n` is message `n - 2`.
enum StoreRun {
    static let workload = ScheduleWorkload(work: work, judge: judge)

    private static func work(_ run: ScheduleRun) {
        guard let store = open(run) else { return }
        if let fault = run.plan.fault { run.storage.inject(fault) }
        let doneCount = Monitor(0)
        var threads = (0..<run.plan.writerCount).map { number in
            try? Thread.start(name: "writer \(number)") { StoreWriter(store, run, number, doneCount).run() }
        }
        let writeCount = run.plan.writerCount * run.plan.writesPerWriter
        // Half of the runs close the store while it is written to.
        let closeAfter = run.plan.seed % 2 == 0 ? writeCount : Int(run.plan.seed / 2) % (writeCount + 1)
        threads.append(
            try? Thread.start(name: "close") {
                doneCount.wait(until: { $0 >= closeAfter }) { _ in }
                close(store, run)
            })
        for thread in threads { thread?.join() }
        run.book.end()
    }

    private static func options(of storage: SimulatedStorage) -> StoreOptions {
        var options = StoreOptions()
        options.hotSessions = 1
        options.compaction.busyByteCount = 600
        let clock = ScheduledClock()
        options.now = { clock.wallMilliseconds() }
        options.opening = "opening after \(storage.operations.count) operations"
        return options
    }

    private static func open(_ run: ScheduleRun) -> HoldfastStore? {
        do {
            return try HoldfastStore.opened(
                in: run.storage, engine: run.plan.options, options: options(of: run.storage)
            ).store
        } catch {
            run.book.blame("cannot be opened: \(error)")
            return nil
        }
    }

    private static func close(_ store: HoldfastStore, _ run: ScheduleRun) {
        do {
            try store.close()
        } catch {
            if run.plan.fault == nil { run.book.blame("close failed: \(error)") }
        }
        run.book.close()
        let changeCount = run.storage.operations.count { $0.kind.changesDisk }
        if (try? store.getBlocking("s0")) != nil { run.book.blame("an answer to a question after close") }
        if run.storage.operations.count(where: { $0.kind.changesDisk }) != changeCount {
            run.book.blame("something was written after close")
        }
    }

    // MARK: The judgement

    private static func judge(
        _ disk: SimulatedStorage, _ sessions: [String: ScheduleBook.Session], _ plan: SchedulePlan
    ) throws -> [String] {
        let (wrong, kept) = try opened(disk, plan) { store, recovery in
            try judge(store, recovery, sessions)
        }
        let lost = try opened(disk.crash(.dropAll), plan) { store, _ in
            try kept.filter { try records(store, $0.key) != $0.value }.keys.sorted()
        }
        return wrong + lost.map { "\($0): what was written after the recovery is not all there" }
    }

    /// Judges what was recovered and goes on writing; answers what is wrong and what there is now.
    private static func judge(
        _ store: HoldfastStore, _ recovery: RecoveryReport, _ sessions: [String: ScheduleBook.Session]
    ) throws -> (wrong: [String], kept: [String: [String]]) {
        var wrong: [String] = []
        if recovery.hasCommittedDamage { wrong.append("reports damage: \(recovery.findings)") }
        var kept: [String: [String]] = [:]
        for (session, entry) in sessions.sorted(by: { $0.key < $1.key }) {
            let texts = try records(store, session)
            wrong += entry.judge(session, texts, after: 0, least: entry.lastAcknowledged)
            kept[session] = texts
        }
        wrong += try judgeList(store, kept)
        for (session, texts) in kept.sorted(by: { $0.key < $1.key }) where !texts.isEmpty && texts.last != "delete" {
            try store.writeBlocking(.append(to: session, [StoreWriter.message("after")]))
            kept[session] = texts + ["after"]
        }
        let pending = try store.pendingBlocking().turns.filter { $0.turn.attempts == 1 }.map(\.session)
        let begun = kept.filter { $0.value.count > 1 && $0.value[1] == "turn" }.keys.sorted()
        if pending != begun { wrong.append("the turns of \(begun) were open, those of \(pending) are") }
        return (wrong, kept)
    }

    /// Opens the store on `disk` and closes it, whatever `body` does.
    private static func opened<Answer>(
        _ disk: SimulatedStorage, _ plan: SchedulePlan, _ body: (HoldfastStore, RecoveryReport) throws -> Answer
    ) throws -> Answer {
        let opened = try HoldfastStore.opened(in: disk, engine: plan.options, options: options(of: disk))
        let answer = Result { try body(opened.store, opened.recovery) }
        try opened.store.close()
        return try answer.get()
    }

    /// The list must name the sessions that there are, and where they end.
    private static func judgeList(_ store: HoldfastStore, _ kept: [String: [String]]) throws -> [String] {
        let rows = try store.listBlocking(limit: 10_000).rows.map { "\($0.summary.session) at \($0.summary.sequence)" }
        let live = kept.filter { !$0.value.isEmpty && $0.value.last != "delete" }.sorted { $0.key < $1.key }
        let wanted = live.map { "\($0.key) at \($0.value.count)" }
        return rows == wanted ? [] : ["the list is \(rows), not \(wanted)"]
    }

    /// What each record of the session said, by its number; none when there is no such session.
    static func records(_ store: HoldfastStore, _ session: String) throws(HoldfastError) -> [String] {
        do {
            let state = try store.getBlocking(session, Window(limit: 10_000))
            let texts = state.messages.map { StoreWriter.text(of: $0) }
            let turn = Int(state.summary.sequence) > texts.count + 1 ? ["turn"] : []
            return ["create"] + turn + texts
        } catch {
            switch error.code {
            case .unknownSession: return []
            case .sessionDeleted: return ["create", "delete"]
            default: throw error
            }
        }
    }
}
#endif
