import Glibc
import HoldfastStorage

/// Everything a simulated storage remembers; ``SimulatedStorage`` guards it with one lock.
struct SimulatedState: Sendable {
    var disk = Disk()
    var log: [SimulatedOperation] = []
    var hook: SimulatedStorage.Hook?
    var faults: [Fault] = []
    /// What kinds of operations faults have struck.
    var struck: Set<OperationKind> = []
    /// How many handles of each node are open.
    var handles: [Node: Int] = [:]
    /// What has lost its name but still has an open handle.
    var nameless: Set<Node> = []
    var locked: Set<Node> = []
    /// All the space there is, in bytes; `nil` for no limit.
    var capacity: UInt64?
    var handleLimit = Int.max

    /// Records an operation that is about to happen; answers it and the fault that strikes it, if any.
    mutating func begin(
        _ kind: OperationKind, _ path: String, _ detail: OperationDetail
    ) -> (SimulatedOperation, Fault?) {
        let operation = SimulatedOperation(index: log.count, kind: kind, path: path, detail: detail)
        log.append(operation)
        var striking: Fault?
        for index in faults.indices where faults[index].strikes(operation) {
            striking = striking ?? faults[index]
        }
        if striking != nil { struck.insert(kind) }
        return (operation, striking)
    }

    var usedBytes: UInt64 {
        disk.current.contents.values.reduce(0) { $0 + UInt64($1.allocatedBytes) }
    }

    var availableBytes: UInt64 {
        guard let capacity else { return UInt64(Int64.max) }
        return capacity - min(capacity, usedBytes)
    }
}

// MARK: Handles

extension SimulatedState {
    /// Finds or makes the file that `mode` asks for and counts one more handle of it.
    mutating func open(_ path: String, _ mode: OpenMode, _ operation: String) throws(StorageError) -> Node {
        let place = try disk.current.locate(path, operation)
        let node = try fileToOpen(at: place, mode, operation, path)
        guard handles.values.reduce(0, +) < handleLimit else {
            throw StorageError(errno: EMFILE, operation, path)
        }
        if disk.current[place] == nil { disk.apply(.add(node, place)) }
        handles[node, default: 0] += 1
        return node
    }

    private mutating func fileToOpen(
        at place: Place, _ mode: OpenMode, _ operation: String, _ path: String
    ) throws(StorageError) -> Node {
        guard let node = disk.current[place] else {
            if mode == .create || mode == .createNew { return .file(disk.makeIdentity()) }
            throw StorageError(errno: ENOENT, operation, path)
        }
        if mode == .createNew { throw StorageError(errno: EEXIST, operation, path) }
        if node.isDirectory { throw StorageError(errno: EISDIR, operation, path) }
        return node
    }

    mutating func close(_ node: Node) {
        let left = handles[node, default: 1] - 1
        handles[node] = left == 0 ? nil : left
        if left == 0 && nameless.remove(node) != nil { disk.discard(node) }
    }

    /// Does what a program asks for, and frees what it takes the last name from.
    mutating func apply(_ change: Change) {
        disk.apply(change)
        guard let unlinked = change.unlinked else { return }
        if handles[unlinked] == nil {
            disk.discard(unlinked)
        } else {
            nameless.insert(unlinked)
        }
    }
}

// MARK: Bytes

extension SimulatedState {
    /// Writes all the bytes, or as many as there is room for before it throws.
    mutating func write(
        _ bytes: [UInt8], at offset: Int, of node: Node, _ path: String
    ) throws(StorageError) {
        let content = disk.current.contents[node] ?? FileContent()
        let room = availableBytes
        var count = bytes.count
        while content.bytesToAllocate(at: offset, count: count) > room {
            count = max(0, count - FileContent.blockSize)
        }
        if count > 0 { disk.apply(.write(node, offset: offset, bytes: [UInt8](bytes.prefix(count)))) }
        if count < bytes.count { throw StorageError(errno: ENOSPC, "write", path) }
    }
}
