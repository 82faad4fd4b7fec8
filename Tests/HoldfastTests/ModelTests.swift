import Holdfast
import HoldfastSimulation
import Testing

/// Random operations on a store and on a plain model of what they should do, with crashes and compactions
/// between. A run that fails is run again with steps left out, until only those are left that it takes.
@Suite struct ModelTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func theStoreDoesWhatTheModelDoes(seed: UInt64) {
        check(ModelStep.steps(400, seed: seed), seed) { steps, run in
            var log = MemoryLog()
            let hotSessions = seed.isMultiple(of: 2) ? 2 : 4_096
            var store = try HoldfastStore.testing(log, hotSessions: hotSessions)
            for step in steps {
                var random = SeededGenerator(seed: step.seed)
                let id = run.session(at: step.number, &random)
                switch Int.random(in: 0..<40, using: &random) {
                case 0:
                    run.tell("\(step.number) crash")
                    log = log.afterCrash()
                    let touched = run.model.keys.sorted()
                    store = try HoldfastStore.testing(log, hotSessions: hotSessions, recovering: touched)
                    run.reopen()
                case 1:
                    run.tell("\(step.number) compact")
                    try store.compactBlocking()
                case 2: try run.compareLists(store)
                case 3...6: try run.compare(store, id)
                default: try run.mutate(store, id, step.number, &random)
                }
            }
            for id in run.model.keys.sorted() { try run.compare(store, id) }
            try run.compareLists(store)
        }
    }

    /// The same on the engine: a crash takes everything that was not synced, in every way that a power cut may.
    @Test(arguments: [1, 2, 3, 4] as [UInt64], [CommitMode.journal, .segment])
    func theStoreOnTheEngineDoesWhatTheModelDoes(seed: UInt64, commit: CommitMode) {
        check(ModelStep.steps(250, seed: seed), seed) { steps, run in
            // Of half of the runs, the head of each session is kept whenever it is let go.
            let keptFrom = seed.isMultiple(of: 2) ? 0 : nil
            let machine = SimulatedMachine(commit: commit, clock: TestClock(), keptFrom: keptFrom)
            var opened = try machine.open()
            for step in steps {
                var random = SeededGenerator(seed: step.seed)
                let id = run.session(at: step.number, &random)
                switch Int.random(in: 0..<40, using: &random) {
                case 0:
                    run.tell("\(step.number) crash")
                    opened = try machine.crash(opened, .random(seed: step.seed))
                    run.reopen()
                case 1:
                    run.tell("\(step.number) close")
                    try opened.store.close()
                    opened = try machine.open()
                    run.reopen()
                case 2:
                    run.tell("\(step.number) compact")
                    try opened.store.compactBlocking()
                case 3: try run.compareLists(opened.store)
                case 4...7: try run.compare(opened.store, id)
                default: try run.mutate(opened.store, id, step.number, &random)
                }
            }
            opened = try machine.crash(opened, .dropAll)
            for id in run.model.keys.sorted() { try run.compare(opened.store, id) }
            try run.compareLists(opened.store)
            try opened.store.close()
        }
    }

    @Test func aRunThatFailsIsMadeAsShortAsItCanBe() {
        var tries = 0
        let found = shrunk(Array(0..<400)) { steps in
            tries += 1
            return steps.filter { $0 == 17 || $0 == 333 } == [17, 333]
        }
        #expect(found == [17, 333] && tries < 100)
        #expect(shrunk([1, 2, 3]) { _ in true }.isEmpty)
        #expect(shrunk([1, 2, 3]) { $0.count == 3 } == [1, 2, 3])
    }

    /// Does `body` with `steps`, which must go well; else records the shortest part of them that does not.
    private func check(
        _ steps: [ModelStep], _ seed: UInt64, _ body: ([ModelStep], inout ModelRun) throws -> Void
    ) {
        func failure(_ steps: [ModelStep]) -> (story: [String], error: any Error)? {
            var run = ModelRun()
            do { try body(steps, &run) } catch { return (run.story, error) }
            return nil
        }
        guard let first = failure(steps) else { return }
        let found = failure(shrunk(steps) { failure($0) != nil }) ?? first
        Issue.record("seed \(seed): \(found.error)\n\(found.story.joined(separator: "\n"))")
    }
}
