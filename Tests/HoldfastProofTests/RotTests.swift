@testable import HoldfastProof
import Glibc
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import Testing

private let isQuick = getenv("HOLDFAST_QUICK") != nil

@Suite struct RotCampaignTests {
    @Test func `a sample of the matrix shows no violation`() throws {
        var options = CampaignOptions()
        options.count = isQuick ? 300 : 1_000
        let report = try RotCampaign.run(options, CampaignProgress { _, _ in })
        #expect(report.violations == [])
        #expect(report.caseCount > 250)
        #expect(report.lines.contains { $0.hasPrefix("| one bit flipped | segment |") })
    }

    @Test func `cases of every kind are made, and again the same`() throws {
        let cases = RotCases(try RotStore.engineStore(.journal, isClosed: false))
        var seen: Set<RotKind> = []
        for index in stride(from: 0, to: cases.count, by: 41) {
            let (kind, path, changed) = cases.make(index)
            seen.insert(kind)
            #expect(changed == cases.make(index).changed && changed[path] != nil)
        }
        #expect(seen.isSuperset(of: [.bit, .cut, .spliced, .misdirected]))
        let last = cases.make(cases.count - 1)
        #expect(cases.store.files[last.path] != nil)
    }
}

/// The judge is worth nothing unless it sees what is wrong.
@Suite struct RotJudgeTests {
    private let store: RotStore
    private let harmless: RotJudge

    init() throws {
        store = try RotStore.engineStore(.journal, isClosed: true)
        harmless = Self.judge(store, [:])
    }

    private static func judge(_ store: RotStore, _ changed: [String: [UInt8]?]) -> RotJudge {
        RotJudge(
            truth: store.truth, expectation: RotExpectation(changed, store),
            outcome: RotOutcome(of: store, changed, seed: 7))
    }

    /// What the judge says when the outcome was another one.
    private func violations(_ judge: RotJudge, _ change: (inout RotOutcome) -> Void) -> [String] {
        var outcome = judge.outcome
        change(&outcome)
        return RotJudge(truth: judge.truth, expectation: judge.expectation, outcome: outcome).verdict().violations
    }

    /// Expects the judge to find something wrong when the outcome was another one.
    private func expectSeen(
        _ judge: RotJudge, at location: SourceLocation = #_sourceLocation, _ change: (inout RotOutcome) -> Void
    ) {
        let found = violations(judge, change)
        #expect(!found.isEmpty, sourceLocation: location)
    }

    /// The judge on a store in which record 4 of `bert` is damaged.
    private func damaged() throws -> RotJudge {
        let layout = try #require(store.truth.sessions["bert"]?.segments[1])
        let span = try #require(layout.spans.first { $0.sequence == 4 })
        var bytes = try #require(store.files[layout.path])
        bytes[span.range.upperBound - 1] ^= 1
        return Self.judge(store, [layout.path: bytes])
    }

    @Test func `an untouched store and a well-behaved engine are approved`() throws {
        #expect(harmless.verdict().violations == [] && harmless.verdict().classed == .harmless)
        let verdict = try damaged().verdict()
        #expect(verdict.violations == [] && verdict.classed == .committedDamage)
    }

    @Test func `a wrong payload is seen, wherever it comes from`() throws {
        let judge = try damaged()
        expectSeen(judge) { $0.sessions["bert"]?.records[0].payload[0] ^= 1 }
        expectSeen(judge) { $0.sessions["carl"]?.records[0].time += 1 }
        expectSeen(judge) { $0.sessions["bert"]?.salvaged[0].payload = [] }
        expectSeen(judge) { $0.sessions["anna"]?.snapshot = Array("{}".utf8) }
    }

    @Test func `a loss without a word is seen`() throws {
        expectSeen(harmless) { _ = $0.sessions["carl"]?.records.popLast() }
        let judge = try damaged()
        let silent = violations(judge) { outcome in
            outcome.checked = []
            outcome.recovered = []
        }
        #expect(silent.contains { $0.contains("not called damage") })
        expectSeen(judge) { $0.sessions["bert"]?.readError = nil }
    }

    @Test func `damage that is called a torn tail is seen`() throws {
        let torn = violations(try damaged()) { outcome in
            for index in outcome.checked.indices { outcome.checked[index].kind = .tornTail }
        }
        #expect(torn.contains { $0.contains("not called damage") })
    }

    @Test func `damage that spreads is seen`() throws {
        let judge = try damaged()
        expectSeen(judge) { $0.sessions["carl"]?.readError = LogError(.damaged, "") }
        expectSeen(judge) { $0.sessions["carl"]?.tookAppend = false }
        expectSeen(judge) { $0.sessions["carl"]?.listed = nil }
        expectSeen(judge) { $0.sessions["carl"]?.listed = 1 }
        expectSeen(judge) { $0.checked[0].session = sessionID("carl") }
        expectSeen(judge) { $0.openError = LogError(.damaged, "") }
        expectSeen(judge) { $0.checkError = LogError(.damaged, "") }
    }

    @Test func `records that were intact and were not given out are seen`() throws {
        let judge = try damaged()
        expectSeen(judge) { _ = $0.sessions["bert"]?.records.removeLast() }
        expectSeen(judge) { _ = $0.sessions["bert"]?.salvaged.removeLast() }
    }

    @Test func `damage that is reported where none is is seen`() {
        let finding = RecoveryReport.Finding(
            kind: .committedDamage, session: nil, path: "journal", offset: 0, byteCount: 0, reason: "planted")
        expectSeen(harmless) { $0.recovered.append(finding) }
    }

    @Test func `counters that nobody wrote, and a finding about a file that does not matter, are seen`() throws {
        let whole = try #require(harmless.outcome.meterBefore)
        expectSeen(harmless) { $0.meterBefore = .unreadable }
        let judge = Self.judge(store, ["meter": store.files["meter"].map { [7] + $0.dropFirst() }])
        #expect(judge.verdict().violations == [] && judge.verdict().classed == .derived)
        expectSeen(judge) { $0.meterBefore = whole }
        expectSeen(judge) { $0.meterBefore = nil }
        expectSeen(judge) { $0.meterAfter = .unreadable }
        let finding = RecoveryReport.Finding(
            kind: .derived, session: nil, path: "meter", offset: 0, byteCount: 0, reason: "planted")
        expectSeen(judge) { $0.checked.append(finding) }
    }

    @Test func `work without bounds is seen`() {
        expectSeen(harmless) { $0.operationCount = RotJudge.operationLimit + 1 }
    }
}
