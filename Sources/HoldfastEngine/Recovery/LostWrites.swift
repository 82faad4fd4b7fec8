import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// What the segments of a session do not have, and the journal still has below its low-water mark.
struct LostWrites {
    /// What becomes of it.
    enum Fate: Equatable {
        /// The session is whole without: its first segments were trimmed, or it is of another history.
        case unneeded
        /// With it the session is whole: it is written into the segments again.
        case restored
        /// Something else is missing too. It is kept in quarantine, for a salvage.
        case kept
    }

    let session: SessionID
    private(set) var fate = Fate.unneeded
    /// By segment, in the order of its commit.
    private(set) var extents: [UInt32: [Extent]]
    /// The first record that the segments do not have.
    private(set) var firstSequence: Sequence = 1

    /// Decides. Reads all segments of the session twice.
    ///
    /// - Parameter scan: how to walk the session without `extents`.
    init(_ extents: [UInt32: [Extent]], of scan: SessionScan) throws(LogError) {
        session = scan.session
        self.extents = extents
        let folder = try scan.folder()
        let isFrontThere = try scan.missingFront(folder) == nil
        if isFrontThere, let first = folder.segments.first {
            // What a trim has taken away is not missing.
            self.extents = extents.filter { $0.key >= first }
        }
        let without = try? scan.walk(folder.segments)
        let isWhole = isFrontThere && without.map(Self.isWhole) ?? false
        firstSequence = (isFrontThere ? without?.tail.sequence ?? 0 : 0) + 1

        var filled = scan
        filled.unflushed.merge(self.extents) { committed, lost in lost + committed }
        let filledFolder = try filled.folder()
        let with = try? filled.walk(filledFolder.segments)
        let isFilled = with.map(Self.isWhole) ?? false ? try filled.missingFront(filledFolder) == nil : false
        let reachesFurther = with?.tail.sequence ?? 0 > without?.tail.sequence ?? 0
        if isWhole && !(isFilled && reachesFurther) { return }
        fate = isFilled ? .restored : .kept
    }

    private init(kept extents: [UInt32: [Extent]], of session: SessionID) {
        self.session = session
        self.extents = extents
        fate = .kept
    }

    /// All that the journal has noted in `overlay` and the segments do not have, by session; without what is unneeded.
    ///
    /// - Parameter row: what the index has seen of a session.
    static func all(
        in storage: any Storage, storeTag: UInt64, _ overlay: JournalOverlay,
        row: (SessionID) throws(LogError) -> IndexRow?
    ) throws(LogError) -> [LostWrites] {
        var all: [LostWrites] = []
        for (session, extents) in try overlay.older.missing(in: storage).sorted(by: { $0.key < $1.key }) {
            let witness = SessionWitness(
                row: try row(session), newestSnapshot: (try? SessionFolder(session, in: storage))?.snapshots.last)
            let scan = SessionScan(of: session, in: storage, storeTag: storeTag, overlay, witness: witness)
            // Where nobody can say whether they are needed, the last copy is not given up.
            let lost = (try? LostWrites(extents, of: scan)) ?? LostWrites(kept: extents, of: session)
            if lost.fate != .unneeded { all.append(lost) }
        }
        return all
    }

    /// What a reader may take from the journal beside the segments, as an opening would write it into them.
    static func restorable(
        in storage: any Storage, storeTag: UInt64, rows: IndexRows
    ) throws(LogError) -> [(key: SegmentKey, extents: [Extent])] {
        let overlay = try JournalOverlay.read(from: storage, storeTag: storeTag, notesOlder: true)
        let all = try all(in: storage, storeTag: storeTag, overlay) { (session) throws(LogError) in rows[session] }
        return all.filter { $0.fate == .restored }.flatMap(\.work)
    }

    private static func isWhole(_ outcome: SessionScan.Outcome) -> Bool {
        outcome.verdict == .end || outcome.verdict == .tornTail
    }

    /// The extents of each segment under its name.
    var work: [(key: SegmentKey, extents: [Extent])] {
        extents.sorted { $0.key < $1.key }.map { (SegmentKey(session: session, number: $0.key), $0.value) }
    }
}
