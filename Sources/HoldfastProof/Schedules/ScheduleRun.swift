#if HOLDFAST_SCHEDULES
import HoldfastSimulation
import HoldfastThreads

/// What is run, and how a disk that it left is judged.
struct ScheduleWorkload: Sendable {
    /// Opens a store on the run's storage, works on it and closes it.
    var work: @Sendable (ScheduleRun) -> Void
    /// Recovers the disk, compares what is there with the book's sessions, goes on. Answers what is wrong.
    var judge: @Sendable (SimulatedStorage, [String: ScheduleBook.Session], SchedulePlan) throws -> [String]
}

/// One run of a workload under a seed, with a power cut at a random moment of it and one at its end.
final class ScheduleRun: Sendable {
    let plan: SchedulePlan
    let storage = SimulatedStorage()
    let book = ScheduleBook()

    init(_ plan: SchedulePlan) { self.plan = plan }

    func result(of workload: ScheduleWorkload) -> ScheduleResult {
        var result = ScheduleResult()
        let images = ScheduleImages(seed: plan.seed &+ 2)
        images.watch(storage, book)
        let isDone = scheduled(&result, "the run") { workload.work(self) }
        storage.onOperation(nil)
        storage.clearFaults()
        result.operations = storage.operations.map(\.description)
        book.count(in: &result)
        // Threads that are stuck hold locks.
        guard isDone else { return result }
        if let image = images.image {
            let disk = image.disk.crash(.random(seed: plan.seed))
            judge(workload, disk, image.sessions, "before '\(image.operation)'", &result)
        }
        judge(workload, storage.crash(.dropAll), book.sessions, "at the end", &result)
        result.violations += book.violations.map { "\(plan): \($0)" }
        return result
    }

    private func judge(
        _ workload: ScheduleWorkload, _ disk: SimulatedStorage, _ sessions: [String: ScheduleBook.Session],
        _ moment: String, _ result: inout ScheduleResult
    ) {
        result.imageCount += 1
        let wrong = Lock<[String]>([])
        _ = scheduled(&result, "recovery \(moment)") { [plan] in
            do {
                let found = try workload.judge(disk, sessions, plan)
                wrong.withLock { $0 = found }
            } catch {
                wrong.withLock { $0 = ["\(error)"] }
            }
        }
        result.violations += wrong.withLock { $0 }.map { "\(plan): \(moment): \($0)" }
    }

    /// Runs `body` under a scheduler; answers whether it came to its end.
    private func scheduled(
        _ result: inout ScheduleResult, _ what: String, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        do {
            let outcome = try Scheduler.run(
                plan.strategy, slowness: plan.slowness, SplitMix64(seed: plan.seed &+ 3), body)
            result.stepCount += outcome.stepCount
            result.trace = result.trace &* 31 &+ outcome.trace
            if let failure = outcome.failure { result.violations.append("\(plan): \(what): \(failure)") }
            if plan.slowness == nil, outcome.nanoseconds > 0 {
                result.violations.append("\(plan): \(what): only a timer kept it going: a wake-up was lost")
            }
            return outcome.failure == nil
        } catch {
            result.violations.append("\(plan): \(what): \(error)")
            return false
        }
    }
}
#endif
