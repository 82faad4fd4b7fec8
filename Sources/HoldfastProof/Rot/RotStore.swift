import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage

/// A small store on a simulated disk, everything in it known, as the object of the rot matrix.
struct RotStore: Sendable {
    /// What the report calls it.
    var name: String
    var mode: SegmentHeader.CommitMode
    /// The disk; never written to, only cloned.
    var image: SimulatedStorage
    /// Every file, by path.
    var files: [String: [UInt8]]
    /// What the same files held at earlier moments, oldest first.
    var older: [[String: [UInt8]]]
    /// The files of another store with sessions of the same names.
    var foreign: [String: [UInt8]]
    var truth: RotTruth

    /// Every store of the matrix.
    static func all() throws -> [RotStore] {
        var stores: [RotStore] = []
        for mode in [SegmentHeader.CommitMode.journal, .segment] {
            for isClosed in [true, false] { stores.append(try engineStore(mode, isClosed: isClosed)) }
        }
        return stores + [try sessionStore()]
    }

    /// The options under which stores of the matrix are made and opened: everything small, and no flush by time.
    static func options(_ mode: SegmentHeader.CommitMode, seed: UInt64) -> EngineOptions {
        var options = seededOptions(mode, seed: seed)
        options.flushInterval = 1 << 40
        options.journalByteCounts = 4_096...4_096
        options.segmentByteCount = 1_500
        options.compressionMemory = 1 << 20
        // With change logs: what rots in them is to be found too.
        options.toleratedIndexLogByteCount = Limits.toleratedIndexLogByteCount
        options.isMetered = true
        return options
    }

    /// Opens the store that is being made. The meter is written when the flusher begins, which is waited for: the same
    /// is then counted each time.
    private static func open(
        _ making: Making, _ mode: SegmentHeader.CommitMode, seed: UInt64, creating: Bool = false
    ) throws -> LocalLog {
        let log = try LocalLog(in: making.storage, options: options(mode, seed: seed), creating: creating)
        try log.flushToSegments()
        return log
    }

    /// The store's other half: how it was made once more, from other random numbers and with other texts.
    private static func finished(
        _ name: String, _ mode: SegmentHeader.CommitMode, _ make: (UInt64) throws -> Making
    ) throws -> RotStore {
        let made = try make(1)
        let image = made.storage.crash(.keepAll)
        let files = try image.allFiles()
        return RotStore(
            name: name, mode: mode, image: image, files: files, older: made.older,
            foreign: try make(2).storage.allFiles(), truth: try RotTruth(of: image, files, older: made.older))
    }

    /// What the making of a store leaves.
    private struct Making {
        var storage = SimulatedStorage()
        var older: [[String: [UInt8]]] = []

        mutating func remember() throws { older.append(try storage.allFiles()) }
    }
}

// MARK: A store of logs

extension RotStore {
    /// Three sessions: one with several segments, snapshots and a trimmed front; one with restart blocks in one
    /// segment; one that has long been quiet. Opened three times; the last opening ends in order or with a crash.
    static func engineStore(_ mode: SegmentHeader.CommitMode, isClosed: Bool) throws -> RotStore {
        let ending = isClosed ? "closed in order" : "after a crash"
        return try finished("commit in the \(mode == .journal ? "journal" : "segments"), \(ending)", mode) { seed in
            var making = Making()
            try firstLife(&making, mode, seed)
            try making.remember()
            try secondLife(&making, mode, seed)
            try making.remember()
            try thirdLife(&making, mode, seed, isClosed: isClosed)
            return making
        }
    }

    private static func firstLife(_ making: inout Making, _ mode: SegmentHeader.CommitMode, _ seed: UInt64) throws {
        let log = try open(making, mode, seed: seed, creating: true)
        var (anna, bert, carl) = (try Appender(log, "anna"), try Appender(log, "bert"), try Appender(log, "carl"))
        for number in 1...3 { try anna.append(text(number, seed)) }
        try snapshot(log, "anna", through: 3, seed)
        for number in 4...5 { try anna.append(text(number, seed)) }
        for number in 1...4 { try bert.append(number == 3 ? "brief" : text(number, seed)) }
        for number in 1...2 { try carl.append(text(number, seed)) }
        keepHead(carl, seed)
        keepHead(bert, seed)
        try log.close()
    }

