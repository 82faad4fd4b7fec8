package import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage
import HoldfastThreads
import Synchronization

/// A store of session logs in local files, open for writing by this process.
///
/// See ``SessionLog`` for what each call promises. Threads: one that commits, one that flushes, and helpers for
/// syncs. No call holds a lock during input or output that another session's call needs.
package final class LocalLog: SessionLog {
    let storage: any Storage
    let options: EngineOptions
    let store: StoreFile
    private let lock: any StorageLock
    private let files: SegmentFiles
    let index: IndexKeeper
    private let pool: CompressorPool
    private let flusher: Flusher
    private let committer: Committer
    private let commitPath: any CommitPath
    private let writers = Lock<[SessionID: SessionWriter]>([:])
    /// Sessions that somebody is claiming: two who did so at once would both begin where the session ends.
    private let beingClaimed = Monitor<Set<SessionID>>([])
    private let epochs: Lock<UInt64>
    private let lastPlaces = LastPlaces()
    private let isClosed = Atomic(false)

    /// What opening found and did.
    package let recovery: RecoveryReport

    /// Opens the store in `storage`, after the recovery pass when it was not closed in order.
    ///
    /// A store that was closed cleanly opens without reading any session. Everything that had been acknowledged
    /// is durable and readable on return, but for what the report names.
    ///
    /// - Parameter creating: makes a new store when there is none.
    /// - Throws: `.busy` naming the process that has it open, `.notAStore`, `.newerFormat`, `.olderFormat`, `.damaged`
    ///   (store file), `.readOnly`, `.diskFull`, `.failed`.
    package init(
        in storage: any Storage, options: EngineOptions = EngineOptions(), creating: Bool = false
    ) throws(LogError) {
        let begun = options.clock.monotonicNanoseconds()
        self.storage = storage
        self.options = options
        // Not even a lock file is left in a folder that is no store and is not to become one.
        if creating { try Self.refuseForeignFolder(storage) } else { _ = try StoreFile.read(from: storage) }
        lock = try Self.takeLock(storage)
        store = try Self.readOrCreate(storage, options, creating)
        files = SegmentFiles(storage: storage, options: options)
        // Whoever made or renamed the files that are seen here may have died before syncing their folders.
        try storing { () throws(StorageError) in
            try storage.createDirectory(StoreLayout.journalFolder)
            try storage.syncDirectory("")
            try storage.syncDirectory(StoreLayout.journalFolder)
        }
        let overlay = try JournalOverlay.read(
            from: storage, storeTag: store.tag, notesOlder: true, bits: options.journalBits,
            holdingUpTo: options.heldWriteByteCount)
        index = IndexKeeper(
            storage: storage, mark: overlay.index, toleratedLogByteCount: options.toleratedIndexLogByteCount)
        let pass = RecoveryPass(
            storage: storage, options: options, storeTag: store.tag, files: files, index: index)
        var (report, completion) = try pass.runIfThereIsRoom(overlay)
        var done: RecoveryPlan?
        if case .done(let plan) = completion { done = plan }
        let journal = JournalWriter(
            storage: storage, options: options, storeTag: store.tag, after: overlay.summary.position,
            lowWaterMark: done != nil ? nil : overlay.summary.lowWaterMark, index: overlay.index,
            used: try pass.usedFiles(overlay.summary))
        if !report.wasClosedCleanly, let done {
            // The journal will not name these sessions again, so the index must say that it is behind.
            if !overlay.summary.missing.isEmpty { try index.distrust(JournalSummary.missingBatches) }
            try index.markUnknown(overlay.sessions, witnesses: done.witnesses)
            try pass.settle(journal, done)
        }
        report.nanoseconds = options.clock.monotonicNanoseconds() - begun
        recovery = report
        pool = CompressorPool(memoryLimit: options.compressionMemory)
        let meter = options.isMetered ? Meter(in: storage, options: options) : nil
        flusher = Flusher(storage: storage, files: files, index: index, options: options, meter: meter)
        if done == nil {
            index.markUnknownLater(overlay.sessions)
            files.syncFoldersLater(of: overlay.sessions)
            // The journal goes on: who reads these bytes may do so when they are flushed and its files used again.
            let backlog = try storing { () throws(StorageError) in try overlay.extents.inMemory() }
            flusher.add(backlog, batch: overlay.summary.position.lastBatch)
        }
        // Epochs of different openings of the store never meet: the lock fences processes, these fence claims.
        epochs = Lock(0)
        switch options.commitMode {
        case .journal: commitPath = JournalPath(journal: journal, flusher: flusher, index: index, options: options)
        case .segment: commitPath = SegmentPath(journal: journal, files: files, index: index)
        }
        committer = Committer(path: commitPath, options: options, meter: meter)
        do throws(LogError) {
            try start()
        } catch {
            committer.stop()
            letGo()
            throw error
        }
    }

    private static func readOrCreate(
        _ storage: any Storage, _ options: EngineOptions, _ creating: Bool
    ) throws(LogError) -> StoreFile {
        do throws(LogError) {
            return try StoreFile.read(from: storage)
        } catch {
            guard error.code == .notAStore, creating else { throw error }
        }
        return try StoreFile.create(in: storage, options: options)
    }

    private static func takeLock(_ storage: any Storage) throws(LogError) -> any StorageLock {
        do throws(StorageError) {
            return try storage.lock(StoreLayout.lockFile)
        } catch {
            guard error.code == .locked else { throw LogError(error) }
            throw LogError(.busy, "The store is open for writing: \(error.detail). Close it there, or read only.")
        }
    }

    private func start() throws(LogError) {
        let committer = committer
        index.setBarrier { () throws(LogError) in try committer.waitForAll() }
        do throws(ThreadError) {
            try committer.start()
            try flusher.start { batch in committer.advance(lowWaterMark: batch) }
        } catch {
            throw LogError(.failed, error.description)
        }
    }

    /// Commits and flushes everything, brings the index up to date, and marks the store as closed in order.
    ///
    /// No call of the log may be in progress. After it every call throws `.closed`.
    package func close() throws(LogError) {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        for writer in writers.withLock({ Array($0.values) }) { seal(writer) }
        let failure = attempt { () throws(LogError) in try finish() }
        committer.stop()
        flusher.stop()
        defer { letGo() }
        if let failure { throw failure }
        try storing { () throws(StorageError) in try commitPath.closeCleanly() }
    }

    /// Ends the threads without closing the store in order: what a crash of the process would leave.
    package func abandon() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        committer.poison(LogError(.closed, "The store was abandoned."))
        committer.stop()
        flusher.stop()
        letGo()
    }

    /// Gives up the files and the lock, and what the parts of the log hold of each other, so that its memory is freed.
    private func letGo() {
        commitPath.stop()  // whoever takes the lock next finds nobody at work
        index.detach()
        files.closeAll()
        lock.release()
    }

    private func finish() throws(LogError) {
        try flushToSegments()
        try index.rebuildIfDamaged(loading: false)
    }

    private func attempt(_ body: () throws(LogError) -> Void) -> LogError? {
        do throws(LogError) {
            try body()
            return nil
        } catch {
            return error
        }
    }
}

