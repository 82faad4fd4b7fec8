import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Walks the segments of one session, checks what it sees, and says where and why the walk ended.
///
/// Reads only. `unflushed` are committed bytes that may not be in the files yet.
struct SessionScan {
    /// What a walk came to.
    struct Outcome {
        var tail = SegmentTail()
        /// Up to here the last segment is proved to be on stable storage by what stands in it.
        var provedOffset: UInt64 = 0
        var verdict = DamageVerdict.end
        /// Set unless the verdict is `end`.
        var finding: RecoveryReport.Finding?
        var recordCount = 0
        var payloadByteCount: UInt64 = 0
        var byteCount: UInt64 = 0
    }

    let storage: any Storage
    let session: SessionID
    let storeTag: UInt64
    let payloadLimit: Int
    var unflushed: [UInt32: [Extent]]
    /// The segment that the journal names as being written directly.
    var writtenDirectly: UInt32?
    /// What other files prove of the session. Look it up before `unflushed`: it must not be the newer one.
    var witness = SessionWitness()
    /// Whether an error of the device is a verdict on the session, as for a recovery and an inspection, which go on
    /// with others. To everyone else it is thrown: it may come once, and what could be read then is not the session.
    var judgesDevice = false

    /// The session's folder, with the segments that are in `unflushed` only.
    func folder() throws(LogError) -> SessionFolder {
        try SessionFolder(session, in: storage, also: Array(unflushed.keys))
    }

    /// Opens one segment, or says what is wrong with its header.
    func open(_ number: UInt32) throws(LogError) -> Result<SegmentScanner, SegmentFault> {
        let image: SegmentImage
        let head: [UInt8]
        do throws(StorageError) {
            image = try SegmentImage(file: try file(number), extents: unflushed[number] ?? [])
            head = try image.read(count: SegmentHeader.longestByteCount, at: 0)
        } catch {
            guard error.isOfFile || isJudged(error) else { throw LogError(unread: error) }
            let reason = error.clause + (error.isOfKind ? "; something else stands in its place" : "")
            return .failure(SegmentFault(reason: reason, 0, isUnreadable: true))
        }
        do throws(FormatError) {
            let header = try head.withBytes { (view) throws(FormatError) in
                try SegmentHeader(decoding: view)
            }
            if let foreign = mismatch(header, number) {
                return .failure(SegmentFault(reason: foreign, image.byteCount))
            }
            return .success(SegmentScanner(image, header: header, payloadLimit: payloadLimit))
        } catch {
            // Another version too is damage: which version a store has is said by store.json, for all of its files.
            return .failure(SegmentFault(reason: image.headerFault, image.byteCount))
        }
    }

    /// The flipped bit that is all that is wrong with the header of segment `number`.
    func headerBit(_ number: UInt32, _ bits: BitSearch) throws(StorageError) -> FlippedBit? {
        let image = try SegmentImage(file: try file(number), extents: unflushed[number] ?? [])
        let head = try image.read(count: SegmentHeader.longestByteCount, at: 0)
        return bits.header(in: head) { mismatch($0, number) == nil }?.bit
    }

    /// Why a segment cannot be used at all.
    struct SegmentFault: Error {
        var reason: String
        var byteCount: UInt64
        /// Whether the system does not give the bytes.
        var isUnreadable: Bool

        init(reason: String, _ byteCount: UInt64, isUnreadable: Bool = false) {
            self.reason = reason
            self.byteCount = byteCount
            self.isUnreadable = isUnreadable
        }
    }

    /// The segment of `place`, behind it; `nil` when it is not there, or something else stands there.
    func scanner(behind place: LogPlace) -> SegmentScanner? {
        guard case .success(let scanner)? = try? open(place.segment), (try? scanner.skip(to: place)) == true else {
            return nil
        }
        return scanner
    }

    /// Walks `segments`, calling `body` with each record and its scanner until it answers false.
    ///
    /// - Parameter begun: a scanner of the first of them, which has come to where the walk begins.
    func walk(
        _ segments: [UInt32], from begun: SegmentScanner? = nil,
        _ body: (SegmentScanner, SegmentScanner.Record) throws(LogError) -> Bool = { _, _ in true }
    ) throws(LogError) -> Outcome {
        var outcome = Outcome()
        for (index, number) in segments.enumerated() {
            let opened: Result<SegmentScanner, SegmentFault>
            if index == 0, let begun { opened = .success(begun) } else { opened = try open(number) }
            let scanner: SegmentScanner
            switch opened {
            case .success(let found): scanner = found
            case .failure(let fault):
                return try damagedHeader(fault, number, isLast: index == segments.count - 1, outcome)
            }
            if let gap = gap(before: scanner.header, number, outcome.tail) {
                outcome.verdict = .committedDamage
                outcome.finding = gap
                return outcome
            }
            outcome.tail.header = scanner.header
            let isDone = try walk(scanner, &outcome, body)
            outcome.byteCount += scanner.byteCount
            outcome.tail.offset = scanner.offset
            outcome.provedOffset = scanner.provedOffset
            outcome.tail.chain = scanner.chain
            outcome.tail.lastOffset = scanner.lastOffset
            outcome.tail.chainBeforeLast = scanner.chainBeforeLast
            outcome.tail.sequence = scanner.nextSequence - 1
            outcome.tail.time = max(outcome.tail.time, scanner.lastTime)
            if isDone { return outcome }
            try judge(scanner, isLast: index == segments.count - 1, &outcome)
            if outcome.verdict != .end { return outcome }
        }
        if let lost = witness.contradiction(session, outcome.tail) {
            outcome.verdict = .committedDamage
            outcome.finding = lost
        }
        return outcome
    }

