import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import Testing

@testable import HoldfastProof

/// Records of which only the log's part matters.
private struct BareMeaning: SalvageMeaning {
    final class Fold: SalvageFold {
        func fits(_ record: LogRecord) -> Bool { true }
    }

    func filler(_ sequence: UInt64) -> (kind: UInt8, payload: [UInt8]) { (200, Array("lost".utf8)) }
    func time(of snapshot: any SnapshotSource) -> UInt64? { nil }
    func fold(from snapshot: (any SnapshotSource)?) -> any SalvageFold { Fold() }
}

/// A salvage of a damaged store, and all that can be asked about it.
private struct Salvaged {
    let store: RotStore
    let source: SimulatedStorage
    let target = SimulatedStorage()
    let report: SalvageReport
    /// The records of the new store, and its snapshots, by session.
    var records: [String: [LogRecord]] = [:]
    var findings: [RecoveryReport.Finding] = []

    init(
        _ store: RotStore, _ changed: [String: [UInt8]?], _ change: (inout SalvageOptions) -> Void = { _ in }
    ) throws {
        self.store = store
        source = store.image.clone()
        for (path, content) in changed { try source.put(content, at: path) }
        let before = try source.allFiles()
        report = try Self.run(source, target, store, change)
        #expect(try source.allFiles() == before, "the source has changed")
        findings = try StoreCheck(target).run().findings
        let log = try ReadOnlyLog(in: target)
        for name in store.truth.sessions.keys {
            let id = sessionID(name)
            let first = try target.allFiles().keys.contains { $0.hasPrefix(StoreLayout.sessionFolder(id)) }
            guard first else { continue }
            let told = report.sessions.first { $0.session == id }
            let from = told?.first ?? store.truth.sessions[name]?.records.first?.sequence ?? 1
            try log.read(id, from: from) { (record) throws(LogError) in
                records[name, default: []].append(record)
                return true
            }
        }
    }

    static func run(
        _ source: SimulatedStorage, _ target: SimulatedStorage?, _ store: RotStore,
        _ change: (inout SalvageOptions) -> Void = { _ in }
    ) throws -> SalvageReport {
        var options = SalvageOptions()
        options.engine = RotStore.options(.journal, seed: 4_711)
        change(&options)
        let meaning: any SalvageMeaning = store.name.hasPrefix("conv") ? SessionMeaning() : BareMeaning()
        return try StoreSalvage(from: source, options: options, meaning: meaning).run(to: target)
    }

    func isFiller(_ record: LogRecord) -> Bool {
        record.kind == 200 || record.payload.suffix(12).elementsEqual(Array("\"lost\":true}".utf8))
    }
}

struct SalvageTests {
    private static let isQuick = getenv("HOLDFAST_QUICK") != nil

    /// Damage of all kinds, spread evenly.
    private func forEachCase(
        _ count: Int, _ body: (RotStore, [String: [UInt8]?], RotKind, Comment) throws -> Void
    ) throws {
        for store in try RotStore.all() {
            let cases = RotCases(store)
            for index in stride(from: 5, to: cases.count, by: max(1, cases.count / (Self.isQuick ? 40 : count))) {
                let (kind, path, changed) = cases.make(index)
                try body(store, changed, kind, "\(store.name), case \(index): \(path): \(kind.rawValue)")
            }
        }
    }

