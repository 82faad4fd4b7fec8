import Glibc
import HoldfastStorage
import Testing

/// What only the machine's file system can show.
@Suite struct PosixTests {
    @Test(arguments: [false, true]) func linksAreNotFollowed(namesAlone: Bool) throws {
        try withTemporaryDirectory { outside in
            try withTemporaryDirectory { root in
                let storage = try PosixStorage(root: root, namesAlone: namesAlone)
                try PosixStorage(root: outside).put("secret", [1])
                symlink(outside + "/secret", root + "/file")
                symlink(outside, root + "/directory")
                #expect(code { _ = try storage.open("file", .readWrite) } == .invalid)
                #expect(code { _ = try storage.open("file", .create) } == .invalid)
                #expect(code { _ = try storage.open("directory/secret", .read) } == .notADirectory)
                #expect(code { try storage.remove("directory/secret") } == .notADirectory)
                #expect(code { _ = try storage.list("directory") } == .notADirectory)
                #expect(code { try storage.createDirectory("directory") } == .notADirectory)
                #expect(try storage.list("").map(\.isDirectory) == [false, false])
                #expect(try storage.attributes("file")?.byteCount != 1)
                try storage.remove("file")
                try storage.remove("directory")
                #expect(try PosixStorage(root: outside).get("secret") == [1])
            }
        }
    }

    /// A pipe in the place of the descriptor cannot be synced: the system says so, if it is asked.
    @Test func aSyncReachesTheSystem() throws {
        try withTemporaryDirectory { root in
            let file = try PosixStorage(root: root).open("file", .create)
            try file.write([1], at: 0)
            var pipeEnds: [Int32] = [0, 0]
            try #require(pipe(&pipeEnds) == 0)
            try #require(dup2(pipeEnds[0], try #require(descriptor(of: root + "/file"))) >= 0)
            #expect(throws: StorageError.self) { try file.sync() }
            try? file.close()
            for end in pipeEnds { close(end) }
        }
    }

    /// Where the file system takes them, synced writes go through a second descriptor, which says so; a pipe in its
    /// place cannot be written to at an offset.
    @Test func aSyncedWriteReachesTheSystem() throws {
        try withTemporaryDirectory { root in
            let file = try PosixStorage(root: root).open("file", .create)
            let sectors = [UInt8](repeating: 1, count: 1_024)
            try file.write(sectors, at: 0)
            let isTaken = try file.writeSynced(sectors, at: 0)
            let used = descriptors(of: root + "/file").first { fcntl($0, F_GETFL) & O_DSYNC != 0 }
            #expect(isTaken == (used != nil))
            if let used {
                var pipeEnds: [Int32] = [0, 0]
                try #require(pipe(&pipeEnds) == 0)
                try #require(dup2(pipeEnds[0], used) >= 0)
                #expect(throws: StorageError.self) { _ = try file.writeSynced(sectors, at: 0) }
                #expect(code { try file.sync() } == .poisoned)
                #expect(code { _ = try file.writeSynced(sectors, at: 0) } == .poisoned)
                for end in pipeEnds { close(end) }
            }
            try file.close()
            #expect(descriptors(of: root + "/file") == [])
            #expect(code { _ = try file.writeSynced(sectors, at: 0) } == .invalid)
        }
    }

    /// What other handles read is what was written last, in whichever way.
    @Test func syncedWritesMixWithOthers() throws {
        try withTemporaryDirectory { root in
            let storage = try PosixStorage(root: root)
            let (file, reader) = (try storage.open("file", .create), try storage.open("file", .read))
            var model = [UInt8](repeating: 0, count: 64 << 10)
            try file.write(model, at: 0)
            try file.sync()
            var (random, syncedCount) = (SystemRandomNumberGenerator(), 0)
            for round in 0..<300 {
                let unit = round.isMultiple(of: 3) ? 1 : 512
                let start = Int.random(in: 0..<model.count / unit, using: &random) * unit
                let count = min(model.count - start, Int.random(in: 1...40, using: &random) * unit)
                let bytes = [UInt8](repeating: UInt8(1 + round % 255), count: count)
                model.replaceSubrange(start..<start + count, with: bytes)
                if round.isMultiple(of: 2), try file.writeSynced(bytes, at: UInt64(start)) {
                    syncedCount += 1
                } else {
                    try file.write(bytes, at: UInt64(start))
                }
                #expect(try reader.read(count: model.count, at: 0) == model, "round \(round)")
            }
            // Those of 512 bytes, unless the file system takes none.
            #expect([0, 100].contains(syncedCount))
            #expect(try !file.writeSynced([UInt8](repeating: 7, count: 2 << 20), at: 0), "too long")
            try file.close()
        }
    }

    private func descriptor(of path: String) -> Int32? { descriptors(of: path).first }

    private func descriptors(of path: String) -> [Int32] {
        (0..<Int32(1_000)).filter { number in
            var room = [CChar](repeating: 0, count: 4_096)
            let count = readlink("/proc/self/fd/\(number)", &room, room.count)
            return count > 0 && room[..<count].map { UInt8(bitPattern: $0) } == Array(path.utf8)
        }
    }

