package import HoldfastBytes
package import HoldfastEngine
import HoldfastLog
package import HoldfastSimulation

/// The oracle for a store of logs, ``LocalLog``.
package struct EngineOracle: Oracle {
    package let mode: SegmentHeader.CommitMode

    package init(mode: SegmentHeader.CommitMode = .journal) { self.mode = mode }

    package func judge(_ image: SimulatedStorage, _ ledger: [String: Ledger.Entry], seed: UInt64) -> [String] {
        do {
            var course = Course(mode: mode, ledger: ledger, seed: seed)
            try course.run(image)
            return course.wrong
        } catch {
            return ["\(error)"]
        }
    }

    package func recover(_ image: SimulatedStorage, seed: UInt64) {
        (try? LocalLog(in: image, options: smallOptions(mode, seed: seed), creating: true))?.abandon()
    }
}

/// Recovers `image`, checks it against what the ledger held at the moment of the crash, goes on appending, reopens.
///
/// Answers what is wrong, or an empty list.
package func verdict(on image: SimulatedStorage, _ ledger: [String: Ledger.Entry], seed: UInt64) -> [String] {
    EngineOracle().judge(image, ledger, seed: seed)
}

/// Options under which little happens at a time, so that all of it happens in few records: short segments, short
/// journal files, few open files; and nothing happens by itself.
package func smallOptions(_ mode: SegmentHeader.CommitMode, seed: UInt64) -> EngineOptions {
    var options = seededOptions(mode, seed: seed)
    options.segmentByteCount = 1_500
    options.journalByteCounts = 4_096...8_192
    options.openFileLimit = 2
    options.flushInterval = 3_600_000
    options.softWindow = 3_600_000
    return options
}

/// One judgement on its way.
private struct Course {
    let mode: SegmentHeader.CommitMode
    var ledger: [String: Ledger.Entry]
    var seed: UInt64
    var wrong: [String] = []

    init(mode: SegmentHeader.CommitMode, ledger: [String: Ledger.Entry], seed: UInt64) {
        self.mode = mode
        self.ledger = ledger
        self.seed = seed
    }

    mutating func run(_ image: SimulatedStorage) throws {
        // After a crash of the process alone, what that has left unsynced may be lost later; it was never promised.
        let wasSettled = image.unsynced.isEmpty
        let first = try open(image, creating: true)
        if wasSettled && !image.isSettled { wrong.append("what the recovery did is not all durable") }
        try check(first, "after the recovery")
        first.abandon()

        let recovered = image.crash(.dropAll)
        let untouched = recovered.clone()
        let second = try open(recovered)
        if !second.recovery.findings.isEmpty { wrong.append("the second recovery: \(second.recovery.findings)") }
        let isQuiet = second.recovery.sessions.isEmpty
        if recovered.settledFingerprint(withIndex: isQuiet) != untouched.settledFingerprint(withIndex: isQuiet) {
            wrong.append("a second recovery changes \(changes(untouched.contents, recovered.contents))")
        }
        try check(second, "after the second recovery")
        try goOn(second)
        let closes = seed % 3 == 0
        if closes { try second.close() } else { second.abandon() }

        let last = try open(recovered.crash(closes ? .dropAll : .random(seed: seed)))
        if last.recovery.wasClosedCleanly != closes { wrong.append("closed in order: \(!closes)") }
        try check(last, "after going on")
        last.abandon()
    }

    private mutating func open(_ image: SimulatedStorage, creating: Bool = false) throws -> LocalLog {
        seed += 1
        return try LocalLog(in: image, options: smallOptions(mode, seed: seed), creating: creating)
    }

    /// Appends to every session and to a new one, half of the time up to the segments.
    private mutating func goOn(_ log: LocalLog) throws {
        for session in ledger.keys.sorted() + ["new"] {
            var appender = try Appender(log, session)
            let known = ledger[session, default: Ledger.Entry()].submitted
            if appender.last != known.count {
                wrong.append("\(session): claimed at \(appender.last) of \(known.count)")
            }
            try appender.append("after the crash")
            ledger[session, default: Ledger.Entry()].submitted.append("after the crash")
            ledger[session]?.acknowledged += 1
            if let sequence = log.beginHead(appender.claim) {
                _ = log.putHead(appender.claim, through: sequence, headContent(sequence, "after the crash"))
            }
            log.release(appender.claim)
        }
        if seed.isMultiple(of: 2) { try log.flushToSegments() }
    }

