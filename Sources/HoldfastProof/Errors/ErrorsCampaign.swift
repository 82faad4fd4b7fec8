import Holdfast
import HoldfastBytes

/// Scripted workloads whose first, second, third … call of the storage goes wrong, until they pass.
package enum ErrorsCampaign: Campaign {
    package static let name = "errors"
    package static let summary = "failing calls: the n-th call of the storage fails, once and from then on"

    package static func run(_ options: CampaignOptions, _ progress: CampaignProgress) throws -> CampaignReport {
        var tally = ErrorTally()
        var round: UInt64 = 0
        repeat {
            let sweeps = sweeps(round: round, options)
            // Less than all is an even sample of the calls.
            let stride = options.count.map { max(1, usualCount / max(1, $0)) } ?? 1
            let tallies = try inParallel(sweeps.count, threadCount: options.threadCount) {
                sweeps[$0].run(everyCall: stride, progress)
            }
            for other in tallies { tally.add(other) }
            round += 1
        } while tally.caseCount < options.count ?? 0 && tally.violations.isEmpty && round < largestRound
        return tally.report
    }

    /// Where it ends when hardly any workload is wanted.
    private static let largestRound: UInt64 = 10_000
    /// About how many cases a round has; what matters is only how a smaller number is spread.
    private static let usualCount = 40_000

    private static func sweeps(round: UInt64, _ options: CampaignOptions) -> [ErrorSweep] {
        let base = options.seed
        var workloads: [any Workload] = []
        for mode in [SegmentHeader.CommitMode.journal, .segment] {
            for kind in [EngineWorkload.Kind.batches, .recycling, .snapshots, .reopening] {
                var workload = EngineWorkload(kind, mode, seed: seed("errors \(kind) \(mode)", base, round))
                workload.stepCount = 8
                workloads.append(workload)
            }
        }
        for commit in CommitMode.allCases {
            for kind in [SessionWorkload.Kind.turns, .compaction] {
                var workload = SessionWorkload(kind, commit, seed: seed("errors \(kind) \(commit)", base, round))
                workload.stepCount = 10
                workloads.append(workload)
            }
        }
        return workloads.filter(options.includes).flatMap { workload in
            FaultKind.all.map { ErrorSweep(workload: workload, kind: $0) }
        }
    }
}

/// What sweeps have come to.
struct ErrorTally: Sendable {
    var sweepCount = 0
    var caseCount = 0
    var judgementCount = 0
    /// Cases in which the workload heard of the fault, and in which the store went on without being opened anew.
    var noticedCount = 0
    var resumedCount = 0
    var violations: [String] = []

    mutating func add(_ other: ErrorTally) {
        sweepCount += other.sweepCount
        caseCount += other.caseCount
        judgementCount += other.judgementCount
        noticedCount += other.noticedCount
        resumedCount += other.resumedCount
        violations += other.violations
    }

    var report: CampaignReport {
        CampaignReport(
            caseCount: caseCount, violations: violations,
            lines: [
                "\(sweepCount) sweeps: each workload with each of \(FaultKind.all.count) kinds of fault at its n-th "
                    + "call, for n = 1, 2, 3 … until it passed",
                "\(caseCount) cases; the workload heard of the fault in \(noticedCount), the store resumed in "
                    + "\(resumedCount) without being opened anew; \(judgementCount) images judged",
            ])
    }
}