    @Test func everythingThatCanBeProvedIsSavedAndEveryLossIsNamed() throws {
        var (losses, fromElsewhere) = (0, 0)
        try forEachCase(150) { store, changed, _, place in
            let saved = try Salvaged(store, changed) { $0.mode = .skip }
            let expected = RotExpectation(changed, store)
            #expect(saved.findings == [], place)
            for (name, truth) in store.truth.sessions {
                let told = saved.report.sessions.first { $0.session.text == name }
                let found = saved.records[name] ?? []
                let byNumber = Dictionary(uniqueKeysWithValues: truth.records.map { ($0.sequence, $0) })
                for record in found where !saved.isFiller(record) {
                    #expect(byNumber[record.sequence] == record, "\(name) \(record.sequence); \(place)")
                }
                let kept = Set(found.filter { !saved.isFiller($0) }.map(\.sequence))
                let base = found.first.map { $0.sequence - 1 } ?? (told?.last ?? 0)
                let missing = Set(truth.records.map(\.sequence)).subtracting(kept).filter { $0 > base }
                let bearable = expected.fates[name]?.lost ?? []
                #expect(missing.isSubset(of: bearable), "\(name) lacks \(missing.sorted()); \(place)")
                // What is missing is named, and what is named is missing.
                let named = Set((told?.losses ?? []).flatMap { Array($0.first...$0.last) })
                let proven = expected.fates[name]?.proven ?? .max
                // Of a batch that cannot be read nobody knows whose records it held.
                let isJournalNamed = saved.report.findings.contains { $0.path.hasPrefix(StoreLayout.journalFolder) }
                // Damage at the end is named by its place, where nothing tells how many records were behind it.
                let isDamageNamed = told?.findings.contains { $0.kind == .committedDamage } ?? false
                let isEndNamed = isDamageNamed || told?.losses.last?.path != nil
                let isNamed = isJournalNamed || missing.filter { $0 <= proven }.isSubset(of: named)
                #expect(isNamed || isEndNamed && missing.max() == truth.records.last?.sequence, "\(name); \(place)")
                #expect(named.isDisjoint(with: kept), "\(name); \(place)")
                losses += named.count
                fromElsewhere += (told?.fromJournal ?? 0) + (told?.fromQuarantine ?? 0)
                if let told, told.last > 0 {
                    #expect(told.recordCount == kept.count && told.fillerCount == found.count - kept.count, place)
                }
            }
            #expect(saved.report.provedRecordCount == saved.records.values.reduce(0) { $0 + $1.count }, place)
        }
        #expect(losses > 0 && fromElsewhere > 0)
    }

    @Test func withoutLeaveASessionEndsBeforeItsFirstLoss() throws {
        var leftOut = 0
        try forEachCase(60) { store, changed, _, place in
            let saved = try Salvaged(store, changed)
            #expect(saved.findings == [], place)
            for (name, found) in saved.records {
                let told = saved.report.sessions.first { $0.session.text == name }
                let newest = store.truth.sessions[name]?.snapshots.keys.max() ?? 0
                let fillers = found.filter(saved.isFiller).map(\.sequence)
                #expect(fillers.allSatisfy { $0 <= newest }, "a record is made up; \(place)")
                leftOut += told?.leftOutCount ?? 0
            }
        }
        #expect(leftOut > 0)
    }

    @Test func aFlippedBitOfASegmentIsFoundAndOnRequestTurnedBack() throws {
        var (repaired, told) = (0, 0)
        try forEachCase(600) { store, changed, kind, place in
            guard kind == .bit, let path = changed.keys.first, path.hasSuffix(".segment"), repaired < 120 else {
                return
            }
            let before = store.files[path] ?? []
            let after = changed[path].flatMap { $0 } ?? []
            guard let byte = before.indices.first(where: { before[$0] != after[$0] }) else { return }
            let saved = try Salvaged(store, changed) { $0.repairsBits = true }
            for (name, truth) in store.truth.sessions {
                #expect(saved.records[name]?.filter { !saved.isFiller($0) } == truth.records, place)
            }
            let bits = saved.report.sessions.flatMap(\.repairedBits)
            // Where another source has the record, or a mark has gone, nothing needs to be turned back.
            if !bits.isEmpty {
                let bit = (0..<8).first { before[byte] ^ after[byte] == 1 << UInt8($0) }
                #expect(bits == [FlippedBit(offset: UInt64(byte), bit: bit ?? 9)], place)
                repaired += 1
            }
            // Without leave it is named and not used.
            let careful = try Salvaged(store, changed)
            #expect(careful.report.sessions.allSatisfy { $0.repairedBits.isEmpty }, place)
            told += careful.report.sessions.flatMap(\.losses).filter { $0.bit != nil }.count
        }
        #expect(repaired > (Self.isQuick ? 1 : 20) && told > 0, "\(repaired) \(told)")
    }

