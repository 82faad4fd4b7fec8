import Glibc
import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// Planned failures and limits of the simulated storage.
@Suite struct FaultTests {
    let storage = SimulatedStorage()

    @Test func theNthOperationFailsOnce() throws {
        storage.inject(Fault(.io, on: .open, occurrence: 2))
        try storage.put("a", [1])
        #expect(code { _ = try storage.get("a") } == .io)
        #expect(try storage.get("a") == [1])
    }

    @Test func fromThenOn() throws {
        try storage.put("a", [1])
        storage.inject(Fault(.readOnly, occurrence: 2, isLasting: true))
        #expect(try storage.attributes("a") != nil)
        #expect(code { _ = try storage.attributes("a") } == .readOnly)
        #expect(code { _ = try storage.list("") } == .readOnly)
        #expect(code { try storage.syncDirectory("") } == .readOnly)
        storage.clearFaults()
        #expect(try storage.get("a") == [1])
    }

    @Test func onlyBelowAPath() throws {
        try storage.createDirectory("d")
        try storage.createDirectory("dd")
        storage.inject(Fault(.io, path: "d", isLasting: true))
        try storage.put("dd/a", [1])
        #expect(code { try storage.put("d/a", [1]) } == .io)
    }

    @Test func everyKindOfOperationCanFail() throws {
        try storage.createDirectory("d")
        try storage.put("d/a", [1])
        let file = try storage.open("d/a", .readWrite)
        for kind in OperationKind.allCases where kind != .close {
            storage.inject(Fault(.other, on: kind))
            #expect(code { try perform(kind, file) } == .other, "\(kind)")
        }
        storage.inject(Fault(.io, on: .close))
        #expect(code { try file.close() } == .io)
        #expect(storage.openHandles == 0)
    }

    private func perform(_ kind: OperationKind, _ file: any StorageFile) throws {
        switch kind {
        case .open: _ = try storage.open("d/a", .read)
        case .createDirectory: try storage.createDirectory("e")
        case .list: _ = try storage.list("d")
        case .attributes: _ = try storage.attributes("d")
        case .remove: try storage.remove("d/a")
        case .removeDirectory: try storage.removeDirectory("d")
        case .rename: try storage.rename("d", "e")
        case .syncDirectory: try storage.syncDirectory("d")
        case .lock: _ = try storage.lock("lock")
        case .availableBytes: _ = try storage.availableBytes()
        case .read: _ = try file.read(count: 1, at: 0)
        case .write: try file.write([1], at: 0)
        case .sync: try storage.open("d/a", .readWrite).sync()
        case .truncate: try file.truncate(to: 0)
        case .byteCount: _ = try file.byteCount()
        case .close: try file.close()
        }
    }

    @Test func aFailingWriteHasWrittenAPart() throws {
        let file = try storage.open("a", .create)
        storage.inject(Fault(.io, on: .write))
        #expect(code { try file.write([1, 2, 3, 4], at: 0) } == .io)
        #expect(try storage.get("a") == [1, 2])
        storage.inject(Fault(.io, on: .write, bytesWritten: 3))
        #expect(code { try file.write([5, 6, 7, 8], at: 0) } == .io)
        #expect(try storage.get("a") == [5, 6, 7])
        storage.inject(Fault(.io, on: .write, bytesWritten: 0))
        #expect(code { try file.write([9], at: 0) } == .io)
        #expect(try storage.get("a") == [5, 6, 7])
    }

    @Test func aShortCountIsNoFailure() throws {
        let bytes = (0..<200).map { UInt8($0) }
        for kind in [OperationKind.read, .write] {
            let storage = SimulatedStorage()
            storage.inject(Fault(.shortCount, on: kind, isLasting: true))
            try storage.put("a", bytes)
            #expect(try storage.get("a") == bytes)
            // 200 bytes come as 100, 50, 25, 13, 6, 3, 2 (half of 3, rounded down, is 1), 1 and so on.
            #expect(storage.operations.count { $0.kind == kind } > 7)
        }
    }

    @Test func betweenTheHalvesOfAShortWriteThePowerCanFail() throws {
        let images = Lock<[[UInt8]]>([])
        storage.inject(Fault(.shortCount, on: .write))
        storage.onOperation { operation, disk in
            let content = disk.crash(.keepAll).contents["a"]
            if operation.kind == .write, let content { images.withLock { $0.append(content) } }
        }
        try storage.put("a", [1, 2, 3, 4])
        #expect(images.withLock { $0 } == [[], [1, 2]])
    }

