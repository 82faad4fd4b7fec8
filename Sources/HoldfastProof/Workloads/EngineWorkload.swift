package import HoldfastBytes
import HoldfastEngine
import HoldfastLog
package import HoldfastSimulation

/// Appends and whatever else can be asked of a ``LocalLog``, by several sessions in turn.
package struct EngineWorkload: Workload {
    /// What there is most of.
    package enum Kind: String, Sendable, CaseIterable {
        case appends, batches, rotation, recycling, snapshots, reopening
    }

    package var kind: Kind
    package var mode: SegmentHeader.CommitMode
    package var seed: UInt64
    package var stepCount = 24

    package init(_ kind: Kind, _ mode: SegmentHeader.CommitMode, seed: UInt64) {
        self.kind = kind
        self.mode = mode
        self.seed = seed
    }

    package var description: String { "log \(kind.rawValue), commit in the \(mode), seed \(seed)" }
    package var oracle: any Oracle { EngineOracle(mode: mode) }

    package func start(on storage: SimulatedStorage, _ ledger: Ledger) -> any WorkloadRun {
        EngineRun(self, storage, ledger)
    }

    fileprivate var options: EngineOptions {
        var options = smallOptions(mode, seed: seed)
        if kind == .rotation { options.segmentByteCount = 400 }
        if kind == .recycling { options.journalByteCounts = 2_048...4_096 }
        return options
    }

    /// What to do next.
    fileprivate func step(_ generator: inout SplitMix64) -> EngineStep {
        let common: [EngineStep] = [.append, .append, .append, .append, .batch, .flush, .release]
        let special: [EngineStep] =
            switch kind {
            case .appends: [.append]
            case .batches: [.batch, .batch, .batch]
            case .rotation: [.append, .append, .flush]
            case .recycling: [.flush, .append, .append, .flush, .batch]
            case .snapshots: [.snapshot, .snapshot, .snapshot]
            case .reopening: [.reopen, .reopen, .close]
            }
        let steps = common + special
        return steps[Int(generator.next() % UInt64(steps.count))]
    }
}

private enum EngineStep {
    case append, batch, flush, release, snapshot
    /// Opened anew after a crash of the process, or after it was closed.
    case reopen, close
}

/// One run of an ``EngineWorkload``.
private final class EngineRun: WorkloadRun {
    private let workload: EngineWorkload
    private let storage: SimulatedStorage
    private let ledger: Ledger
    private var generator: SplitMix64
    private var log: LocalLog?
    private var openings: UInt64 = 0
    private var records = 0
    private var claims: [String: LogClaim] = [:]
    private var last: [String: UInt64] = [:]
    /// The payloads of those records, where they were appended under the claim that there is.
    private var lastTexts: [String: String] = [:]
    private var snapshots: [String: UInt64] = [:]
    private let sessions = ["a", "b", "c/..", "ä"]
    private(set) var errors: [String] = []
    private(set) var violations: [String] = []

    init(_ workload: EngineWorkload, _ storage: SimulatedStorage, _ ledger: Ledger) {
        self.workload = workload
        self.storage = storage
        self.ledger = ledger
        generator = SplitMix64(seed: workload.seed)
    }

    func run() {
        for _ in 0..<workload.stepCount {
            if log == nil { open() }
            guard log != nil else { break }
            attempt { try step(workload.step(&generator)) }
        }
    }

    func close() {
        attempt { try log?.close() }
        log = nil
    }

    func resumes() -> Bool {
        if log == nil { open() }
        // What waits for room goes first, as the flusher would have it go after a while.
        attempt { try log?.flushToSegments() }
        for session in sessions {
            claims[session] = nil
            let before = errors.count
            append(session)
            if errors.count > before { return false }
        }
        return true
    }

    func abandon() {
        log?.abandon()
        log = nil
    }

    // MARK: Steps

    private func open() {
        openings += 1
        (claims, last, lastTexts) = ([:], [:], [:])
        var options = workload.options
        options.random = smallOptions(workload.mode, seed: workload.seed &+ openings).random
        log = nil
        attempt { log = try LocalLog(in: storage, options: options, creating: true) }
    }