    @Test func aPipeNeitherBlocksNorOpens() throws {
        try withTemporaryDirectory { root in
            mkfifo(root + "/pipe", 0o600)
            let storage = try PosixStorage(root: root)
            #expect(code { _ = try storage.open("pipe", .read) } == .invalid)
            #expect(code { _ = try storage.open("pipe", .readWrite) } == .invalid)
        }
    }

    @Test func onlyTheOwnerMayRead() throws {
        try withTemporaryDirectory { parent in
            let storage = try PosixStorage(root: parent + "/store", create: true)
            try storage.put("a", [1])
            try storage.createDirectory("d")
            #expect(mode(parent + "/store") == 0o700)
            #expect(mode(parent + "/store/a") == 0o600)
            #expect(mode(parent + "/store/d") == 0o700)
        }
    }

    @Test func openingTheRoot() throws {
        try withTemporaryDirectory { parent in
            #expect(code { _ = try PosixStorage(root: parent + "/x") } == .notFound)
            #expect(code { _ = try PosixStorage(root: parent + "/x/y", create: true) } == .notFound)
            try PosixStorage(root: parent + "/x", create: true).put("a", [1])
            #expect(try PosixStorage(root: parent + "/x", create: true).get("a") == [1])
            #expect(code { _ = try PosixStorage(root: parent + "/x/a", create: true) } == .notADirectory)
            #expect(code { _ = try PosixStorage(root: "") } == .notFound)
        }
    }

    @Test func theTreeMayBeMovedWhileItIsOpen() throws {
        try withTemporaryDirectory { parent in
            let storage = try PosixStorage(root: parent + "/x", create: true)
            Glibc.rename(parent + "/x", parent + "/y")
            try storage.put("a", [1])
            #expect(try PosixStorage(root: parent + "/y").get("a") == [1])
        }
    }

    @Test func readOnlyRefusesEveryChange() throws {
        try withTemporaryDirectory { root in
            try PosixStorage(root: root).put("a", [1])
            let storage = try PosixStorage(root: root, readOnly: true)
            #expect(try storage.get("a") == [1])
            for mode in [OpenMode.readWrite, .create, .createNew] {
                #expect(code { _ = try storage.open("a", mode) } == .readOnly)
            }
            #expect(code { try storage.remove("a") } == .readOnly)
            #expect(code { try storage.removeDirectory("a") } == .readOnly)
            #expect(code { try storage.rename("a", "b") } == .readOnly)
            #expect(code { try storage.createDirectory("d") } == .readOnly)
            #expect(code { try storage.syncDirectory("") } == .readOnly)
            #expect(code { _ = try storage.lock("lock") } == .readOnly)
        }
    }

    @Test(.enabled(if: access("/usr/bin/flock", X_OK) == 0))
    func otherProcessesRespectTheLock() throws {
        try withTemporaryDirectory { root in
            let lock = try PosixStorage(root: root).lock("lock")
            let command = ["/usr/bin/flock", "-n", root + "/lock", "true"]
            #expect(run(command) == 1)
            lock.release()
            #expect(run(command) == 0)
        }
    }

    @Test func aFileThatMayNotGrowIsAFullDisk() async {
        await #expect(processExitsWith: .success) {
            PosixStorage.prepareProcess()
            var limit = rlimit(rlim_cur: 4_600, rlim_max: 4_600)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            try withTemporaryDirectory { root in
                let file = try PosixStorage(root: root).open("a", .create)
                let failure = code { try file.write([UInt8](repeating: 7, count: 9_000), at: 0) }
                guard failure == .noSpace, try file.byteCount() == 4_600 else { exit(1) }
                try file.write([1], at: 0)
                try file.sync()
            }
        }
    }

    @Test func runningOutOfDescriptors() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 40, rlim_max: 40)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try withTemporaryDirectory { root in
                let storage = try PosixStorage(root: root)
                var files: [any StorageFile] = []
                let failure = code { while true { files.append(try storage.open("a", .create)) } }
                let count = files.count
                files = []
                guard failure == .tooManyFiles, count > 10 else { exit(1) }
                for _ in 0..<200 { _ = try storage.open("a", .read) }
            }
        }
    }

    @Test func descriptionsSayWhatToDo() {
        let full = StorageError(errno: ENOSPC, "write", "sessions/a")
        let start = "cannot write 'sessions/a': No space left on device (ENOSPC). Free"
        #expect(full.description.hasPrefix(start))
        let advised: Set<StorageError.Code> = [.noSpace, .tooManyFiles, .permission, .readOnly]
        for code in StorageError.Code.allCases {
            let error = StorageError(code, "open", "")
            let hasAdvice = !error.description.hasSuffix("directory: \(code.rawValue).")
            #expect(hasAdvice == advised.contains(code), "\(error)")
        }
        #expect(StorageError(errno: 9_999, "open", "a").code == .other)
    }
}

private func mode(_ path: String) -> mode_t {
    var status = stat()
    lstat(path, &status)
    return status.st_mode & 0o777
}

/// Runs a programme to its end and returns its exit status.
private func run(_ arguments: [String]) -> Int32 {
    var process = pid_t()
    var pointers = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    guard posix_spawn(&process, arguments[0], nil, nil, &pointers, nil) == 0 else { return -1 }
    var status: Int32 = 0
    waitpid(process, &status, 0)
    return (status >> 8) & 0xff
}
