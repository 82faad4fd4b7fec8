import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

@Suite struct OpeningTests {
    @Test func `a second writer is refused`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        let error = #expect(throws: LogError.self) { _ = try LocalLog(in: storage, options: seededOptions(seed: 2)) }
        #expect(error?.code == .busy)
        try log.close()
        try LocalLog(in: storage, options: seededOptions(seed: 3)).close()
    }

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment], [false, true])
    func `a store that was closed or abandoned leaves nothing in memory`(
        mode: SegmentHeader.CommitMode, isAbandoned: Bool
    ) throws {
        weak var storage: SimulatedStorage?
        weak var log: LocalLog?
        do {
            let disk = SimulatedStorage()
            let opened = try LocalLog(in: disk, options: seededOptions(mode), creating: true)
            (storage, log) = (disk, opened)
            var a = try Appender(opened, "a")
            try a.append(message(1))
            try opened.flushToSegments()
            if isAbandoned { opened.abandon() } else { try opened.close() }
        }
        #expect(log == nil && storage == nil)
    }

    @Test(arguments: [false, true])
    func `a store that lost store.json is not made anew, even if only the journal has its records`(
        isFlushed: Bool
    ) throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("in the journal")
        if isFlushed { try log.flushToSegments() }
        log.abandon()
        let image = storage.crash(.keepAll)
        try image.remove(StoreLayout.storeFile)
        let before = image.contents
        let error = #expect(throws: LogError.self) {
            _ = try LocalLog(in: image, options: seededOptions(seed: 2), creating: true)
        }
        #expect(error?.code == .damaged)
        #expect(image.contents.filter { $0.key != "lock" } == before.filter { $0.key != "lock" })
    }

    @Test func `a new store is small`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        var a = try Appender(log, "a")
        try a.append("{}")
        #expect(try byteCount(of: "", in: storage) < 1 << 20)
        try log.close()
        #expect(try byteCount(of: "", in: storage) < 300 << 10)
    }

    private func byteCount(of folder: String, in storage: SimulatedStorage) throws -> UInt64 {
        try storage.list(folder).reduce(0) { sum, entry in
            let path = folder.isEmpty ? entry.name : "\(folder)/\(entry.name)"
            if entry.isDirectory { return try sum + byteCount(of: path, in: storage) }
            return try sum + (storage.attributes(path)?.byteCount ?? 0)
        }
    }

    @Test func `after a crash only the sessions that the journal names are opened`() throws {
        let storage = SimulatedStorage()
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        for number in 0..<300 {
            var appender = try Appender(log, "s\(number)")
            try appender.append("{}")
            log.release(appender.claim)
        }
        try log.close()
        var options = seededOptions(seed: 2)
        // On a slow machine too nothing of it is flushed.
        options.flushInterval = 3_600_000
        let dirty = try LocalLog(in: storage, options: options)
        for number in 0..<10 {
            var appender = try Appender(dirty, "s\(number * 17)")
            try appender.append("dirty")
        }
        let image = storage.crash(.dropAll)
        dirty.abandon()
        let again = try LocalLog(in: image, options: seededOptions(seed: 3))
        #expect(again.recovery.sessions.count == 10)
        #expect(sessionFolders(touchedIn: image).count == 10)
        try again.close()

        let clean = image.crash(.dropAll)
        let third = try LocalLog(in: clean, options: seededOptions(seed: 4))
        #expect(third.recovery.wasClosedCleanly)
        #expect(sessionFolders(touchedIn: clean).isEmpty)
        try third.close()
    }

    private func sessionFolders(touchedIn storage: SimulatedStorage) -> Set<String> {
        Set(
            storage.operations.compactMap { operation in
                let parts = operation.path.split(separator: "/")
                return parts.count >= 3 && parts[0] == "sessions" ? parts[0...2].joined(separator: "/") : nil
            })
    }

    @Test func `readers see what is durable while the writer runs`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions()
        options.flushInterval = 1_000_000
        let log = try LocalLog(in: storage, options: options, creating: true)
        var a = try Appender(log, "a")
        for number in 0..<20 {
            try a.append(message(number))
            if number == 9 { try log.flushToSegments() }
            let reader = try ReadOnlyLog(in: storage)
            #expect(try payloads(reader, "a") == (0...number).map { message($0) })
        }
        #expect(throws: LogError.self) { _ = try ReadOnlyLog(in: storage).claim(id("a")) }
        try log.close()
    }

    @Test func `names from outside never leave the store`() throws {
        let storage = SimulatedStorage()
        let names = [
            "..", ".", "a/b", "/etc/passwd", "CON", "😀", "a\nb", "-rf", "%2e", ".hidden",
            String(repeating: "ä", count: 127), String(repeating: "x", count: 255), "a%00", " ",
        ]
        let log = try LocalLog(in: storage, options: seededOptions(), creating: true)
        for name in names {
            var appender = try Appender(log, name)
            try appender.append(message(name.utf8.count))
        }
        try log.close()
        let again = try LocalLog(in: storage, options: seededOptions(seed: 2))
        for name in names { #expect(try payloads(again, name) == [message(name.utf8.count)]) }
        try again.close()
        #expect(SessionID("") == nil && SessionID("a\0") == nil && SessionID(String(repeating: "x", count: 256)) == nil)
        #expect(try StoreCheck(storage).run().sessionCount == names.count)
    }
}
