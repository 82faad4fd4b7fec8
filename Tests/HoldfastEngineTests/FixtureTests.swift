import Glibc
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

/// The folder of this test target, and the project's root.
private let here = String(#filePath.dropLast("/FixtureTests.swift".count))
private let root = String(here.dropLast("/Tests/HoldfastEngineTests".count))

/// A copy in memory of the fixture `name`, which was made by hand from docs/format.md.
private func fixture(_ name: String) throws -> SimulatedStorage {
    let source = try PosixStorage(root: "\(here)/Fixtures/v4/\(name)", readOnly: true)
    let copy = SimulatedStorage()
    try copyFolder("", from: source, to: copy)
    return copy.crash(.keepAll)
}

private func copyFolder(_ folder: String, from source: any Storage, to target: any Storage) throws {
    for entry in try source.list(folder) {
        let path = folder.isEmpty ? entry.name : "\(folder)/\(entry.name)"
        if entry.isDirectory {
            try target.createDirectory(path)
            try copyFolder(path, from: source, to: target)
        } else {
            let file = try target.open(path, .createNew)
            try file.write(try source.readAll(path, limit: 1 << 26), at: 0)
            try file.close()
        }
    }
}

/// What the page says must be found in a fixture.
private struct Expectation {
    struct Session {
        var id: String
        var recordCount: Int
        var digest: String
        var verdict: String
    }

    var code: Int64
    var sessions: [Session] = []

    init(_ name: String) throws {
        let storage = try PosixStorage(root: "\(here)/Fixtures/v4", readOnly: true)
        let tree = try JSONTree.parse(try storage.readAll("\(name).expected.json", limit: 1 << 20))
        code = try #require(tree.root["exit"]?.int)
        sessions = try Self.sessions(tree.root["report"])
    }

    static func sessions(_ report: JSONRef?) throws -> [Session] {
        guard let report, report.kind == .object, let list = report["sessions"] else { return [] }
        return try list.elements.map { session in
            Session(
                id: try #require(session["id"]?.string), recordCount: Int(try #require(session["records"]?.int)),
                digest: try #require(session["payload_sha256"]?.string),
                verdict: try #require(session["verdict"]?.string))
        }
    }
}

/// All payloads of a session up to its damage: how many, and the digest of their concatenation.
private func content(_ log: any SessionLog, _ session: String) throws -> (count: Int, digest: String) {
    var bytes: [UInt8] = []
    var count = 0
    do {
        try log.read(id(session), from: 1) { record in
            bytes += record.payload
            count += 1
            return true
        }
    } catch {
        guard error.code == .damaged || error.code == .unknownSession else { throw error }
    }
    return (count, SHA256Digest.hex(bytes))
}

@Suite struct FixtureTests {
    static let names = [
        "store-journal", "store-crashed", "store-newer", "store-older", "damaged-torn-tail", "damaged-promise-behind",
        "damaged-payload-bit", "damaged-missing-segment", "damaged-lost-end",
    ]

    @Test(arguments: names) func `the engine reads what was made by hand from the page`(name: String) throws {
        let expected = try Expectation(name)
        guard expected.code != 3 else {
            let error = #expect(throws: LogError.self) { _ = try ReadOnlyLog(in: try fixture(name)) }
            #expect(error?.code == (name == "store-newer" ? .newerFormat : .olderFormat))
            return
        }
        let log = try ReadOnlyLog(in: try fixture(name))
        for session in expected.sessions {
            let found = try content(log, session.id)
            #expect(found.count == session.recordCount, "\(session.id)")
            #expect(found.digest == session.digest, "\(session.id)")
        }
        let report = try StoreCheck(try fixture(name)).run()
        #expect(report.hasCommittedDamage == (expected.code == 2), "\(report.findings)")
    }

    @Test(arguments: names.filter { !["store-newer", "store-older"].contains($0) })
    func `the engine opens, recovers and goes on`(name: String) throws {
        let expected = try Expectation(name)
        let storage = try fixture(name)
        var options = seededOptions()
        let clock = SimulatedClock(wallMilliseconds: 2_000_000_000_000)
        options.clock = clock
        let log = try LocalLog(in: storage, options: options)
        for session in expected.sessions where session.verdict == "end" && expected.code == 0 {
            var appender = try Appender(log, session.id)
            let before = try content(log, session.id).count
            try appender.append("after")
            #expect(try content(log, session.id).count == before + 1)
        }
        try log.close()
    }

    /// Stores that the engine makes, read by the reader that was written from the page alone.
    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment], ["closed", "live"])
    func `the independent reader agrees with the engine`(mode: SegmentHeader.CommitMode, state: String) throws {
        var template = Array("/tmp/holdfast-test-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { _ = run("rm", ["-rf", folder]) }
        var options = EngineOptions()
        options.commitMode = mode
        options.segmentByteCount = 20_000
        let log = try LocalLog(in: try PosixStorage(root: folder), options: options, creating: true)
        let names = ["plain", "a/b é", "..", String(repeating: "x", count: 255)]
        for (index, name) in names.enumerated() {
            var appender = try Appender(log, name)
            for number in 0..<60 { try appender.append(message(number * index, byteCount: 5 + number * 40)) }
            if index == 1 { log.release(appender.claim) }
        }
        if state == "closed" { try log.close() }
        guard let reader = run("python3", ["\(root)/tools/format-reader", folder, "--json"]) else {
            Issue.record("python3 cannot be started")
            return
        }
        #expect(reader.code == 0)
        let report = try JSONTree.parse(reader.output)
        let found = try Expectation.sessions(report.root)
        #expect(found.map(\.id).sorted() == names.sorted())
        let own: any SessionLog = try ReadOnlyLog(in: try PosixStorage(root: folder, readOnly: true))
        for session in found {
            let content = try content(own, session.id)
            #expect(content.count == 60 && session.recordCount == 60)
            #expect(content.digest == session.digest)
        }
        if state == "live" { try log.close() }
    }
}
