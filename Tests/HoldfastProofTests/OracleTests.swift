import Holdfast
import HoldfastBytes
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// The oracle must notice what it is there for: planted violations, each of a kind.
@Suite struct OracleTests {
    /// A store in which session "a" has three records, "b" one and a snapshot; and what is known of it.
    private func store() throws -> (SimulatedStorage, [String: Ledger.Entry]) {
        let storage = SimulatedStorage()
        let ledger = Ledger()
        let workload = EngineWorkload(.appends, .journal, seed: 3)
        let run = workload.start(on: storage, ledger)
        run.run()
        run.close()
        #expect(run.errors.isEmpty && run.violations.isEmpty)
        return (storage.crash(.dropAll), ledger.state)
    }

    private func wrong(_ image: SimulatedStorage, _ ledger: [String: Ledger.Entry]) -> String {
        EngineOracle().judge(image, ledger, seed: 5).joined(separator: "\n")
    }

    @Test func aStoreThatKeptItsPromisePasses() throws {
        let (image, ledger) = try store()
        #expect(ledger.values.allSatisfy { $0.acknowledged == $0.submitted.count && $0.acknowledged > 0 })
        #expect(wrong(image, ledger) == "")
    }

    @Test func anAcknowledgedRecordThatIsMissingIsNoticed() throws {
        var (image, ledger) = try store()
        ledger["a"]?.submitted.append("never written")
        #expect(wrong(image.clone(), ledger) == "", "it was not acknowledged")
        ledger["a"]?.acknowledged += 1
        #expect(wrong(image, ledger).contains("kept"))
    }

    @Test func aRecordThatIsNotWhatWasSubmittedIsNoticed() throws {
        var (image, ledger) = try store()
        let last = try #require(ledger["a"]?.submitted.count) - 1
        ledger["a"]?.submitted[last] += "x"
        #expect(wrong(image.clone(), ledger).contains("is not what was submitted"))
        // As one that failed and was written again it may be there, but not once the other is acknowledged.
        let (_, truth) = try store()
        ledger["a"]?.alternatives[last] = truth["a"].map { [$0.submitted[last]] }
        #expect(wrong(image.clone(), ledger).contains("is not what was submitted"))
        ledger["a"]?.acknowledged = last
        #expect(wrong(image, ledger) == "")
    }

    @Test func recordsOfAnotherSessionAreNoticed() throws {
        var (image, ledger) = try store()
        (ledger["a"], ledger["b"]) = (ledger["b"], ledger["a"])
        #expect(wrong(image, ledger).contains("is not what was submitted"))
    }

    @Test func aSessionThatNobodyMadeIsNoticed() throws {
        var (image, ledger) = try store()
        ledger["a"] = nil
        #expect(wrong(image, ledger).contains("nobody made"))
    }

    @Test func aSnapshotThatIsMissingOrAnotherIsNoticed() throws {
        let storage = SimulatedStorage()
        let ledger = Ledger()
        let run = EngineWorkload(.snapshots, .journal, seed: 1).start(on: storage, ledger)
        run.run()
        run.close()
        var state = ledger.state
        let (session, entry) = try #require(state.first { $0.value.durableDocument > 0 })
        #expect(wrong(storage.crash(.dropAll), state) == "")
        state[session]?.documents[entry.durableDocument] = "something else"
        #expect(wrong(storage.crash(.dropAll), state).contains("is not what was written"))
        state[session] = entry
        state[session]?.durableDocument = 1_000
        #expect(wrong(storage.crash(.dropAll), state).contains("is lost"))
    }

    @Test func aStoreThatDoesNotOpenIsNoticed() throws {
        let (image, ledger) = try store()
        try image.remove("store.json")
        #expect(wrong(image, ledger).contains("store.json' is missing"))
    }

    @Test func damageIsNoticedThoughItIsReported() throws {
        let (image, ledger) = try store()
        let segment = try #require(image.contents.keys.sorted().first { $0.hasSuffix(".segment") })
        let file = try image.open(segment, .readWrite)
        let middle = try file.byteCount() / 2
        let byte = try file.read(count: 1, at: middle)
        try file.write(byte.map { $0 ^ 1 }, at: middle)
        #expect(wrong(image, ledger) != "")
    }

    @Test func sessionsAreJudgedByWhatTheyHaveComeTo() throws {
        let storage = SimulatedStorage()
        let ledger = Ledger()
        let workload = SessionWorkload(.turns, .journal, seed: 2)
        let run = workload.start(on: storage, ledger)
        run.run()
        run.close()
        #expect(run.errors.isEmpty && run.violations.isEmpty)
        let image = storage.crash(.dropAll)
        let truth = ledger.state
        #expect(workload.oracle.judge(image.clone(), truth, seed: 1) == [])
        for session in truth.keys {
            var state = truth
            state[session]?.submitted.append("one more")
            state[session]?.acknowledged = (truth[session]?.submitted.count ?? 0) + 1
            #expect(workload.oracle.judge(image.clone(), state, seed: 1).joined().contains("kept"))
            state = truth
            let last = try #require(truth[session]?.submitted.count) - 1
            state[session]?.submitted[last] = "another state"
            #expect(workload.oracle.judge(image.clone(), state, seed: 1).joined().contains("is not what it was"))
            state = truth
            state[session] = nil
            #expect(workload.oracle.judge(image.clone(), state, seed: 1).joined().contains("lists"))
        }
    }
}
