import Glibc
package import HoldfastStorage
import HoldfastThreads

/// A storage in memory that loses what a power cut may lose, and fails when it is told to.
///
/// Programs see their changes at once. A power cut (``crash(_:)``) keeps what was synced and, of the rest,
/// what the ``CrashPolicy`` says. What is assumed of the hardware and the file system, and no more:
///
/// - A write that was not synced may be there, or not, in any part, in any order, and as garbage; the length
///   of the file may have changed or not, whatever became of the bytes. No byte outside the range of a write
///   is ever changed by it ("powersafe overwrite").
/// - A sync makes the bytes and the length of a file durable, but not its name. Entries of a directory (add,
///   remove, rename) become durable with a sync of the directory. A file whose entry is lost is lost.
/// - A rename happens or does not; a sync of either directory makes it durable.
/// - A file sync that fails has lost the bytes for good, while reads go on showing them until the crash (a ``Fault``
/// may
///   say otherwise). A directory sync that fails leaves the entries as they were: not yet durable.
/// - A read or write may do less than it was asked for, and any call may be interrupted; neither is a failure.
///
/// Like every ``Storage`` it may be used by any number of threads; the operations happen one at a time.
package final class SimulatedStorage: Storage {
    /// Called before an operation happens, by the thread that asks for it. It may call ``crash(_:)`` and
    /// ``clone()``, but must not start an operation of this storage.
    package typealias Hook = @Sendable (SimulatedOperation, SimulatedStorage) -> Void

    let state: Lock<SimulatedState>

    /// An empty directory.
    package init() {
        state = Lock(SimulatedState())
    }

    private init(_ disk: Disk) {
        state = Lock(SimulatedState())
        state.withLock { $0.disk = disk }
    }
}

// MARK: Crashes

extension SimulatedStorage {
    /// The storage that is found after a power cut at this moment. This one goes on unchanged.
    package func crash(_ policy: CrashPolicy) -> SimulatedStorage {
        SimulatedStorage(state.withLock { $0.disk }.afterPowerCut(policy))
    }

    /// The storage that is found after the process was killed at this moment: all that was written is there,
    /// and what was not synced can still be lost by a later power cut. This one goes on unchanged.
    package func processCrash() -> SimulatedStorage {
        clone()
    }

    /// A storage of its own with the same bytes, durable and not, but no open handles, locks, faults, limits
    /// or hook. Cheap: the two share what neither has written to since.
    package func clone() -> SimulatedStorage {
        SimulatedStorage(state.withLock { $0.disk })
    }

    /// The changes that a power cut may lose now, oldest first, in words. ``CrashPolicy`` counts them.
    package var unsynced: [String] {
        state.withLock { $0.disk.unsynced }.map(\.description)
    }

    /// The numbers of those changes that have nothing to do with what is at `path`.
    package func unsyncedIndices(notOf path: String) -> [Int] {
        let disk = state.withLock { $0.disk }
        guard let place = try? disk.current.locate(path, "examine"), let node = disk.current[place] else {
            return Array(disk.unsynced.indices)
        }
        return disk.unsynced.indices.filter { !disk.unsynced[$0].concerns(node) }
    }

    /// Every operation that was asked for until now, oldest first.
    package var operations: [SimulatedOperation] {
        state.withLock { $0.log }
    }

    /// Grows with everything that can make a difference to a power cut: while it stands still, all power cuts are the
    /// same.
    package var changeCount: UInt64 { state.withLock { $0.disk.changeCount } }

    /// A number that says which bytes, lengths and entries a program sees in the paths that `includes` accepts: the
    /// same for the same content, whatever led to it. Of what lies in a directory nothing is asked that it does not
    /// accept.
    package func fingerprint(includes: (_ path: String) -> Bool = { _ in true }) -> UInt64 {
        state.withLock { $0.disk.current }.fingerprint(includes)
    }

    /// The content of every file that a program sees, by its path.
    package var contents: [String: [UInt8]] { state.withLock { $0.disk.current }.files }

