package import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage
import HoldfastThreads

/// Builds a new store from all that can be proved of another one, which is only read.
///
/// Every source counts: segments, the journal with its older batches, snapshots of every generation, copies in
/// quarantine. What goes into the new store is proved record by record, by checksum and chain and by being
/// decompressed; at the end the new store is read back whole. Sessions are worked on side by side. Memory: a
/// megabyte or two and one record for each that is, the index, and of the journal what damaged sessions need.
package struct StoreSalvage {
    private let source: SalvageSource
    private let options: SalvageOptions
    private let meaning: any SalvageMeaning

    /// Looks at the store in `source`, of which `store.json`, the journal and the index may be damaged or missing.
    ///
    /// - Throws: `.notAStore` when nothing says which store it is; `.newerFormat`, `.olderFormat`, `.failed`.
    package init(
        from source: any Storage, options: SalvageOptions, meaning: any SalvageMeaning
    ) throws(LogError) {
        self.source = try SalvageSource(source, repairsBits: options.repairsBits)
        self.options = options
        self.meaning = meaning
    }

    /// Whether any file names `session`.
    package func knows(_ session: SessionID) -> Bool { source.sessions.contains(session) }

    /// Makes the new store. It is durable, and has been read back, when this returns; before, it is no store, and
    /// a run that was killed is begun anew by the next.
    ///
    /// - Parameters:
    ///   - target: `nil` only says what would be made, and writes nothing.
    ///   - progress: gets the steps done and all steps: two for each session.
    /// - Throws: `.notAStore` when the target is not empty; `.damaged` with mode `stop`, nothing being left in
    ///   the target; `.diskFull`, `.failed`.
    package func run(
        to target: (any Storage)?, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(LogError) -> SalvageReport {
        let target = SalvageTarget(target, options.engine)
        let sessions = source.sessions.filter { options.sessions?.contains($0) ?? true }
        try target.begin()
        let salvager = SessionSalvager(source: source, target: target, options: options, meaning: meaning)
        var report = SalvageReport()
        report.storeID = target.store.storeID
        report.findings = source.findings
        var proofs: [SessionSalvager.Proof] = []
        var damaged: [SessionID] = []
        var done = 0
        func count() {
            done += 1
            progress(done, sessions.count * 2)
        }
        func take(_ copy: SessionSalvager.Copy) throws(LogError) {
            try target.setAside(copy.faults, of: copy.told.session, from: source.storage)
            report.add(copy.told)
            report.byteCount += copy.byteCount
            if let proof = copy.proof { proofs.append(proof) } else { count() }
            count()
        }
        let team = SessionTeam(threadCount: options.threadCount)
        try team.forEach(sessions, { (session) throws(LogError) in (session, try salvager.copyWhole(session)) }) {
            (found) throws(LogError) in
            if let copy = found.1 { try take(copy) } else { damaged.append(found.0) }
        }
        if !damaged.isEmpty || !source.strayFolders.isEmpty {
            try stopIfAsked(damaged, target)
            let evidence =
                source.evidence
                ?? EvidenceCollection.collect(
                    from: source.storage, storeTag: source.storeTag, for: Set(damaged))
            let misplaced = MisplacedSegments.collect(
                in: damaged.map(StoreLayout.sessionFolder) + source.strayFolders, of: source.storage,
                storeTag: source.storeTag)
            // A folder under another name may be all that is left of a session.
            let unknown = misplaced.sessions.subtracting(source.sessions)
                .filter { options.sessions?.contains($0) ?? true }
            let bits = BitSearch(budget: BitBudget())
            try team.forEach(
                Set(damaged).union(unknown).sorted(),
                { (session) throws(LogError) in try salvager.copyDamaged(session, evidence, misplaced, bits) }, take)
            for folder in source.strayFolders {
                report.settle(
                    folder, misplaced.owners(of: folder, in: source.storage), chosen: options.sessions)
            }
        }
        try team.forEach(proofs, { (proof) throws(LogError) in (proof, try salvager.proves(proof)) }) {
            (proof, isProved) throws(LogError) in
            guard isProved else {
                throw LogError(
                    .failed,
                    "Session '\(proof.row.summary.session)' does not read back from the new store as it was "
                        + "written. Its disk may be failing; the source has not been touched.")
            }
            report.provedRecordCount += proof.recordCount
            count()
        }
        try target.finish(proofs.map(\.row))
        report.sessions.sort { $0.session < $1.session }
        return report
    }

    private func stopIfAsked(_ damaged: [SessionID], _ target: SalvageTarget) throws(LogError) {
        guard options.mode == .stop, let first = damaged.min() else { return }
        try target.clear()
        throw LogError(
            .damaged,
            "Session '\(first)' is damaged, and \(damaged.count - 1) more. Nothing was made; '--on-damage cut' takes "
                + "what is whole."
        )
    }
}

/// Works on many things on several threads, and hands the results to one.
struct SessionTeam {
    let threadCount: Int

    private struct State<Result: Sendable>: Sendable {
        var results: [Result] = []
        var working: Int
        var failure: LogError?
    }

    /// Calls `work` with each item on the team's threads, and `take` with each result on this one, in no order; stops
    /// at the first error. With one thread everything happens here, in order.
    func forEach<Item: Sendable, Result: Sendable>(
        _ items: [Item], _ work: @escaping @Sendable (Item) throws(LogError) -> Result,
        _ take: (Result) throws(LogError) -> Void
    ) throws(LogError) {
        guard threadCount > 1, items.count > 1 else {
            for item in items { try take(try work(item)) }
            return
        }
        let next = Lock(0)
        let state = Monitor(State<Result>(working: 0))
        let body: @Sendable () -> Void = {
            while let item = next.withLock({ Self.take(&$0, items) }), state.withLock({ $0.failure == nil }) {
                do throws(LogError) {
                    let result = try work(item)
                    state.withLock { $0.results.append(result) }
                } catch {
                    state.withLock { $0.failure = $0.failure ?? error }
                }
                state.broadcast()
            }
            state.withLock { $0.working -= 1 }
            state.broadcast()
        }
        var helpers: [Thread] = []
        for _ in 0..<min(threadCount, items.count) {
            state.withLock { $0.working += 1 }
            guard let helper = try? Thread.start(name: "holdfast-salvage", body) else {
                state.withLock { $0.working -= 1 }
                continue
            }
            helpers.append(helper)
        }
        if helpers.isEmpty {
            for item in items { try take(try work(item)) }
            return
        }
        defer { for helper in helpers { helper.join() } }
        while true {
            let (results, isDone, failure) = state.wait(
                until: { !$0.results.isEmpty || $0.working == 0 || $0.failure != nil }
            ) { state in
                defer { state.results = [] }
                return (state.results, state.working == 0, state.failure)
            }
            do throws(LogError) {
                for result in results { try take(result) }
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
                throw error
            }
            if let failure { throw failure }
            if isDone { return }
        }
    }

    private static func take<Item>(_ next: inout Int, _ items: [Item]) -> Item? {
        defer { next += 1 }
        return next < items.count ? items[next] : nil
    }
}