    private func walk(
        _ scanner: SegmentScanner, _ outcome: inout Outcome,
        _ body: (SegmentScanner, SegmentScanner.Record) throws(LogError) -> Bool
    ) throws(LogError) -> Bool {
        while true {
            guard let record = try next(scanner, &outcome) else { return false }
            guard record.header.kind != RecordHeader.markKind else { continue }
            outcome.recordCount += 1
            outcome.payloadByteCount += UInt64(record.header.rawByteCount)
            if try !body(scanner, record) { return true }
        }
    }

    /// The next record; `nil` also where the device does not give it, which is then what the outcome says.
    private func next(
        _ scanner: SegmentScanner, _ outcome: inout Outcome
    ) throws(LogError) -> SegmentScanner.Record? {
        do throws(StorageError) {
            return try scanner.next()
        } catch {
            guard isJudged(error) else { throw LogError(unread: error) }
            outcome.verdict = verdict(.unreadable, scanner.header.mode, scanner.header.number, isPromised: false)
            note(error.clause, scanner, &outcome)
            return nil
        }
    }

    private func judge(
        _ scanner: SegmentScanner, isLast: Bool, _ outcome: inout Outcome
    ) throws(LogError) {
        guard outcome.verdict == .end, let fault = scanner.fault else { return }
        outcome.verdict = try verdict(on: scanner, isLast: isLast)
        let rest = outcome.verdict == .mediaError ? ", and the device does not give what follows" : ""
        note("\(fault.rawValue) at record \(scanner.nextSequence)\(rest)", scanner, &outcome)
    }

    /// Names the place where `scanner` has stopped.
    private func note(_ reason: String, _ scanner: SegmentScanner, _ outcome: inout Outcome) {
        let offset = scanner.offset
        outcome.finding = finding(
            outcome.verdict, scanner.header.number, offset, scanner.byteCount - offset, reason)
        outcome.finding?.firstSequence = scanner.nextSequence
    }

    /// What stands behind a place that is not valid, when `looking` for a promise there. Where the device does not give
    /// it there may be one.
    private func evidence(
        _ looking: () throws(StorageError) -> Bool
    ) throws(LogError) -> (finding: DamageEvidence.Finding, isPromised: Bool) {
        do throws(StorageError) {
            return (.invalid, try looking())
        } catch {
            guard isJudged(error) else { throw LogError(unread: error) }
            return (.unreadable, false)
        }
    }

    private func verdict(
        _ finding: DamageEvidence.Finding, _ mode: SegmentHeader.CommitMode, _ number: UInt32, isPromised: Bool
    ) -> DamageVerdict {
        DamageVerdict.decide(
            DamageEvidence(
                finding: finding, mode: mode, isBeingWritten: writtenDirectly == number, isPromised: isPromised))
    }

    /// What the fault means at which `scanner` has stopped.
    func verdict(on scanner: SegmentScanner, isLast: Bool) throws(LogError) -> DamageVerdict {
        let (finding, isPromised) = try evidence { () throws(StorageError) in
            if !isLast || scanner.nextSequence <= witness.promisedSequence { return true }
            return try scanner.promiseStandsAfterFault()
        }
        return verdict(finding, scanner.header.mode, scanner.header.number, isPromised: isPromised)
    }

    private func damagedHeader(
        _ fault: SegmentFault, _ number: UInt32, isLast: Bool, _ outcome: Outcome
    ) throws(LogError) -> Outcome {
        var outcome = outcome
        outcome.verdict = try verdict(on: fault, number, isLast: isLast, after: outcome.tail)
        outcome.finding = finding(outcome.verdict, number, 0, fault.byteCount, fault.reason)
        outcome.finding?.firstSequence = outcome.tail.sequence + 1
        return outcome
    }