    /// Compares everything that `log` holds with the ledger; what is there is durable from now on.
    private mutating func check(_ log: LocalLog, _ when: String) throws {
        if log.recovery.hasCommittedDamage { wrong.append("\(when): reports \(log.recovery.findings)") }
        var listed: Set<String> = []
        try log.list { (row) throws(LogError) in
            listed.insert(row.session.text)
            return true
        }
        for (session, entry) in ledger {
            let kept = try keptRecords(log, session, after: entry.snapshot)
            wrong += compare(session, entry, kept).map { "\(when): \($0)" }
            wrong += try checkSnapshot(log, session, entry).map { "\(when): \($0)" }
            wrong += try checkHead(log, session, entry, kept).map { "\(when): \($0)" }
            ledger[session]?.settle(kept, from: Int(entry.snapshot))
            if ledger[session]?.acknowledged != 0, !listed.contains(session) {
                wrong.append("\(when): \(session) is not listed")
            }
        }
        let strangers = listed.subtracting(ledger.keys)
        if !strangers.isEmpty { wrong.append("\(when): nobody made \(strangers)") }
    }

    /// What was kept must be of a record that is there, and what comes behind it must be read.
    private func checkHead(
        _ log: LocalLog, _ session: String, _ entry: Ledger.Entry, _ texts: [String]
    ) throws -> [String] {
        guard let head = try log.head(sessionID(session)) else { return [] }
        let count = Int(head.sequence) - Int(entry.snapshot)
        guard count <= texts.count else { return ["\(session): a head of record \(head.sequence), which is not there"] }
        if count > 0, head.content != headContent(head.sequence, texts[count - 1]) {
            return ["\(session): the head of record \(head.sequence) is that of another record"]
        }
        let behind = try keptRecords(log, session, after: head.sequence)
        return behind == Array(texts.dropFirst(max(0, count))) || count < 0
            ? [] : ["\(session): behind its head there are \(behind.count) records"]
    }

    private func checkSnapshot(_ log: LocalLog, _ session: String, _ entry: Ledger.Entry) throws -> [String] {
        let source = try log.snapshot(sessionID(session), through: .max)
        guard let source else {
            return entry.durableDocument == 0 ? [] : ["\(session): snapshot \(entry.durableDocument) is not there"]
        }
        let text = String(decoding: try source.read(at: 0, count: source.byteCount), as: UTF8.self)
        guard let document = entry.documents[source.sequence], text == document else {
            return ["\(session): snapshot \(source.sequence) is not what was written: \(text)"]
        }
        return source.sequence < entry.durableDocument ? ["\(session): snapshot \(entry.durableDocument) is lost"] : []
    }
}

/// What is wrong with `texts`, the records that are there after those that a snapshot replaces.
func compare(_ session: String, _ entry: Ledger.Entry, _ texts: [String]) -> [String] {
    let first = Int(entry.snapshot)
    var wrong: [String] = []
    if first + texts.count < entry.acknowledged {
        wrong.append("\(session): \(entry.acknowledged) acknowledged, \(first + texts.count) kept")
    }
    if let bad = texts.indices.first(where: { !entry.allows(texts[$0], at: first + $0) }) {
        wrong.append("\(session): record \(first + bad + 1) is not what was submitted: \(texts[bad].prefix(200))")
    }
    return wrong
}

/// The payloads after record `snapshot`; none when the session does not exist.
private func keptRecords(_ log: LocalLog, _ session: String, after snapshot: UInt64) throws -> [String] {
    do {
        let records = try records(log, sessionID(session), from: snapshot + 1)
        let isWithoutHole = records.enumerated().allSatisfy { $1.sequence == snapshot + 1 + UInt64($0) }
        guard isWithoutHole else { throw LogError(.failed, "\(session): reads records \(records.map(\.sequence))") }
        return records.map { String(decoding: $0.payload, as: UTF8.self) }
    } catch let error as LogError where error.code == .unknownSession {
        return []
    }
}

private func records(_ log: LocalLog, _ session: SessionID, from first: UInt64) throws -> [LogRecord] {
    var records: [LogRecord] = []
    try log.read(session, from: first) { record in
        records.append(record)
        return true
    }
    return records
}

/// The files that differ, with their lengths.
private func changes(_ before: [String: [UInt8]], _ now: [String: [UInt8]]) -> [String] {
    Set(before.keys).union(now.keys).filter { before[$0] != now[$0] }.sorted().map { path in
        let lengths = [before, now].map { $0[path].map { "\($0.count)" } ?? "none" }
        return "\(path) (\(lengths[0]) to \(lengths[1]) bytes)"
    }
}
