import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Brings one session over into the new store.
struct SessionSalvager: Sendable {
    /// What was made of a session.
    struct Copy: Sendable {
        var told: SalvagedSession
        /// What to hold the new store against; `nil` when it has nothing of the session.
        var proof: Proof?
        var byteCount: UInt64 = 0
        /// What of the source could not be read.
        var faults: [SalvageWalk.Fault] = []
    }

    /// What reading the session back must give.
    struct Proof: Sendable {
        var row: IndexRow
        var recordCount: Int
        var digest: UInt64
        var newestSnapshot: UInt64?
    }

    let source: SalvageSource
    let target: SalvageTarget
    let options: SalvageOptions
    let meaning: any SalvageMeaning

    private func allows(_ sequence: UInt64, _ time: UInt64) -> Bool {
        sequence <= options.untilSequence ?? .max && time <= options.untilTime ?? .max
    }

    private var isLimited: Bool { options.untilSequence != nil || options.untilTime != nil }

    // MARK: A whole session

    /// Copies a session with which nothing is wrong, in one pass; `nil`, with nothing left in the new store, when
    /// something is.
    func copyWhole(_ session: SessionID) throws(LogError) -> Copy? {
        var writer: SessionRewriter?
        do throws(LogError) {
            if let copy = try copyWhole(session, &writer) { return copy }
        } catch {
            // What the source does not give is a matter for the other way; what the target does not take is the end.
            if let failure = writer?.failure { throw failure }
            if error.code == .diskFull { throw error }
        }
        try writer?.discard()
        return nil
    }

    private func copyWhole(_ session: SessionID, _ writer: inout SessionRewriter?) throws(LogError) -> Copy? {
        let folder = try SessionFolder(session, in: source.storage, also: Array(source.overlay.unflushed(session).keys))
        guard !folder.segments.isEmpty, !source.isInDoubt(session) else { return nil }
        let scan = source.scan(session, newestSnapshot: folder.snapshots.last)
        let decompressor = BlockDecompressor()
        var isReadable = true
        var segment: UInt32 = 0
        var firstRefused: UInt64?
        let outcome = try scan.walk(folder.segments) { (scanner, record) throws(LogError) in
            guard allows(record.sequence, record.header.time) else {
                firstRefused = record.sequence
                return false
            }
            let payload = scanner.withStored(record) { decompressor.payload(of: record.header, stored: $0) }
            guard let payload else {
                isReadable = false
                return false
            }
            let current = writer ?? SessionRewriter(session, target, base: record.sequence - 1)
            writer = current
            let copied = LogRecord(
                sequence: record.sequence, kind: record.header.kind, time: record.header.time, payload: payload)
            let stored = scanner.withStored(record) { [UInt8]($0) }
            try current.add(copied, record.header, stored, beginsSegment: segment != scanner.header.number)
            segment = scanner.header.number
            return true
        }
        guard isReadable, outcome.verdict == .end || outcome.verdict == .tornTail,
            outcome.verdict != .end || scan.missingDirect(folder.segments, outcome.tail) == nil
        else { return nil }
        let last = writer?.tail.sequence ?? firstRefused.map { $0 - 1 } ?? outcome.tail.sequence
        let first = last - UInt64(writer?.recordCount ?? 0) + 1
        let (snapshots, hasDamaged) = try snapshots(of: session, folder)
        let kept = snapshots.filter { $0 <= last && $0 + 1 >= first }
        if first > 1, !kept.contains(where: { $0 + 1 >= first }) {
            // The front is gone, or the session begins later than it was asked for.
            return isLimited && writer == nil && !hasDamaged ? Copy(told: SalvagedSession(session)) : nil
        }
        var told = SalvagedSession(session)
        if let finding = outcome.finding { told.findings.append(finding) }
        if hasDamaged { told.findings.append(damagedSnapshot(session)) }
        guard last > 0 else { return Copy(told: told) }
        if let writer { return try finish(writer, kept, told) }
        let bare = SessionRewriter(session, target, base: last - 1)
        writer = bare
        try addFiller(bare, &told)
        return try finish(bare, kept, told)
    }

    // MARK: A damaged session

