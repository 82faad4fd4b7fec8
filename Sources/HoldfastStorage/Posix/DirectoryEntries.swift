import Glibc

/// Everything in an open directory but `.` and `..`, in the order of the file system.
func entries(of directory: borrowing Descriptor, _ path: String) throws(StorageError) -> [DirectoryEntry] {
    let number = directory.number
    // The stream takes the descriptor it is given and closes it.
    let copy = try systemCall("list", path) { fcntl(number, F_DUPFD_CLOEXEC, 0) }
    guard let stream = fdopendir(copy) else {
        let error = StorageError(errno: errno, "list", path)
        _ = Glibc.close(copy)
        throw error
    }
    defer { closedir(stream) }
    var entries: [DirectoryEntry] = []
    while let found = try nextEntry(stream, path) {
        let name = nameOf(found)
        if name == "." || name == ".." { continue }
        let isDirectory = isDirectory(found, name, in: directory)
        entries.append(DirectoryEntry(name: name, isDirectory: isDirectory))
    }
    return entries
}

private func nextEntry(
    _ stream: OpaquePointer, _ path: String
) throws(StorageError) -> UnsafeMutablePointer<dirent>? {
    errno = 0  // the only way to tell the end from a failure
    if let entry = readdir(stream) { return entry }
    if errno != 0 { throw StorageError(errno: errno, "list", path) }
    return nil
}

private func nameOf(_ entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafePointer(to: &entry.pointee.d_name) { name in
        String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
    }
}

private func isDirectory(
    _ entry: UnsafeMutablePointer<dirent>, _ name: String, in directory: borrowing Descriptor
) -> Bool {
    if Int(entry.pointee.d_type) != Int(DT_UNKNOWN) { return Int(entry.pointee.d_type) == Int(DT_DIR) }
    // Some file systems leave the type out of the listing.
    var status = stat()
    return fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.isDirectory
}
