import Glibc

/// The directory tree of a store in the file system of the machine.
///
/// The root is opened once and everything is reached from it without following links. So the tree may be moved
/// while it is open, and no link that somebody has planted in it leads outside. Where the system can do that in one
/// call (`openat2`, Linux 5.6) it is one call; else one name is opened after the other.
package final class PosixStorage: Storage {
    private let root: Descriptor
    private let isReadOnly: Bool
    /// Whether the system opens whole paths without following links.
    private let opensWholePaths: Bool

    /// Opens the directory `root`, a path as a user gives it: links in it are followed.
    ///
    /// - Parameters:
    ///   - create: makes the directory (not its parents) when it is missing; it is durable on return.
    ///   - readOnly: every call that would change something throws `.readOnly`.
    ///   - namesAlone: opens one name after the other, as on a system that does not open whole paths without following
    ///     links.
    package init(
        root: String, create: Bool = false, readOnly: Bool = false, namesAlone: Bool = false
    ) throws(StorageError) {
        precondition(!(create && readOnly), "creating changes the disk")
        isReadOnly = readOnly
        if create { try Self.makeRoot(root) }
        self.root = try Self.openRoot(root)
        // Old kernels do not know the call, sandboxes may forbid it.
        let whole = try? Descriptor(beneath: self.root, ".", flags: O_RDONLY, operation: "", path: "")
        opensWholePaths = whole != nil && !namesAlone
    }

    /// Makes failures arrive as errors that would otherwise end the process. Call it once, at the start.
    ///
    /// SIGXFSZ (a write beyond the file size limit) becomes EFBIG, SIGPIPE (a reader that has left) EPIPE.
    package static func prepareProcess() {
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
    }

    /// How many files this process may have open at the same time.
    package static var descriptorLimit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 64 }
        return Int(min(limit.rlim_cur, 1 << 20))
    }

    private static func openRoot(_ root: String) throws(StorageError) -> Descriptor {
        Descriptor(
            owning: try systemCall("open", root) {
                Glibc.open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            })
    }

    private static func makeRoot(_ root: String) throws(StorageError) {
        do throws(StorageError) {
            _ = try systemCall("create", root) { mkdir(root, 0o700) }
        } catch {
            if error.code == .exists { return }
            throw error
        }
        let created = try openRoot(root)
        let parent = try Descriptor(
            "..", in: created, flags: O_RDONLY | O_DIRECTORY, operation: "sync the parent of", path: root)
        _ = try systemCall("sync the parent of", root) { fsync(parent.number) }
    }
}

// MARK: Files

extension PosixStorage {
    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any StorageFile {
        try openFile(path, mode, "open")
    }

    private func openFile(
        _ path: String, _ mode: OpenMode, _ operation: String
    ) throws(StorageError) -> PosixFile {
        if mode != .read { try requireWritable(operation, path) }
        let descriptor = try reach(pathComponents(path), mode.flags, operation, path)
        let status = try descriptor.status(operation, path)
        if status.isDirectory { throw StorageError(errno: EISDIR, operation, path) }
        guard status.isRegularFile else {
            throw StorageError(.invalid, operation, path, detail: "neither a file nor a directory")
        }
        return PosixFile(descriptor, path)
    }

    package func remove(_ path: String) throws(StorageError) {
        try unlink(path, 0)
    }

    package func rename(_ source: String, _ target: String) throws(StorageError) {
        try requireWritable("rename", source)
        let old = try locate(source, "rename")
        let new = try locate(target, "rename")
        _ = try systemCall("rename", source) {
            renameat(old.directory.number, old.name, new.directory.number, new.name)
        }
    }