    @Test func anInterruptedCallIsMadeAgain() throws {
        storage.inject(Fault(.failure(EINTR), isLasting: true))
        try storage.put("a", [1, 2, 3], sync: true)
        try storage.syncDirectory("")
        #expect(try storage.list("").map(\.name) == ["a"])
        #expect(try storage.crash(.dropAll).get("a") == [1, 2, 3])
        #expect(storage.openHandles == 0)
    }

    @Test(arguments: [EIO, ENOSPC, EDQUOT, EMFILE, EROFS])
    func theSystemsOwnNumberIsReported(number: Int32) throws {
        storage.inject(Fault(.failure(number), on: .open))
        let error = #expect(throws: StorageError.self) { try storage.put("a", []) }
        #expect(error?.errno == number && error?.code == StorageError.Code(errno: number))
    }

    @Test func aSyncThatFailsMayLeaveTheBytesDirty() throws {
        for losesBytes in [true, false] {
            let storage = SimulatedStorage()
            let file = try storage.open("a", .create)
            try storage.syncDirectory("")
            try file.write([1], at: 0)
            var fault = Fault(.io, on: .sync)
            fault.losesBytes = losesBytes
            storage.inject(fault)
            #expect(code { try file.sync() } == .io)
            #expect(try storage.get("a") == [1])
            #expect(try storage.crash(.dropAll).get("a") == [])
            #expect(try storage.crash(.keepAll).get("a") == (losesBytes ? [] : [1]))
            #expect(code { try file.write([2], at: 0) } == .poisoned)
        }
    }

    @Test func aFullDiskTakesWhatFits() throws {
        let file = try storage.open("a", .create)
        try file.write([UInt8](repeating: 1, count: 100), at: 0)
        storage.setAvailableBytes(8_192)
        #expect(try storage.availableBytes() == 8_192)
        #expect(code { try file.write([UInt8](repeating: 2, count: 20_000), at: 100) } == .noSpace)
        #expect(try file.byteCount() <= 12_288)
        #expect(try file.byteCount() > 100)
        try file.write([UInt8](repeating: 3, count: 100), at: 0)
        storage.setAvailableBytes(nil)
        try file.write([UInt8](repeating: 2, count: 20_000), at: 100)
    }

    @Test func spaceComesBackWithTheLastHandleOfARemovedFile() throws {
        storage.setAvailableBytes(8_192)
        let file = try storage.open("a", .create)
        try file.write([UInt8](repeating: 1, count: 8_192), at: 0)
        #expect(try storage.availableBytes() == 0)
        try storage.remove("a")
        #expect(try storage.availableBytes() == 0)
        try file.close()
        #expect(try storage.availableBytes() == 8_192)
    }

    @Test func aHoleTakesSpaceOnlyWhenItIsWritten() throws {
        storage.setAvailableBytes(4_096)
        let file = try storage.open("a", .create)
        try file.truncate(to: 1 << 20)
        #expect(try storage.availableBytes() == 4_096)
        try file.write([1], at: 9_000)
        #expect(try storage.availableBytes() == 0)
        #expect(code { try file.write([1], at: 0) } == .noSpace)
    }

    @Test func handlesAreLimited() throws {
        storage.setHandleLimit(2)
        let first = try storage.open("a", .create)
        let lock = try storage.lock("lock")
        #expect(code { _ = try storage.open("a", .read) } == .tooManyFiles)
        #expect(code { _ = try storage.open("new", .create) } == .tooManyFiles)
        #expect(try storage.attributes("new") == nil)
        lock.release()
        do { _ = try storage.open("a", .read) }
        _ = try storage.open("a", .read)
        try first.close()
        #expect(storage.openHandles == 0)
    }

    @Test func theClockMovesOnlyWhenTold() {
        let clock = SimulatedClock(wallMilliseconds: 1_000)
        clock.advance(milliseconds: 5)
        #expect(clock.wallMilliseconds() == 1_005)
        clock.setWall(milliseconds: 10)
        #expect(clock.wallMilliseconds() == 10)
        #expect(clock.monotonicNanoseconds() == 5_000_000)
    }
}