    /// Copies all that can be proved of a session, from whatever source.
    func copyDamaged(
        _ session: SessionID, _ evidence: EvidenceCollection, _ misplaced: MisplacedSegments, _ bits: BitSearch?
    ) throws(LogError) -> Copy {
        // Where the folder cannot be read, other sources may have the session.
        let (folder, refusal) = SessionFolder.orNothing(session, in: source.storage)
        let elsewhere = misplaced.of(session)
        let walk = SalvageWalk(
            storage: source.storage, session: session, storeTag: source.storeTag,
            unflushed: source.overlay.unflushed(session), evidence: evidence.of(session), misplaced: elsewhere,
            bits: bits, repairsBits: options.repairsBits)
        var survey = SalvageSurvey(session)
        survey.faults = try walk.run { (found) throws(LogError) in
            guard allows(found.record.sequence, found.record.time) else { return false }
            survey.add(found)
            return true
        }
        var (snapshots, hasDamaged) = try snapshots(of: session, folder)
        if let limit = options.untilSequence { snapshots.removeAll { $0 > limit } }
        let row = source.rows[session].flatMap { $0.segment == 0 ? nil : $0.lastSequence } ?? 0
        let outline = SalvageOutline.decide(
            survey.ranges, snapshots: snapshots, promised: isLimited ? 0 : max(row, folder.snapshots.last ?? 0),
            trimmed: trimmed(session, folder, snapshots), mode: options.mode)
        var told = survey.told(outline, newestSnapshot: snapshots.last)
        if let refusal { told.findings.append(.unreadable(session, refusal)) }
        if hasDamaged { told.findings.append(damagedSnapshot(session)) }
        if elsewhere.isEmpty, told.losses.isEmpty, let end = end(session, folder, behind: outline.end) {
            told.findings.append(end)
        }
        told.findings += elsewhere.sorted { $0.key < $1.key }.map { found(session, $0.key, $0.value) }
        guard outline.end > 0 else { return Copy(told: told, faults: survey.faults) }
        let kept = snapshots.filter { $0 <= outline.end && $0 >= outline.base }
        let writer = SessionRewriter(session, target, base: outline.base)
        try write(walk, outline, writer, kept.last, &told)
        var copy = try finish(writer, kept, told)
        copy.faults = survey.faults
        return copy
    }

    /// The last of the first records that a snapshot had replaced before their segments were dropped.
    private func trimmed(_ session: SessionID, _ folder: SessionFolder, _ snapshots: [UInt64]) -> UInt64 {
        let scan = source.scan(session, newestSnapshot: nil)
        guard let number = folder.segments.first, case .success(let scanner)? = try? scan.open(number) else { return 0 }
        let last = scanner.header.firstSequence - 1
        return snapshots.contains { $0 >= last } ? last : 0
    }

