import Glibc
import HoldfastThreads
package import HoldfastStorage

extension SimulatedStorage {
    @discardableResult
    package func createDirectory(_ path: String) throws(StorageError) -> Bool {
        try perform(.createDirectory, path) { (state) throws(StorageError) in
            let place = try state.disk.current.locate(path, "create")
            if let existing = state.disk.current[place] {
                if existing.isDirectory { return false }
                throw StorageError(errno: ENOTDIR, "create", path)
            }
            state.apply(.add(.directory(state.disk.makeIdentity()), place))
            return true
        }
    }

    package func list(_ path: String) throws(StorageError) -> [DirectoryEntry] {
        try perform(.list, path) { (state) throws(StorageError) in
            let tree = state.disk.current
            let directory = try tree.directory(directoryComponents(path), "list", path)
            return (tree.entries[directory] ?? [:])
                .map { DirectoryEntry(name: $0.key, isDirectory: $0.value.isDirectory) }
                .sorted { $0.name < $1.name }
        }
    }

    package func remove(_ path: String) throws(StorageError) {
        try perform(.remove, path) { (state) throws(StorageError) in
            let (node, place) = try state.existing(path, "remove")
            if node.isDirectory { throw StorageError(errno: EISDIR, "remove", path) }
            state.apply(.remove(node, place))
        }
    }

    package func removeDirectory(_ path: String) throws(StorageError) {
        try perform(.removeDirectory, path) { (state) throws(StorageError) in
            let (node, place) = try state.existing(path, "remove")
            try state.requireEmptyDirectory(node, "remove", path)
            state.apply(.remove(node, place))
        }
    }

    package func rename(_ source: String, _ target: String) throws(StorageError) {
        try perform(.rename, source, .target(target)) { (state) throws(StorageError) in
            let (node, from) = try state.existing(source, "rename")
            let to = try state.disk.current.locate(target, "rename")
            if from == to { return }
            if node.isDirectory && state.disk.current.isInside(to.directory, node) {
                throw StorageError(errno: EINVAL, "rename", source)
            }
            let replaced = state.disk.current[to]
            if let replaced { try state.requireReplaceable(replaced, by: node, source) }
            state.apply(.rename(node, from: from, to: to, replacing: replaced))
        }
    }

    package func syncDirectory(_ path: String) throws(StorageError) {
        let fault = try begin(.syncDirectory, path)
        try state.withLock { (state) throws(StorageError) in
            let directory = try state.disk.current.directory(directoryComponents(path), "sync", path)
            // Unlike pages, entries go through the file system's own journal: they stay pending, or it stops.
            if let error = fault?.error("sync", path) { throw error }
            state.disk.sync(directory: directory)
        }
    }
}

extension SimulatedState {
    fileprivate func existing(
        _ path: String, _ operation: String
    ) throws(StorageError) -> (node: Node, place: Place) {
        let place = try disk.current.locate(path, operation)
        guard let node = disk.current[place] else { throw StorageError(errno: ENOENT, operation, path) }
        return (node, place)
    }

    fileprivate func requireEmptyDirectory(
        _ node: Node, _ operation: String, _ path: String
    ) throws(StorageError) {
        guard node.isDirectory else { throw StorageError(errno: ENOTDIR, operation, path) }
        guard disk.current.entries[node]?.isEmpty ?? true else {
            throw StorageError(errno: ENOTEMPTY, operation, path)
        }
    }

    /// A file replaces a file, a directory an empty directory.
    fileprivate func requireReplaceable(
        _ node: Node, by other: Node, _ path: String
    ) throws(StorageError) {
        if other.isDirectory {
            try requireEmptyDirectory(node, "rename", path)
        } else if node.isDirectory {
            throw StorageError(errno: EISDIR, "rename", path)
        }
    }
}
