import Glibc
import HoldfastSimulation
import HoldfastStorage

/// The two storages, which must behave alike.
enum Subject: CaseIterable, Sendable {
    case posix, simulated

    func withStorage(_ body: (any Storage) throws -> Void) throws {
        switch self {
        case .posix: try withTemporaryDirectory { try body(try PosixStorage(root: $0)) }
        case .simulated: try body(SimulatedStorage())
        }
    }
}

func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/holdfast-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw StorageError(errno: errno, "create", "/tmp") }
    let root = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    defer { removeTree(root) }
    try body(root)
}

private func removeTree(_ root: String) {
    guard let storage = try? PosixStorage(root: root) else { return }
    removeContent(of: "", in: storage)
    rmdir(root)
}

private func removeContent(of directory: String, in storage: PosixStorage) {
    for entry in (try? storage.list(directory)) ?? [] {
        let path = directory.isEmpty ? entry.name : directory + "/" + entry.name
        if entry.isDirectory {
            removeContent(of: path, in: storage)
            try? storage.removeDirectory(path)
        } else {
            try? storage.remove(path)
        }
    }
}

/// The error code that `body` fails with, or `nil`.
func code(_ body: () throws -> Void) -> StorageError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? StorageError)?.code
    }
}

extension Storage {
    /// Creates or replaces the content of a file and syncs what `sync` says.
    func put(_ path: String, _ bytes: [UInt8], sync: Bool = false) throws {
        let file = try open(path, .create)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        if sync { try file.sync() }
        try file.close()
    }

    func get(_ path: String) throws -> [UInt8] {
        try readAll(path, limit: 1 << 24)
    }
}

func bytes(_ text: String) -> [UInt8] {
    [UInt8](text.utf8)
}
