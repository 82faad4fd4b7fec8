import HoldfastBytes

/// Damages every file of small stores in every way, and judges what the engine makes of it.
package enum RotCampaign: Campaign {
    package static let name = "rot"
    package static let summary = "every bit flipped, every sector and block damaged, every file cut, swapped, made old"

    /// Runs every case, or about `options.count` of them, spread evenly.
    package static func run(_ options: CampaignOptions, _ progress: CampaignProgress) throws -> CampaignReport {
        let stores = try RotStore.all()
        var table = RotTable()
        var report = CampaignReport(caseCount: 0)
        let sets = stores.map(RotCases.init)
        let total = sets.reduce(0) { $0 + $1.count }
        let stride = max(1, total / max(1, options.count ?? total))
        progress.expect(total / stride)
        for cases in sets {
            let (counted, violations) = try run(cases, every: stride, options, progress)
            table.add(counted)
            report.violations += violations
        }
        report.caseCount = table.caseCount
        report.lines = table.markdown
        return report
    }

    private static let chunkCaseCount = 512

    private static func run(
        _ cases: RotCases, every stride: Int, _ options: CampaignOptions, _ progress: CampaignProgress
    ) throws -> (RotTable, [String]) {
        let count = cases.count / stride
        let chunks = (count + chunkCaseCount - 1) / chunkCaseCount
        let parts = try inParallel(chunks, threadCount: options.threadCount) { chunk in
            var table = RotTable()
            var violations: [String] = []
            let numbers = chunk * chunkCaseCount..<min(count, (chunk + 1) * chunkCaseCount)
            for number in numbers {
                let index = number * stride + Int(options.seed) % stride
                let (kind, area, verdict) = judge(cases, index, options.seed)
                table.count(kind, area, verdict.classed)
                guard let what = verdict.violations.first else { continue }
                violations.append("\(what) [\(cases.store.name), case \(index): \(describe(cases, index))]")
            }
            progress.add(numbers.count)
            return (table, violations)
        }
        var table = RotTable()
        for part in parts { table.add(part.0) }
        return (table, parts.flatMap { $0.1 })
    }

    static func judge(_ cases: RotCases, _ index: Int, _ seed: UInt64) -> (RotKind, String, RotVerdict) {
        let (kind, _, changed) = cases.make(index)
        let expectation = RotExpectation(changed, cases.store)
        let outcome = RotOutcome(of: cases.store, changed, seed: seed + 100)
        let judge = RotJudge(truth: cases.store.truth, expectation: expectation, outcome: outcome)
        return (kind, expectation.area, judge.verdict())
    }

    private static func describe(_ cases: RotCases, _ index: Int) -> String {
        let (kind, path, changed) = cases.make(index)
        let places = ByteSet(from: cases.store.files[path] ?? [], to: (changed[path] ?? []) ?? []).ranges
        return "\(path): \(kind.rawValue) (bytes \(places.prefix(3).map { "\($0)" }.joined(separator: " ")))"
    }
}
