import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// One moment at which the machine might have died.
private struct Moment: Sendable {
    var operation: String
    var image: SimulatedStorage
    var ledger: [String: Ledger.Entry]
}

/// Runs a workload and keeps the disk as it was before each of its operations.
private func moments(
    _ mode: SegmentHeader.CommitMode, seed: UInt64 = 1, _ workload: (LocalLog, Ledger) throws -> Void
) throws -> [Moment] {
    let storage = SimulatedStorage()
    let ledger = Ledger()
    let found = Lock<[Moment]>([])
    storage.onOperation { operation, disk in
        // The ledger first: what it holds by now must be in the image.
        let state = ledger.state
        guard operation.kind.changesTheDisk else { return }
        found.withLock { $0.append(Moment(operation: "\(operation)", image: disk.clone(), ledger: state)) }
    }
    var options = seededOptions(mode, seed: seed)
    options.segmentByteCount = 1_500
    options.flushInterval = 3
    let log = try LocalLog(in: storage, options: options, creating: true)
    try workload(log, ledger)
    try log.close()
    storage.onOperation(nil)
    return found.withLock { $0 } + [Moment(operation: "the end", image: storage.clone(), ledger: ledger.state)]
}

extension OperationKind {
    fileprivate var changesTheDisk: Bool {
        switch self {
        case .read, .list, .attributes: false
        default: true
        }
    }
}

/// Three sessions, rotation, release, snapshots and trimming.
private func script(_ log: LocalLog, _ ledger: Ledger) throws {
    var appenders = [try Appender(log, "a"), try Appender(log, "b"), try Appender(log, "c/..")]
    let names = ["a", "b", "c/.."]
    for number in 0..<24 {
        let index = number % 3
        let text = message(number, byteCount: number % 5 == 0 ? 700 : 120)
        ledger.submit(names[index], text)
        try appenders[index].append(text, durability: .durable)
        ledger.acknowledge(names[index])
        if number % 8 == 7 { try log.flushToSegments() }
        if number == 12 {
            log.release(appenders[0].claim)
            appenders[0] = try Appender(log, "a")
        }
        if number == 14 || number == 20 {
            let sequence = appenders[1].last
            ledger.snapshot("b", sequence)
            try log.putSnapshot(id("b"), through: sequence) { (sink) throws(LogError) in
                try sink.write(Array("{\"session_id\":\"b\",\"sequence\":\(sequence)".utf8))
            }
            try log.trim(id("b"), keeping: nil)
        }
    }
}

@Suite struct CrashTests {
    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func `no crash at any operation loses what was acknowledged`(mode: SegmentHeader.CommitMode) throws {
        let moments = try moments(mode, script)
        #expect(moments.count > 100)
        var images = 0
        for (index, moment) in moments.enumerated() {
            if isQuick && index % 6 != 0 { continue }
            let seeds = (0..<3).map { CrashPolicy.random(seed: UInt64(index * 10 + $0)) }
            for policy in [.dropAll, .keepAll, .dropBytes] + seeds {
                let wrong = verdict(on: moment.image.crash(policy), moment.ledger, seed: UInt64(index + 100))
                images += 1
                #expect(wrong == [], "before '\(moment.operation)' (\(index) of \(moments.count)), \(policy), \(mode)")
                if !wrong.isEmpty { return }
            }
        }
        print("crash images checked (\(mode)): \(images)")
    }
}
