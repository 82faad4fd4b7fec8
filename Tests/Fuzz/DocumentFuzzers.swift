@testable import Holdfast
import HoldfastBytes
@testable import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage

// The JSON documents of the format: the index with its change log, and snapshots.

/// `index.json` and, behind a zero byte, the change log of the generation that it names.
@Sendable func fuzzIndex(_ input: [UInt8]) {
    let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    var files = [(path: StoreLayout.indexFile, bytes: parts[0])]
    if let log = parts.dropFirst().first {
        let digits = parts[0].drop { !isDigit($0) }.dropFirst().drop { !isDigit($0) }.prefix(while: isDigit)
        files.append((StoreLayout.indexLog(UInt64(String(decoding: digits, as: UTF8.self)) ?? 1), log))
    }
    guard let storage = try? storage(files) else { return }
    let index = IndexFile(storage: storage)
    guard let content = try? index.read(nil) else { return }
    let rows = byID(content.rows)
    for session in rows.keys {
        require(session.text.utf8.count <= SessionID.longestByteCount, "a row names a session")
        require(content.rows[session] == rows[session], "a row is found by its session")
    }
    guard content.damage == nil, content.mark.generation < Limits.numberLimit else { return }
    guard (try? index.replace(rows.values, generation: content.mark.generation + 1)) != nil,
        let again = try? index.read(nil)
    else { return require(false, "an index is written and read") }
    require(again.damage == nil && byID(again.rows) == rows, "an index that is written again is the same")
}

private func byID(_ rows: IndexRows) -> [SessionID: IndexRow] {
    Dictionary(rows.all.map { ($0.summary.session, $0) }) { _, _ in
        fatalError("a session has one row")
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

@Sendable func repairIndex(_ bytes: inout [UInt8]) {
    let base = bytes.firstIndex(of: 0) ?? bytes.count
    repairSeal(&bytes, 0..<base)
    var start = base + 1
    while start < bytes.count {
        let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
        repairSeal(&bytes, start..<end)
        start = end + 1
    }
}

/// A snapshot's document, or its file if the input begins like one: its head, its messages and deltas; and one more
/// record on top of it.
@Sendable func fuzzSnapshot(_ input: [UInt8]) {
    guard input.starts(with: frameMagic) else { return fuzzDocument(input) }
    guard let storage = try? storage([(snapshotPath, input)]),
        let folder = try? SessionFolder(session, in: storage),
        let source = try? SnapshotFiles(storage: storage, storeTag: storeTag).newest(session, in: folder, through: .max)
    else { return }
    var document: [UInt8] = []
    while document.count < 1 << 16, let piece = try? source.read(at: document.count, count: 1000), !piece.isEmpty {
        require(piece.count <= 1000, "no more than was asked for")
        document += piece
    }
    require(document.count <= source.byteCount, "a document has the length that its table says")
    guard document.count == source.byteCount else { return }
    require((try? source.read(at: 0, count: .max)) == document, "a document is the same in pieces")
    fuzzDocument(document)
}

private let frameMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
private let snapshotPath = StoreLayout.snapshotFile(session, 3)

private func fuzzDocument(_ input: [UInt8]) {
    for sequence in [3, UInt64.max] {
        let reader = SnapshotReader(source: Document(input, sequence: sequence))
        for array in SnapshotArray.allCases {
            guard var elements = try? reader.elements(of: array, in: 1..<1000) else { continue }
            while let element = try? elements.next() { require(element.count <= input.count, "a part is smaller") }
        }
        _ = try? reader.runs()
        guard var head = try? reader.head() else { continue }
        let opening = head.documentOpening(session)
        let again = try? SessionHead(documentOpening: opening + [UInt8(ascii: "}")])
        require(again?.documentOpening(session) == opening, "a head that is written again is the same")
        for (kind, payload) in [(RecordKind.append, #"[{"role":"user"}]"#), (.delta, #"{"turn":"t","data":1}"#)] {
            let record = LogRecord(
                sequence: head.sequence &+ 1, kind: kind.rawValue, time: 1, payload: Array(payload.utf8))
            try? head.apply(record)
        }
    }
}

private let session: SessionID = {
    guard let id = SessionID("s") else { preconditionFailure("a session id") }
    return id
}()

/// Makes the check right with which a snapshot's file ends.
@Sendable func repairSnapshot(_ bytes: inout [UInt8]) {
    guard bytes.starts(with: frameMagic), bytes.count > SnapshotTable.tailByteCount else { return }
    let seed = Checksum.of(Array(snapshotPath.utf8), seed: storeTag)
    bytes.store(Checksum.of(Array(bytes.dropLast(8)), seed: seed), at: bytes.count - 8)
}

/// Makes the seal right that the bytes in `range` end with, if they do.
func repairSeal(_ bytes: inout [UInt8], _ range: Range<Int>) {
    let text = bytes[range].last == 10 ? bytes[range].dropLast() : bytes[range]
    guard text.count > SealedJSON.sealByteCount, text.last == UInt8(ascii: "}") else { return }
    let start = text.endIndex - SealedJSON.sealByteCount
    bytes.replaceSubrange(start..<text.endIndex, with: SealedJSON.seal(check: Checksum.of(Array(text[..<start]))))
}
