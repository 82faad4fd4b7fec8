import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastThreads

/// What a store held at one time, short enough to keep elsewhere, and enough to prove later that none of it was
/// altered.
///
/// For each session: the first and the last record that were there, the check of the last one, which is the head of the
/// segments' chain, and a digest: of record n it is SHA-256 over the digest of the record before (nothing for the
/// first)
/// and n, kind, time and payload. The digest of the store is SHA-256 over the sessions' digests, sorted by their ids.
struct Receipt: Equatable, Sendable {
    /// One session's part.
    struct Session: Equatable, Sendable {
        var session: SessionID
        /// Records before this one had been replaced by a snapshot.
        var first: UInt64
        var last: UInt64
        var check: UInt64
        var digest: [UInt8]
    }

    /// The longest file that is read, in bytes: a receipt of some 5 million sessions.
    static let byteLimit = 1 << 30
    private static let version = 1

    var storeID: String
    /// Milliseconds since 1970.
    var writtenAt: UInt64
    /// In the byte order of ids.
    var sessions: [Session]

    /// 64 hexadecimal digits: all that must be kept where nobody can change it.
    var digest: String {
        var bytes: [UInt8] = Array(storeID.utf8)
        for session in sessions {
            bytes += Array(session.session.text.utf8) + [0]
            for number in [session.first, session.last, session.check] { bytes.append(littleEndian: number) }
            bytes += session.digest
        }
        return SHA256Digest.hex(bytes)
    }

    /// Reads every record of the store, two sessions at a time.
    ///
    /// - Throws: with ``ExitCode/committedDamage`` when something cannot be read: it would not be covered.
    init(of inspector: StoreInspector, _ console: any Console) throws(CommandError) {
        storeID = inspector.info.storeID
        writtenAt = Moment.wall()
        let ids = inspector.sessions()
        let found = Lock<[Int: Session]>([:])
        try OrderedWork(ids.count, on: console, showing: "Receipt").run { (piece, _) throws(CommandError) in
            let session = try RecordChain(ids[piece], inspector).receipt()
            found.withLock { $0[piece] = session }
        }
        sessions = found.withLock { found in ids.indices.compactMap { found[$0] } }
    }

    // MARK: The file

    /// One sealed object, a session per line.
    var bytes: [UInt8] {
        var writer = JSONWriter(capacity: 256 + sessions.count * 200)
        writer.beginObject()
        writer.member("receipt_version", Self.version)
        writer.member("store_id", storeID)
        writer.member("written_at", writtenAt)
        writer.member("digest", digest)
        writer.objects("sessions", sessions) { session, writer in
            writer.member("session", session.session.text)
            writer.member("first", session.first)
            writer.member("last", session.last)
            writer.member("check", Hex64.text(session.check))
            writer.member("digest", SHA256Digest.hexText(session.digest))
        }
        writer.endObject()
        return SealedJSON.sealed(Array(writer.finish().dropLast())) + [10]
    }

    /// Reads what ``bytes`` gave.
    ///
    /// - Throws: with ``ExitCode/data`` when it is no receipt, or was changed.
    init(_ bytes: [UInt8]) throws(CommandError) {
        guard SealedJSON.isIntact(bytes), let root = try? JSONTree.parse(bytes, detail: 3).root,
            let receipt = Receipt(root), root["digest"]?.string == receipt.digest
        else { throw CommandError(.data, "This is no receipt, or it was changed.") }
        self = receipt
    }

    /// What `root` says, which nothing proves; `nil` when it is no receipt.
    init?(_ root: JSONRef) {
        guard root["receipt_version"]?.int == Int64(Self.version), let storeID = root["store_id"]?.string,
            let writtenAt = root["written_at"]?.unsigned, let list = root["sessions"], list.kind == .array
        else { return nil }
        self.storeID = storeID
        self.writtenAt = writtenAt
        sessions = []
        for element in list.elements {
            guard let session = Session(element) else { return nil }
            sessions.append(session)
        }
    }
}

extension Receipt.Session {
    fileprivate init?(_ json: JSONRef) {
        guard let session = json["session"]?.string.flatMap({ SessionID($0) }),
            let first = json["first"]?.unsigned, let last = json["last"]?.unsigned,
            let check = json["check"]?.string.flatMap({ Hex64.value($0) }),
            let digest = json["digest"]?.string.flatMap({ SHA256Digest.bytes(hexText: $0) })
        else { return nil }
        self.init(session: session, first: first, last: last, check: check, digest: digest)
    }
}

/// The records of one session, and the digest as of each.
struct RecordChain {
    let session: SessionID
    private let walk: SessionWalk
    /// The first record that is there; 0 before there was any.
    private(set) var first: UInt64 = 0
    private(set) var last: UInt64 = 0
    /// The check of the last record, and of the one before the first.
    private(set) var check: UInt64 = 0
    private(set) var checkBefore: UInt64 = 0
    private(set) var digest: [UInt8] = []

    init(_ session: SessionID, _ inspector: StoreInspector) throws(CommandError) {
        self.session = session
        walk = try inspecting { () throws(LogError) in try inspector.walk(session) }
    }

    /// Goes on by one record; false at the end.
    ///
    /// - Throws: with ``ExitCode/committedDamage`` at what cannot be read.
    mutating func next() throws(CommandError) -> Bool {
        while let item = try inspecting({ () throws(LogError) in try walk.next() }) {
            if let gap = Gap(item, session), gap.isDamage || gap.isTorn {
                throw CommandError(.committedDamage, RecordPrinter(showsSession: true).text(session, gap.item) ?? "")
            }
            guard case .record(let record) = item, let payload = record.payload else { continue }
            add(record, payload)
            return true
        }
        return false
    }

    private mutating func add(_ record: WalkRecord, _ payload: [UInt8]) {
        if first == 0 { (first, checkBefore) = (record.sequence, record.chain) }
        var bytes = digest
        bytes.append(littleEndian: record.sequence)
        bytes.append(record.header.kind)
        bytes.append(littleEndian: record.header.time)
        digest = SHA256Digest.bytes(bytes + payload)
        (last, check) = (record.sequence, record.check)
    }

    /// The part of a receipt for all that is there now.
    consuming func receipt() throws(CommandError) -> Receipt.Session {
        while try next() {}
        return Receipt.Session(session: session, first: first, last: last, check: check, digest: digest)
    }
}