// MARK: Appending

extension LocalLog {
    package var payloadLimit: Int { options.payloadLimit }
    package var softWindow: Milliseconds { options.softWindow }

    package func claim(_ session: SessionID) throws(LogError) -> LogClaim {
        try exclusively(session) { () throws(LogError) in try claimAlone(session) }
    }

    /// Runs `body` while nobody else claims `session`.
    func exclusively<Result, Failure>(
        _ session: SessionID, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        beingClaimed.wait(until: { !$0.contains(session) }) { _ = $0.insert(session) }
        defer {
            beingClaimed.withLock { _ = $0.remove(session) }
            beingClaimed.broadcast()
        }
        return try body()
    }

    private func claimAlone(_ session: SessionID) throws(LogError) -> LogClaim {
        try checkOpen()
        let earlier = writers.withLock { $0[session] }
        if let earlier {
            earlier.state.withLock { $0.isFenced = true }
            try committer.waitForAll()
        }
        let tail: SegmentTail
        var head: HeadFile?
        if let earlier {
            tail = try settledTail(earlier)
        } else {
            (tail, head) = try readTail(session)
        }
        let encoder = SegmentEncoder(session: session, tail: tail, storeTag: store.tag, options: options)
        let epoch = epochs.withLock { epoch in
            epoch += 1
            return epoch
        }
        let writer = SessionWriter(session: session, epoch: epoch, encoder: encoder)
        if let head { writer.state.withLock { ($0.keptHead, $0.place) = (head, head.place) } }
        if let earlier {
            // After a failure the journal may not name it, and a new segment begins anyway.
            let segment = earlier.state.withLock { $0.failure == nil ? $0.directSegment : nil }
            writer.state.withLock { $0.directSegment = segment }
        }
        writers.withLock { $0[session] = writer }
        // A row that says nothing is made good as soon as somebody knows better.
        let isUnlisted = try index.row(of: session)?.summary.sequence == 0
        if isUnlisted || recovery.sessions.contains(session) { index.note(writer) }
        return LogClaim(session: session, epoch: epoch, lastSequence: tail.sequence)
    }

