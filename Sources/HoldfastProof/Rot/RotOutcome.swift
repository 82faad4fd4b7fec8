import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage

/// What the engine made of a store after something was done to its files.
struct RotOutcome: Sendable {
    /// What was seen of one session.
    struct Session: Sendable {
        /// What reading from the first record gave out, and how it ended.
        var records: [LogRecord] = []
        var readError: LogError?
        /// What can be read past the damage.
        var salvaged: [LogRecord] = []
        var claimError: LogError?
        /// Whether a record that was appended afterwards is there.
        var tookAppend = false
        var snapshot: [UInt8]?
        /// What was kept of it.
        var head: KeptHead?
        /// The record that its row in the list reflects; `nil` without a row.
        var listed: UInt64?
    }

    var openError: LogError?
    /// What verifying found before the store was opened; `checkError` when it could not run.
    var checked: [RecoveryReport.Finding] = []
    var checkError: LogError?
    /// What opening found.
    var recovered: [RecoveryReport.Finding] = []
    var sessions: [String: Session] = [:]
    /// What another process is told of the counters before the store is opened, and after it was let go again; `nil`
    /// when that ended with an error.
    var meterBefore: MeterReading?
    var meterAfter: MeterReading?
    /// How many calls of the storage all of it took.
    var operationCount = 0

    var findings: [RecoveryReport.Finding] { checked + recovered }
}

extension RotOutcome {
    /// Verifies, opens, reads, lists and appends, as a user would.
    init(of store: RotStore, _ changed: [String: [UInt8]?], seed: UInt64) {
        let disk = store.image.clone()
        do {
            for (path, content) in changed { try disk.put(content, at: path) }
        } catch {
            preconditionFailure("the simulated disk refuses: \(error)")
        }
        meterBefore = Self.meter(disk)
        check(disk, store)
        open(disk, store, seed)
        meterAfter = Self.meter(disk)
        operationCount = disk.operations.count
    }

    private static func meter(_ disk: SimulatedStorage) -> MeterReading? {
        try? MeterReading(of: disk) { _ in nil }
    }

    private mutating func check(_ disk: SimulatedStorage, _ store: RotStore) {
        do throws(LogError) {
            let check = try StoreCheck(disk)
            checked = try check.run().findings
            let isQuiet = !checked.contains { $0.kind != .derived }
            for name in store.truth.sessions.keys {
                var session = Session()
                if !isQuiet { try check.salvage(sessionID(name)) { session.salvaged.append($0) } }
                sessions[name] = session
            }
        } catch {
            checkError = error
        }
    }

    private mutating func open(_ disk: SimulatedStorage, _ store: RotStore, _ seed: UInt64) {
        let log: LocalLog
        do throws(LogError) {
            log = try LocalLog(in: disk, options: RotStore.options(store.mode, seed: seed))
        } catch {
            openError = error
            return
        }
        recovered = log.recovery.findings
        for (name, truth) in store.truth.sessions {
            var session = sessions[name] ?? Session()
            session.look(at: log, name, from: truth.records.first?.sequence ?? 1)
            sessions[name] = session
        }
        try? log.list { (row) throws(LogError) in
            sessions[row.session.text]?.listed = row.sequence
            return true
        }
        for name in store.truth.sessions.keys { sessions[name]?.append(to: log, name) }
        log.abandon()
    }
}

extension RotOutcome.Session {
    fileprivate mutating func look(at log: LocalLog, _ name: String, from first: UInt64) {
        do throws(LogError) {
            try log.read(sessionID(name), from: first) { (record) throws(LogError) in
                records.append(record)
                return true
            }
        } catch {
            readError = error
        }
        guard let source = try? log.snapshot(sessionID(name), through: .max) else { return }
        snapshot = try? source.read(at: 0, count: source.byteCount)
    }

    /// Appends a record and reads it back. Before this the outcome of the claim is not known.
    fileprivate mutating func append(to log: LocalLog, _ name: String) {
        let claim: LogClaim
        do throws(LogError) {
            claim = try log.claim(sessionID(name))
            head = try log.head(sessionID(name))
        } catch {
            claimError = error
            return
        }
        let outcomes = Outcomes()
        let payload = Array("after".utf8)
        let sequence = try? log.append(
            claim, expected: claim.lastSequence, kind: 3, time: 1_800_000_000_000, payload: payload,
            durability: .durable, completion: outcomes.completion())
        guard let sequence, outcomes.wait() == [nil] else { return }
        try? log.read(sessionID(name), from: sequence) { (record) throws(LogError) in
            tookAppend = record.sequence == sequence && record.payload == payload
            return true
        }
    }
}

extension SimulatedStorage {
    /// Makes `content` the file at `path`; `nil` removes it.
    func put(_ content: [UInt8]?, at path: String) throws {
        guard let content else { return try remove(path) }
        let file = try open(path, .readWrite)
        try file.truncate(to: UInt64(content.count))
        try file.write(content, at: 0)
        try file.close()
    }
}
