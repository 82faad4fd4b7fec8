import HoldfastBytes
import HoldfastEngine
import HoldfastLog

/// How a case was classed.
enum RotClass: String, CaseIterable, Sendable {
    case harmless = "nothing lost, nothing said"
    case derived = "made again"
    case tornTail = "torn tail"
    case committedDamage = "committed damage"
    case refused = "store refused"
    case silent = "LOST IN SILENCE"
    case wrong = "WRONG BYTES"
}

/// What the judge says of one case.
struct RotVerdict: Sendable {
    var classed = RotClass.harmless
    /// What is wrong, in words; empty when the engine did as it must.
    var violations: [String] = []
}

/// Compares what came out with what may.
struct RotJudge {
    /// The most calls of the storage that verifying, opening, reading and appending may take, ten times what they take
    /// when nothing is wrong: damage must not make the engine go round and round.
    static let operationLimit = 3_000

    let truth: RotTruth
    let expectation: RotExpectation
    let outcome: RotOutcome

    func verdict() -> RotVerdict {
        var verdict = RotVerdict()
        if outcome.openError != nil {
            verdict.classed = .refused
            if !expectation.mayRefuse {
                verdict.violations.append("the store does not open: \(outcome.openError as Any)")
            }
            return verdict
        }
        if outcome.operationCount > Self.operationLimit {
            verdict.violations.append("it took \(outcome.operationCount) calls of the storage")
        }
        if let error = outcome.checkError { verdict.violations.append("verifying ends with \(error)") }
        verdict.classed = classOfFindings
        judgeFindings(&verdict)
        judgeMeter(&verdict)
        for (name, session) in truth.sessions { judge(name, session, &verdict) }
        return verdict
    }

    private var classOfFindings: RotClass {
        let kinds = Set(outcome.findings.map(\.kind))
        if kinds.contains(.committedDamage) || kinds.contains(.mediaError) { return .committedDamage }
        if kinds.contains(.tornTail) { return .tornTail }
        return kinds.contains(.derived) ? .derived : .harmless
    }

    private func isDamage(_ finding: RecoveryReport.Finding) -> Bool {
        finding.kind == .committedDamage || finding.kind == .mediaError
    }

    // MARK: What was said

    private func judgeFindings(_ verdict: inout RotVerdict) {
        if expectation.isUnimportant, let finding = outcome.findings.first {
            verdict.violations.append("something is said where nothing matters: \(finding.path): \(finding.reason)")
        }
        for finding in outcome.findings {
            if let session = finding.session?.text, expectation.fates[session] == nil,
                finding.kind != .derived || !expectation.named.contains(session)
            {
                verdict.violations.append("a finding about '\(session)', which was not touched: \(finding.reason)")
            }
            if finding.session == nil, isDamage(finding), expectation.fates.isEmpty, !expectation.mayAlarm {
                verdict.violations.append("damage is reported and nothing is: \(finding.path): \(finding.reason)")
            }
        }
    }

    /// The counters are those that were written, or none; and whoever opens the store next writes them again.
    private func judgeMeter(_ verdict: inout RotVerdict) {
        if outcome.meterBefore.map({ ($0.sample != nil) == expectation.hasMeter }) != true {
            verdict.violations.append("the counters are read as \(outcome.meterBefore as Any)")
        }
        guard case .closed = outcome.meterAfter else {
            return verdict.violations.append("the counters are not written again: \(outcome.meterAfter as Any)")
        }
        if !expectation.hasMeter, verdict.classed == .harmless { verdict.classed = .derived }
    }

    // MARK: What is left of each session

    private func judge(_ name: String, _ session: RotTruth.Session, _ verdict: inout RotVerdict) {
        guard let seen = outcome.sessions[name] else { return verdict.violations.append("'\(name)' was not looked at") }
        judgeBytes(name, session, seen, &verdict)
        let isWhole = seen.records.count >= session.records.count && seen.readError == nil
        if !isWhole { judgeLoss(name, session, seen, &verdict) }
        if let listed = seen.listed {
            if listed != 0, listed != session.last, isWhole, !expectation.mayLag.contains(name) {
                verdict.violations.append("'\(name)' is listed with record \(listed) of \(session.last)")
            }
        } else {
            verdict.violations.append("'\(name)' is not listed")
        }
        let isRefused = seen.claimError?.code == .damaged
        if isRefused ? expectation.fates[name] == nil : !seen.tookAppend {
            verdict.violations.append("'\(name)' takes no appends: \(seen.claimError.map { "\($0)" } ?? "not there")")
        }
    }

    /// Nothing but what was written may ever come back.
    private func judgeBytes(
        _ name: String, _ session: RotTruth.Session, _ seen: RotOutcome.Session, _ verdict: inout RotVerdict
    ) {
        let written = Dictionary(uniqueKeysWithValues: session.records.map { ($0.sequence, $0) })
        for record in seen.records + seen.salvaged where written[record.sequence] != record {
            verdict.classed = .wrong
            verdict.violations.append("'\(name)' gives out a record \(record.sequence) that was not written")
        }
        if let head = seen.head, !session.heads.contains(head) {
            verdict.classed = .wrong
            verdict.violations.append("'\(name)' has a head that was not kept")
        }
        if let snapshot = seen.snapshot, !session.snapshots.values.contains(snapshot) {
            verdict.classed = .wrong
            verdict.violations.append("'\(name)' has a snapshot that was not written")
        }
    }

    private func judgeLoss(
        _ name: String, _ session: RotTruth.Session, _ seen: RotOutcome.Session, _ verdict: inout RotVerdict
    ) {
        let kept = Set(seen.records.map(\.sequence))
        guard let first = session.records.first(where: { !kept.contains($0.sequence) })?.sequence else {
            if expectation.fates[name] == nil { verdict.violations.append("'\(name)': \(seen.readError as Any)") }
            return
        }
        guard let fate = expectation.fates[name] else {
            return verdict.violations.append("'\(name)', which was not touched, ends before record \(first)")
        }
        let isSaid = outcome.findings.contains { isDamage($0) && ($0.session?.text ?? name) == name }
        let isUnproven = first > fate.proven
        if !isSaid && !isUnproven {
            if verdict.classed != .tornTail { verdict.classed = .silent }
            verdict.violations.append("'\(name)' lost record \(first) and it is not called damage")
        }
        if isSaid, seen.readError == nil, outcome.findings.contains(where: { isDamage($0) && $0.session?.text == name })
        {
            verdict.violations.append("reading '\(name)' ends before record \(first) without an error")
        }
        if let lost = fate.lost.min(), first < lost {
            verdict.violations.append("'\(name)' ends before record \(first); only \(lost) and later ones were touched")
        }
        guard isSaid else { return }
        let saved = kept.union(seen.salvaged.map(\.sequence))
        let missing = session.records.map(\.sequence).filter { !saved.contains($0) && !fate.lost.contains($0) }
        if !missing.isEmpty {
            verdict.violations.append("'\(name)': records \(missing) are intact and cannot be read past the damage")
        }
    }
}
