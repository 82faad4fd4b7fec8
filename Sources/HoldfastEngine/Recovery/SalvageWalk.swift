package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

/// Finds every record of one session that can be proved, in order, whatever source has it: the segments with the
/// committed bytes of the journal laid over, older batches, copies in quarantine, and a flipped bit turned back.
///
/// Goes on behind damage: at the next header whose check is right; compressed records come back with the next restart
/// block. No byte is given out that was not written under its sequence. Reads only. Memory: one window of a segment,
/// and one record.
struct SalvageWalk {
    /// Where a record was found.
    enum Origin: Sendable, Equatable {
        case segment
        case evidence(Evidence.Origin)
        case flippedBit(FlippedBit)
    }

    /// A record, proved and decompressed.
    struct Found {
        var header: RecordHeader
        var record: LogRecord
        var stored: [UInt8]
        var segment: UInt32
        var origin: Origin
        /// Whether the segment that it stands in does not continue the record before.
        var beginsAnew: Bool
    }

    /// A place where nothing can be proved.
    struct Fault {
        var path: String
        var offset: UInt64
        var byteCount: UInt64
        /// The record that should be there.
        var sequence: UInt64
        var reason: String
        /// The bit that mends it, or would.
        var bit: FlippedBit?
        /// Whether the bit was turned back, or the segment's header made again, so that nothing is lost here.
        var isMended = false
    }

    let storage: any Storage
    let session: SessionID
    let storeTag: UInt64
    /// Committed bytes that may not be in the files yet.
    var unflushed: [UInt32: [Extent]] = [:]
    var evidence: [UInt32: [Evidence]] = [:]
    /// Where segments stand that are not under their names.
    var misplaced: [UInt32: String] = [:]
    /// How to look for flipped bits; `nil` does not.
    var bits: BitSearch?
    /// Whether what a flipped bit has hidden is given out, or only named.
    var repairsBits = false

    /// Calls `body` with each record until it answers false; answers what could not be read.
    func run(_ body: (Found) throws(LogError) -> Bool) throws(LogError) -> [Fault] {
        var state = State()
        for number in segments() {
            guard let scanner = try open(number, &state) else { continue }
            state.beginsAnew = state.last > 0 && !scanner.continues(state)
            if try !walk(scanner, &state, body) { break }
            state.chain = scanner.chain
        }
        return state.faults
    }

    /// Where the walk stands.
    fileprivate struct State {
        var last: UInt64 = 0
        var chain: UInt64 = 0
        var faults: [Fault] = []
        var beginsAnew = false
        let decompressor = BlockDecompressor()
    }

    /// The segments in the folder, and those behind its first that only other files know.
    private func segments() -> [UInt32] {
        let folder = SessionFolder.orNothing(session, in: storage, also: Array(unflushed.keys)).folder
        // What a trim has taken away is not missing.
        let known = evidence.keys.filter { $0 > folder.segments.first ?? 0 || folder.snapshots.isEmpty }
        return Set(folder.segments).union(known).union(misplaced.keys).sorted()
    }

    // MARK: One segment

    private func walk(
        _ scanner: SegmentScanner, _ state: inout State, _ body: (Found) throws(LogError) -> Bool
    ) throws(LogError) -> Bool {
        while true {
            if let record = try storing({ () throws(StorageError) in try scanner.next() }) {
                if try !take(record, scanner, .segment, &state, body) { return false }
            } else if let (record, origin) = try mend(scanner, &state) {
                if try !take(record, scanner, origin, &state, body) { return false }
            } else if scanner.fault == nil {
                return true
            } else if try !passFault(scanner, &state) {
                return true
            }
        }
    }

    private func take(
        _ record: SegmentScanner.Record, _ scanner: SegmentScanner, _ origin: Origin, _ state: inout State,
        _ body: (Found) throws(LogError) -> Bool
    ) throws(LogError) -> Bool {
        guard record.header.kind != RecordHeader.markKind else { return true }
        let payload = scanner.withStored(record) { state.decompressor.payload(of: record.header, stored: $0) }
        guard record.sequence > state.last else { return true }
        guard let payload else {
            state.faults.append(
                fault(
                    scanner, record.offset, UInt64(record.header.storedByteCount), record.sequence,
                    "cannot be decompressed"))
            return true
        }
        state.last = record.sequence
        let found = Found(
            header: record.header,
            record: LogRecord(
                sequence: record.sequence, kind: record.header.kind, time: record.header.time, payload: payload),
            stored: Array(scanner.bytes(of: record).dropFirst(record.header.byteCount)), segment: scanner.header.number,
            origin: origin, beginsAnew: state.beginsAnew)
        state.beginsAnew = false
        return try body(found)
    }

