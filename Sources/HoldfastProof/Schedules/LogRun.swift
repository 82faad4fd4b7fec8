#if HOLDFAST_SCHEDULES
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads

/// The engine: several writers, one of them after another's session, and what they were answered.
enum LogRun {
    static let workload = ScheduleWorkload(work: work, judge: judge)

    private static func work(_ run: ScheduleRun) {
        guard let log = open(run) else { return }
        if let fault = run.plan.fault { run.storage.inject(fault) }
        let threads = start(log, run)
        for thread in threads { thread.join() }
        close(log, run)
    }

    private static func open(_ run: ScheduleRun) -> LocalLog? {
        do {
            return try LocalLog(in: run.storage, options: run.plan.options, creating: true)
        } catch {
            run.book.blame("cannot be opened: \(error)")
            return nil
        }
    }

    private static func start(_ log: LocalLog, _ run: ScheduleRun) -> [Thread] {
        let plan = run.plan
        var threads = (0..<plan.writerCount).map { number in
            try? Thread.start(name: "writer \(number)") { LogWriter(log, run, number, session: number).run() }
        }
        if plan.seed % 2 == 0 {
            // Takes the first writer's session over in the middle of its work.
            let number = plan.writerCount
            threads.append(try? Thread.start(name: "thief") { LogWriter(log, run, number, session: 0).run() })
        }
        if plan.seed % 5 == 0 { threads.append(try? Thread.start(name: "flush") { try? log.flushToSegments() }) }
        return threads.compactMap { $0 }
    }

    private static func close(_ log: LocalLog, _ run: ScheduleRun) {
        do {
            try log.close()
        } catch {
            if run.plan.fault == nil { run.book.blame("close failed: \(error)") }
        }
        run.book.close()
        run.book.end()
        let count = run.storage.operations.count
        if (try? log.claim(sessionID("s0"))) != nil { run.book.blame("a claim after close") }
        if run.storage.operations.count != count { run.book.blame("close left something at work") }
    }

    private static func judge(
        _ disk: SimulatedStorage, _ sessions: [String: ScheduleBook.Session], _ plan: SchedulePlan
    ) throws -> [String] {
        let log = try LocalLog(in: disk, options: plan.options, creating: true)
        var wrong: [String] = []
        if log.recovery.hasCommittedDamage { wrong.append("reports damage: \(log.recovery.findings)") }
        var kept: [String: [String]] = [:]
        for (session, entry) in sessions.sorted(by: { $0.key < $1.key }) {
            let texts = try records(log, session, after: entry.snapshot)
            wrong += entry.judge(session, texts, after: entry.snapshot, least: entry.lastAcknowledged)
            var appender = try Appender(log, session)
            try appender.append("after the crash")
            kept[session] = texts + ["after the crash"]
        }
        try log.close()
        let again = try LocalLog(in: disk.crash(.dropAll), options: plan.options)
        if !again.recovery.wasClosedCleanly { wrong.append("was not closed in order") }
        for (session, texts) in kept
        where try records(again, session, after: sessions[session]?.snapshot ?? 0) != texts {
            wrong.append("\(session): what was appended after the recovery is not all there")
        }
        try again.close()
        return wrong
    }

    /// The records after `snapshot`; none when the session does not exist.
    private static func records(_ log: LocalLog, _ session: String, after snapshot: UInt64) throws -> [String] {
        do {
            return try payloads(log, session, from: snapshot + 1)
        } catch let error as LogError where error.code == .unknownSession {
            return []
        }
    }
}
#endif
