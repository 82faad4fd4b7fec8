import HoldfastSimulation
import HoldfastStorage
import HoldfastThreads
import Testing

/// What every storage promises, run over both.
@Suite struct ConformanceTests {
    @Test(arguments: Subject.allCases)
    func readsBackWhatWasWritten(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let file = try storage.open("a", .createNew)
            let content = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try file.write(content, at: 0)
            try file.write([1, 2, 3], at: 4_095)
            var expected = content
            expected.replaceSubrange(4_095..<4_098, with: [1, 2, 3])
            #expect(try file.read(count: 30_000, at: 0) == expected)
            #expect(try file.read(count: 10, at: 19_995).count == 5)
            #expect(try file.read(count: 10, at: 20_000).isEmpty)
            #expect(try file.read(count: 10, at: 1 << 40).isEmpty)
            #expect(try file.byteCount() == 20_000)
        }
    }

    @Test(arguments: Subject.allCases)
    func gapsAndGrowthReadAsZeros(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let file = try storage.open("a", .create)
            try file.write([9], at: 10_000)
            #expect(try file.read(count: 20_000, at: 0) == [UInt8](repeating: 0, count: 10_000) + [9])
            try file.write([UInt8](repeating: 5, count: 100), at: 0)
            try file.truncate(to: 50)
            try file.truncate(to: 5_000)
            let expected = [UInt8](repeating: 5, count: 50) + [UInt8](repeating: 0, count: 4_950)
            #expect(try file.read(count: 6_000, at: 0) == expected)
            try file.write([8], at: 30_000)
            try file.truncate(to: 5_000)
            try file.truncate(to: 40_000)
            #expect(try file.read(count: 35_000, at: 5_000) == [UInt8](repeating: 0, count: 35_000))
        }
    }

    @Test(arguments: Subject.allCases)
    func openModes(_ subject: Subject) throws {
        try subject.withStorage { storage in
            #expect(code { _ = try storage.open("a", .read) } == .notFound)
            #expect(code { _ = try storage.open("a", .readWrite) } == .notFound)
            #expect(code { _ = try storage.open("missing/a", .create) } == .notFound)
            try storage.open("a", .createNew).write([1], at: 0)
            #expect(code { _ = try storage.open("a", .createNew) } == .exists)
            #expect(try storage.open("a", .create).byteCount() == 1)
            let reader = try storage.open("a", .read)
            #expect(code { try reader.write([2], at: 0) } == .invalid)
            #expect(code { try reader.truncate(to: 0) } == .invalid)
            #expect(code { _ = try storage.open("a/b", .create) } == .notADirectory)
            try storage.createDirectory("d")
            for mode in [OpenMode.read, .readWrite, .create] {
                #expect(code { _ = try storage.open("d", mode) } == .isADirectory, "\(mode)")
            }
            #expect(code { _ = try storage.open("d", .createNew) } == .exists)
        }
    }

    @Test(arguments: Subject.allCases)
    func aClosedHandleRefuses(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let file = try storage.open("a", .create)
            try file.close()
            try file.close()
            #expect(code { try file.write([1], at: 0) } == .invalid)
            #expect(code { _ = try file.read(count: 1, at: 0) } == .invalid)
            #expect(code { try file.sync() } == .invalid)
            #expect(code { _ = try file.byteCount() } == .invalid)
            #expect(code { try file.truncate(to: 0) } == .invalid)
        }
    }

    @Test(arguments: Subject.allCases)
    func offsetsBeyondAnyFileAreRefused(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let file = try storage.open("a", .create)
            #expect(code { try file.write([1], at: .max) } == .noSpace)
            #expect(code { _ = try file.read(count: 1, at: .max) } == .noSpace)
            #expect(code { try file.truncate(to: .max) } == .noSpace)
            try file.write([], at: 7)
            #expect(try file.byteCount() == 0)
        }
    }

    @Test(arguments: Subject.allCases)
    func directories(_ subject: Subject) throws {
        try subject.withStorage { storage in
            #expect(try storage.createDirectory("d"))
            #expect(try !storage.createDirectory("d"))
            #expect(try storage.createDirectory("d/e"))
            try storage.put("d/z", [1])
            try storage.put("d/b", [1])
            let names = try storage.list("d").map(\.name)
            #expect(names == ["b", "e", "z"])
            #expect(try storage.list("d").map(\.isDirectory) == [false, true, false])
            #expect(try storage.list("") == [DirectoryEntry(name: "d", isDirectory: true)])
            #expect(code { _ = try storage.list("x") } == .notFound)
            #expect(code { _ = try storage.list("d/b") } == .notADirectory)
            #expect(code { try storage.createDirectory("d/b") } == .notADirectory)
            #expect(code { try storage.createDirectory("x/y") } == .notFound)
            #expect(code { try storage.removeDirectory("d") } == .exists)
            #expect(code { try storage.removeDirectory("d/b") } == .notADirectory)
            #expect(code { try storage.syncDirectory("d/b") } == .notADirectory)
            try storage.syncDirectory("")
            try storage.syncDirectory("d/e")
            try storage.removeDirectory("d/e")
            #expect(try storage.attributes("d/e") == nil)
        }
    }

    @Test(arguments: Subject.allCases)
    func removing(_ subject: Subject) throws {
        try subject.withStorage { storage in
            try storage.put("a", [1, 2])
            let file = try storage.open("a", .readWrite)
            try storage.remove("a")
            #expect(code { try storage.remove("a") } == .notFound)
            #expect(try file.read(count: 2, at: 0) == [1, 2])
            try file.write([3], at: 2)
            #expect(try file.byteCount() == 3)
            try storage.put("a", [7])
            #expect(try file.byteCount() == 3)
            try storage.createDirectory("d")
            #expect(code { try storage.remove("d") } == .isADirectory)
        }
    }

    @Test(arguments: Subject.allCases)
    func renaming(_ subject: Subject) throws {
        try subject.withStorage { storage in
            try storage.put("a", [1])
            try storage.put("b", [2])
            let identity = try storage.attributes("a")?.identity
            try storage.rename("a", "b")
            #expect(try storage.get("b") == [1])
            #expect(try storage.attributes("b")?.identity == identity)
            #expect(try storage.attributes("a") == nil)
            try storage.rename("b", "b")
            #expect(code { try storage.rename("x", "y") } == .notFound)
            try storage.createDirectory("d")
            try storage.createDirectory("e")
            try storage.rename("b", "d/b")
            #expect(code { try storage.rename("d", "d/inside") } == .invalid)
            #expect(code { try storage.rename("d/b", "e") } == .isADirectory)
            #expect(code { try storage.rename("e", "d/b") } == .notADirectory)
            #expect(code { try storage.rename("e", "d") } == .exists)
            try storage.rename("d", "e")
            #expect(try storage.get("e/b") == [1])
        }
    }

    @Test(arguments: Subject.allCases)
    func attributes(_ subject: Subject) throws {
        try subject.withStorage { storage in
            #expect(try storage.attributes("a") == nil)
            #expect(try storage.attributes("x/a") == nil)
            try storage.put("a", [1, 2, 3])
            try storage.createDirectory("d")
            let file = try #require(try storage.attributes("a"))
            let directory = try #require(try storage.attributes("d"))
            #expect(file.byteCount == 3 && !file.isDirectory)
            #expect(directory.isDirectory && directory.identity != file.identity)
            #expect(try storage.availableBytes() > 0)
        }
    }

    @Test(arguments: Subject.allCases)
    func readingAWholeFileIsBounded(_ subject: Subject) throws {
        try subject.withStorage { storage in
            try storage.put("a", [1, 2, 3])
            #expect(try storage.readAll("a", limit: 3) == [1, 2, 3])
            #expect(code { _ = try storage.readAll("a", limit: 2) } == .invalid)
        }
    }

    @Test(arguments: Subject.allCases)
    func oneHolderOfALock(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let lock = try storage.lock("lock")
            let holder = try storage.get("lock")
            #expect(code { _ = try storage.lock("lock") } == .locked)
            let number = String(decoding: holder.dropLast(), as: UTF8.self)
            let refusal = #expect(throws: StorageError.self) { _ = try storage.lock("lock") }
            #expect(refusal?.description.contains("process \(number) holds it") == true)
            lock.release()
            lock.release()
            do {
                let second = try storage.lock("lock")
                #expect(try storage.attributes("lock") != nil)
                withExtendedLifetime(second) {}
            }
            try storage.lock("lock").release()
        }
    }

    @Test(arguments: Subject.allCases)
    func manyThreadsWriteOneFile(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let file = try storage.open("a", .create)
            let threads = try (0..<4).map { index in
                try Thread.start(name: "writer") {
                    for step in 0..<100 {
                        try? file.write([UInt8(index), UInt8(step)], at: UInt64((step * 4 + index) * 2))
                        if step % 20 == 0 { try? file.sync() }
                    }
                }
            }
            for thread in threads { thread.join() }
            let expected = (0..<100).flatMap { step in (0..<4).flatMap { [UInt8($0), UInt8(step)] } }
            #expect(try file.read(count: 1_000, at: 0) == expected)
        }
    }

    @Test(arguments: Subject.allCases)
    func closingWhileOthersUseTheHandle(_ subject: Subject) throws {
        try subject.withStorage { storage in
            let file = try storage.open("a", .create)
            let failure = Lock<StorageError.Code?>(nil)
            let thread = try Thread.start(name: "writer") {
                while failure.withLock({ $0 }) == nil {
                    let result = code { try file.write([1], at: 0) }
                    failure.withLock { $0 = result }
                }
            }
            try file.close()
            thread.join()
            #expect(failure.withLock { $0 } == .invalid)
        }
    }
}

@Suite struct PathTests {
    @Test func brokenPathsStopTheProcess() async {
        await #expect(processExitsWith: .failure) { _ = try SimulatedStorage().attributes("a/../b") }
        await #expect(processExitsWith: .failure) { _ = try SimulatedStorage().attributes("/a") }
        await #expect(processExitsWith: .failure) { _ = try SimulatedStorage().attributes("a//b") }
        await #expect(processExitsWith: .failure) { _ = try SimulatedStorage().attributes("") }
        await #expect(processExitsWith: .failure) { _ = try SimulatedStorage().attributes("a\0b") }
    }

    @Test func dotsInsideNamesAreFine() throws {
        #expect(try SimulatedStorage().attributes("..a/...") == nil)
    }
}
