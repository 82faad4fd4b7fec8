package import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage
import HoldfastThreads

#if canImport(Glibc)
import Glibc
#endif

/// A store that is looked at, whatever its state: whole, damaged, in use by another process, on a read-only disk.
///
/// Takes no lock and writes nothing. May be used from several threads. Memory: what the journal holds above its
/// low-water mark, and the index.
package final class StoreInspector: Sendable {
    /// What was read last of what the sessions share.
    struct View: Sendable {
        var overlay: JournalOverlay
        /// What is not known to be in the segments, and what they have lost.
        var unflushed: Backlog
        /// Since when the journal has ended where it ends, in monotonic nanoseconds.
        var since: UInt64

        /// Where the journal ends.
        var position: JournalPosition { overlay.summary.position }

        /// The same with what segments have lost.
        func adding(_ restored: [(key: SegmentKey, extents: [Extent])]) -> View {
            var filled = self
            for (key, extents) in restored { filled.unflushed.add(extents, before: key) }
            return filled
        }
    }

    /// How long a writer may take to finish what it has begun, in nanoseconds.
    private static let pause: UInt64 = 20_000_000

    let storage: any Storage
    let store: StoreFile
    /// How its walks look for flipped bits; all of them together do not search for long.
    let bits = BitSearch(budget: .ofTelling)
    /// What is wrong with `store.json`, where the other files say which store it is.
    private let storeDamage: RecoveryReport.Finding?
    private let state: Lock<View>
    /// What segments have lost and the journal still has; `nil` before anything looked damaged.
    private let restored = Lock<[(key: SegmentKey, extents: [Extent])]?>(nil)
    /// The index as it was at the beginning: its rows are witnesses of the sessions' ends.
    let index: IndexFile.Content

    /// Reads the store file, the journal and the index.
    ///
    /// - Throws: `.notAStore`, `.newerFormat`, `.olderFormat`, `.damaged` (no file says which store it is), `.failed`.
    package init(_ storage: any Storage) throws(LogError) {
        self.storage = storage
        (store, storeDamage) = try StoreFile.readOrInferred(from: storage)
        let view = try Self.read(storage, store, before: nil)
        index = try IndexFile(storage: storage).read(view.overlay.index)
        state = Lock(view)
    }

    /// What is known of the store as a whole.
    package struct Info: Sendable {
        package var storeID: String
        /// 0 when it is not known, as the store file is damaged.
        package var createdAt: Milliseconds
        /// Why rows may be missing in the index, which is derived; `nil` when it is whole.
        package var indexDamage: String?
    }

    package var info: Info {
        Info(storeID: store.storeID, createdAt: store.createdAt, indexDamage: index.damage)
    }

    /// Every session that the index, the journal or a folder names, in the byte order of ids.
    package func sessions() -> [SessionID] { survey().sessions.sorted() }

    /// What is damaged of what the sessions share, but for the journal: `store.json`, the folders, the index.
    package func sharedDamage() -> [RecoveryReport.Finding] {
        let (sessions, findings) = survey()
        let derived = index.damage.map { reason in
            RecoveryReport.Finding(
                kind: .derived, session: nil, path: StoreLayout.indexFile, offset: 0, byteCount: 0, reason: reason)
        }
        let traceless = view.overlay.index?.traceless(index, sessions)
        return [storeDamage, traceless].compactMap(\.self) + findings + [derived].compactMap(\.self)
    }

    private func survey() -> (sessions: Set<SessionID>, findings: [RecoveryReport.Finding]) {
        let folders = SessionFolders(storage: storage).survey()
        return (folders.sessions.union(index.rows.sessions).union(view.overlay.sessions), folders.findings)
    }

    /// The damaged snapshots of `session`. Reads every byte of all of them. Of a folder that cannot be read a walk
    /// tells.
    package func snapshotDamage(of session: SessionID) -> [RecoveryReport.Finding] {
        guard let folder = try? folder(of: session, in: view) else { return [] }
        let scan = scan(of: session, in: view, newestSnapshot: folder.snapshots.last)
        return (try? SnapshotCheck(folder, scan))?.findings ?? []
    }

    /// A walk over the records of `session`.
    ///
    /// - Throws: `.unknownSession` for a session of which there is nothing; `.failed`.
    package func walk(
        _ session: SessionID, _ options: WalkOptions = WalkOptions()
    ) throws(LogError) -> SessionWalk {
        try SessionWalk(session, in: self, options)
    }

    var view: View { state.withLock { $0 } }

    /// What `session` has in the store's folder or in the journal.
    func folder(of session: SessionID, in view: View) throws(LogError) -> SessionFolder {
        try SessionFolder(session, in: storage, also: Array(view.unflushed.extents(of: session).keys))
    }

    /// How to read `session` in `view`.
    func scan(of session: SessionID, in view: View, newestSnapshot: UInt64?) -> SessionScan {
        SessionScan(
            storage: storage, session: session, storeTag: store.tag, payloadLimit: Limits.largestPayloadLimit,
            unflushed: view.unflushed.extents(of: session), writtenDirectly: view.overlay.direct(of: session),
            witness: SessionWitness(row: index.rows[session], newestSnapshot: newestSnapshot), judgesDevice: true)
    }

    /// Reads the journal again. When it has not stood still for a while, a writer gets the time to finish what it
    /// has begun first. Walks go on in the new view when they come to their end, or are told to.
    package func lookAgain() throws(LogError) {
        let before = view
        var fresh = try Self.read(storage, store, before: before)
        let still = Self.now() - fresh.since
        if !fresh.overlay.summary.closedCleanly, still < Self.pause {
            usleep(UInt32((Self.pause - still) / 1000))
            fresh = try Self.read(storage, store, before: fresh)
        }
        let latest = fresh.adding(restored.withLock { $0 ?? [] })
        state.withLock { $0 = latest }
    }

    /// Looks, once, whether the journal still has what segments have lost; whether it has anything of `session`.
    func askJournal(for session: SessionID) throws(LogError) -> Bool {
        let found = try restored.withLock { (restored) throws(LogError) in
            if let restored { return restored }
            let isInOrder = view.overlay.summary.closedCleanly
            let found = isInOrder ? [] : try LostWrites.restorable(in: storage, storeTag: store.tag, rows: index.rows)
            restored = found
            state.withLock { $0 = $0.adding(found) }
            return found
        }
        return found.contains { $0.key.session == session }
    }

    private static func read(
        _ storage: any Storage, _ store: StoreFile, before: View?
    ) throws(LogError) -> View {
        let begun = now()
        let overlay = try JournalOverlay.read(from: storage, storeTag: store.tag)
        let isStill = before?.position == overlay.summary.position
        return View(
            overlay: overlay, unflushed: overlay.extents, since: isStill ? before?.since ?? begun : begun)
    }

    private static func now() -> UInt64 { SystemClock().monotonicNanoseconds() }
}