    package func attributes(_ path: String) throws(StorageError) -> FileAttributes? {
        do throws(StorageError) {
            return try status(of: locate(path, "examine"), path).attributes
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    package func lock(_ path: String) throws(StorageError) -> any StorageLock {
        try PosixLock(try openFile(path, .create, "lock"), path)
    }

    /// Keeps others from taking the lock of this name, without writing; `nil` when there is no such file, so that
    /// nobody has ever held it.
    ///
    /// - Throws: `.locked`, naming the process that holds it.
    package func holdOff(_ path: String) throws(StorageError) -> (any StorageLock)? {
        do throws(StorageError) {
            return try PosixLock(shared: try openFile(path, .read, "lock"), path)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }
}

// MARK: Directories

extension PosixStorage {
    @discardableResult
    package func createDirectory(_ path: String) throws(StorageError) -> Bool {
        try requireWritable("create", path)
        let place = try locate(path, "create")
        do throws(StorageError) {
            _ = try systemCall("create", path) { mkdirat(place.directory.number, place.name, 0o700) }
            return true
        } catch {
            if error.code != .exists { throw error }
        }
        let existing = try status(of: place, path)
        if !existing.isDirectory { throw StorageError(errno: ENOTDIR, "create", path) }
        return false
    }

    package func removeDirectory(_ path: String) throws(StorageError) {
        try unlink(path, AT_REMOVEDIR)
    }

    package func syncDirectory(_ path: String) throws(StorageError) {
        try requireWritable("sync", path)
        let directory = try reach(directoryComponents(path), O_RDONLY | O_DIRECTORY, "sync", path)
        _ = try systemCall("sync", path) { fsync(directory.number) }
    }

    package func list(_ path: String) throws(StorageError) -> [DirectoryEntry] {
        let directory = try reach(directoryComponents(path), O_RDONLY | O_DIRECTORY, "list", path)
        return try entries(of: directory, path).sorted { $0.name < $1.name }
    }

    package func availableBytes() throws(StorageError) -> UInt64 {
        var status = statvfs()
        _ = try systemCall("examine", "") { fstatvfs(root.number, &status) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}

// MARK: Helpers

extension PosixStorage {
    private func requireWritable(_ operation: String, _ path: String) throws(StorageError) {
        if isReadOnly {
            throw StorageError(.readOnly, operation, path, detail: "the store was opened for reading only")
        }
    }

    private func unlink(_ path: String, _ flags: Int32) throws(StorageError) {
        try requireWritable("remove", path)
        let place = try locate(path, "remove")
        _ = try systemCall("remove", path) { unlinkat(place.directory.number, place.name, flags) }
    }

    private func status(of place: borrowing Place, _ path: String) throws(StorageError) -> stat {
        var status = stat()
        _ = try systemCall("examine", path) {
            fstatat(place.directory.number, place.name, &status, AT_SYMLINK_NOFOLLOW)
        }
        return status
    }

    private func locate(_ path: String, _ operation: String) throws(StorageError) -> Place {
        var names = pathComponents(path)
        let name = names.removeLast()
        return Place(directory: try reach(names, O_RDONLY | O_DIRECTORY, operation, path), name: name)
    }

    /// Opens what these names lead to from the root.
    private func reach(
        _ names: [String], _ flags: Int32, _ operation: String, _ path: String
    ) throws(StorageError) -> Descriptor {
        guard opensWholePaths else { return try walk(names, flags, operation, path) }
        do throws(StorageError) {
            let whole = names.isEmpty ? "." : names.joined(separator: "/")
            return try Descriptor(beneath: root, whole, flags: flags, operation: operation, path: path)
        } catch {
            // A link: where on the way it lies decides which error that is.
            guard error.errno == ELOOP else { throw error }
            return try walk(names, flags, operation, path)
        }
    }

    private func walk(
        _ names: [String], _ flags: Int32, _ operation: String, _ path: String
    ) throws(StorageError) -> Descriptor {
        var directory = try Descriptor(
            ".", in: root, flags: O_RDONLY | O_DIRECTORY, operation: operation, path: path)
        for name in names.dropLast() {
            directory = try Descriptor(
                name, in: directory, flags: O_RDONLY | O_DIRECTORY, operation: operation, path: path)
        }
        guard let last = names.last else { return directory }
        return try Descriptor(last, in: directory, flags: flags, operation: operation, path: path)
    }
}

/// A name in an open directory, whether or not there is anything.
private struct Place: ~Copyable {
    let directory: Descriptor
    let name: String
}

extension OpenMode {
    fileprivate var flags: Int32 {
        switch self {
        case .read: O_RDONLY
        case .readWrite: O_RDWR
        case .create: O_RDWR | O_CREAT
        case .createNew: O_RDWR | O_CREAT | O_EXCL
        }
    }
}
