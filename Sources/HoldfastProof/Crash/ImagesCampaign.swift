import Holdfast
import HoldfastBytes

/// Scripted workloads, with the power cut before every operation that changes the disk, and everything that may then be
/// left of what was not synced; recovery itself included.
package enum ImagesCampaign: Campaign {
    package static let name = "images"
    package static let summary = "crash images: the power is cut before every write, sync and rename"
    static let usualCount = 200_000

    package static func run(_ options: CampaignOptions, _ progress: CampaignProgress) throws -> CampaignReport {
        let goal = options.count ?? usualCount
        progress.expect(goal)
        let images = ImageSet()
        var total = ImageTally()
        var round: UInt64 = 0
        while images.count < goal && total.violations.isEmpty && round < largestRound {
            let current = round
            let workloads = workloads(round: round, seed: options.seed).filter(options.includes)
            // All of a round, or an even sample of it: so a small run sees a little of everything.
            let share = goal < smallestFullRound ? max(1, goal / max(1, workloads.count)) : nil
            for group in stride(from: 0, to: workloads.count, by: groupSize) where images.count < goal {
                let part = Array(workloads[group..<min(group + groupSize, workloads.count)])
                let tallies = try inParallel(part.count, threadCount: options.threadCount) {
                    ImageCase(part[$0], images, progress, share: share, round: current).run()
                }
                for tally in tallies { total.add(tally) }
            }
            round += 1
        }
        return total.report(images.count)
    }

    /// Where it ends when hardly any workload is wanted.
    private static let largestRound: UInt64 = 10_000
    /// Below this, a sample of each workload's images is enough to reach the goal.
    private static let smallestFullRound = 50_000
    /// Whether there are enough is asked after so many workloads, however many threads there are.
    private static let groupSize = 6

    /// Every kind of workload in every commit mode.
    static func workloads(round: UInt64, seed base: UInt64) -> [any Workload] {
        var workloads: [any Workload] = []
        for kind in EngineWorkload.Kind.allCases {
            for mode in [SegmentHeader.CommitMode.journal, .segment] {
                workloads.append(EngineWorkload(kind, mode, seed: seed("\(kind) \(mode)", base, round)))
            }
        }
        for kind in SessionWorkload.Kind.allCases {
            workloads.append(SessionWorkload(kind, .journal, seed: seed("\(kind) journal", base, round)))
            workloads.append(SessionWorkload(kind, .segment, seed: seed("\(kind) segment", base, round)))
        }
        return workloads
    }
}

/// What one or more workloads have come to.
struct ImageTally: Sendable {
    var workloadCount = 0
    var momentCount = 0
    /// Images of crashes of workloads, of recoveries, of recoveries of what such a crash has left, and so on.
    var imagesByDepth: [Int] = []
    var repeatedCount = 0
    /// An image is judged again when more had been promised.
    var judgementCount = 0
    var violations: [String] = []

    mutating func count(atDepth depth: Int) {
        while imagesByDepth.count <= depth { imagesByDepth.append(0) }
        imagesByDepth[depth] += 1
    }

    mutating func add(_ other: ImageTally) {
        workloadCount += other.workloadCount
        momentCount += other.momentCount
        repeatedCount += other.repeatedCount
        judgementCount += other.judgementCount
        violations += other.violations
        while imagesByDepth.count < other.imagesByDepth.count { imagesByDepth.append(0) }
        for (depth, count) in other.imagesByDepth.enumerated() { imagesByDepth[depth] += count }
    }

    func report(_ imageCount: Int) -> CampaignReport {
        let depths = imagesByDepth.enumerated().map { depth, count in
            depth == 0 ? "\(count) of workloads" : "\(count) of recoveries, \(depth) deep"
        }
        return CampaignReport(
            caseCount: imageCount, violations: violations,
            lines: [
                "\(workloadCount) workloads, crashed at \(momentCount) moments (those of recoveries included)",
                "\(imageCount) distinct images: \(depths.joined(separator: ", "))",
                "\(repeatedCount) images more were like another one and are not counted; \(judgementCount) judgements",
            ])
    }
}
