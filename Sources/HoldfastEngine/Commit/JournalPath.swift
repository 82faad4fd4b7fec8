import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Commit mode `journal`: one batch in the journal, one sync; the flusher brings the bytes to the segments later.
final class JournalPath: CommitPath {
    // Safe because after the start only the thread that commits touches it, of which there is one at a time.
    private nonisolated(unsafe) let journal: JournalWriter
    private let flusher: Flusher
    private let index: IndexKeeper
    private let spareWork: SpareFiles

    init(journal: JournalWriter, flusher: Flusher, index: IndexKeeper, options: EngineOptions) {
        self.journal = journal
        self.flusher = flusher
        self.index = index
        spareWork = SpareFiles(journal, inBackground: options.syncThreadCount > 1)
        spareWork.workIfWanted()  // a replay may have left files that are too small
    }

    func commit(_ commits: [Commit], lowWaterMark: UInt64?) -> CommitOutcome {
        do throws(LogError) {
            try flusher.waitForRoom()
        } catch {
            return .refused(error)
        }
        let writes = commits.map {
            JournalWrite(segment: $0.key, offset: $0.output.offset, bytes: $0.output.bytes)
        }
        let mark = max(journal.lowWaterMark, min(lowWaterMark ?? 0, journal.lastBatch))
        do throws(StorageError) {
            let batch = try journal.commit(
                writes, lowWaterMark: mark, index: lowWaterMark == nil ? nil : index.mark)
            flusher.add(commits, batch: batch)
            spareWork.workIfWanted()
            return .durable
        } catch {
            return outcome(of: error)
        }
    }

    /// Where there was no room, the log is as it was; anything else leaves it in doubt.
    private func outcome(of error: StorageError) -> CommitOutcome {
        if journal.leavesLogIntact(error) { return .refused(LogError(error)) }
        return .poisoned(
            LogError(
                .failed,
                "A commit failed and nothing more is acknowledged: \(error) Close the store, check the disk, open "
                    + "the store again: everything that was acknowledged is kept."))
    }

    /// Closes the journal after a last flush.
    func closeCleanly() throws(StorageError) {
        spareWork.finish()
        try journal.closeCleanly(index: index.mark)
    }
}

/// Prepares the next journal file and removes those that are too small, on a thread of its own, so that no commit waits
/// for zeros to be written or for pages to be taken back.
private final class SpareFiles: Sendable {
    // Safe because only `createFile`, `addSpare` and `removeOutgrown`, which may be called from any thread, are used
    // elsewhere.
    private nonisolated(unsafe) let journal: JournalWriter
    private let running = Lock<Thread?>(nil)
    private let isBusy = Lock(false)
    private let inBackground: Bool

    init(_ journal: JournalWriter, inBackground: Bool) {
        self.journal = journal
        self.inBackground = inBackground
    }

    func workIfWanted() {
        guard !isBusy.withLock({ $0 }) else { return }
        let wanted = journal.nextSpare()
        guard wanted != nil || journal.hasOutgrown else { return }
        guard inBackground else { return work(wanted) }
        isBusy.withLock { $0 = true }
        let thread = try? Thread.start(name: "holdfast-spare") { [self] in
            work(wanted)
            isBusy.withLock { $0 = false }
        }
        if thread == nil { isBusy.withLock { $0 = false } }
        running.withLock { $0 = thread }
    }

    private func work(_ wanted: (path: String, byteCount: Int)?) {
        journal.removeOutgrown()
        // Without a spare the committer creates the file when it needs it, and reports the reason then.
        guard let wanted, let file = try? journal.createFile(byteCount: wanted.byteCount, path: wanted.path) else {
            return
        }
        journal.addSpare(file)
    }

    func finish() { running.withLock { $0 }?.join() }
}
