import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads
import Synchronization

/// Commit mode `journal`: one batch in the journal, one sync; the flusher brings the bytes to the segments later.
final class JournalPath: CommitPath {
    // Safe because only the thread that commits touches it, of which there is one at a time, and `spareWork`.
    private nonisolated(unsafe) let journal: JournalWriter
    private let flusher: Flusher
    private let index: IndexKeeper
    private let spareWork: SpareFiles
    /// Up to which batch everything is in the segments, as the flusher says. A commit that is refused leaves it to the
    /// next one. Touched as `journal` is.
    private nonisolated(unsafe) var wantedMark: UInt64 = 0

    init(journal: JournalWriter, flusher: Flusher, index: IndexKeeper, options: EngineOptions) {
        self.journal = journal
        self.flusher = flusher
        self.index = index
        spareWork = SpareFiles(journal, inBackground: options.syncThreadCount > 1)
        spareWork.workIfWanted()  // a replay may have left more files than are needed
    }

    func commit(_ commits: [Commit], lowWaterMark: UInt64?) -> CommitOutcome {
        wantedMark = max(wantedMark, lowWaterMark ?? 0)
        do throws(LogError) {
            // The mark alone takes no room, but gives some back.
            if !commits.isEmpty { try flusher.waitForRoom() }
        } catch {
            return .refused(error)
        }
        let writes = commits.map {
            JournalWrite(
                segment: $0.key, offset: $0.output.offset, bytes: $0.output.bytes, mayContinue: $0.isBehindOthers)
        }
        let isMarkNew = lowWaterMark != nil || owesMark
        do throws(StorageError) {
            let batch = try journal.commit(writes, lowWaterMark: mark, index: isMarkNew ? index.mark : nil)
            flusher.add(commits, batch: batch)
            spareWork.workIfWanted()
            return .durable
        } catch {
            return outcome(of: error)
        }
    }

    private var mark: UInt64 { max(journal.lowWaterMark, min(wantedMark, journal.lastBatch)) }

    var owesMark: Bool { mark > journal.lowWaterMark }

    /// Where there was no room, the log is as it was; anything else leaves it in doubt.
    private func outcome(of error: StorageError) -> CommitOutcome {
        if journal.leavesLogIntact(error) { return .refused(LogError(error)) }
        return .poisoned(
            LogError(
                .failed,
                "A commit failed and nothing more is acknowledged: \(error) Close the store, check the disk, open "
                    + "the store again: everything that was acknowledged is kept."))
    }

    func closeCleanly() throws(StorageError) {
        spareWork.finish()
        try journal.closeCleanly(index: index.mark)
    }

    func stop() { spareWork.finish() }
}

/// Prepares the next journal file and removes those that are not needed any more, on a thread of its own: a commit
/// waits for neither, unless it needs the file now, or must not overwrite one before an older one is gone.
private final class SpareFiles: Sendable {
    // Safe because only what may be called from any thread is called on that thread.
    private nonisolated(unsafe) let journal: JournalWriter
    private let running = Lock<Thread?>(nil)
    private let isBusy = Atomic(false)
    private let inBackground: Bool

    init(_ journal: JournalWriter, inBackground: Bool) {
        self.journal = journal
        self.inBackground = inBackground
    }

    /// By the thread that commits, or before there is one.
    func workIfWanted() {
        guard !isBusy.load(ordering: .acquiring) else { return }
        let (wanted, isRemovalDue) = (journal.nextSpare(), journal.takeRemovalRequest())
        guard wanted != nil || isRemovalDue else { return }
        guard inBackground else { return work(wanted) }
        isBusy.store(true, ordering: .relaxed)
        let thread = try? Thread.start(name: "holdfast-spare") { [self] in
            work(wanted)
            isBusy.store(false, ordering: .releasing)
        }
        if thread == nil { isBusy.store(false, ordering: .relaxed) }
        running.withLock { $0 = thread }
    }

    private func work(_ wanted: (path: String, byteCount: Int)?) {
        try? journal.removeSurplus()
        guard let wanted else { return }
        // Without a spare the committer creates the file when it needs it, and reports the reason then.
        if let file = try? journal.createFile(byteCount: wanted.byteCount, path: wanted.path) { journal.addSpare(file) }
        try? journal.removeSurplus()  // there may be more by now, and no commit to say so
    }

    /// On return nothing is at work.
    func finish() { running.withLock { $0.take() }?.join() }
}
