@testable import Holdfast
import HoldfastBytes
@testable import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage

// The binary parts of the format: what stands in segments and in the journal.

/// Where the records of the input `record` begin, as in a segment.
private let recordStart: UInt64 = 64
private let recordSegment = SegmentHeader(
    mode: .journal, salt: 0x5EED_0000_0000_0001, firstSequence: 1, chainBefore: 0, storeTag: storeTag, number: 1,
    begun: 1_700_000_000, session: sessionID("s"))

/// Records one behind the other: header, check, decompression, what the payload says, and what it does to a session.
@Sendable func fuzzRecord(_ input: [UInt8]) {
    let decompressor = BlockDecompressor()
    var head = SessionHead()
    var chain: UInt64 = 0
    var offset = 0
    input.withUnsafeBytes { bytes in
        while offset < bytes.count {
            let rest = bytes.slice(offset..<bytes.count)
            guard
                let header = try? RecordHeader(
                    decoding: rest, offset: recordStart + UInt64(offset), in: recordSegment,
                    payloadLimit: Limits.payloadByteCount)
            else { return }
            let count = header.recordByteCount
            guard rest.count >= count else { return }
            let record = rest.slice(0..<count)
            guard RecordHeader.isIntact(record, in: recordSegment, chain: chain) else { return }
            chain = RecordHeader.storedCheck(record)
            let stored = record.slice(header.byteCount..<count)
            if let payload = decompressor.payload(of: header, stored: stored) {
                require(payload.count == Int(header.rawByteCount), "a payload has the length that its header says")
                fold(header, payload, into: &head)
            }
            offset += count
        }
    }
}

private func fold(_ header: RecordHeader, _ payload: [UInt8], into head: inout SessionHead) {
    if let content = try? RecordContent(kind: header.kind, payload: payload) {
        let again = try? RecordContent(kind: header.kind, payload: content.encoded())
        require(again == content, "a record that is written again says the same")
    }
    let record = LogRecord(sequence: head.sequence + 1, kind: header.kind, time: header.time, payload: payload)
    let before = head.sequence
    let isFolded = (try? head.apply(record)) != nil
    require(head.sequence == before + (isFolded ? 1 : 0), "a record that does not fold changes nothing")
}

@Sendable func repairRecords(_ bytes: inout [UInt8]) {
    repairRecords(
        &bytes, from: 0, offset: recordStart, seed: recordSegment.salt ^ UInt64(recordSegment.begun), chain: 0)
}

/// Walks the records by their stated lengths, as far as they fit, and writes their checks.
private func repairRecords(_ bytes: inout [UInt8], from start: Int, offset: UInt64, seed: UInt64, chain: UInt64) {
    bytes.withUnsafeMutableBytes { bytes in
        var (at, chain) = (start, chain)
        while at + RecordHeader.shortestByteCount <= bytes.count {
            let record = UnsafeMutableRawBufferPointer(rebasing: bytes[at...])
            let view = UnsafeRawBufferPointer(record)
            let isShort = view[1] & 8 != 0
            let check = isShort ? 12 : 20
            guard check + 12 <= view.count else { return }
            let stored = isShort ? Int(view.load(UInt16.self, at: 2)) : Int(view.load(UInt32.self, at: 8))
            let end = min(check + 12 + stored, view.count)
            let headed = Checksum.of(view.slice(0..<check), seed: seed ^ chain)
            chain = Checksum.of(view.slice(check + 12..<end), seed: headed)
            record.store(chain, at: check)
            let place = offset + UInt64(at - start)
            let header = Checksum.of(view.slice(0..<check + 8), seed: seed ^ place)
            record.store(UInt32(truncatingIfNeeded: header), at: check + 8)
            at += end
        }
    }
}

/// A segment file: its header, its records, and the search for promises behind the place where they end.
@Sendable func fuzzSegment(_ input: [UInt8]) {
    try? scan(input)
}

private func scan(_ input: [UInt8]) throws {
    let file = try storage([("segment", input)]).open("segment", .read)
    let header = try input.withBytes { (bytes) throws(FormatError) in try SegmentHeader(decoding: bytes) }
    require(header.encoded() == Array(input.prefix(header.byteCount)), "a header that is written again is the same")
    let image = try SegmentImage(file: file, extents: [])
    let scanner = SegmentScanner(image, header: header, payloadLimit: Limits.payloadByteCount)
    let decompressor = BlockDecompressor()
    var end = scanner.offset
    while let record = try scanner.next() {
        let payload = scanner.withStored(record) { decompressor.payload(of: record.header, stored: $0) }
        require(payload == nil || payload?.count == Int(record.header.rawByteCount), "a payload has its length")
        require(scanner.offset > end && scanner.offset <= input.count, "the walk goes on, inside the file")
        end = scanner.offset
    }
    require(scanner.fault != nil || end == input.count, "a walk without a fault ends at the end")
    if scanner.fault != nil { _ = try scanner.promiseStandsAfterFault() }
    var fault = scanner.offset
    while try scanner.skipFault() {
        require(scanner.offset > fault && scanner.offset <= input.count, "the walk goes on behind the damage")
        while try scanner.next() != nil {}
        fault = scanner.offset
        if scanner.fault == nil { break }
    }
}