    private func found(_ session: SessionID, _ number: UInt32, _ path: String) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: .derived, session: session, path: path, offset: 0, byteCount: 0,
            reason: "segment \(number) was found as '\(path)'")
    }

    /// How a session ends whose segments do not: damage behind which there is nothing that could be had, so that nobody
    /// knows how many records are lost there, or what was being written. Not where another source has gone on behind
    /// `last`. What the disk does not give is named by those who wanted it.
    private func end(
        _ session: SessionID, _ folder: SessionFolder, behind last: UInt64
    ) -> RecoveryReport.Finding? {
        let scan = source.scan(session, newestSnapshot: folder.snapshots.last)
        guard let outcome = try? scan.walk(folder.segments) else { return nil }
        let missing = outcome.verdict == .end ? scan.missingDirect(folder.segments, outcome.tail) : nil
        guard let finding = outcome.finding ?? missing, finding.kind != .mediaError else { return nil }
        return finding.firstSequence ?? .max <= last ? nil : finding
    }

    private func write(
        _ walk: SalvageWalk, _ outline: SalvageOutline, _ writer: SessionRewriter, _ snapshot: UInt64?,
        _ told: inout SalvagedSession
    ) throws(LogError) {
        var fold: (any SalvageFold)?
        if outline.firstUncovered != nil {
            let base = try snapshot.flatMap { (sequence) throws(LogError) in try document(walk.session, sequence) }
            fold = meaning.fold(from: base)
        }
        let foldsFrom = fold == nil ? 0 : snapshot ?? 0
        var segment: UInt32 = 0
        func fill(to next: UInt64) throws(LogError) {
            while writer.tail.sequence + 1 < next {
                let record = try addFiller(writer, &told)
                if record.sequence > foldsFrom { _ = fold?.fits(record) }
            }
        }
        _ = try walk.run { (found) throws(LogError) in
            let record = found.record
            guard record.sequence <= outline.end else { return false }
            guard record.sequence > outline.base else { return true }
            try fill(to: record.sequence)
            guard record.sequence <= foldsFrom || fold?.fits(record) ?? true else {
                told.leftOutCount += 1
                writer.leaveFrame()
                return true
            }
            try writer.add(record, found.header, found.stored, beginsSegment: segment != found.segment)
            segment = found.segment
            return true
        }
        try fill(to: outline.end + 1)
    }

    /// Adds a record that says nothing.
    @discardableResult
    private func addFiller(_ writer: SessionRewriter, _ told: inout SalvagedSession) throws(LogError) -> LogRecord {
        let sequence = writer.tail.sequence + 1
        let (kind, payload) = meaning.filler(sequence)
        let record = LogRecord(sequence: sequence, kind: kind, time: writer.tail.time, payload: payload)
        try writer.addRaw(record)
        told.fillerCount += 1
        return record
    }

    // MARK: Snapshots

    /// The sequences of the snapshots that are whole and wanted, and whether there are others that are damaged.
    private func snapshots(
        of session: SessionID, _ folder: SessionFolder
    ) throws(LogError) -> (whole: [UInt64], hasDamaged: Bool) {
        var whole: [UInt64] = []
        var hasDamaged = false
        for sequence in folder.snapshots {
            let path = StoreLayout.snapshotFile(session, sequence)
            let files = SnapshotFiles(storage: source.storage, storeTag: source.storeTag)
            guard (try? files.isWhole(path)) == true, let document = try document(session, sequence),
                try document.checksum() != nil
            else {
                hasDamaged = true
                continue
            }
            if let limit = options.untilTime, meaning.time(of: document) ?? .max > limit { continue }
            whole.append(sequence)
        }
        return (whole, hasDamaged)
    }

    private func document(_ session: SessionID, _ sequence: UInt64) throws(LogError) -> SnapshotDocument? {
        try storing { () throws(StorageError) in
            try SnapshotDocument(
                try source.storage.open(StoreLayout.snapshotFile(session, sequence), .read), sequence: sequence)
        }
    }

    private func damagedSnapshot(_ session: SessionID) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: .derived, session: session, path: StoreLayout.sessionFolder(session), offset: 0, byteCount: 0,
            reason: "a snapshot fails its checksum and is left out")
    }

    // MARK: The end

    private func finish(
        _ writer: SessionRewriter, _ snapshots: [UInt64], _ told: SalvagedSession
    ) throws(LogError) -> Copy {
        try writer.finish()
        for sequence in snapshots { try copySnapshot(writer.session, sequence) }
        var told = told
        told.recordCount = writer.recordCount - told.fillerCount
        told.last = writer.tail.sequence
        told.first = told.last - UInt64(writer.recordCount) + 1
        told.snapshotCount = snapshots.count
        let bare = SummaryRow(session: writer.session, sequence: 0, row: Array("{}".utf8))
        let proof = Proof(
            row: IndexRow(summary: bare, tail: writer.tail), recordCount: writer.recordCount,
            digest: writer.digest.value, newestSnapshot: snapshots.last)
        return Copy(told: told, proof: proof, byteCount: writer.byteCount)
    }

    /// Writes a snapshot anew: the document is the same, the check is the new store's.
    private func copySnapshot(_ session: SessionID, _ sequence: UInt64) throws(LogError) {
        guard let storage = target.storage, let document = try document(session, sequence) else { return }
        try SnapshotFiles(storage: storage, storeTag: target.store.tag).write(session, through: sequence) {
            (sink) throws(LogError) in
            var offset = 0
            while offset < document.byteCount {
                let piece = try document.read(at: offset, count: Limits.snapshotBlock)
                guard !piece.isEmpty else { throw LogError(.failed, "A snapshot of the source ends early.") }
                try sink.write(piece)
                offset += piece.count
            }
        }
    }

    // MARK: Proof

    /// Reads the session back from the new store; whether it is what was written, every record of it.
    func proves(_ proof: Proof) throws(LogError) -> Bool {
        guard let storage = target.storage else { return true }
        let session = proof.row.summary.session
        let folder = try SessionFolder(session, in: storage)
        let scan = SessionScan(
            storage: storage, session: session, storeTag: target.store.tag,
            payloadLimit: Limits.largestPayloadLimit, unflushed: [:],
            witness: SessionWitness(row: proof.row, newestSnapshot: proof.newestSnapshot))
        let decompressor = BlockDecompressor()
        let digest = RecordDigest()
        let outcome = try scan.walk(folder.segments) { (scanner, record) throws(LogError) in
            let payload = scanner.withStored(record) { decompressor.payload(of: record.header, stored: $0) }
            guard let payload else { return false }
            digest.add(
                LogRecord(
                    sequence: record.sequence, kind: record.header.kind, time: record.header.time, payload: payload))
            return true
        }
        return outcome.verdict == .end && outcome.recordCount == proof.recordCount && digest.value == proof.digest
            && outcome.tail.chain == proof.row.chain && folder.snapshots.last == proof.newestSnapshot
    }
}
