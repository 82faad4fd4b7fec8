/// A storage that counts what it passes on, for tests that demand an exact number of operations.
package final class CountingStorage: Storage {
    /// What was asked for until now; locks, attributes and closes are not counted.
    package let counters = StorageCounters()
    private let base: any Storage

    package init(_ base: any Storage) {
        self.base = base
    }

    package func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any StorageFile {
        counters.add(to: \.opens)
        return CountingFile(try base.open(path, mode), counters)
    }

    @discardableResult
    package func createDirectory(_ path: String) throws(StorageError) -> Bool {
        counters.add(to: \.directoriesCreated)
        return try base.createDirectory(path)
    }

    package func list(_ path: String) throws(StorageError) -> [DirectoryEntry] {
        counters.add(to: \.directoriesListed)
        return try base.list(path)
    }

    package func attributes(_ path: String) throws(StorageError) -> FileAttributes? {
        try base.attributes(path)
    }

    package func remove(_ path: String) throws(StorageError) {
        counters.add(to: \.removes)
        try base.remove(path)
    }

    package func removeDirectory(_ path: String) throws(StorageError) {
        counters.add(to: \.removes)
        try base.removeDirectory(path)
    }

    package func rename(_ source: String, _ target: String) throws(StorageError) {
        counters.add(to: \.renames)
        try base.rename(source, target)
    }

    package func syncDirectory(_ path: String) throws(StorageError) {
        counters.add(to: \.directorySyncs)
        try base.syncDirectory(path)
    }

    package func lock(_ path: String) throws(StorageError) -> any StorageLock {
        try base.lock(path)
    }

    package func availableBytes() throws(StorageError) -> UInt64 {
        try base.availableBytes()
    }
}

private final class CountingFile: StorageFile {
    private let base: any StorageFile
    private let counters: StorageCounters

    init(_ base: any StorageFile, _ counters: StorageCounters) {
        self.base = base
        self.counters = counters
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        counters.add(to: \.reads)
        return try base.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        counters.add(to: \.writes)
        counters.add(bytes.count, to: \.bytesWritten)
        try base.write(bytes, at: offset)
    }

    func sync() throws(StorageError) {
        counters.add(to: \.syncs)
        try base.sync()
    }

    func truncate(to byteCount: UInt64) throws(StorageError) {
        counters.add(to: \.truncates)
        try base.truncate(to: byteCount)
    }

    func byteCount() throws(StorageError) -> UInt64 {
        try base.byteCount()
    }

    func close() throws(StorageError) {
        try base.close()
    }
}
