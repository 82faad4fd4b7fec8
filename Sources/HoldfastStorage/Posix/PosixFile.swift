import Glibc
import Synchronization
import HoldfastThreads

/// An open file of the machine's file system.
final class PosixFile: StorageFile {
    private let path: String
    private let handle: ReadWriteLock<Descriptor?>
    /// Held during a sync; whether one has failed. The system reports a lost write to one sync only, so a
    /// second one must not run beside it and answer "good" before the first has poisoned the handle.
    private let syncHasFailed = Lock(false)
    /// The same for writes, which do not wait for a sync that is running.
    private let isPoisoned = Atomic(false)
    private let syncedWrites = ReadWriteLock(SyncedWrites())

    init(_ descriptor: consuming Descriptor, _ path: String) {
        self.path = path
        handle = ReadWriteLock(descriptor)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        let start = try systemOffset(offset, "read", path)
        return try withDescriptor("read") { (descriptor) throws(StorageError) in
            try transfer(buffer.count) { (done) throws(StorageError) in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                return try systemCall("read", path) {
                    pread(descriptor, rest.baseAddress, rest.count, start + off_t(done))
                }
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        let start = try systemOffset(offset, "write", path)
        try withDescriptor("write") { (descriptor) throws(StorageError) in
            try refuseWhenPoisoned("write")
            let done = try transfer(bytes.count) { (done) throws(StorageError) in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                return try systemCall("write", path) {
                    pwrite(descriptor, rest.baseAddress, rest.count, start + off_t(done))
                }
            }
            if done < bytes.count { throw StorageError(errno: EIO, "write", path, detail: "nothing was taken") }
        }
    }

    func sync() throws(StorageError) {
        try withDescriptor("sync") { (descriptor) throws(StorageError) in
            try syncHasFailed.withLock { (hasFailed) throws(StorageError) in
                if hasFailed { throw StorageError(.poisoned, "sync", path) }
                do throws(StorageError) {
                    _ = try systemCall("sync", path) { fdatasync(descriptor) }
                } catch {
                    poison(&hasFailed)
                    throw error
                }
            }
        }
    }

    func writeSynced(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) -> Bool {
        let start = try systemOffset(offset, "write", path)
        return try withDescriptor("write") { (descriptor) throws(StorageError) in
            try syncHasFailed.withLock { (hasFailed) throws(StorageError) in
                try refuseWhenPoisoned("write")
                do throws(StorageError) {
                    return try syncedWrites.withWriteLock { (writes) throws(StorageError) in
                        try writes.write(bytes, at: start, of: descriptor, path)
                    }
                } catch {
                    poison(&hasFailed)
                    throw error
                }
            }
        }
    }

    func truncate(to byteCount: UInt64) throws(StorageError) {
        let length = try systemOffset(byteCount, "truncate", path)
        try withDescriptor("truncate") { (descriptor) throws(StorageError) in
            try refuseWhenPoisoned("truncate")
            _ = try systemCall("truncate", path) { ftruncate(descriptor, length) }
        }
    }

    func byteCount() throws(StorageError) -> UInt64 {
        try withDescriptor("examine") { (descriptor) throws(StorageError) in
            var status = stat()
            _ = try systemCall("examine", path) { fstat(descriptor, &status) }
            return status.attributes.byteCount
        }
    }

    func close() throws(StorageError) {
        let descriptor = handle.withWriteLock { $0.take() }
        syncedWrites.withWriteLock { $0 = SyncedWrites() }
        try descriptor?.close(path)
    }
}

extension PosixFile {
    /// Takes an exclusive lock on the file without waiting; it ends when the file is closed.
    func lockExclusively() throws(StorageError) {
        _ = try withDescriptor("lock") { (descriptor) throws(StorageError) in
            try systemCall("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        }
    }

    /// Takes a lock that keeps out exclusive ones, and writes nothing.
    func lockShared() throws(StorageError) {
        _ = try withDescriptor("lock") { (descriptor) throws(StorageError) in
            try systemCall("lock", path) { flock(descriptor, LOCK_SH | LOCK_NB) }
        }
    }

    /// Runs `body` with the descriptor, which stays open meanwhile: closed, its number may be another file's.
    private func withDescriptor<Result>(
        _ operation: String, _ body: (Int32) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try handle.withReadLock { (descriptor) throws(StorageError) in
            switch descriptor {
            case .some(let open): return try body(open.number)
            case .none: throw StorageError(.invalid, operation, path, detail: "the file is closed")
            }
        }
    }

    private func poison(_ syncHasFailed: inout Bool) {
        syncHasFailed = true
        isPoisoned.store(true, ordering: .sequentiallyConsistent)
    }

    private func refuseWhenPoisoned(_ operation: String) throws(StorageError) {
        if isPoisoned.load(ordering: .sequentiallyConsistent) {
            throw StorageError(.poisoned, operation, path)
        }
    }
}
