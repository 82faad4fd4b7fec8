import Glibc

/// A lock that the kernel ties to the open file (`flock`), so it ends with the process however that ends.
///
/// Unlike the older record locks it also keeps out a second user in the same process, and closing another
/// descriptor of the same file does not drop it.
final class PosixLock: StorageLock {
    private let file: PosixFile

    /// A lock of which there may be several, while there is none of the other kind. The file is only read.
    init(shared file: PosixFile, _ path: String) throws(StorageError) {
        do throws(StorageError) {
            try file.lockShared()
        } catch {
            if error.code != .locked { throw error }
            throw StorageError(.locked, "lock", path, detail: Self.holder(file))
        }
        self.file = file
    }

    init(_ file: PosixFile, _ path: String) throws(StorageError) {
        do throws(StorageError) {
            try file.lockExclusively()
        } catch {
            if error.code != .locked { throw error }
            throw StorageError(.locked, "lock", path, detail: Self.holder(file))
        }
        self.file = file
        // The id only informs. On a full disk it cannot be written, and the store must open all the same.
        try? file.truncate(to: 0)
        try? file.write([UInt8]("\(getpid())\n".utf8), at: 0)
    }

    func release() {
        try? file.close()
    }

    private static func holder(_ file: PosixFile) -> String {
        let bytes = (try? file.read(count: 20, at: 0)) ?? []
        let digits = bytes.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        if digits.isEmpty { return "another process holds it" }
        return "process \(String(decoding: digits, as: UTF8.self)) holds it"
    }
}
