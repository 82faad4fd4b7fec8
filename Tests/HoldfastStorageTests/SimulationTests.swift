import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// What a power cut and a broken disk do to the simulated storage.
@Suite struct SimulationTests {
    let storage = SimulatedStorage()

    @Test func aFileWhoseEntryWasNotSyncedIsLost() throws {
        try storage.put("a", bytes("synced"), sync: true)
        #expect(try storage.crash(.dropAll).attributes("a") == nil)
        #expect(try storage.processCrash().get("a") == bytes("synced"))
        try storage.syncDirectory("")
        #expect(try storage.crash(.dropAll).get("a") == bytes("synced"))
    }

    @Test func anEntryWithoutItsBytes() throws {
        try storage.put("a", bytes("not synced"))
        try storage.syncDirectory("")
        #expect(try storage.crash(.dropAll).get("a") == [])
        #expect(try storage.crash(.dropBytes).get("a") == [UInt8](repeating: 0, count: 10))
        #expect(try storage.crash(.keepAll).get("a") == bytes("not synced"))
    }

    @Test func aDirectoryThatIsLostTakesItsFilesAlong() throws {
        try storage.createDirectory("d")
        try storage.put("d/a", [1], sync: true)
        try storage.syncDirectory("d")
        #expect(try storage.crash(.dropAll).list("") == [])
        try storage.syncDirectory("")
        #expect(try storage.crash(.dropAll).get("d/a") == [1])
    }

    @Test func renameIsAtomicAndLostUntilTheDirectoryIsSynced() throws {
        try storage.put("old", [1], sync: true)
        try storage.put("new", [2], sync: true)
        try storage.syncDirectory("")
        try storage.rename("new", "old")
        let before = storage.crash(.dropAll)
        #expect(try before.get("old") == [1])
        #expect(try before.get("new") == [2])
        let after = storage.crash(.keepAll)
        #expect(try after.get("old") == [2])
        #expect(try after.attributes("new") == nil)
        try storage.syncDirectory("")
        #expect(try storage.crash(.dropAll).get("old") == [2])
    }

    @Test func renameBetweenDirectoriesIsInExactlyOneOfThem() throws {
        try storage.createDirectory("d")
        try storage.put("a", [1], sync: true)
        try storage.syncDirectory("")
        try storage.rename("a", "d/a")
        try storage.rename("d/a", "a")
        try storage.rename("a", "d/b")
        for policy in CrashPolicy.exhaustive(count: storage.unsynced.count) {
            let crashed = storage.crash(policy)
            let names = try crashed.list("") + crashed.list("d")
            #expect(names.filter { !$0.isDirectory }.count == 1, "\(policy)")
        }
        try storage.syncDirectory("d")
        #expect(try storage.crash(.dropAll).get("d/b") == [1])
    }

    @Test func removeIsUndoneUntilTheDirectoryIsSynced() throws {
        try storage.put("a", [1], sync: true)
        try storage.syncDirectory("")
        try storage.remove("a")
        #expect(try storage.crash(.dropAll).get("a") == [1])
        try storage.syncDirectory("")
        #expect(try storage.crash(.dropAll).list("") == [])
        #expect(storage.unsynced.isEmpty)
    }

    @Test func aFileThatMovedTwiceStaysWhereTheSyncFoundIt() throws {
        try storage.createDirectory("d")
        try storage.syncDirectory("")
        try storage.put("a", [1], sync: true)
        try storage.rename("a", "d/a")
        try storage.syncDirectory("d")
        for policy in [CrashPolicy.dropAll, .keepAll] {
            #expect(try storage.crash(policy).get("d/a") == [1])
        }
    }

    @Test func bytesOfAFileThatIsDurablyRemovedAreForgotten() throws {
        try storage.put("a", [1])
        try storage.syncDirectory("")
        #expect(storage.unsynced.count == 2)
        try storage.remove("a")
        try storage.syncDirectory("")
        #expect(storage.unsynced.isEmpty)
    }

