import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// What a look at every session of a store comes to.
struct StoreOverview: Sendable {
    /// One session.
    struct Session: Sendable {
        var session: SessionID
        var files = SessionFiles()
        var recordCount = 0
        /// Of the payloads, before and after compression.
        var rawByteCount: UInt64 = 0
        var storedByteCount: UInt64 = 0
        /// Of the last record, in milliseconds since 1970; 0 when there is none.
        var lastTime: UInt64 = 0
        /// Records that snapshots have replaced.
        var trimmedCount: UInt64 = 0
        /// Records by kind, and by the power of four of their size before compression.
        var kinds: [UInt8: Int] = [:]
        var sizes: [Int: Int] = [:]
        var gaps: [RecoveryReport.Finding] = []

        var segmentByteCount: UInt64 { files.segments.reduce(0) { $0 + $1.byteCount } }
        var snapshotByteCount: UInt64 { files.snapshots.reduce(0) { $0 + $1.byteCount } }
        var byteCount: UInt64 { segmentByteCount + snapshotByteCount }
        var isDamaged: Bool { gaps.contains(where: \.isDamage) }
    }

    var path: String
    var inspector: StoreInspector
    var sessions: [Session] = []
    var journal = JournalOutline()
    /// What is damaged of `store.json`, the folders and the index.
    var sharedDamage: [RecoveryReport.Finding] = []
    /// Sessions with an open turn; messages that are queued; sessions that are deleted or cannot be listed.
    var openTurnCount = 0
    var queuedCount = 0
    var unlistedCount = 0

    /// Reads the headers and checks of every record, side by side, with a progress bar.
    init(_ path: String, _ console: any Console) throws(CommandError) {
        self.path = path
        let inspector = try StoreAccess.inspect(path)
        self.inspector = inspector
        journal = try inspecting { () throws(LogError) in try inspector.journal() }
        sharedDamage = inspector.sharedDamage()
        let ids = inspector.sessions()
        let found = Lock<[Int: Session]>([:])
        try OrderedWork(ids.count, on: console, showing: "Reading").run { (piece, _) throws(CommandError) in
            let session = try Session(ids[piece], inspector)
            found.withLock { $0[piece] = session }
        }
        sessions = found.withLock { found in ids.indices.compactMap { found[$0] } }
        try countWaiting()
    }

    private mutating func countWaiting() throws(CommandError) {
        let store = try StoreAccess.openReadOnly(path)
        defer { try? store.close() }
        // A damaged store is looked at all the same when it cannot be listed.
        let rows = (try? store.allRows()) ?? []
        openTurnCount = rows.count { $0.turn != nil }
        queuedCount = rows.reduce(0) { $0 + $1.queued }
        unlistedCount = max(0, sessions.count - rows.count)
    }

    // MARK: Sums

    var recordCount: Int { sessions.reduce(0) { $0 + $1.recordCount } }
    var rawByteCount: UInt64 { sessions.reduce(0) { $0 + $1.rawByteCount } }
    var storedByteCount: UInt64 { sessions.reduce(0) { $0 + $1.storedByteCount } }
    var segmentByteCount: UInt64 { sessions.reduce(0) { $0 + $1.segmentByteCount } }
    var snapshotByteCount: UInt64 { sessions.reduce(0) { $0 + $1.snapshotByteCount } }
    var snapshotCount: Int { sessions.reduce(0) { $0 + $1.files.snapshots.count } }
    var trimmedCount: UInt64 { sessions.reduce(0) { $0 + $1.trimmedCount } }
    var damaged: [Session] { sessions.filter { !$0.gaps.isEmpty } }
    var hasDamage: Bool {
        sessions.contains { $0.isDamaged } || (journal.findings + sharedDamage).contains(where: \.isDamage)
    }

    /// How often each kind of record is there, the most frequent first.
    var kinds: [(name: String, count: Int)] {
        let counts = sessions.reduce(into: [UInt8: Int]()) { sum, session in
            sum.merge(session.kinds) { $0 + $1 }
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { (RecordOutline.name(ofKind: $0.key) ?? "kind \($0.key)", $0.value) }
    }

    /// How many records there are of each size: `up to` so many bytes.
    var sizes: [(limit: Int, count: Int)] {
        let counts = sessions.reduce(into: [Int: Int]()) { sum, session in sum.merge(session.sizes) { $0 + $1 } }
        guard let first = counts.keys.min(), let last = counts.keys.max() else { return [] }
        return (first...last).map { (1 << (2 * $0), counts[$0] ?? 0) }
    }

    /// How many sessions were written to last within each time, hot ones first, and no longer ago than the one before.
    func ages(now: UInt64) -> [Age] {
        var ages = [
            Age(name: "within an hour", milliseconds: 3_600_000), Age(name: "within a day", milliseconds: 86_400_000),
            Age(name: "within a week", milliseconds: 7 * 86_400_000),
            Age(name: "within a month", milliseconds: 30 * 86_400_000), Age(name: "longer ago", milliseconds: nil),
        ]
        for session in sessions {
            let age = now - min(now, session.lastTime)
            if let place = ages.firstIndex(where: { age <= $0.milliseconds ?? .max }) { ages[place].count += 1 }
        }
        return ages
    }

    /// Sessions that were written to within the same time.
    struct Age {
        var name: String
        /// `nil` for all that is older.
        var milliseconds: UInt64?
        var count = 0
    }
}

extension StoreOverview.Session {
    /// Walks over everything that there is of a session, without decompressing it.
    fileprivate init(_ id: SessionID, _ inspector: StoreInspector) throws(CommandError) {
        session = id
        // Of a folder that cannot be listed the walk tells.
        files = (try? inspector.files(of: id)) ?? SessionFiles()
        try inspector.forEachItem(of: id, WalkOptions(decodes: false)) { (item) throws(CommandError) in
            add(item)
            return true
        }
        gaps += inspector.snapshotDamage(of: id)
    }

    private mutating func add(_ item: WalkItem) {
        if case .unreadable(let finding)? = Gap(item, session)?.item { gaps.append(finding) }
        if case .trimmed(let last) = item { trimmedCount = last }
        guard case .record(let record) = item else { return }
        recordCount += 1
        rawByteCount += UInt64(record.header.rawByteCount)
        storedByteCount += UInt64(record.header.storedByteCount)
        lastTime = max(lastTime, record.header.time)
        kinds[record.header.kind, default: 0] += 1
        // The smallest power of four that is not smaller.
        let bits = UInt32.bitWidth - (max(1, record.header.rawByteCount) - 1).leadingZeroBitCount
        sizes[(bits + 1) / 2, default: 0] += 1
    }
}