    /// Sets what is called before each operation, in place of what was.
    package func onOperation(_ hook: Hook?) {
        state.withLock { $0.hook = hook }
    }
}

// MARK: Faults and limits

extension SimulatedStorage {
    /// Plans a failure, besides those planned before.
    package func inject(_ fault: Fault) {
        state.withLock { $0.faults.append(fault) }
    }

    /// Forgets all planned failures. What earlier ones have lost stays lost.
    package func clearFaults() {
        state.withLock { $0.faults = [] }
    }

    /// The kinds of operations that a fault has struck until now.
    package var struckKinds: Set<OperationKind> { state.withLock { $0.struck } }

    /// Lets the files take so many more bytes, in blocks of 4,096, before the disk is full; `nil` for no
    /// limit.
    package func setAvailableBytes(_ byteCount: UInt64?) {
        state.withLock { state in
            state.capacity = byteCount.map { state.usedBytes + $0 }
        }
    }

    /// Sets how many files and locks may be open at the same time.
    package func setHandleLimit(_ limit: Int) {
        state.withLock { $0.handleLimit = limit }
    }

    /// How many files and locks are open.
    package var openHandles: Int {
        state.withLock { $0.handles.values.reduce(0, +) }
    }
}

// MARK: Operations

extension SimulatedStorage {
    /// Announces one system call; answers the fault that strikes it.
    func announce(_ kind: OperationKind, _ path: String, _ detail: OperationDetail = .none) -> Fault? {
        let (operation, fault, hook) = state.withLock { state in
            let (operation, fault) = state.begin(kind, path, detail)
            return (operation, fault, state.hook)
        }
        hook?(operation, self)
        return fault
    }

    /// Announces an operation, again for as long as it is interrupted; answers the fault that strikes it.
    func begin(
        _ kind: OperationKind, _ path: String, _ detail: OperationDetail = .none
    ) throws(StorageError) -> Fault? {
        var fault: Fault?
        _ = try systemCall(kind.rawValue, path) { () -> Int32 in
            fault = announce(kind, path, detail)
            guard fault?.effect == .failure(EINTR) else { return 0 }
            errno = EINTR
            return -1
        }
        return fault
    }

    /// Announces an operation and does it, unless a fault strikes.
    func perform<Result>(
        _ kind: OperationKind, _ path: String, _ detail: OperationDetail = .none,
        _ body: (inout SimulatedState) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        if let error = try begin(kind, path, detail)?.error(kind.rawValue, path) { throw error }
        return try state.withLock(body)
    }

    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any StorageFile {
        let node = try perform(.open, path, .mode(mode)) { (state) throws(StorageError) in
            try state.open(path, mode, "open")
        }
        return SimulatedFile(self, node, path, isWritable: mode != .read)
    }

    package func lock(_ path: String) throws(StorageError) -> any StorageLock {
        let node = try perform(.lock, path) { (state) throws(StorageError) in
            let node = try state.open(path, .create, "lock")
            guard state.locked.insert(node).inserted else {
                state.close(node)
                throw StorageError(errno: EWOULDBLOCK, "lock", path, detail: "process \(getpid()) holds it")
            }
            state.apply(.resize(node, byteCount: 0))
            try? state.write([UInt8]("\(getpid())\n".utf8), at: 0, of: node, path)
            return node
        }
        return SimulatedLock(self, node)
    }

    package func attributes(_ path: String) throws(StorageError) -> FileAttributes? {
        try perform(.attributes, path) { (state) throws(StorageError) in
            do throws(StorageError) {
                let tree = state.disk.current
                guard let node = tree[try tree.locate(path, "examine")] else { return nil }
                let byteCount = UInt64(tree.contents[node]?.byteCount ?? 0)
                return FileAttributes(
                    byteCount: byteCount, isDirectory: node.isDirectory, identity: node.identity)
            } catch {
                if error.code == .notFound { return nil }
                throw error
            }
        }
    }

    package func availableBytes() throws(StorageError) -> UInt64 {
        try perform(.availableBytes, "") { $0.availableBytes }
    }
}
