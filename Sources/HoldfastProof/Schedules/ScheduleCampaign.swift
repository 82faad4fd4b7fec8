#if HOLDFAST_SCHEDULES
import Glibc
import HoldfastSimulation
import HoldfastThreads

/// Runs the whole store, all its threads included, in orders that seeds decide.
enum ScheduleCampaign: Campaign {
    static let name = "schedules"
    static let summary = "every thread of the store in an order that a seed decides, on a simulated disk and clock"

    static func run(_ options: CampaignOptions, _ progress: CampaignProgress) throws -> CampaignReport {
        // Else sets and dictionaries have another order in each process, and a seed says nothing.
        guard getenv("SWIFT_DETERMINISTIC_HASHING") != nil else { throw MissingEnvironment() }
        let count = options.count ?? 1_000
        progress.expect(count)
        var violations = try ScheduleSelfCheck.run()
        let results = try inParallel(count, threadCount: options.threadCount) { index in
            let plan = SchedulePlan(seed: options.seed + UInt64(index))
            let result = isRepeated(index) ? runTwice(plan) : run(plan)
            progress.add()
            return result
        }
        violations += results.flatMap(\.violations)
        return CampaignReport(caseCount: count, violations: violations, lines: lines(results))
    }

    /// A few of the runs are done twice, to see that a seed decides everything.
    private static func isRepeated(_ index: Int) -> Bool { index % 20 == 0 }

    private static func runTwice(_ plan: SchedulePlan) -> ScheduleResult {
        var result = run(plan)
        let again = run(plan)
        if result.trace != again.trace || result.operations != again.operations {
            result.violations.append("\(plan): the same seed led to another run")
        }
        return result
    }

    private static func run(_ plan: SchedulePlan) -> ScheduleResult {
        ScheduleRun(plan).result(of: plan.subject == .log ? LogRun.workload : StoreRun.workload)
    }

    private static func lines(_ results: [ScheduleResult]) -> [String] {
        let total = { (value: (ScheduleResult) -> Int) in results.reduce(0) { $0 + value($1) } }
        return [
            "\(results.count) seeds, \(total(\.stepCount)) choices of a thread, "
                + "\(total(\.operations.count)) operations",
            "\(total(\.acknowledgedCount)) writes acknowledged, \(total(\.refusedCount)) refused or failed, "
                + "\(total(\.imageCount)) disks after a power cut recovered and checked",
        ]
    }

    private struct MissingEnvironment: Error, CustomStringConvertible {
        let description =
            "set SWIFT_DETERMINISTIC_HASHING=1, or a seed does not decide everything (tools/torture does)"
    }
}

/// What one seed has shown.
struct ScheduleResult: Sendable {
    var violations: [String] = []
    var stepCount = 0
    var trace: UInt64 = 0
    /// What the disk was asked for, in order.
    var operations: [String] = []
    var acknowledgedCount = 0
    var refusedCount = 0
    var imageCount = 0
}
#endif