    package func release(_ claim: LogClaim) {
        guard let writer = try? current(claim) else { return }
        index.release(writer)
        writer.state.withLock { $0.isReleased = true }
        seal(writer)
        forgetIfReleased(writer)
    }

    private func forgetIfReleased(_ writer: SessionWriter) {
        writers.withLock { writers in
            // After a failure the end of what counts is known here only, not from the file.
            let isDone = writer.state.withLock { $0.isReleased && $0.inFlightCount == 0 && $0.failure == nil }
            if isDone, writers[writer.session] === writer { writers[writer.session] = nil }
        }
    }

    package func beginSegment(_ claim: LogClaim) throws(LogError) {
        try current(claim).state.withLock { $0.encoder.closeSegment() }
    }

    package func append(
        _ claim: LogClaim, expected: Sequence, kind: UInt8, time: Milliseconds, payload: [UInt8],
        durability: Durability, completion: @escaping @Sendable (LogError?) -> Void
    ) throws(LogError) -> Sequence {
        try checkOpen()
        let writer = try current(claim)
        guard payload.count <= options.payloadLimit else {
            throw LogError(
                .tooLarge, "A record of \(payload.count) bytes is over the limit of \(options.payloadLimit) bytes.")
        }
        while true {
            let sequence = try writer.state.withLock { (state) throws(LogError) -> Sequence? in
                try Self.check(state, expected, claim.session)
                if mustWaitForSegment(state) { return nil }
                let promisesAllBefore = options.commitMode == .journal || state.inFlightCount == 0
                let output = state.encoder.append(
                    kind: kind, time: time, payload: payload, promisesAllBefore: promisesAllBefore, pool: pool)
                var commit = Commit(writer: writer, output: output, tail: state.encoder.tail, completion: completion)
                commit.isSoft = durability == .soon
                commit.isBehindOthers = state.inFlightCount > 0
                commit.announcesSegment = options.commitMode == .segment && state.directSegment != output.number
                try enqueue(commit, durability, in: &state)
                return state.encoder.tail.sequence
            }
            if let sequence { return sequence }
            try committer.waitForAll()
        }
    }

    /// Queues what the encoder of `state` has just encoded.
    private func enqueue(
        _ commit: Commit, _ durability: Durability, in state: inout SessionWriter.State
    ) throws(LogError) {
        do throws(LogError) {
            try committer.enqueue(commit, durability)
        } catch {
            state.encoder.revert(to: state.durable)
            state.failure = error
            throw error
        }
        if commit.announcesSegment { state.directSegment = commit.key.number }
        state.inFlightCount += 1
    }

    package func commitAwaited() { committer.commitAwaited() }

    package func flush() throws(LogError) {
        try committer.waitForAll()
        if let failure = committer.takeSoftFailure() { throw failure }
    }

    /// Also brings everything into the segments and the index, as after a quiet second.
    package func flushToSegments() throws(LogError) {
        try committer.waitForAll()
        try flusher.flush()
        // The flush has asked for one more batch, with the low-water mark.
        try committer.waitForAll(andMark: true)
    }

