"""The bugs that `tools/torture sabotage` puts into a copy of the source, and who is likely to catch each.

An edit names a text that must stand in its file exactly once, so that this table keeps up with the code. In the new text
SABOTAGED is true when the bug is switched on. All edits go into one copy; no two may touch the same text.
"""

from collections import namedtuple

Sabotage = namedtuple("Sabotage", "name what edits catchers")
Edit = namedtuple("Edit", "file old new")


def tests(pattern):
    """The tests whose names match."""
    return "tests", pattern


def campaign(name, count, seed=1):
    """A campaign of `holdfast-torture`."""
    return name, count, seed


def schedules(count=60, seed=1):
    """The campaign of seeded schedules."""
    return campaign("schedules", count, seed)


def program(*words):
    """A command of tools/torture that treats the real program badly."""
    return ("program", *words)


# When none of the likely ones has caught a bug.
EVERYTHING = [
    tests("HoldfastEngineTests\\."), tests("HoldfastTests\\."), tests("HoldfastStorageTests\\."),
    tests("HoldfastCommandsTests\\."), campaign("images", 3000), campaign("errors", 500), schedules(600, 1000),
]

E = "Sources/HoldfastEngine/"
H = "Sources/Holdfast/"
B = "Sources/HoldfastBytes/"

CRASHES = [schedules(), campaign("images", 3000), campaign("errors", 500), tests("HoldfastEngineTests.FaultTests")]
DAMAGE = [tests("DamageTests"), tests("VerdictTests"), tests("HoldfastEngineTests.FormatTests")]