    private func passFault(_ scanner: SegmentScanner, _ state: inout State) throws(LogError) -> Bool {
        let (start, sequence) = (scanner.offset, scanner.nextSequence)
        let reason = scanner.fault?.rawValue ?? ""
        // With leave to repair, the search has been made and was in vain.
        let bit = repairsBits ? nil : try storing { () throws(StorageError) in try bits?.record(at: scanner)?.bit }
        let goesOn = try storing { () throws(StorageError) in try scanner.skipFault() }
        let end = goesOn ? scanner.offset : scanner.byteCount
        var fault = fault(scanner, start, end - min(start, end), sequence, reason)
        fault.bit = bit
        state.faults.append(fault)
        state.decompressor.leaveBlock()
        return goesOn
    }

    private func fault(
        _ scanner: SegmentScanner, _ offset: UInt64, _ byteCount: UInt64, _ sequence: UInt64, _ reason: String
    ) -> Fault {
        Fault(
            path: misplaced[scanner.header.number] ?? StoreLayout.segmentFile(session, scanner.header.number),
            offset: offset, byteCount: byteCount, sequence: sequence, reason: reason)
    }

    // MARK: Mending

    /// The record at which `scanner` has stopped, from another source; the walk goes on behind it.
    private func mend(
        _ scanner: SegmentScanner, _ state: inout State
    ) throws(LogError) -> (SegmentScanner.Record, Origin)? {
        for candidate in evidence[scanner.header.number] ?? [] where candidate.end > scanner.offset {
            guard let bytes = try bytes(from: candidate, at: scanner) else { continue }
            if let record = try lay(bytes, scanner) { return (record, .evidence(candidate.origin)) }
        }
        guard repairsBits, scanner.fault != nil, let bits else { return nil }
        let found = try storing { () throws(StorageError) in try bits.record(at: scanner) }
        guard let found else { return nil }
        var mended = fault(
            scanner, scanner.offset, UInt64(found.bytes.count), scanner.nextSequence, scanner.fault?.rawValue ?? "")
        (mended.bit, mended.isMended) = (found.bit, true)
        guard let record = try lay(found.bytes, scanner) else { return nil }
        state.faults.append(mended)
        return (record, .flippedBit(found.bit))
    }

    /// The next record as it is with what `candidate` knows of it laid over, if that proves it.
    private func bytes(from candidate: Evidence, at scanner: SegmentScanner) throws(LogError) -> [UInt8]? {
        try storing { () throws(StorageError) in
            func patched(_ count: Int) throws(StorageError) -> [UInt8]? {
                guard let extent = try candidate.read(count: count, at: scanner.offset, from: storage) else {
                    return nil
                }
                let bytes = try scanner.image.laying(extent).read(count: count, at: scanner.offset)
                return bytes.count == count ? bytes : nil
            }
            // The header need not be what is wrong.
            let atMost = RecordHeader.longestByteCount
            var head = try scanner.image.read(count: atMost, at: scanner.offset)
            if let other = try patched(atMost) {
                head = other
            } else if let other = try patched(RecordHeader.shortestByteCount) {
                head = other
            }
            guard let header = scanner.header(in: head), let whole = try patched(header.recordByteCount),
                scanner.proves(whole, header)
            else { return nil }
            return whole
        }
    }

    private func lay(_ bytes: [UInt8], _ scanner: SegmentScanner) throws(LogError) -> SegmentScanner.Record? {
        try storing { () throws(StorageError) in
            scanner.resume(on: try scanner.image.laying(Extent(offset: scanner.offset, bytes: bytes)))
            return try scanner.next()
        }
    }

    // MARK: Headers

    private func open(_ number: UInt32, _ state: inout State) throws(LogError) -> SegmentScanner? {
        let (image, refusal) = try image(number)
        let head = try storing { () throws(StorageError) in
            try image.read(count: SegmentHeader.longestByteCount, at: 0)
        }
        if let header = header(in: head, number) { return scanner(image, header) }
        if let scanner = try elsewhere(number) { return scanner }
        var fault = headerFault(number, image.byteCount, state, refusal ?? Self.reason(head, image))
        func noteMended() {
            fault.isMended = true
            if image.byteCount > 0 { state.faults.append(fault) }
        }
        for candidate in evidence[number] ?? [] where candidate.offset == 0 {
            let kept = try storing { () throws(StorageError) in
                try candidate.read(count: SegmentHeader.longestByteCount, at: 0, from: storage)?.bytes()
            }
            guard let kept, let header = header(in: kept, number) else { continue }
            noteMended()
            let whole = Extent(offset: 0, bytes: header.encoded())
            return scanner(try storing { () throws(StorageError) in try image.laying(whole) }, header)
        }
        let found = bits?.header(in: head) { fits($0, number) }
        if repairsBits, let found {
            fault.bit = found.bit
            fault.byteCount = UInt64(found.header.byteCount)
            noteMended()
            return scanner(image, found.header)
        }
        if let scanner = try rebuilt(head, image, number, state) {
            noteMended()
            return scanner
        }
        fault.bit = found?.bit
        if image.byteCount > 0 || refusal != nil { state.faults.append(fault) }
        return nil
    }

