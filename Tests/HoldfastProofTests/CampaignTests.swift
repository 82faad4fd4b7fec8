import HoldfastBytes
import HoldfastProof
import HoldfastSimulation
import HoldfastThreads
import Testing

/// The campaigns in small. `tools/torture` runs them in large.
@Suite struct CampaignTests {
    @Test func crashImagesAreCountedAndSound() throws {
        var options = CampaignOptions()
        options.count = 400
        let report = try ImagesCampaign.run(options, CampaignProgress { _, _ in })
        #expect(report.violations == [])
        #expect(report.caseCount >= 400)
        #expect(report.lines.joined().contains("of recoveries"))
    }

    @Test func failingCallsAreSurvived() throws {
        var options = CampaignOptions()
        options.count = 200
        let report = try ErrorsCampaign.run(options, CampaignProgress { _, _ in })
        #expect(report.violations == [])
        #expect(report.caseCount >= 200)
    }

    /// A violation can be looked into only if the run can be repeated.
    @Test(arguments: EngineWorkload.Kind.allCases)
    func aWorkloadDoesTheSameAgain(kind: EngineWorkload.Kind) {
        var runs: [[String]] = []
        for _ in 0..<2 {
            let storage = SimulatedStorage()
            let run = EngineWorkload(kind, .journal, seed: 7).start(on: storage, Ledger())
            run.run()
            run.close()
            #expect(run.errors.isEmpty && run.violations.isEmpty)
            runs.append(storage.operations.map(\.description))
        }
        #expect(runs[0] == runs[1])
    }
}
