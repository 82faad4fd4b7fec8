import HoldfastBytes
import HoldfastProof
import HoldfastSimulation
import HoldfastStorage
import Testing

@testable import HoldfastEngine

struct JournalWriterTests {
    /// *Direct* entries of an old file count as long as it is there; the *sealed* ones that answer them stand in newer
    /// files.
    @Test func `an old file that is too small is gone, durably, before a newer one is overwritten`() throws {
        let storage = SimulatedStorage()
        var options = seededOptions(.segment)
        options.journalByteCounts = 8_192...65_536
        try storage.createDirectory(StoreLayout.journalFolder)
        try storage.syncDirectory("")
        func writer(_ used: [JournalWriter.IdleFile] = []) -> JournalWriter {
            let position = JournalPosition(lastFileName: 2)
            return JournalWriter(storage: storage, options: options, storeTag: 1, after: position, used: used)
        }
        let (small, large) = (StoreLayout.journalFile(1), StoreLayout.journalFile(2))
        let used = [
            try writer().createFile(byteCount: 4_096, path: small),
            try writer().createFile(byteCount: 65_536, path: large),
        ]
        let journal = writer(used)
        try journal.commit([], lowWaterMark: 0)  // from now on both may be overwritten
        #expect(storage.crash(.dropAll).contents.keys.contains(small))
        let key = SegmentKey(session: try #require(SessionID("a")), number: 1)
        let write = JournalWrite(segment: key, offset: 0, bytes: [UInt8](repeating: 1, count: 20_000))
        storage.inject(Fault(.io, on: .remove, path: small))
        let error = #expect(throws: StorageError.self) { try journal.commit([write], lowWaterMark: 0) }
        #expect(error.map(journal.leavesLogIntact) == true, "nothing was changed: the next commit may do it")
        try journal.commit([write], lowWaterMark: 0)
        let image = storage.crash(.dropAll)
        let header = try #require(image.contents[large]).withUnsafeBytes { try? JournalHeader(decoding: $0) }
        #expect(header?.number == 2)
        #expect(!image.contents.keys.contains(small))
    }
}