    private static func secondLife(_ making: inout Making, _ mode: SegmentHeader.CommitMode, _ seed: UInt64) throws {
        let log = try open(making, mode, seed: seed + 10)
        var (anna, bert) = (try Appender(log, "anna"), try Appender(log, "bert"))
        try anna.append(text(6, seed))
        try snapshot(log, "anna", through: 6, seed)
        for number in 7...8 { try anna.append(text(number, seed)) }
        try snapshot(log, "anna", through: 8, seed)
        try log.trim(sessionID("anna"), keeping: nil)
        try bert.append(text(5, seed))
        keepHead(bert, seed)
        keepHead(anna, seed)
        _ = try log.setAside(Array("a line".utf8), session: nil, path: "import", offset: 0, reason: "not JSON")
        try log.close()
    }

    private static func thirdLife(
        _ making: inout Making, _ mode: SegmentHeader.CommitMode, _ seed: UInt64, isClosed: Bool
    ) throws {
        let log = try open(making, mode, seed: seed + 20)
        var (anna, bert) = (try Appender(log, "anna"), try Appender(log, "bert"))
        try anna.append(text(9, seed))
        try bert.append("brief")
        try bert.append(text(7, seed))
        try log.flushToSegments()
        try making.remember()
        keepHead(anna, seed)
        for number in 10...12 { try anna.append(text(number, seed)) }
        for number in 8...10 { try bert.append(text(number, seed)) }
        try making.remember()
        try anna.append(text(13, seed))
        if isClosed { try log.close() } else { log.abandon() }
    }

    private static func keepHead(_ session: Appender, _ seed: UInt64) {
        guard let sequence = session.log.beginHead(session.claim) else { return }
        _ = session.log.putHead(session.claim, through: sequence, headContent(sequence, "of \(seed)"))
    }

    private static func snapshot(_ log: LocalLog, _ session: String, through last: UInt64, _ seed: UInt64) throws {
        try log.putSnapshot(sessionID(session), through: last) { (sink) throws(LogError) in
            try sink.write(Array("{\"session_id\":\"\(session)\",\"seed\":\(seed),\"through\":\(last)}".utf8))
        }
    }

    private static func text(_ number: Int, _ seed: UInt64) -> String {
        message(number * 10 + Int(seed), byteCount: 90)
    }
}

// MARK: A store of sessions

extension RotStore {
    /// Two conversations written through the session layer, one with an open turn, and a crash.
    static func sessionStore() throws -> RotStore {
        try finished("conversations, after a crash", .journal) { seed in
            var making = Making()
            try conversations(&making, seed, isSecond: false)
            try making.remember()
            try conversations(&making, seed, isSecond: true)
            return making
        }
    }

    private static func conversations(_ making: inout Making, _ seed: UInt64, isSecond: Bool) throws {
        var options = StoreOptions()
        options.compactsInBackground = false
        options.keptHeadByteCount = 0
        options.now = { 1_700_000_000_000 }
        let engine = Self.options(.journal, seed: isSecond ? seed + 10 : seed)
        let opened = try HoldfastStore.opened(in: making.storage, engine: engine, options: options)
        let store = opened.store
        try opened.log.flushToSegments()
        for name in ["chat", "plan"] {
            if !isSecond { try store.writeBlocking(.create(name, fields: JSON("{\"title\":\"\(seed)\"}"))) }
            for number in 1...3 { try store.writeBlocking(.append(to: name, [said(number, seed)])) }
        }
        try store.compactBlocking("chat")
        try store.writeBlocking(.append(to: "chat", [said(4, seed)]))
        guard isSecond else { return try store.close() }
        try store.writeBlocking(.beginTurn(in: "chat", turn: "t", message: said(5, seed)))
        opened.log.abandon()
    }

    private static func said(_ number: Int, _ seed: UInt64) -> JSON {
        JSON("{\"role\":\"user\",\"content\":\"message \(number) of \(seed)\"}")
    }
}

extension SimulatedStorage {
    /// The content of every file, by path.
    func allFiles(in folder: String = "") throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for entry in try list(folder) {
            let path = folder.isEmpty ? entry.name : "\(folder)/\(entry.name)"
            if entry.isDirectory {
                files.merge(try allFiles(in: path)) { first, _ in first }
            } else {
                files[path] = try readAll(path, limit: 1 << 20)
            }
        }
        return files
    }
}
