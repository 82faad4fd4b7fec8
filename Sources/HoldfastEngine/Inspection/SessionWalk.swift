package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

/// Walks over everything that there is of one session, in order: records, in segments or in the journal only, and
/// between them what cannot be read. Goes on behind damage.
///
/// The store may be in use: what looks like damage and may be a write in progress, or a file that a compaction has
/// removed, is looked at again before it is told. Reads only. For one thread. Memory: one window of a segment, and one
/// record.
package final class SessionWalk {
    /// A place that looked damaged, as of an end of the journal.
    private struct Doubt {
        var number: UInt32
        var offset: UInt64
        var position: JournalPosition
        var count: Int
    }

    /// How often a place is looked at while a writer goes on writing.
    private static let attempts = 20

    package let session: SessionID
    private let inspector: StoreInspector
    private let options: WalkOptions
    private let bits: BitSearch?
    private let decompressor = BlockDecompressor()

    // What is read, as of the last look.
    private var scan: SessionScan
    private var folder: SessionFolder
    private var position = JournalPosition()

    // Where the walk stands.
    private var isAtEnd = false
    private var scanner: SegmentScanner?
    /// The segment that the walk has left.
    private var left: SegmentScanner?
    private var lastNumber: UInt32 = 0
    private var tail = SegmentTail()
    private var block: UInt64?
    private var doubt: Doubt?
    /// Whether what the journal still has of lost bytes has been looked for.
    private var hasAskedJournal = false
    /// The end that was told to be damaged.
    private var toldEnd: SegmentTail?

    /// What was found and not given out.
    private var ready: [WalkItem] = []
    /// Stretches at the ends of segments: which records they had is known when the next segment is.
    private var stretches: [RecoveryReport.Finding] = []

    init(_ session: SessionID, in inspector: StoreInspector, _ options: WalkOptions) throws(LogError) {
        self.session = session
        self.inspector = inspector
        self.options = options
        bits = options.namesBits ? inspector.bits : nil
        let view = inspector.view
        position = view.position
        (folder, scan) = try Self.ground(of: session, inspector, view, options)
        guard !folder.isEmpty || inspector.index.rows[session] != nil || scan.writtenDirectly != nil else {
            throw LogError(.unknownSession, "There is no session '\(session)'.")
        }
        lastNumber = firstSegment() - 1
    }

    /// What there is to walk over.
    private static func ground(
        of session: SessionID, _ inspector: StoreInspector, _ view: StoreInspector.View, _ options: WalkOptions
    ) throws(LogError) -> (SessionFolder, SessionScan) {
        var folder = try inspector.folder(of: session, in: view)
        var scan = inspector.scan(of: session, in: view, newestSnapshot: folder.snapshots.last)
        guard !options.older.isEmpty else { return (folder, scan) }
        scan.unflushed.merge(options.older) { committed, older in older + committed }
        folder = try scan.folder()
        return (folder, scan)
    }

    /// The next item; `nil` at the end of what is committed now. A later call looks whether there is more.
    ///
    /// - Throws: `.failed` when the journal or the session's folder cannot be read.
    package func next() throws(LogError) -> WalkItem? {
        if isAtEnd { try lookAgain() }
        isAtEnd = false
        while ready.isEmpty {
            guard try step() else { break }
        }
        guard !ready.isEmpty else {
            isAtEnd = true
            return nil
        }
        return ready.removeFirst()
    }

    /// Goes on by one record or one segment; false at the end.
    private func step() throws(LogError) -> Bool {
        guard let scanner else { return try enterSegment() }
        do throws(LogError) {
            let chain = scanner.chain
            if let record = try storing({ () throws(StorageError) in try scanner.next() }) {
                try take(record, scanner, after: chain)
                return true
            }
            return try scanner.fault == nil ? leaveSegment() : passFault(scanner)
        } catch {
            return try giveUp(on: scanner, error)
        }
    }

    // MARK: The view

    /// The newest segment that the first wanted record can be in.
    private func firstSegment() -> UInt32 {
        guard options.from > 1 else { return 1 }
        for number in folder.segments.reversed() {
            guard case .success(let scanner)? = try? scan.open(number) else { continue }
            if scanner.header.firstSequence <= options.from { return number }
        }
        return 1
    }

    private func lookAgain() throws(LogError) {
        try inspector.lookAgain()
        try takeView()
    }

    /// Goes on, where the walk stands, in the newest view that the inspector has taken. Whoever follows many sessions
    /// lets the inspector look once, and each of its walks go on then; ``next()`` does both by itself.
    package func takeView() throws(LogError) {
        isAtEnd = false
        let view = inspector.view
        position = view.position
        (folder, scan) = try Self.ground(of: session, inspector, view, options)
        guard let scanner else { return }
        if case .success(let fresh)? = try? scan.open(lastNumber), fresh.header == scanner.header {
            scanner.resume(on: fresh.image)
        } else if folder.segments.contains(lastNumber) {
            scanner.resume(on: scanner.image)
        } else {
            self.scanner = nil
        }
    }

    /// Whether what looks damaged at a place may be a writer at work, or may still be in the journal. Then a new view
    /// was taken.
    private func isInDoubt(_ number: UInt32, _ offset: UInt64) throws(LogError) -> Bool {
        let known = doubt.flatMap { $0.number == number && $0.offset == offset ? $0 : nil }
        if let known, known.position == position || known.count == Self.attempts {
            return try isInJournal()
        }
        doubt = Doubt(number: number, offset: offset, position: position, count: (known?.count ?? 0) + 1)
        stepBack()
        try lookAgain()
        return true
    }

    /// Between two segments the walk goes back to the end of the one that it has left: a flush may not have written
    /// that to its end yet when the next one is there.
    private func stepBack() {
        if let left, scanner == nil, left.header.number == lastNumber { scanner = left }
    }

    /// Whether the journal still has something of the session that its segments have lost. Then the walk goes on where
    /// it stood, or at the end of the segment that it has left, with that laid over.
    private func isInJournal() throws(LogError) -> Bool {
        guard !hasAskedJournal else { return false }
        hasAskedJournal = true
        guard try inspector.askJournal(for: session) else { return false }
        stepBack()
        try takeView()
        return true
    }

    // MARK: Segments

    private func enterSegment() throws(LogError) -> Bool {
        guard let number = folder.segments.first(where: { $0 > lastNumber }) else { return try finish() }
        let (opened, verdict) = open(number)
        switch opened {
        case .success(let scanner): return try enter(scanner, number)
        case .failure(let fault):
            if try isInDoubt(number, 0) { return true }
            lastNumber = number
            var finding = scan.finding(verdict, number, 0, fault.byteCount, fault.reason)
            finding.firstSequence = tail.sequence + 1
            finding.bit = (try? bits.flatMap { (bits) throws(StorageError) in try scan.headerBit(number, bits) }) ?? nil
            stretches.append(finding)
            return true
        }
    }

    /// Opens a segment; or says why it cannot be used, and what that means.
    private func open(_ number: UInt32) -> (Result<SegmentScanner, SessionScan.SegmentFault>, DamageVerdict) {
        do throws(LogError) {
            let opened = try scan.open(number)
            guard case .failure(let fault) = opened else { return (opened, .end) }
            return (opened, try scan.verdict(on: fault, number, isLast: isLast(number), after: tail))
        } catch {
            return (.failure(SessionScan.SegmentFault(reason: error.message, 0)), .mediaError)
        }
    }

    private func enter(_ scanner: SegmentScanner, _ number: UInt32) throws(LogError) -> Bool {
        let first = scanner.header.firstSequence
        if !stretches.isEmpty {
            closeStretches(before: first)
        } else if let missing = missing(before: scanner.header, number) {
            if case .unreadable = missing, try isInDoubt(number, 0) { return true }
            ready.append(missing)
        }
        self.scanner = scanner
        lastNumber = number
        tail.header = scanner.header
        tail.offset = scanner.offset
        tail.chain = scanner.chain
        tail.sequence = max(tail.sequence, first - 1)
        leaveBlock()
        ready.append(
            .segment(
                WalkSegment(
                    path: StoreLayout.segmentFile(session, number), header: scanner.header,
                    byteCount: scanner.byteCount, fileByteCount: scanner.image.fileByteCount)))
        return true
    }

    /// What should have come before a segment's first record.
    private func missing(before header: SegmentHeader, _ number: UInt32) -> WalkItem? {
        let first = header.firstSequence
        let isFront = folder.segments.first == number && first > tail.sequence + 1
        if isFront, folder.snapshots.contains(where: { $0 >= first - 1 }) {
            return first > options.from ? .trimmed(through: first - 1) : nil
        }
        if let gap = scan.gap(before: header, number, tail) { return .unreadable(gap) }
        guard isFront, tail.header == nil, first > options.from else { return nil }
        var finding = scan.finding(
            .committedDamage, number, 0, 0,
            "the records before segment \(number) are missing and no snapshot includes them")
        finding.firstSequence = tail.sequence + 1
        finding.lastSequence = first - 1
        return .unreadable(finding)
    }

    private func isLast(_ number: UInt32) -> Bool { folder.segments.last == number }

    private func leaveSegment() throws(LogError) -> Bool {
        guard folder.segments.contains(where: { $0 > lastNumber }) else { return try finish() }
        (left, scanner) = (scanner, nil)
        return true
    }

    private func finish() throws(LogError) -> Bool {
        guard toldEnd != tail else {
            stretches = []
            return false
        }
        let lost = scan.witness.contradiction(session, tail)
        if lost != nil, stretches.isEmpty, try isInDoubt(lastNumber, tail.offset) { return true }
        if let lost {
            if stretches.isEmpty { stretches.append(lost) }
            for index in stretches.indices { stretches[index].lastSequence = lost.lastSequence }
        }
        if lost == nil, stretches.isEmpty, let missing = scan.missingDirect(folder.segments, tail) {
            if try isInDoubt(scan.writtenDirectly ?? 0, 0) { return true }
            stretches.append(missing)
        }
        if !stretches.isEmpty { toldEnd = tail }
        ready += stretches.map { .unreadable($0) }
        stretches = []
        return false
    }

    // MARK: Records

    private func take(
        _ record: SegmentScanner.Record, _ scanner: SegmentScanner, after chain: UInt64
    ) throws(LogError) {
        let isNew = scanner.nextSequence - 1 > tail.sequence || record.header.kind == RecordHeader.markKind
        tail.offset = scanner.offset
        tail.chain = scanner.chain
        tail.sequence = max(tail.sequence, scanner.nextSequence - 1)
        tail.time = scanner.lastTime
        noteBlock(of: record)
        let content = content(of: record, scanner)
        guard isNew, record.sequence >= options.from else { return }
        let end = record.offset + UInt64(record.header.recordByteCount)
        let isInFile = try storing { () throws(StorageError) in try scanner.image.isInFile(record.offset..<end) }
        let item = WalkRecord(
            sequence: record.sequence, header: record.header, segment: lastNumber,
            path: StoreLayout.segmentFile(session, lastNumber), offset: record.offset, chain: chain,
            check: scanner.chain, block: record.header.codec == .raw ? nil : block, isOnlyInJournal: !isInFile,
            content: content, bytes: options.keepsBytes ? scanner.bytes(of: record) : [])
        ready.append(record.header.kind == RecordHeader.markKind ? .mark(item) : .record(item))
    }

    private func noteBlock(of record: SegmentScanner.Record) {
        if record.header.codec == .frameStart { block = record.offset }
    }

    private func content(of record: SegmentScanner.Record, _ scanner: SegmentScanner) -> WalkRecord.Content {
        if record.header.codec == .frameContinuation, block == nil { return .undecodable }
        guard options.decodes else { return .notDecoded }
        let payload = scanner.withStored(record) { decompressor.payload(of: record.header, stored: $0) }
        if payload == nil { leaveBlock() }
        return payload.map { .payload($0) } ?? .undecodable
    }

    private func leaveBlock() {
        decompressor.leaveBlock()
        block = nil
    }

    // MARK: Damage

    /// Finds the next record behind the fault that can be proved, and tells of what is before it.
    private func passFault(_ scanner: SegmentScanner) throws(LogError) -> Bool {
        guard let fault = scanner.fault, toldEnd != tail else { return try leaveSegment() }
        let verdict = try scan.verdict(on: scanner, isLast: isLast(lastNumber))
        let ahead = SegmentScanner(scanner)
        var found: (record: SegmentScanner.Record, chain: UInt64)?
        // What is never acknowledged ends the log, whatever stands behind.
        while verdict != .tornTail, found == nil, try storing({ () throws(StorageError) in try ahead.skipFault() }) {
            let chain = ahead.chain
            found = try storing { () throws(StorageError) in try ahead.next() }.map { ($0, chain) }
        }
        if try found == nil ? isInDoubt(lastNumber, scanner.offset) : isInJournal() { return true }
        if ahead.hasLostBlock { leaveBlock() }
        let first = scanner.nextSequence
        var finding = scan.finding(
            verdict, lastNumber, scanner.offset, (found?.record.offset ?? scanner.byteCount) - scanner.offset,
            "\(fault.rawValue) at record \(first)")
        finding.firstSequence = first
        finding.bit = try storing { () throws(StorageError) in try bits?.record(at: scanner)?.bit }
        stretches.append(finding)
        guard let found else { return try leaveSegment() }
        closeStretches(before: found.record.sequence)
        self.scanner = ahead
        try take(found.record, ahead, after: found.chain)
        return true
    }

    /// Gives out the stretches before record `next`, with the records that they had.
    private func closeStretches(before next: Sequence) {
        for var finding in stretches {
            let first = finding.firstSequence ?? next
            finding.firstSequence = first < next ? first : nil
            finding.lastSequence = first < next ? next - 1 : nil
            if (finding.lastSequence ?? .max) >= options.from { ready.append(.unreadable(finding)) }
        }
        stretches = []
        tail.sequence = max(tail.sequence, next - 1)
    }

    /// The device does not give the bytes from here on.
    private func giveUp(on scanner: SegmentScanner, _ error: LogError) throws(LogError) -> Bool {
        if try isInDoubt(lastNumber, scanner.offset) { return true }
        var finding = scan.finding(
            .mediaError, lastNumber, scanner.offset, scanner.byteCount - scanner.offset, error.message)
        finding.firstSequence = scanner.nextSequence
        stretches.append(finding)
        leaveBlock()
        self.scanner = nil
        return true
    }
}
