import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastStorage

/// Recovers a store where it is, or says what that would do.
struct Recovering {
    private let request: RecoverRequest
    private let console: any Console

    init(_ request: RecoverRequest, _ console: any Console) {
        self.request = request
        self.console = console
    }

    /// Does it, and answers what there is to tell.
    func story() throws(CommandError) -> RecoveryStory {
        try openingStore { () throws(CommandError) in try checkOpening() }
        if request.isDryRun { return try plan() }
        if request.mode == .stop {
            let plan = try plan()
            if plan.hasCommittedDamage { return plan }
        }
        return try carryOut()
    }

    /// What an opening refuses has no plan either; but there may be enough for a salvage.
    private func checkOpening() throws(CommandError) {
        let folder = try StoreAccess.folder(request.store)
        do throws(LogError) {
            _ = try StoreFile.read(from: folder)
            try StoreCheck(folder).checkSharedFiles()
        } catch {
            let told = HoldfastError(error)
            guard [.damaged, .notAStore, .failed].contains(error.code),
                (try? StoreFile.readOrInferred(from: folder)) != nil
            else { throw CommandError(told) }
            let hint = "Without a backup, '--salvage-to' makes a new store of all that can be read."
            throw CommandError(ExitCode(told.code), "\(told.message) \(hint)")
        }
    }

    // MARK: The plan

    /// Says what a recovery would do. Writes nothing.
    private func plan() throws(CommandError) -> RecoveryStory {
        let (check, store) = try openingStore { () throws(CommandError) in
            (
                try StoreCheck.run(on: request.store, console, bits: journalBits),
                try StoreAccess.openReadOnly(request.store, journalBits: journalBits)
            )
        }
        defer { try? store.close() }
        var story = RecoveryStory(recovery: check.journal)
        story.isDryRun = true
        story.rebuiltIndex = check.indexDamage
        story.add(check)
        let bits = try bits(check)
        story.steps += bits.steps(in: try StoreAccess.folder(request.store))
        story.forget(damageOf: bits.healed)
        story.steps += try replaceableSnapshots(check).flatMap { RecoveryStory.steps(rebuilding: $0) }
        story.pending = try store.allPending()
        story.steps += try PendingWork(request.prompts, story.pending, store).steps
        story.countRecords(in: store)
        if story.steps.contains(where: { $0.quarantine != nil || $0.kind == .rebuildSnapshot }) {
            try openingStore { () throws(CommandError) in
                let folder = try StoreAccess.folder(request.store)
                try logging { () throws(LogError) in try StoreCheck(folder).checkQuarantine() }
            }
        }
        return story
    }

    private func bits(_ check: StoreCheck.Report) throws(CommandError) -> BitRepairs {
        guard request.repairsBits else { return BitRepairs() }
        let damaged = Set(check.findings.filter { $0.kind == .committedDamage }.compactMap(\.session))
        let folder = try StoreAccess.folder(request.store)
        return try logging { () throws(LogError) in
            try StoreCheck(folder, bits: journalBits).flippedBits(in: damaged.sorted())
        }
    }

    private var journalBits: JournalBits { request.repairsBits ? .turnedBack : .told }

    // MARK: The run

    /// Recovers the store, and checks what it has then.
    private func carryOut() throws(CommandError) -> RecoveryStory {
        let opened = try openingStore { () throws(CommandError) in
            try StoreAccess.open(request.store, creating: false, journalBits: journalBits)
        }
        var story = RecoveryStory(recovery: opened.recovery)
        let looked = Result { () throws(CommandError) in try repair(opened, &story) }
        try asking { () throws(HoldfastError) in try opened.store.close() }
        try looked.get()
        return story
    }

    private func repair(_ opened: HoldfastStore.Opened, _ story: inout RecoveryStory) throws(CommandError) {
        story.rebuiltIndex = try logging { () throws(LogError) in try opened.log.repairIndex() }
        var check = try StoreCheck.run(on: request.store, console, bits: journalBits)
        let bits = try bits(check)
        if !bits.repairs.isEmpty {
            story.steps += bits.steps(in: try StoreAccess.folder(request.store))
            try logging { () throws(LogError) in try opened.log.carryOut(bits) }
            story.forget(damageOf: bits.healed)
            check = try StoreCheck.run(on: request.store, console, bits: journalBits)
        }
        story.add(check)
        for finding in try replaceableSnapshots(check) { try rebuild(finding, opened, &story) }
        // Listing them looks into each session of which the index says nothing, and completes it.
        story.pending = try opened.store.allPending()
        let work = try PendingWork(request.prompts, story.pending, opened.store)
        try work.carryOut(in: opened.store)
        story.steps += work.steps
        story.countRecords(in: opened.store)
    }

    /// The damaged snapshots whose records are all there, but for those in whose place something else stands: what is
    /// taken away is kept, and that cannot be.
    private func replaceableSnapshots(
        _ check: StoreCheck.Report
    ) throws(CommandError) -> [RecoveryReport.Finding] {
        let folder = try StoreAccess.folder(request.store)
        return check.findings.filter { finding in
            let name = finding.path.split(separator: "/").last.map(String.init) ?? ""
            guard finding.kind == .derived, finding.session != nil, StoreLayout.snapshotSequence(name) != nil else {
                return false
            }
            return (try? folder.open(finding.path, .read)) != nil
        }
    }

    /// Makes a damaged snapshot again, whose records are all there.
    private func rebuild(
        _ finding: RecoveryReport.Finding, _ opened: HoldfastStore.Opened, _ story: inout RecoveryStory
    ) throws(CommandError) {
        guard let session = finding.session else { return }
        let isMade = try logging { () throws(LogError) in
            try opened.log.replaceSnapshot(finding.path, of: session) {
                (try? opened.store.compactBlocking(session.text)) != nil
            }
        }
        if isMade { story.steps += RecoveryStory.steps(rebuilding: finding) }
    }
}

/// Runs `body` and turns what the log throws into the end of the command.
func logging<Result>(_ body: () throws(LogError) -> Result) throws(CommandError) -> Result {
    do throws(LogError) { return try body() } catch { throw CommandError(HoldfastError(error)) }
}
