import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// Reads the records of one session, decompressed, in order.
struct SessionReader {
    let scan: SessionScan
    /// Records above this one are not durable yet and are not shown.
    var lastSequence = UInt64.max
    /// A place from where records behind it can be read without those before, if it is still there.
    var place: LogPlace?
    /// Other such places, and where to keep those that are reached.
    var lastPlaces: LastPlaces?

    /// Calls `body`, on this thread, with each record from `first` on until it answers false.
    ///
    /// Of a long session the first records are read on this thread too; what follows is decompressed on a second one as
    /// well, 1.25 MiB ahead at most, or a record that is longer. That thread has ended when this returns.
    ///
    /// - Throws: `.unknownSession`; `.trimmed`, also after records were given out; `.damaged` after every record before
    ///   the damage was given out.
    func read(
        from first: UInt64, _ body: (LogRecord) throws(LogError) -> Bool
    ) throws(LogError) {
        // Before the folder: their segments were there then, if they still are.
        let known = [place, lastPlaces?.last(in: scan.session, before: first)].compactMap(\.self)
        let nearest = known.filter { $0.sequence < first }.max { $0.sequence < $1.sequence }
        let folder = try scan.folder()
        guard !folder.isEmpty else {
            throw LogError(.unknownSession, "There is no session '\(scan.session)'.")
        }
        do throws(LogError) {
            try read(from: first, folder, nearest, body)
        } catch {
            throw told(error, folder)
        }
    }

    /// The same, in what `folder` lists, from `nearest` if that can be had.
    private func read(
        from first: UInt64, _ folder: SessionFolder, _ nearest: LogPlace?,
        _ body: (LogRecord) throws(LogError) -> Bool
    ) throws(LogError) {
        var next = first
        let behind = folder.segments.filter { $0 >= nearest?.segment ?? 0 }
        if let nearest, behind.first == nearest.segment, try !begins(behind.dropFirst().first, by: first),
            let scanner = scan.scanner(behind: nearest)
        {
            // What continues a compressed block can be had from the block's start on only.
            guard let undecodable = try read(behind, from: scanner, first, folder, body) else { return }
            next = undecodable
        }
        if let undecodable = try read(segments(from: next, in: folder), from: nil, next, folder, body) {
            throw LogError(.damaged, "Record \(undecodable) of session '\(scan.session)' cannot be decompressed.")
        }
    }

    /// What `error` comes to if a trim has removed segments since they were listed: who then comes to open one has come
    /// too late for what it held.
    private func told(_ error: LogError, _ folder: SessionFolder) -> LogError {
        guard error.code == .failed, let now = try? scan.folder(), !now.snapshots.isEmpty,
            now.segments.first ?? 0 > folder.segments.first ?? 0
        else { return error }
        return LogError(.trimmed, "Records of session '\(scan.session)' were trimmed while they were read.")
    }

    /// Whether segment `number` has record `first`, or begins before it: then nobody need go through those before.
    private func begins(_ number: UInt32?, by first: UInt64) throws(LogError) -> Bool {
        guard let number, case .success(let scanner) = try scan.open(number) else { return false }
        return scanner.header.firstSequence <= first
    }

    /// Reads what `segments` have from record `first` on. Answers the record that cannot be decompressed, at which it
    /// has ended then.
    private func read(
        _ segments: [UInt32], from begun: SegmentScanner?, _ first: UInt64, _ folder: SessionFolder,
        _ body: (LogRecord) throws(LogError) -> Bool
    ) throws(LogError) -> UInt64? {
        var scan = scan
        scan.witness.newestSnapshot = folder.snapshots.last
        let walk = RecordWalk(scan, segments, from: begun, first: first, last: lastSequence)
        var reached = RestartPlaces()
        defer { lastPlaces?.keep(reached, of: scan.session) }
        var byteCount = 0
        var goesOn = true
        try walk.goOn { (record) throws(LogError) in
            goesOn = try body(record)
            byteCount += record.payloadSlice.count
            return goesOn && byteCount < Self.aloneByteCount
        }
        reached = walk.restarts
        guard goesOn, walk.hasMore else { return walk.undecodable }
        guard let ahead = walk.isLong ? walk.ahead() : nil else {
            try walk.goOn(body)
            reached = walk.restarts
            return walk.undecodable
        }
        while let part = try ahead.next() {
            if part.isFrame { reached.add(part.restart) }
            guard try part.forEach(body) else { return nil }
            if let undecodable = part.undecodable { return undecodable }
            walk.reuse(part)
        }
        return nil
    }

    /// Who has read so much of a session will read more: it is decompressed on a second thread from then on.
    private static let aloneByteCount = 256 << 10

    /// What to tell someone who wants more of a session than its damage leaves.
    static func damaged(_ session: SessionID, _ outcome: SessionScan.Outcome) -> LogError {
        let place = outcome.finding.map { "\($0.path) at byte \($0.offset): \($0.reason)" } ?? "unknown place"
        return LogError(
            .damaged,
            "Session '\(session)' is damaged after record \(outcome.tail.sequence) (\(place)). Everything before is "
                + "readable; run 'holdfast recover' for the full report.", sequence: outcome.tail.sequence)
    }

    /// The segments that hold the records from `first` on.
    private func segments(from first: UInt64, in folder: SessionFolder) throws(LogError) -> [UInt32] {
        var segments: [UInt32] = []
        for number in folder.segments.reversed() {
            segments.insert(number, at: 0)
            guard case .success(let scanner) = try scan.open(number) else { continue }
            if scanner.header.firstSequence <= max(first, 1) { return segments }
        }
        if segments.isEmpty { return [] }
        guard folder.snapshots.isEmpty else {
            throw LogError(.trimmed, "Records from \(first) on of session '\(scan.session)' have been trimmed.")
        }
        throw LogError(
            .damaged, "The first segments of session '\(scan.session)' are missing and no snapshot replaces them.")
    }
}