    /// The segment; of one that is barred what the journal has, and why it is.
    private func image(_ number: UInt32) throws(LogError) -> (SegmentImage, refusal: String?) {
        do throws(StorageError) {
            return (try image(StoreLayout.segmentFile(session, number), number), nil)
        } catch {
            guard error.isOfFile || error.isOfSession else { throw LogError(error) }
            let extents = unflushed[number] ?? []
            let refusal = error.clause
            return (try storing { () throws(StorageError) in try SegmentImage(file: nil, extents: extents) }, refusal)
        }
    }

    private func headerFault(_ number: UInt32, _ byteCount: UInt64, _ state: State, _ reason: String) -> Fault {
        Fault(
            path: StoreLayout.segmentFile(session, number), offset: 0, byteCount: byteCount, sequence: state.last + 1,
            reason: reason)
    }

    private static func reason(_ head: [UInt8], _ image: SegmentImage) -> String {
        guard let header = head.withUnsafeBytes({ try? SegmentHeader(decoding: $0) }) else { return image.headerFault }
        return "the file is segment \(header.number) of session '\(header.session)'"
    }

    /// The segment where it stands under another name.
    private func elsewhere(_ number: UInt32) throws(LogError) -> SegmentScanner? {
        guard let path = misplaced[number] else { return nil }
        return try storing { () throws(StorageError) in
            let image = try image(path, number)
            let head = try image.read(count: SegmentHeader.longestByteCount, at: 0)
            return header(in: head, number).map { scanner(image, $0) }
        }
    }

    private func image(_ path: String, _ number: UInt32) throws(StorageError) -> SegmentImage {
        try SegmentImage(file: try file(path), extents: unflushed[number] ?? [])
    }

    private func scanner(_ image: SegmentImage, _ header: SegmentHeader) -> SegmentScanner {
        SegmentScanner(image, header: header, payloadLimit: Limits.largestPayloadLimit)
    }

    private func header(in bytes: [UInt8], _ number: UInt32) -> SegmentHeader? {
        let header = bytes.withUnsafeBytes { try? SegmentHeader(decoding: $0) }
        return header.flatMap { fits($0, number) ? $0 : nil }
    }

    private func fits(_ header: SegmentHeader, _ number: UInt32) -> Bool {
        header.session == session && header.storeTag == storeTag && header.number == number
    }

    /// All of a header but the salt and the time is known from elsewhere; if both are right, the first record proves
    /// it. Those of a whole header are right for the records of that header's segment, which are not this session's.
    private func rebuilt(
        _ head: [UInt8], _ image: SegmentImage, _ number: UInt32, _ state: State
    ) throws(LogError) -> SegmentScanner? {
        let header = SegmentHeader(
            ofDamaged: head, mode: .journal, firstSequence: state.last + 1, chainBefore: state.chain,
            storeTag: storeTag, number: number, session: session)
        guard let header else { return nil }
        let isProved = try storing { () throws(StorageError) in try scanner(image, header).next() != nil }
        return isProved ? scanner(image, header) : nil
    }

    private func file(_ path: String) throws(StorageError) -> (any StorageFile)? {
        do throws(StorageError) {
            return RescuedFile(try storage.open(path, .read))
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }
}

extension SegmentScanner {
    /// Whether the segment's first record follows the last one that was found, as far as can be told.
    fileprivate func continues(_ state: SalvageWalk.State) -> Bool {
        header.firstSequence != state.last + 1 || header.chainBefore == state.chain
    }
}

extension StoreCheck {
    /// Gives out every record of `session` that can be read and proved in the segments, also behind damage, in order.
    package func salvage(_ session: SessionID, _ body: (LogRecord) -> Void) throws(LogError) {
        let scan = scan(of: session, try overlay(bits: bits))
        let walk = SalvageWalk(
            storage: scan.storage, session: session, storeTag: scan.storeTag, unflushed: scan.unflushed)
        _ = try walk.run { (found) throws(LogError) in
            body(found.record)
            return true
        }
    }
}
