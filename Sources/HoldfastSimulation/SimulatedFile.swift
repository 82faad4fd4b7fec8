import Glibc
import HoldfastStorage
import HoldfastThreads

/// An open file of a simulated storage.
final class SimulatedFile: StorageFile {
    private enum Condition {
        case open, poisoned, closed
    }

    private let storage: SimulatedStorage
    private let node: Node
    private let path: String
    private let isWritable: Bool
    private let condition = Lock(Condition.open)

    init(_ storage: SimulatedStorage, _ node: Node, _ path: String, isWritable: Bool) {
        self.storage = storage
        self.node = node
        self.path = path
        self.isWritable = isWritable
    }

    deinit {
        if condition.withLock({ $0 }) != .closed { storage.state.withLock { $0.close(node) } }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        let start = try position(offset, 0, "read")
        try requireOpen("read")
        return try transfer(buffer.count) { (done) throws(StorageError) in
            try readOnce(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: start + done)
        }
    }

    private func readOnce(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(StorageError) -> Int {
        let fault = try storage.begin(.read, path, .bytes(count: buffer.count, offset: UInt64(offset)))
        if let error = fault?.error("read", path) { throw error }
        return try storage.state.withLock { (state) throws(StorageError) in
            try requireOpen("read")
            let count = fault == nil ? buffer.count : max(1, buffer.count / 2)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            return state.disk.current.contents[node]?.read(into: part, at: offset) ?? 0
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        let start = try position(offset, bytes.count, "write")
        try requireSound("write")
        _ = try transfer(bytes.count) { (done) throws(StorageError) in
            try writeOnce(UnsafeRawBufferPointer(rebasing: bytes[done...]), at: start + done)
        }
    }

    private func writeOnce(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) -> Int {
        let fault = try storage.begin(.write, path, .bytes(count: bytes.count, offset: UInt64(offset)))
        return try storage.state.withLock { (state) throws(StorageError) in
            try requireSound("write")
            let error = fault?.error("write", path)
            var count = bytes.count
            if let fault { count = error == nil ? max(1, count / 2) : min(count, fault.bytesWritten ?? count / 2) }
            try state.write([UInt8](bytes.prefix(count)), at: offset, of: node, path)
            if let error { throw error }
            return count
        }
    }

    func sync() throws(StorageError) {
        let fault = try storage.begin(.sync, path)
        try storage.state.withLock { (state) throws(StorageError) in
            try requireOpen("sync")
            try refuseWhenPoisoned("sync")
            guard let fault, let error = fault.error("sync", path) else { return state.disk.sync(file: node) }
            if fault.losesBytes { state.disk.failSync(file: node) }
            condition.withLock { $0 = .poisoned }
            throw error
        }
    }

    func truncate(to byteCount: UInt64) throws(StorageError) {
        let length = try position(byteCount, 0, "truncate")
        try storage.perform(.truncate, path, .length(byteCount)) { (state) throws(StorageError) in
            try requireSound("truncate")
            state.apply(.resize(node, byteCount: length))
        }
    }

    func byteCount() throws(StorageError) -> UInt64 {
        try storage.perform(.byteCount, path) { (state) throws(StorageError) in
            try requireOpen("examine")
            return UInt64(state.disk.current.contents[node]?.byteCount ?? 0)
        }
    }

    func close() throws(StorageError) {
        // An interrupted close has closed the file, and is not repeated.
        let fault = storage.announce(.close, path)
        let wasOpen = storage.state.withLock { state in
            let wasOpen = condition.withLock { condition in
                defer { condition = .closed }
                return condition != .closed
            }
            if wasOpen { state.close(node) }
            return wasOpen
        }
        if wasOpen, let error = fault?.error("close", path), error.errno != EINTR { throw error }
    }
}

extension SimulatedFile {
    /// The offset of the first byte, when the last one is within what a file can hold.
    private func position(
        _ offset: UInt64, _ count: Int, _ operation: String
    ) throws(StorageError) -> Int {
        guard let start = Int(exactly: offset), !start.addingReportingOverflow(count).overflow else {
            throw StorageError(errno: EFBIG, operation, path)
        }
        return start
    }

    private func requireOpen(_ operation: String) throws(StorageError) {
        if condition.withLock({ $0 }) == .closed {
            throw StorageError(.invalid, operation, path, detail: "the file is closed")
        }
    }

    private func refuseWhenPoisoned(_ operation: String) throws(StorageError) {
        if condition.withLock({ $0 }) == .poisoned { throw StorageError(.poisoned, operation, path) }
    }

    private func requireSound(_ operation: String) throws(StorageError) {
        try requireOpen(operation)
        try refuseWhenPoisoned(operation)
        if !isWritable { throw StorageError(errno: EBADF, operation, path) }
    }
}

/// A lock that a simulated storage keeps with its other handles.
final class SimulatedLock: StorageLock {
    private let storage: SimulatedStorage
    private let node: Node
    private let isHeld = Lock(true)

    init(_ storage: SimulatedStorage, _ node: Node) {
        self.storage = storage
        self.node = node
    }

    deinit {
        release()
    }

    func release() {
        let wasHeld = isHeld.withLock { isHeld in
            defer { isHeld = false }
            return isHeld
        }
        if !wasHeld { return }
        storage.state.withLock { state in
            state.locked.remove(node)
            state.close(node)
        }
    }
}
