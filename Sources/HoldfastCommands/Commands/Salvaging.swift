import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastStorage

/// Makes a new store of what can be proved of another one, or says what that would be.
struct Salvaging {
    private let request: RecoverRequest
    private let console: any Console

    init(_ request: RecoverRequest, _ console: any Console) {
        self.request = request
        self.console = console
    }

    /// Does it, and answers what there is to tell.
    func story() throws(CommandError) -> SalvageStory {
        let source = try openingStore { () throws(CommandError) in
            try filing { () throws(StorageError) in try PosixStorage(root: request.store, readOnly: true) }
        }
        let hold = try holdOff(source)
        defer { hold?.release() }
        var options = SalvageOptions()
        options.mode = request.mode
        options.untilSequence = request.untilSequence
        options.untilTime = request.untilTime
        options.sessions = try wantedSessions()
        options.repairsBits = request.repairsBits
        // Beside those that compute, some wait for the disk.
        options.threadCount = StoreAccess.processorCount * 2
        let salvage = try openingStore { () throws(CommandError) in
            try logging { () throws(LogError) in
                try StoreSalvage(from: source, options: options, meaning: SessionMeaning())
            }
        }
        if let name = request.session, !salvage.knows(try sessionID(name)) {
            throw CommandError(.noInput, "There is no session '\(name)' in the store '\(request.store)'.")
        }
        try checkTarget()
        let target = request.isDryRun ? nil : try makeTarget()
        var story = SalvageStory(report: try run(salvage, target), target: request.target ?? "")
        story.isDryRun = request.isDryRun
        if request.isDryRun { foretell(&story, options.sessions) } else { try settle(&story) }
        return story
    }

    /// What waits in the source is what is going to wait in the new store, where no record of the session is lost and
    /// no earlier point is asked for.
    private func foretell(_ story: inout SalvageStory, _ wanted: Set<SessionID>?) {
        let isNow = request.untilSequence == nil && request.untilTime == nil
        let bits: JournalBits = request.repairsBits ? .turnedBack : .ignored
        guard isNow, let source = try? StoreAccess.openReadOnly(request.store, journalBits: bits) else { return }
        defer { try? source.close() }
        let damaged = Set(story.report.sessions.filter(\.hasLosses).map(\.session))
        story.pending = ((try? source.allPending()) ?? []).filter { waiting in
            guard let session = SessionID(waiting.session) else { return false }
            return !damaged.contains(session) && wanted?.contains(session) ?? true
        }
        story.steps = (try? PendingWork(request.prompts, story.pending, source).steps) ?? []
    }

    /// Keeps writers out while the store is read, without writing to it.
    private func holdOff(_ source: PosixStorage) throws(CommandError) -> (any StorageLock)? {
        do throws(StorageError) {
            return try source.holdOff(StoreLayout.lockFile)
        } catch {
            // Where something else stands in the lock's place, no writer can take it either.
            if error.isOfKind { return nil }
            guard error.code == .locked else { throw CommandError(error) }
            throw CommandError(
                .temporary,
                "The store '\(request.store)' is in use: \(error.detail). Close it there, or salvage a copy.")
        }
    }

    /// The session that was asked for, and those that it reads its first messages in.
    private func wantedSessions() throws(CommandError) -> Set<SessionID>? {
        guard let name = request.session else { return nil }
        let session = try sessionID(name)
        var wanted: Set<SessionID> = [session]
        guard let store = try? StoreAccess.openReadOnly(request.store) else { return wanted }
        defer { try? store.close() }
        var next: String? = name
        while let child = next {
            let lineage = (try? store.getBlocking(child, Window(limit: 0)))?.lineage
            next = lineage.flatMap { $0.sharedMessages > 0 ? $0.parent : nil }
            guard let parent = next.flatMap({ SessionID($0) }), wanted.insert(parent).inserted else { break }
        }
        return wanted
    }

    private func checkTarget() throws(CommandError) {
        guard let path = request.target, NamedPath.leads(path, into: request.store) else { return }
        throw CommandError(.usage, "'\(path)' is inside of '\(request.store)', which must not be written.")
    }

    private func makeTarget() throws(CommandError) -> any Storage {
        do throws(StorageError) {
            return try PosixStorage(root: request.target ?? "", create: true)
        } catch {
            throw CommandError(.cannotCreate, error.description)
        }
    }

    private func run(_ salvage: StoreSalvage, _ target: (any Storage)?) throws(CommandError) -> SalvageReport {
        var progress: ProgressBar?
        var shown = 0
        defer { progress?.finish() }
        do throws(LogError) {
            return try salvage.run(to: target) { done, total in
                let bar = progress ?? ProgressBar("Salvaging", total: total, on: console)
                progress = bar
                bar.advance(by: done - shown)
                shown = done
            }
        } catch {
            switch error.code {
            case .notAStore: throw CommandError(.cannotCreate, error.message)
            case .damaged: throw CommandError(.committedDamage, error.message)
            default: throw CommandError(HoldfastError(error))
            }
        }
    }

    /// Opens the new store: its index is filled in, missing snapshots are made, and what waits is dealt with.
    private func settle(_ story: inout SalvageStory) throws(CommandError) {
        let opened = try StoreAccess.open(request.target ?? "", creating: false)
        let settled = Result { () throws(CommandError) in
            for session in story.report.sessions where session.lacksSnapshot {
                _ = try? opened.store.compactBlocking(session.session.text)
            }
            // Listing them looks into each session, of which the new index says nothing yet.
            story.pending = try opened.store.allPending()
            let work = try PendingWork(request.prompts, story.pending, opened.store)
            try work.carryOut(in: opened.store)
            story.steps = work.steps
            let lossy = story.report.sessions.filter(\.hasLosses).map(\.session.text)
            story.incomplete = try incompleteBranches(of: lossy, in: opened.store)
        }
        try asking { () throws(HoldfastError) in try opened.store.close() }
        try settled.get()
    }

    /// What branches of sessions that have lost records lack of the messages that they share with them.
    private func incompleteBranches(
        of lossy: [String], in store: HoldfastStore
    ) throws(CommandError) -> [String: [String]] {
        var (parents, found) = (lossy, [String: [String]]())
        while let parent = parents.popLast() {
            var query = SessionQuery()
            query.parent = parent
            for branch in try store.allRows(query).map(\.summary.session) where found[branch] == nil {
                found[branch] = (try? store.deepCheckBlocking(branch)) ?? []
                parents.append(branch)
            }
        }
        return found.filter { !$0.value.isEmpty }
    }
}

extension SalvagedSession {
    /// Whether a snapshot of the source was damaged, which the records replace.
    fileprivate var lacksSnapshot: Bool { last > 0 && findings.contains { $0.kind == .derived } }
}