    private func step(_ step: EngineStep) throws {
        let session = sessions[Int(generator.next() % UInt64(sessions.count))]
        switch step {
        case .append: append(session)
        case .batch: batch()
        case .flush: try log?.flushToSegments()
        case .release:
            keepHead(session)
            guard let claim = claims.removeValue(forKey: session) else { return }
            log?.release(claim)
            // What the release has queued is not to meet the next record.
            try log?.flush()
        case .snapshot: try snapshot(session)
        case .reopen:
            abandon()
            open()
        case .close:
            close()
            open()
        }
    }

    private func keepHead(_ session: String) {
        guard let log, let claim = claims[session], let text = lastTexts.removeValue(forKey: session),
            let sequence = log.beginHead(claim)
        else { return }
        _ = log.putHead(claim, through: sequence, headContent(sequence, text))
    }

    private func append(_ session: String) {
        let outcomes = Outcomes()
        queue(session, outcomes, isLast: true)
        finish([session], outcomes)
    }

    /// Appends several records that become one batch.
    private func batch() {
        let outcomes = Outcomes()
        let count = 2 + Int(generator.next() % 5)
        var touched: Set<String> = []
        for number in 0..<count {
            let session = sessions[Int(generator.next() % UInt64(sessions.count))]
            touched.insert(session)
            queue(session, outcomes, isLast: number == count - 1)
        }
        finish(touched.sorted(), outcomes)
    }

    /// Hands one record to the log. Only the last one of a batch is urgent, so that all of them wait for it.
    private func queue(_ session: String, _ outcomes: Outcomes, isLast: Bool) {
        attempt {
            let (claim, expected) = try claim(session)
            records += 1
            let text = payload()
            ledger.submit(session, text)
            let completion = outcomes.completion()
            do {
                last[session] = try log?.append(
                    claim, expected: expected, kind: 3, time: 1_700_000_000_000, payload: Array(text.utf8),
                    durability: isLast ? .durable : .soon
                ) { [ledger] error in
                    if error == nil { ledger.acknowledge(session) }
                    completion(error)
                }
                lastTexts[session] = text
            } catch {
                // Nothing was queued, so it must never be seen.
                ledger.withdraw(session)
                completion(nil)
                throw error
            }
        }
        // A batch whose last record was refused waits for nobody else.
        if isLast { attempt { try log?.flush() } }
    }

    private func claim(_ session: String) throws -> (LogClaim, UInt64) {
        if let claim = claims[session], let expected = last[session] { return (claim, expected) }
        guard let claim = try log?.claim(sessionID(session)) else { throw LogError(.closed, "no store") }
        let known = ledger.state[session] ?? Ledger.Entry()
        if claim.lastSequence < known.acknowledged {
            violations.append("\(session): \(known.acknowledged) acknowledged, the claim says \(claim.lastSequence)")
        }
        ledger.goBack(session, to: Int(claim.lastSequence))
        // What the next record builds on is as good as acknowledged.
        ledger.acknowledge(session, through: Int(claim.lastSequence))
        claims[session] = claim
        last[session] = claim.lastSequence
        lastTexts[session] = nil
        return (claim, claim.lastSequence)
    }

    private func finish(_ touched: [String], _ outcomes: Outcomes) {
        for error in outcomes.wait().compactMap({ $0 }) {
            if error.code == .busy { violations.append(error.message) }
            if error.message.isEmpty { violations.append("an error without a word: \(error.code)") }
            errors.append("\(error)")
            for session in touched { claims[session] = nil }
        }
    }

    private func snapshot(_ session: String) throws {
        let (_, sequence) = try claim(session)
        guard let log, sequence > snapshots[session, default: 0] else { return }
        let document = "{\"session\":\"\(session)\",\"sequence\":\(sequence)}"
        // Else the snapshot's own flush is followed by a batch that comes sooner or later.
        try log.flushToSegments()
        ledger.beginDocument(session, sequence, document)
        try log.putSnapshot(sessionID(session), through: sequence) { (sink) throws(LogError) in
            try sink.write(Array(document.utf8))
        }
        ledger.finishDocument(session, sequence)
        keepHead(session)
        // The generation before stays, with the records since.
        if let before = snapshots[session] { ledger.snapshot(session, before) }
        snapshots[session] = sequence
        try log.trim(sessionID(session), keeping: nil)
    }

    private func payload() -> String {
        switch generator.next() % 8 {
        case 0...3: "record \(records)"
        case 4...6: message(records, byteCount: 40 + Int(generator.next() % 200))
        default: message(records, byteCount: 500 + Int(generator.next() % 700))
        }
    }

    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch { errors.append("\(error)") }
    }
}
