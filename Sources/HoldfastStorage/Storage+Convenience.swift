extension StorageFile {
    /// Writes all of `bytes` at `offset`; see ``write(_:at:)-(UnsafeRawBufferPointer,_)``.
    package func write(_ bytes: [UInt8], at offset: UInt64) throws(StorageError) {
        try bytes.span.withUnsafeBytes { (buffer) throws(StorageError) in
            try write(buffer, at: offset)
        }
    }

    /// As ``writeSynced(_:at:)-(UnsafeRawBufferPointer,_)``.
    package func writeSynced(_ bytes: [UInt8], at offset: UInt64) throws(StorageError) -> Bool {
        try bytes.span.withUnsafeBytes { (buffer) throws(StorageError) in
            try writeSynced(buffer, at: offset)
        }
    }

    /// Never done, by storages that can not.
    package func writeSynced(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) -> Bool { false }

    /// The `count` bytes from `offset` on; fewer only at the end of the file.
    ///
    /// Allocates `count` bytes: bound a count that was read from a file before passing it on.
    package func read(count: Int, at offset: UInt64) throws(StorageError) -> [UInt8] {
        try [UInt8](capacity: count) { (output) throws(StorageError) in
            try output.withUnsafeMutableBufferPointer { (buffer, initializedCount) throws(StorageError) in
                initializedCount = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
        }
    }

    /// The whole content of a file that is at most `limit` bytes long.
    ///
    /// - Throws: `.invalid`, before anything is allocated, when it is longer.
    package func readAll(limit: Int, path: String) throws(StorageError) -> [UInt8] {
        let byteCount = try byteCount()
        guard byteCount <= UInt64(limit) else {
            throw StorageError(.invalid, "read", path, detail: "\(byteCount) bytes, the limit is \(limit)")
        }
        return try read(count: Int(byteCount), at: 0)
    }
}

extension Storage {
    /// The whole content of a file that is at most `limit` bytes long.
    ///
    /// - Throws: `.invalid`, before anything is allocated, when it is longer.
    package func readAll(_ path: String, limit: Int) throws(StorageError) -> [UInt8] {
        let file = try open(path, .read)
        let bytes = try file.readAll(limit: limit, path: path)
        try file.close()
        return bytes
    }
}