    @Test func aTrialRunTellsTheSameAndMakesNothing() throws {
        try forEachCase(20) { store, changed, _, place in
            let saved = try Salvaged(store, changed)
            let trial = try Salvaged.run(saved.source, nil, store)
            #expect(trial.sessions == saved.report.sessions && trial.findings == saved.report.findings, place)
            #expect(trial.recordCount == saved.report.recordCount && trial.byteCount == saved.report.byteCount, place)
        }
    }

    @Test func threadsChangeNothing() throws {
        try forEachCase(6) { store, changed, _, place in
            let alone = try Salvaged(store, changed)
            let team = try Salvaged(store, changed) { $0.threadCount = 3 }
            #expect(alone.report.sessions == team.report.sessions && alone.records == team.records, place)
        }
    }

    @Test func aSalvageThatIsKilledAnywhereIsDoneAgain() throws {
        let store = try RotStore.engineStore(.journal, isClosed: false)
        let segment = try #require(store.files.keys.filter { $0.hasSuffix(".segment") }.sorted().first)
        let damaged = store.files[segment].map { Array($0.dropLast(40)) + [UInt8](repeating: 7, count: 40) }
        let whole = try Salvaged(store, [segment: damaged]) { $0.mode = .skip }
        let source = whole.source
        let images = KilledImages()
        let target = SimulatedStorage()
        target.onOperation { _, storage in images.add(storage) }
        _ = try Salvaged.run(source, target, store) { $0.mode = .skip }
        #expect(images.count > 50)
        for image in images.all {
            if (try? image.readAll(StoreLayout.storeFile, limit: 4_096)) != nil {
                // The last steps: it is a store, whole.
                #expect(try StoreCheck(image).run().findings == [])
                continue
            }
            #expect(throws: LogError.self) { try LocalLog(in: image) }
            _ = try Salvaged.run(source, image, store) { $0.mode = .skip }
            for name in store.truth.sessions.keys {
                var found: [LogRecord] = []
                let from = whole.records[name]?.first?.sequence ?? 1
                try ReadOnlyLog(in: image).read(sessionID(name), from: from) { (record) throws(LogError) in
                    found.append(record)
                    return true
                }
                #expect(found == whole.records[name])
            }
        }
    }

    @Test func aSegmentThatTheDiskCannotReadIsLostAloneAndNamed() throws {
        let store = try RotStore.engineStore(.journal, isClosed: true)
        let source = store.image.clone()
        let segment = StoreLayout.segmentFile(sessionID("bert"), 1)
        source.inject(Fault(.io, on: .read, path: segment, isLasting: true))
        let report = try Salvaged.run(source, SimulatedStorage(), store) { $0.mode = .skip }
        #expect(report.sessions.map(\.session.text) == ["bert"])
        #expect(report.sessions.first?.losses.first?.first == 1 && report.hasLosses)
        #expect(
            report.recordCount
                >= store.truth.sessions.filter { $0.key != "bert" }.reduce(0) { $0 + $1.value.records.count })
    }

    @Test func aFolderThatIsNotEmptyIsRefused() throws {
        let store = try RotStore.engineStore(.journal, isClosed: true)
        let target = SimulatedStorage()
        try target.open("mine", .create).write(Array("x".utf8), at: 0)
        #expect(throws: LogError.self) { try Salvaged.run(store.image, target, store) }
        #expect(try target.allFiles() == ["mine": Array("x".utf8)])
    }

    @Test func anEarlierPointIsReached() throws {
        let store = try RotStore.engineStore(.journal, isClosed: false)
        for last in UInt64(1)...10 {
            let saved = try Salvaged(store, [:]) { options in
                options.untilSequence = last
                options.sessions = [sessionID("bert")]
            }
            let truth = store.truth.sessions["bert"]?.records ?? []
            #expect(saved.records == ["bert": Array(truth.prefix { $0.sequence <= last })])
            #expect(saved.findings == [])
        }
    }
}

/// Images of a disk at every moment.
private final class KilledImages: @unchecked Sendable {  // one thread
    private(set) var all: [SimulatedStorage] = []
    var count: Int { all.count }
    func add(_ storage: SimulatedStorage) {
        all.append(storage.crash(count % 2 == 0 ? .dropAll : .random(seed: UInt64(count))))
    }
}