    private static func check(
        _ state: SessionWriter.State, _ expected: Sequence, _ session: SessionID
    ) throws(LogError) {
        if state.isFenced { throw LogError(.fenced, "Session '\(session)' was claimed again by somebody else.") }
        if let failure = state.failure { throw failure }
        let last = state.encoder.tail.sequence
        guard last == expected else {
            throw LogError(.conflict, "Session '\(session)' is at record \(last), not \(expected).", sequence: last)
        }
    }

    /// In commit mode `segment` the next segment may promise its predecessor only when that has been synced. Asked
    /// under the lock under which the record is encoded: a snapshot may end a segment at any time.
    private func mustWaitForSegment(_ state: SessionWriter.State) -> Bool {
        options.commitMode == .segment && state.inFlightCount > 0 && state.encoder.beginsSegmentNext
    }

    /// Ends the direct writing of a session's segment with a mark, so that nothing of it is unproved.
    private func seal(_ writer: SessionWriter) {
        writer.state.withLock { state in
            guard let number = state.directSegment, state.failure == nil, !state.isFenced else { return }
            var encoder = state.encoder
            guard let output = encoder.mark(), output.number == number else { return }
            let commit = Commit(
                writer: writer, output: output, tail: encoder.tail, sealsSegment: true,
                completion: { [weak self] _ in self?.forgetIfReleased(writer) })
            // Without the mark the segment counts as one whose end may be torn; recovery looks at it then.
            guard (try? committer.enqueue(commit, .durable)) != nil else { return }
            state.encoder = encoder
            state.directSegment = nil
            state.inFlightCount += 1
        }
    }

    /// Whoever has claimed `session`, or had and has records on their way.
    func writer(of session: SessionID) -> SessionWriter? { writers.withLock { $0[session] } }

    func current(_ claim: LogClaim) throws(LogError) -> SessionWriter {
        guard let writer = writers.withLock({ $0[claim.session] }), writer.epoch == claim.epoch else {
            throw LogError(.fenced, "The claim of session '\(claim.session)' has ended.")
        }
        return writer
    }

    func checkOpen() throws(LogError) {
        if isClosed.load(ordering: .acquiring) { throw LogError(.closed, "The store has been closed.") }
        if let failure = committer.failure { throw failure }
    }

    /// The end of what counts of a session whose claim has ended.
    ///
    /// After a failed sync of its segment the file may show bytes that will never reach the disk: they are cut
    /// off, and the next record begins a new segment.
    private func settledTail(_ writer: SessionWriter) throws(LogError) -> SegmentTail {
        var (tail, failure) = writer.state.withLock { ($0.durable, $0.failure) }
        guard failure != nil, options.commitMode == .segment else { return tail }
        files.forget(writer.session)
        let session = writer.session
        let folder = try SessionFolder(session, in: storage)
        try storing { () throws(StorageError) in
            for number in folder.segments where number > tail.header?.number ?? 0 {
                try storage.remove(StoreLayout.segmentFile(session, number))
            }
            if let number = tail.header?.number {
                let file = try storage.open(StoreLayout.segmentFile(session, number), .readWrite)
                try file.truncate(to: tail.offset)
                try file.sync()
                try file.close()
            }
            if !folder.isEmpty { try storage.syncDirectory(StoreLayout.sessionFolder(session)) }
        }
        tail.wantsNewSegment = tail.header != nil
        return tail
    }

    /// The end of the session, and the head from which it was found.
    private func readTail(_ session: SessionID) throws(LogError) -> (SegmentTail, HeadFile?) {
        if let reason = recovery.refused[session] {
            throw LogError(
                .damaged,
                "Session '\(session)' takes no records until the store has been opened again: when it was opened, its "
                    + "end could not be read (\(reason)). No other session is concerned.")
        }
        var scan = try scan(session)
        let folder = try scan.folder()
        scan.witness.newestSnapshot = folder.snapshots.last
        let last = folder.segments.suffix(1)
        if let (head, scanner) = scan.fittingHead(in: folder), last == [head.place.segment] {
            let outcome = try scan.walk(Array(last), from: scanner)
            if outcome.verdict == .end { return (outcome.tail, head) }
        }
        let outcome = try scan.walk(Array(last))
        guard outcome.verdict == .end else { throw SessionReader.damaged(session, outcome) }
        return (outcome.tail, nil)
    }