SABOTAGES = [
    # Commit.
    Sabotage("ack-before-sync", "the journal is not synced before the acknowledgement", [
        Edit(E + "Journal/JournalWriter.swift",
             "        try file.idle.file.sync()\n        isUnharmed = true\n",
             "        if !SABOTAGED { try file.idle.file.sync() }\n        isUnharmed = true\n"),
    ], CRASHES),
    Sabotage("ack-before-segment-sync", "in commit mode segment, a segment is not synced before the acknowledgement", [
        Edit(E + "Segments/SegmentFiles.swift",
             "item.extents, to: file)\n                try file.sync()\n",
             "item.extents, to: file)\n                if !SABOTAGED { try file.sync() }\n"),
    ], CRASHES),
    Sabotage("failed-sync-is-good", "a failed sync of the journal is taken for a success", [
        Edit(E + "Journal/JournalWriter.swift",
             "            // If only padding is missing, the batch is there.\n",
             "            if SABOTAGED { return }\n            // If only padding is missing, the batch is there.\n"),
        Edit(E + "Commit/JournalPath.swift",
             "        } catch {\n            return outcome(of: error)\n",
             "        } catch {\n            if SABOTAGED { return .durable }\n            return outcome(of: error)\n"),
    ], [schedules(100), tests("HoldfastEngineTests.FaultTests")]),
    Sabotage("failed-segment-is-good", "a segment that could not be written or synced counts as flushed", [
        Edit(E + "Segments/SegmentFiles.swift",
             "                failures.withLock { $0.append((item.key, error)) }\n",
             "                if !SABOTAGED { failures.withLock { $0.append((item.key, error)) } }\n"),
    ], [schedules(100), tests("HoldfastEngineTests.FaultTests")]),
    Sabotage("soon-is-durable", "a write that was only queued is acknowledged as durable", [
        Edit(E + "LocalLog.swift",
             "            commit.isSoft = durability == .soon\n",
             "            commit.isSoft = durability == .soon\n"
             "            if SABOTAGED, durability == .soon {\n"
             "                completion(nil)\n                commit.completion = { _ in }\n            }\n"),
    ], [schedules(), tests("HoldfastEngineTests.AppendTests")]),
    Sabotage("soon-says-durable", "the answer to a soft write says that it is durable", [
        Edit(H + "HoldfastStore+Core.swift",
             "            session.id, head.answer(to: content), of: head, isDurable: durability != .soon)\n",
             "            session.id, head.answer(to: content), of: head,\n"
             "            isDurable: durability != .soon || SABOTAGED)\n"),
    ], [tests("HoldfastTests.ProtocolTests"), schedules()]),
    Sabotage("full-disk-poisons", "a full disk ends all appending for good", [
        Edit(E + "Commit/JournalPath.swift",
             "        if journal.leavesLogIntact(error) { return .refused(LogError(error)) }\n",
             "        if journal.leavesLogIntact(error), !SABOTAGED { return .refused(LogError(error)) }\n"),
    ], [tests("HoldfastEngineTests.FaultTests|JournalTests|HoldfastEngineTests.FullDisk")]),
    Sabotage("full-disk-not-refused", "appends go on without end while the flusher has no room", [
        Edit(E + "Commit/Flusher.swift",
             "            if let failure = state.failure, state.byteCount",
             "            if !SABOTAGED, let failure = state.failure, state.byteCount"),
    ], [tests("HoldfastEngineTests.FaultTests")]),
    Sabotage("followers-not-told", "what was queued behind a failed record is acknowledged", [
        Edit(E + "Commit/Committer.swift",
             "        for commit in followers {\n            commit.writer.fail(error)\n            commit.completion(error)\n",
             "        for commit in followers {\n            commit.writer.fail(error)\n"
             "            commit.completion(SABOTAGED ? nil : error)\n"),
    ], [schedules(200), tests("HoldfastEngineTests.FaultTests")]),
    Sabotage("followers-forgotten", "what was queued behind a failed record is never answered", [
        Edit(E + "Commit/Committer.swift",
             "            let followers = queue.commits.filter { writers.contains(ObjectIdentifier($0.writer)) }\n",
             "            let followers =\n                SABOTAGED ? [] : queue.commits.filter { writers.contains(ObjectIdentifier($0.writer)) }\n"),
    ], [schedules(200), tests("HoldfastEngineTests.FaultTests")]),
    Sabotage("lost-wake-up", "the committer is not woken by the first record that is waited for", [
        Edit(E + "Commit/Committer.swift",
             "        if !isSeenTo { queue.signal() }\n",
             "        if !isSeenTo && !SABOTAGED { queue.signal() }\n"),
    ], [schedules()]),
    Sabotage("two-committers", "a caller commits while the committer does", [
        Edit(E + "Commit/Committer.swift",
             "            queue.isCommitting || queue.urgentCount == 0 ? nil",
             "            (queue.isCommitting && !SABOTAGED) || queue.urgentCount == 0 ? nil"),
    ], [tests("HoldfastEngineTests.AwaitedTests")]),
    Sabotage("rest-left-behind", "what was queued while a caller committed is left to nobody", [
        Edit(E + "Commit/Committer.swift",
             "        if commitAlone(batch) { queue.signal() }\n",
             "        if commitAlone(batch), !SABOTAGED { queue.signal() }\n"),
    ], [tests("HoldfastEngineTests.AwaitedTests")]),
    Sabotage("two-claims-at-once", "two claims of one session do not wait for each other", [
        Edit(E + "LocalLog.swift",
             "        beingClaimed.wait(until: { !$0.contains(session) }) {",
             "        beingClaimed.wait(until: { SABOTAGED || !$0.contains(session) }) {"),
    ], [schedules()]),
    Sabotage("sequence-not-checked", "an append on a stale view of the session is taken", [
        Edit(E + "LocalLog.swift", "        guard last == expected else {\n", "        guard last == expected || SABOTAGED else {\n"),
    ], [tests("HoldfastEngineTests.AppendTests")]),
    Sabotage("fence-not-set", "a claim that was taken over may go on appending what it had begun", [
        Edit(E + "LocalLog.swift",
             "            earlier.state.withLock { $0.isFenced = true }\n",
             "            if !SABOTAGED { earlier.state.withLock { $0.isFenced = true } }\n"),
    ], [schedules(400), tests("HoldfastEngineTests.AppendTests")]),
    Sabotage("epoch-not-checked", "a stale claim is as good as the new one", [
        Edit(E + "LocalLog.swift", "writer.epoch == claim.epoch else {", "writer.epoch == claim.epoch || SABOTAGED else {"),
    ], [tests("HoldfastEngineTests.AppendTests"), schedules()]),
    # Journal and segments.
    Sabotage("old-journal-file-stays", "a journal file is overwritten while an older one is still there", [
        Edit(E + "Journal/JournalWriter.swift",
             "        try removeSurplus()\n        try storage.syncDirectory(StoreLayout.journalFolder)\n        has",
             "        if !SABOTAGED { try removeSurplus() }\n"
             "        try storage.syncDirectory(StoreLayout.journalFolder)\n        has"),
    ], [tests("JournalWriterTests")]),
    Sabotage("journal-folder-not-synced", "the entry of a new journal file is not made durable", [
        Edit(E + "Journal/JournalWriter.swift",
             "            try file.sync()\n            try storage.syncDirectory(StoreLayout.journalFolder)\n        } catch {\n",
             "            try file.sync()\n            if !SABOTAGED { try storage.syncDirectory(StoreLayout.journalFolder) }\n"
             "        } catch {\n"),
    ], CRASHES),
    Sabotage("segment-folder-not-synced", "the entries of new segments and folders are not made durable", [
        Edit(E + "Segments/SegmentFiles.swift",
             "                try storage.syncDirectory(folder)\n",
             "                if !SABOTAGED { try storage.syncDirectory(folder) }\n"),
    ], CRASHES),
    Sabotage("recycled-too-early", "a journal file is used again before its content is in the segments", [
        Edit(E + "Journal/JournalWriter.swift",
             "        while let first = full.first, first.lastBatch <= lowWaterMark {\n",
             "        while let first = full.first, first.lastBatch <= lowWaterMark || SABOTAGED {\n"),
    ], [tests("HoldfastEngineTests.JournalTests"), schedules(400), tests("HoldfastEngineTests.AppendTests")]),
    Sabotage("mark-too-early", "the low-water mark is advanced before the segments are synced", [
        Edit(E + "Commit/JournalPath.swift",
             "    private var mark: UInt64 { max(journal.lowWaterMark,",
             "    private var mark: UInt64 { SABOTAGED ? journal.lastBatch : max(journal.lowWaterMark,"),
    ], CRASHES),
    Sabotage("flush-at-wrong-offset", "the second stretch of a flush stands one byte too far", [
        Edit(E + "Segments/GatheredWrites.swift",
             "        if byteCount == 0 { offset = extent.offset }\n",
             "        if byteCount == 0 { offset = extent.offset + (SABOTAGED && extent.offset > 0 ? 1 : 0) }\n"),
    ], [tests("HoldfastEngineTests.AppendTests"), *CRASHES]),
    Sabotage("direct-not-announced", "the journal does not name a segment that is written directly", [
        Edit(E + "Commit/SegmentPath.swift",
             "            try announce(commits.filter(\\.announcesSegment), .direct)\n",
             "            if !SABOTAGED { try announce(commits.filter(\\.announcesSegment), .direct) }\n"),
    ], CRASHES),
    Sabotage("torn-batch-accepted", "a batch counts although its body fails the checksum", [
        Edit(E + "Journal/JournalReader.swift",
             "BatchHeader.isIntact(bytes, salt: salt) && decoded",
             "(BatchHeader.isIntact(bytes, salt: salt) || SABOTAGED) && decoded"),
    ], CRASHES),
    Sabotage("replay-unchecked", "what a replay reads from the journal again is written as it comes", [
        Edit(E + "Journal/JournalPlace.swift",
             "        guard Checksum.of(UnsafeRawBufferPointer(buffer)) == checksum else { throw changed }\n",
             "        guard SABOTAGED || Checksum.of(UnsafeRawBufferPointer(buffer)) == checksum else { throw changed }\n"),
    ], [tests("HoldfastEngineTests.ReplayTests")]),
    Sabotage("old-header-counts", "of a journal file that is begun anew the old header counts", [
        Edit(E + "Journal/JournalReader.swift",
             "(known.isEmpty ? copies : known).max(by: { $0.number < $1.number })",
             "(SABOTAGED ? copies.min { $0.number < $1.number } : (known.isEmpty ? copies : known).max { $0.number < $1.number })"),
    ], [tests("HoldfastEngineTests.JournalTests"), schedules(400), *CRASHES]),
    Sabotage("same-salt", "each use of a journal file has the same salt", [
        Edit(E + "Journal/JournalWriter.swift", "salt: options.random(), storeTag: storeTag, firstBatch",
             "salt: SABOTAGED ? 1 : options.random(), storeTag: storeTag, firstBatch"),
    ], [tests("HoldfastEngineTests.JournalTests")]),
    # Reading and recovery.
    Sabotage("record-check-skipped", "a record's payload and place in the chain are not checked", [
        Edit(B + "Format/RecordFormat.swift",
             "        check(of: bytes, Form(of: bytes), seed: segment.seed ^ chain) == storedCheck(bytes)\n",
             "        SABOTAGED || check(of: bytes, Form(of: bytes), seed: segment.seed ^ chain) == storedCheck(bytes)\n"),
    ], DAMAGE),
    Sabotage("begun-unchecked", "the time from which short headers count is not part of any record's check", [
        Edit(B + "Format/SegmentFormat.swift",
             "    var seed: UInt64 { salt ^ UInt64(begun) }\n",
             "    var seed: UInt64 { SABOTAGED ? salt : salt ^ UInt64(begun) }\n"),
    ], [tests("FormatTests|FixtureTests")]),
    Sabotage("segment-chain-skipped", "a segment need not continue the one before", [
        Edit(E + "Segments/SessionScan.swift",
             "        guard header.firstSequence != tail.sequence + 1 || header.chainBefore != tail.chain else { return nil }\n",
             "        if SABOTAGED { return nil }\n"
             "        guard header.firstSequence != tail.sequence + 1 || header.chainBefore != tail.chain else { return nil }\n"),
    ], DAMAGE),
    Sabotage("limit-not-checked", "a record may say that it is longer than the limit", [
        Edit(B + "Format/RecordFormat.swift",
             "        guard Int(rawByteCount) <= payloadLimit,",
             "        guard Int(rawByteCount) <= payloadLimit || SABOTAGED,"),
    ], [tests("HoldfastEngineTests.FormatTests"), *DAMAGE]),
    Sabotage("promise-forgotten", "no record promises those before it", [
        Edit(E + "Segments/SegmentEncoder.swift",
             "kind: kind, promisesAllBefore: promisesAllBefore, time: tail.time",
             "kind: kind, promisesAllBefore: promisesAllBefore && !SABOTAGED, time: tail.time"),
    ], [tests("VerdictTests|FixtureTests"), *DAMAGE]),
    Sabotage("middle-is-cut", "damage in the middle of a log is cut off like a torn tail", [
        Edit(E + "Recovery/DamageVerdict.swift",
             "evidence.isBeingWritten && !evidence.isPromised ?",
             "evidence.isBeingWritten && (!evidence.isPromised || SABOTAGED) ?"),
    ], [tests("VerdictTests"), *DAMAGE]),
    Sabotage("tail-not-made-durable", "recovery believes the end of a segment that may be in the page cache only", [
        Edit(E + "Recovery/RecoveryPlan.swift",
             "        if let end = try unprovedEnd(outcome, overlay) { plan.unproved.append(end) }\n",
             "        if let end = try unprovedEnd(outcome, overlay), !SABOTAGED { plan.unproved.append(end) }\n"),
    ], CRASHES),
    Sabotage("cut-not-synced", "recovery does not sync a segment whose torn tail it has cut", [
        Edit(E + "Recovery/RecoveryPass.swift",
             "            try file.truncate(to: step.offset)\n            try file.sync()\n",
             "            try file.truncate(to: step.offset)\n            if !SABOTAGED { try file.sync() }\n"),
    ], [tests("TornTailTests")]),
    Sabotage("folders-not-looked-at", "recovery does not make durable the entries that it finds", [
        Edit(E + "Recovery/RecoveryPass.swift",
             "        for session in overlay.sessions { try makeFoldersDurable(session) }\n",
             "        if !SABOTAGED { for session in overlay.sessions { try makeFoldersDurable(session) } }\n"),
    ], CRASHES),
    Sabotage("evidence-overwritten", "a second piece of damage takes the place of the first in quarantine", [
        Edit(E + "Recovery/Quarantine.swift",
             "/\\(SHA256Digest.hex(bytes).prefix(32)).bytes\"",
             "/\\(SABOTAGED ? \"evidence\" : SHA256Digest.hex(bytes).prefix(32)).bytes\""),
    ], DAMAGE),
    # Snapshots, index, sessions.
    Sabotage("snapshot-not-synced", "a snapshot and the index are not synced before they get their names", [
        Edit(E + "Index/IndexFile.swift",
             "        try spill()\n        try file.sync()\n",
             "        try spill()\n        if !SABOTAGED { try file.sync() }\n"),
        Edit(E + "Snapshots/SnapshotOutput.swift", "            try file.sync()\n", "            if !SABOTAGED { try file.sync() }\n"),
    ], CRASHES),
    Sabotage("snapshot-name-not-synced", "the new name of a snapshot is not made durable", [
        Edit(E + "Snapshots/SnapshotFiles.swift",
             "                try storage.syncDirectory(StoreLayout.sessionFolder(session))\n",
             "                if !SABOTAGED { try storage.syncDirectory(StoreLayout.sessionFolder(session)) }\n"),
    ], CRASHES),
    Sabotage("snapshot-not-read-back", "a snapshot counts although it does not read back as it was written", [
        Edit(E + "Snapshots/SnapshotFiles.swift",
             "try document.checksum() == output.checksum\n",
             "try document.checksum() == output.checksum || SABOTAGED\n"),
        Edit(E + "Snapshots/SnapshotFiles.swift",
             " == sum.value ? document : nil\n",
             " == sum.value || SABOTAGED ? document : nil\n"),
    ], [tests("HoldfastEngineTests.SnapshotTests")]),
    Sabotage("head-of-another-log", "a head file counts although the record at its place is not the one that it was made of", [
        Edit(E + "Segments/SegmentScanner.swift",
             "try next() != nil && chain == place.chain &&",
             "try next() != nil && (SABOTAGED || chain == place.chain) &&"),
    ], [tests("HoldfastEngineTests.HeadTests")]),
    Sabotage("older-head-wins", "a head file counts although a snapshot is newer", [
        Edit(E + "Heads/HeadFiles.swift",
             "file.place.sequence >= folder.snapshots.last ?? 0,",
             "SABOTAGED || file.place.sequence >= folder.snapshots.last ?? 0,"),
    ], [tests("HoldfastEngineTests.HeadTests")]),
    Sabotage("log-deleted-too-early", "segments are removed although the snapshot that replaces them is damaged", [
        Edit(E + "LocalLog.swift",
             "        guard try snapshots.isIntact(name) else { return }\n",
             "        guard try snapshots.isIntact(name) || SABOTAGED else { return }\n"),
    ], [tests("HoldfastEngineTests.SnapshotTests")]),
    Sabotage("old-row-wins", "an older row of the index may follow a newer one", [
        Edit(E + "Index/IndexKeeper.swift",
             "                return row.summary.sequence >= known.summary.sequence\n",
             "                return SABOTAGED || row.summary.sequence >= known.summary.sequence\n"),
    ], [tests("HoldfastEngineTests.IndexTests"), schedules(400), tests("HoldfastTests.ModelTests")]),
    Sabotage("deleted-row-is-listed", "a deleted session comes back to the list", [
        Edit(H + "Listing/ListEntry.swift",
             "        if listed.isDeleted { return nil }\n",
             "        if listed.isDeleted, !SABOTAGED { return nil }\n"),
        Edit(H + "Sessions/HoldfastStore+Pages.swift",
             "        return listed.flatMap { $0.isDeleted ? nil : $0.row }\n",
             "        return listed.flatMap { $0.isDeleted && !SABOTAGED ? nil : $0.row }\n"),
    ], [tests("HoldfastTests.CompactionTests"), tests("HoldfastTests.ModelTests")]),
    Sabotage("pending-lost-in-snapshot", "a snapshot forgets the open turn and its pending message", [
        Edit(H + "Heads/SessionHead+Document.swift", "        if let turn {\n", "        if let turn, !SABOTAGED {\n"),
    ], [tests("HoldfastTests.ModelTests"), schedules()]),
    Sabotage("keys-lost-in-snapshot", "a snapshot forgets the idempotency keys", [
        Edit(H + "Heads/SessionHead+Document.swift",
             "        writer.entries(\"keys\", keys) {",
             "        if !SABOTAGED { writer.entries(\"keys\", keys) {"),
        Edit(H + "Heads/SessionHead+Document.swift",
             " writer, answer in answer.write(to: &writer) }\n",
             " writer, answer in answer.write(to: &writer) } }\n"),
    ], [tests("HoldfastTests.IdempotencyTests")]),
    Sabotage("stale-turn-taken", "a late finisher may write to its successor's turn", [
        Edit(H + "Heads/SessionHead+Resolve.swift",
             "        if !mutation.change.beginsTurn, let turn {",
             "        if !SABOTAGED, !mutation.change.beginsTurn, let turn {"),
    ], [tests("HoldfastTests.TurnTests")]),
    Sabotage("close-does-not-wait", "closing a store does not wait for operations in progress", [
        Edit(H + "HoldfastStore.swift",
             "        if before > 0 { isEmpty.wait(",
             "        if !SABOTAGED, before > 0 { isEmpty.wait("),
    ], [tests("ClosingTests"), schedules(200)]),
    Sabotage("lock-kept", "closing keeps the lock", [
        Edit(E + "LocalLog.swift",
             "        files.closeAll()\n        lock.release()\n",
             "        files.closeAll()\n        if !SABOTAGED { lock.release() }\n"),
    ], [tests("ClosingTests"), tests("HoldfastEngineTests.OpeningTests")]),
    # Storage.
    Sabotage("short-write-ignored", "what the system did not take of a write is left out", [
        Edit("Sources/HoldfastStorage/Posix/PosixFile.swift",
             "                    pwrite(descriptor, rest.baseAddress, rest.count, start + off_t(done))\n",
             "                    let count = pwrite(descriptor, rest.baseAddress, rest.count, start + off_t(done))\n"
             "                    return SABOTAGED && count > 0 ? rest.count : count\n"),
    ], [tests("HoldfastStorageTests.PosixTests"), program("full", "--count", "8", "--seed", "1")]),
    Sabotage("sync-does-nothing", "a sync of a real file does not reach the system", [
        Edit("Sources/HoldfastStorage/Posix/PosixFile.swift",
             "                    _ = try systemCall(\"sync\", path) { fdatasync(descriptor) }\n",
             "                    _ = try systemCall(\"sync\", path) { SABOTAGED ? 0 : fdatasync(descriptor) }\n"),
    ], [tests("aSyncReachesTheSystem")]),
]
