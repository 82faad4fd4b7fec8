import HoldfastBytes
@testable import HoldfastCommands
@testable import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation

// What the tools read besides the store: the counters of another process, receipts, what a user asks for.

/// The file `meter`, and each way to show it.
@Sendable func fuzzMeter(_ input: [UInt8]) {
    guard let sample = MeterSample(line: input) else { return }
    require(MeterSample(line: sample.line) == sample, "a sample that is written again is the same")
    for reading in [MeterReading.running(sample), .closed(sample), .gone(sample)] {
        for now in [0, sample.writtenAt, UInt64.max] {
            let view = MeterView(reading: reading, now: now)
            require((try? JSONTree.parse(view.json)) != nil, "a reading is JSON")
            let lines = view.lines(width: 40, history: [0, Rates(sample).records]) + [view.line]
            require(lines.allSatisfy { !$0.contains("\n") }, "a line is one")
        }
    }
}

@Sendable func repairMeter(_ bytes: inout [UInt8]) {
    repairSeal(&bytes, 0..<(bytes.firstIndex(of: 10) ?? bytes.count))
}

// MARK: Receipts

/// A receipt, held against a store: as it is, and with the right checks for the session that the store has.
@Sendable func fuzzReceipt(_ input: [UInt8]) {
    guard var receipt = try? Receipt(input) else { return }
    require((try? Receipt(receipt.bytes)) == receipt, "a receipt that is written again is the same")
    guard let (inspector, truth) = witnessed else { return require(false, "a store can be looked into") }
    receipt.storeID = truth.storeID
    prove(receipt, inspector)
    for place in receipt.sessions.indices where receipt.sessions[place].session == truth.sessions[0].session {
        receipt.sessions[place].check = truth.sessions[0].check
        receipt.sessions[place].digest = truth.sessions[0].digest
    }
    prove(receipt, inspector)
}

private func prove(_ receipt: Receipt, _ inspector: StoreInspector) {
    guard let proof = try? ReceiptProof(receipt, inspector, Silence()) else {
        return require(false, "a receipt of this store is judged")
    }
    require(proof.outcomes.count == receipt.sessions.count, "each session has an outcome")
    require(!(proof.isAltered && proof.isProved), "what is altered is not proved")
    var writer = JSONWriter()
    writer.beginObject()
    proof.writeMembers(to: &writer)
    writer.endObject()
    require((try? JSONTree.parse(writer.finish())) != nil && !proof.text.isEmpty, "a proof can be told")
}

/// A store with one session of three records, and the receipt of it.
private let witnessed: (inspector: StoreInspector, truth: Receipt)? = {
    let storage = SimulatedStorage()
    guard let log = try? LocalLog(in: storage, options: seededOptions(), creating: true),
        let id = SessionID("s"), let claim = try? log.claim(id)
    else { return nil }
    for number in UInt64(0)..<3 {
        let payload = Array(#"[{"role":"user","content":"\#(number)"}]"#.utf8)
        _ = try? log.append(
            claim, expected: number, kind: 3, time: 1 + number, payload: payload, durability: .durable
        ) { _ in }
    }
    guard (try? log.close()) != nil, let inspector = try? StoreInspector(storage),
        let truth = try? Receipt(of: inspector, Silence()), truth.sessions.first?.last == 3
    else { return nil }
    return (inspector, truth)
}()

/// Makes digest and seal right, as a forger could.
@Sendable func repairReceipt(_ bytes: inout [UInt8]) {
    let name = Array(#""digest":""#.utf8)
    if let root = try? JSONTree.parse(bytes, detail: 3).root, let receipt = Receipt(root),
        let start = bytes.indices.first(where: { bytes[$0...].starts(with: name) }).map({ $0 + name.count }),
        start + 64 <= bytes.count
    {
        bytes.replaceSubrange(start..<start + 64, with: Array(receipt.digest.utf8))
    }
    repairSeal(&bytes, 0..<bytes.count)
}

/// Nobody reads, nobody listens.
private final class Silence: Console {
    let columns: Int? = nil
    let canRedraw = false
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandError) -> Int { 0 }
    func write(_ bytes: [UInt8]) throws(CommandError) {}
    func writeError(_ text: String) {}
}

// MARK: Filters

/// The words of a command line, one on a line: what `inspect log` and `grep` are asked for, held against a few records.
@Sendable func fuzzFilter(_ input: [UInt8]) {
    let words = String(decoding: input, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    guard let arguments = try? Arguments(["store", "s"] + words.map(String.init), for: .inspectLog) else { return }
    _ = try? PointInTime(arguments.text("since") ?? "")
    guard let filter = try? RecordFilter(arguments) else { return }
    let matcher = filter.pattern.flatMap { try? TextMatcher($0) }
    require((matcher == nil) == (filter.pattern == nil), "a pattern that was taken can be looked for")
    for item in items {
        let isTaken = filter.matches(item, matcher)
        guard case .record(let record) = item, isTaken else { continue }
        require(filter.sequences.contains(record.sequence), "the number is one that is wanted")
        require(filter.times.contains(record.header.time), "the time is one that is wanted")
    }
}

/// What a walk over a session comes to, with the ends of all numbers.
private let items: [WalkItem] = {
    var finding = RecoveryReport.Finding(
        kind: .committedDamage, session: nil, path: "", offset: 0, byteCount: 0, reason: "")
    var items = [WalkItem.trimmed(through: 3), .unreadable(finding)]
    for (first, last) in [(UInt64(2), UInt64(4)), (UInt64.max, UInt64.max), (5, 4)] {
        (finding.firstSequence, finding.lastSequence) = (first, last)
        items.append(.unreadable(finding))
    }
    let payload = Array(#"[{"role":"user","content":"Zwölf Boxkämpfer jagen 12 aaaaaaaaaaaaaaaaaaaaaa"},[1]]"#.utf8)
    for number in [1, 7, Limits.numberLimit] {
        let header = RecordHeader(
            kind: 3, codec: .raw, promisesAllBefore: true, form: .long, time: number &* 1_000,
            storedByteCount: UInt32(payload.count),
            rawByteCount: UInt32(payload.count), sequenceOffset: 0)
        items.append(
            .record(
                WalkRecord(
                    sequence: number, header: header, segment: 1, path: "", offset: 0, chain: 0, check: 0, block: nil,
                    isOnlyInJournal: false, content: .payload(payload))))
    }
    return items
}()