    /// What it means that segment `number`, behind `tail`, cannot be used.
    func verdict(
        on fault: SegmentFault, _ number: UInt32, isLast: Bool, after tail: SegmentTail
    ) throws(LogError) -> DamageVerdict {
        // Which mode it had is not known, and does not matter where the bytes cannot be had.
        let mode: SegmentHeader.CommitMode = writtenDirectly == number ? .segment : .journal
        if fault.isUnreadable { return verdict(.unreadable, mode, number, isPromised: false) }
        // Where the walk began with this segment, the last record before it is not known.
        let isBehindSnapshot = tail.header != nil || number == 1 ? witness.newestSnapshot : nil
        let isWitnessed = !isLast || witness.hasSeen(segment: number) || (isBehindSnapshot ?? 0) > tail.sequence
        let (finding, isPromised) = try evidence { () throws(StorageError) in
            if isWitnessed { return true }
            return try promiseStands(inHeaderless: number)
        }
        return verdict(finding, mode, number, isPromised: isPromised)
    }

    /// Whether a segment whose header is damaged holds a promise, if the salt and the time that stand there are right.
    private func promiseStands(inHeaderless number: UInt32) throws(StorageError) -> Bool {
        let image = try SegmentImage(file: try file(number), extents: unflushed[number] ?? [])
        let head = try image.read(count: SegmentHeader.longestByteCount, at: 0)
        let header = SegmentHeader(
            ofDamaged: head, mode: .segment, firstSequence: 1, chainBefore: 0, storeTag: storeTag, number: number,
            session: session)
        guard let header else { return false }
        return try SegmentScanner(image, header: header, payloadLimit: payloadLimit).promiseStandsAfterFault()
    }

    /// What is missing between the record before and a segment's first.
    func gap(
        before header: SegmentHeader, _ number: UInt32, _ tail: SegmentTail
    ) -> RecoveryReport.Finding? {
        guard tail.header != nil else { return nil }
        guard header.firstSequence != tail.sequence + 1 || header.chainBefore != tail.chain else { return nil }
        var gap = finding(.committedDamage, number, 0, 0, "the segment does not continue the one before")
        gap.firstSequence = tail.sequence + 1
        if header.firstSequence > tail.sequence + 1 { gap.lastSequence = header.firstSequence - 1 }
        return gap
    }

    /// Records before the first segment that no snapshot includes.
    func missingFront(_ folder: SessionFolder) throws(LogError) -> RecoveryReport.Finding? {
        guard let number = folder.segments.first, case .success(let scanner) = try open(number) else { return nil }
        let first = scanner.header.firstSequence
        guard first > 1, !folder.snapshots.contains(where: { $0 >= first - 1 }) else { return nil }
        var finding = RecoveryReport.Finding(
            kind: .committedDamage, session: session, path: StoreLayout.sessionFolder(session), offset: 0,
            byteCount: 0, reason: "the records before segment \(number) are missing and no snapshot includes them")
        finding.firstSequence = 1
        finding.lastSequence = first - 1
        return finding
    }

    /// The segment that the journal names as being written, if there is no such file: the crash may have come before
    /// the first write, or somebody has removed it. Nothing tells whether anything in it had been acknowledged.
    func missingDirect(_ segments: [UInt32], _ tail: SegmentTail) -> RecoveryReport.Finding? {
        guard let writtenDirectly, writtenDirectly > segments.last ?? 0 else { return nil }
        var finding = finding(
            .tornTail, writtenDirectly, 0, 0,
            "the segment was begun and is not there; nothing tells whether anything in it was acknowledged")
        finding.firstSequence = tail.sequence + 1
        return finding
    }

    /// Names what stands at a place of segment `number`.
    func finding(
        _ verdict: DamageVerdict, _ number: UInt32, _ offset: UInt64, _ byteCount: UInt64, _ reason: String
    ) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: verdict == .tornTail ? .tornTail : verdict == .mediaError ? .mediaError : .committedDamage,
            session: session, path: StoreLayout.segmentFile(session, number), offset: offset,
            byteCount: byteCount, reason: reason)
    }

    private func isJudged(_ error: StorageError) -> Bool { judgesDevice && error.isOfSession }

    private func mismatch(_ header: SegmentHeader, _ number: UInt32) -> String? {
        if header.session != session { return "misplaced: the segment belongs to session '\(header.session)'" }
        if header.storeTag != storeTag { return "the segment belongs to another store" }
        if header.number != number { return "the segment is number \(header.number)" }
        return nil
    }

    private func file(_ number: UInt32) throws(StorageError) -> (any StorageFile)? {
        do throws(StorageError) {
            return try storage.open(StoreLayout.segmentFile(session, number), .read)
        } catch {
            if error.code == .notFound, unflushed[number] != nil { return nil }
            throw error
        }
    }
}

extension SessionScan {
    /// A scan of what the files of `session` and the journal have together.
    init(
        of session: SessionID, in storage: any Storage, storeTag: UInt64, _ overlay: JournalOverlay,
        witness: SessionWitness = SessionWitness(), judgesDevice: Bool = true
    ) {
        self.init(
            storage: storage, session: session, storeTag: storeTag, payloadLimit: Limits.largestPayloadLimit,
            unflushed: overlay.unflushed(session), writtenDirectly: overlay.direct(of: session), witness: witness,
            judgesDevice: judgesDevice)
    }
}
