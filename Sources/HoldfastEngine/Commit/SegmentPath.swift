import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Commit mode `segment`: the session's own file is written and synced before the acknowledgement.
///
/// The journal only says which segments are being written this way, so that recovery opens no others.
final class SegmentPath: CommitPath {
    // Safe because after the start only the thread that commits touches it, of which there is one at a time.
    private nonisolated(unsafe) let journal: JournalWriter
    private let files: SegmentFiles
    private let index: IndexKeeper

    init(journal: JournalWriter, files: SegmentFiles, index: IndexKeeper) {
        self.journal = journal
        self.files = files
        self.index = index
        try? journal.removeSurplus()  // of a replay; no commit is waiting yet
    }

    func commit(_ commits: [Commit], lowWaterMark: UInt64?) -> CommitOutcome {
        do throws(StorageError) {
            try announce(commits.filter(\.announcesSegment), .direct)
        } catch {
            return journal.leavesLogIntact(error) ? .refused(LogError(error)) : .poisoned(failed(error))
        }
        let failures = persist(grouped(commits))
        index.note(commits.filter { !$0.sealsSegment })
        do throws(StorageError) {
            try seal(commits.filter { commit in !failures.contains { $0.key == commit.key } })
        } catch {
            // Without the notice recovery looks at the segment, which costs it time and nothing else.
            if !journal.leavesLogIntact(error) { return .poisoned(failed(error)) }
        }
        if failures.isEmpty { return .durable }
        return .partly(Dictionary(failures.map { ($0.key, failed($0.error)) }) { first, _ in first })
    }

    /// Each batch of the journal says that there is nothing before it that counts.
    var owesMark: Bool { false }

    /// Every segment has been sealed.
    func closeCleanly() throws(StorageError) {
        try journal.closeCleanly(index: index.mark)
    }

    func stop() {}

    /// Lets recovery pass over segments that end with a mark. Their index rows go first: nobody will look again.
    private func seal(_ commits: [Commit]) throws(StorageError) {
        let sealing = commits.filter(\.sealsSegment)
        guard !sealing.isEmpty, index.writeRows(mayWait: false) == nil else { return }
        try announce(sealing, .sealed)
    }

    private func announce(_ commits: [Commit], _ kind: JournalNotice.Kind) throws(StorageError) {
        guard !commits.isEmpty else { return }
        let notices = commits.map { JournalNotice(kind: kind, segment: $0.key) }
        try journal.commit([], notices: notices, lowWaterMark: journal.lastBatch, index: index.mark)
    }

    private func persist(
        _ work: [(key: SegmentKey, extents: [Extent])]
    ) -> [(key: SegmentKey, error: StorageError)] {
        do throws(StorageError) {
            return try files.persist(work)
        } catch {
            return work.map { ($0.key, error) }
        }
    }

    private func grouped(_ commits: [Commit]) -> [(key: SegmentKey, extents: [Extent])] {
        var order: [SegmentKey] = []
        var extents: [SegmentKey: [Extent]] = [:]
        for commit in commits {
            if extents[commit.key] == nil { order.append(commit.key) }
            extents[commit.key, default: []].append(commit.extent)
        }
        return order.map { ($0, extents[$0, default: []]) }
    }

    private func failed(_ error: StorageError) -> LogError {
        if error.code == .noSpace { return LogError(error) }
        return LogError(
            .failed,
            "A segment could not be synced: \(error) What was acknowledged is kept; open the store again to go on.")
    }
}