    @Test func policiesSelectChanges() throws {
        let file = try storage.open("a", .create)
        try file.truncate(to: 3)
        try file.sync()
        try storage.syncDirectory("")
        for index in 0..<3 { try file.write([UInt8(index + 1)], at: UInt64(index)) }
        #expect(storage.unsynced.count == 3)
        #expect(try storage.crash(.dropOnly(1)).get("a") == [1, 0, 3])
        #expect(try storage.crash(.keepOnly(1)).get("a") == [0, 2, 0])
        #expect(try storage.crash(.prefix(2)).get("a") == [1, 2, 0])
        #expect(try storage.get("a") == [1, 2, 3])
    }

    @Test func aTruncateCanBeLost() throws {
        try storage.put("a", [1, 2, 3], sync: true)
        try storage.syncDirectory("")
        let file = try storage.open("a", .readWrite)
        try file.truncate(to: 1)
        #expect(try storage.crash(.dropAll).get("a") == [1, 2, 3])
        try file.sync()
        #expect(try storage.crash(.dropAll).get("a") == [1])
    }

    @Test func aKillKeepsEverythingButMakesNothingDurable() throws {
        try storage.put("a", [1])
        let killed = storage.processCrash()
        #expect(try killed.get("a") == [1])
        #expect(try killed.crash(.dropAll).list("") == [])
        try killed.put("a", [2])
        #expect(try storage.get("a") == [1])
    }

    @Test func aCrashReleasesLocksAndHandles() throws {
        let lock = try storage.lock("lock")
        try storage.crash(.keepAll).lock("lock").release()
        try storage.processCrash().lock("lock").release()
        #expect(storage.openHandles == 1)
        lock.release()
        #expect(storage.openHandles == 0)
    }

    @Test func aFailedSyncPoisonsAndItsBytesNeverComeBack() throws {
        let file = try storage.open("a", .create)
        try storage.syncDirectory("")
        try file.write([1, 2], at: 0)
        storage.inject(Fault(.io, on: .sync))
        #expect(code { try file.sync() } == .io)
        #expect(code { try file.sync() } == .poisoned)
        #expect(code { try file.write([3], at: 0) } == .poisoned)
        #expect(code { try file.truncate(to: 0) } == .poisoned)
        #expect(try file.read(count: 2, at: 0) == [1, 2])
        try storage.open("a", .readWrite).sync()
        #expect(try storage.get("a") == [1, 2])
        #expect(try storage.crash(.keepAll).get("a") == [])
    }

    @Test func entriesStayPendingAfterAFailedDirectorySync() throws {
        try storage.put("a", [1], sync: true)
        storage.inject(Fault(.io, on: .syncDirectory))
        #expect(code { try storage.syncDirectory("") } == .io)
        #expect(try storage.crash(.dropAll).list("") == [])
        #expect(try storage.crash(.keepAll).get("a") == [1])
        try storage.syncDirectory("")
        #expect(try storage.crash(.dropAll).get("a") == [1])
    }

    @Test func crashesAtEveryOperation() throws {
        let crashes = Lock<[(String, SimulatedStorage)]>([])
        storage.onOperation { operation, storage in
            crashes.withLock { $0.append((operation.description, storage.crash(.dropAll))) }
        }
        try storage.put("a", [1], sync: true)
        try storage.syncDirectory("")
        storage.onOperation(nil)
        let expected = [
            "open a create", "truncate a to 0", "write a 1 bytes at 0", "sync a", "close a",
            "sync directory ",
        ]
        #expect(crashes.withLock { $0.map(\.0) } == expected)
        #expect(storage.operations.map(\.description) == expected)
        for (_, crashed) in crashes.withLock({ $0 }) { #expect(try crashed.list("") == []) }
        #expect(try storage.crash(.dropAll).get("a") == [1])
    }
}