@Sendable func repairSegment(_ bytes: inout [UInt8]) {
    guard bytes.count > SegmentHeader.fixedByteCount else { return }
    let end = SegmentHeader.fixedByteCount + Int(bytes[7])
    guard bytes.count >= end + 8 else { return }
    let (check, seed, chain) = bytes.withUnsafeBytes {
        let seed = $0.load(UInt64.self, at: 8) ^ UInt64($0.load(UInt32.self, at: 44))
        return (Checksum.of($0.slice(0..<end)), seed, $0.load(UInt64.self, at: 24))
    }
    bytes.store(check, at: end)
    repairRecords(&bytes, from: end + 8, offset: UInt64(end + 8), seed: seed, chain: chain)
}

/// The files of a journal, one behind the other: where each ends, its header says.
@Sendable func fuzzJournal(_ input: [UInt8]) {
    guard let storage = try? storage(journalFiles(input)) else { return }
    let overlay = try? JournalOverlay.read(from: storage, storeTag: storeTag)
    let again = try? JournalOverlay.read(from: storage, storeTag: storeTag)
    require(overlay?.sessions == again?.sessions, "reading changes nothing")
    require((overlay?.extents.byteCount ?? 0) <= input.count, "what is replayed stands in the journal")
}

/// The same files as the journal of a store that was not closed in order.
/// Whether the store of ``fuzzRecovery(_:)`` is one: otherwise no input would reach anything.
private let isStore: Bool = {
    let files = [("sessions/.tmp", [UInt8]()), (StoreLayout.storeFile, storeFile)]
    let log = (try? storage(files)).flatMap { try? LocalLog(in: $0, options: seededOptions()) }
    return (try? log?.close()) != nil
}()

@Sendable func fuzzRecovery(_ input: [UInt8]) {
    require(isStore, "the store in which the journals are put opens")
    guard
        let storage = try? storage(journalFiles(input) + [("sessions/.tmp", []), (StoreLayout.storeFile, storeFile)]),
        let log = try? LocalLog(in: storage, options: seededOptions())
    else { return }
    let sessions = log.recovery.sessions
    for session in sessions { try? log.read(session, from: 1) { _ in true } }
    guard (try? log.close()) != nil else { return }
    guard let again = try? LocalLog(in: storage, options: seededOptions(seed: 2)) else {
        return require(false, "a store that was recovered and closed opens again")
    }
    require(again.recovery.replayedWriteCount == 0, "nothing is replayed twice")
    try? again.close()
}

private func journalFiles(_ input: [UInt8]) -> [(path: String, bytes: [UInt8])] {
    journalRanges(input).enumerated().map { (StoreLayout.journalFile(UInt64($0.offset + 1)), Array(input[$0.element])) }
}

private func journalRanges(_ input: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while start < input.count {
        let rest = input.count - start
        let stated = rest < 64 ? 0 : input.withUnsafeBytes { $0.load(UInt64.self, at: start + 48) }
        let count = stated >= 1024 && stated < rest ? Int(stated) : rest
        ranges.append(start..<start + count)
        start += count
    }
    return ranges
}

@Sendable func repairJournal(_ bytes: inout [UInt8]) {
    let ranges = journalRanges(bytes)
    bytes.withUnsafeMutableBytes { bytes in
        for range in ranges { repairJournalFile(UnsafeMutableRawBufferPointer(rebasing: bytes[range])) }
    }
}

private func repairJournalFile(_ file: UnsafeMutableRawBufferPointer) {
    let sector = JournalHeader.sectorByteCount
    let view = UnsafeRawBufferPointer(file)
    guard view.count >= 2 * sector else { return }
    for start in [0, view.count - sector] where view.slice(start..<start + 4).elementsEqual(JournalHeader.magic) {
        file.store(Checksum.of(view.slice(start..<start + 56)), at: start + 56)
    }
    let salt = view.load(UInt64.self, at: 16)
    var chain = view.load(UInt64.self, at: 40)
    var at = sector
    while at + BatchHeader.byteCount <= view.count - sector {
        let body = Int(view.load(UInt32.self, at: at + 24))
        guard view.slice(at..<at + 4).elementsEqual(BatchHeader.magic), at + BatchHeader.byteCount + body <= view.count
        else {
            at += sector
            continue
        }
        file.store(chain, at: at + 40)
        let batch = view.slice(at..<at + BatchHeader.byteCount + body)
        let seed = Checksum.of(batch.slice(0..<48), seed: salt)
        chain = Checksum.of(batch.slice(BatchHeader.byteCount..<batch.count), seed: seed)
        file.store(chain, at: at + 48)
        file.store(Checksum.of(batch.slice(0..<56), seed: salt ^ UInt64(at)), at: at + 56)
        at += BatchHeader.padded(batch.count)
    }
}