    func scan(_ session: SessionID) throws(LogError) -> SessionScan {
        let row = try index.row(of: session)
        return SessionScan(
            storage: storage, session: session, storeTag: store.tag, payloadLimit: Limits.largestPayloadLimit,
            unflushed: flusher.unflushed(session), witness: SessionWitness(row: row))
    }
}

// MARK: Reading and snapshots

extension LocalLog {
    package func read(
        _ session: SessionID, from first: Sequence, _ body: (LogRecord) throws(LogError) -> Bool
    ) throws(LogError) {
        let known = writer(of: session)?.state.withLock { (last: $0.durable.sequence, place: $0.place) }
        let reader = SessionReader(
            scan: try scan(session), lastSequence: known?.last ?? .max, place: known?.place, lastPlaces: lastPlaces)
        try reader.read(from: first, body)
    }

    package func snapshot(_ session: SessionID, through limit: Sequence) throws(LogError) -> (any SnapshotSource)? {
        let folder = try SessionFolder(session, in: storage)
        return try snapshots.newest(session, in: folder, through: limit)
    }

    package func putSnapshot(
        _ session: SessionID, through sequence: Sequence,
        _ write: (any SnapshotSink) throws(LogError) -> Void
    ) throws(LogError) {
        // The folder exists once something has been flushed into it.
        try flusher.flush()
        try snapshots.write(session, through: sequence, write)
        writers.withLock { $0[session] }?.state.withLock { $0.encoder.closeSegment() }
    }

    package func trim(_ session: SessionID, keeping pinned: Sequence?, isFinal: Bool) throws(LogError) {
        guard let retained = options.retainedGenerations else { return }
        let kept = isFinal ? 0 : retained
        let folder = try SessionFolder(session, in: storage)
        guard folder.snapshots.count > kept else { return }
        let limit = min(folder.snapshots[folder.snapshots.count - 1 - kept], pinned ?? .max)
        guard let oldest = folder.snapshots.last(where: { $0 <= limit }) else { return }
        let name = StoreLayout.snapshotFile(session, oldest)
        guard try snapshots.isIntact(name) else { return }
        let old = try segmentsBelow(oldest, session, folder)
        // A journal that still names a removed segment would have recovery write a part of it again.
        if !old.isEmpty { try flushToSegments() }
        try storing { () throws(StorageError) in
            if isFinal, folder.hasHead { try storage.remove(StoreLayout.headFile(session)) }
            if !old.isEmpty { files.forget(session) }
            for number in old {
                // One that outlives its successor, whose removal alone was durable, would look like a gap.
                if number != old.first { try storage.syncDirectory(StoreLayout.sessionFolder(session)) }
                try storage.remove(StoreLayout.segmentFile(session, number))
            }
            for sequence in folder.snapshots where sequence < oldest {
                try storage.remove(StoreLayout.snapshotFile(session, sequence))
            }
            for name in folder.leftovers { try storage.remove("\(StoreLayout.sessionFolder(session))/\(name)") }
            try storage.syncDirectory(StoreLayout.sessionFolder(session))
        }
    }

    private var snapshots: SnapshotFiles { SnapshotFiles(storage: storage, storeTag: store.tag) }

    /// The segments all of whose records are in the snapshot at `sequence`. Never the last one: it holds the chain.
    private func segmentsBelow(
        _ sequence: UInt64, _ session: SessionID, _ folder: SessionFolder
    ) throws(LogError) -> [UInt32] {
        let scan = try scan(session)
        var old: [UInt32] = []
        for (number, next) in zip(folder.segments, folder.segments.dropFirst()) {
            guard case .success(let scanner) = try scan.open(next),
                scanner.header.firstSequence <= sequence + 1, scan.unflushed[number] == nil
            else { break }
            old.append(number)
        }
        return old
    }
}
