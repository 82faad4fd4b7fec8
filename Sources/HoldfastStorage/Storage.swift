/// One directory tree, the root of a store, and everything the engine may do to it.
///
/// A path is relative to the root: names joined with `/`. A path with an empty, `.` or `..` component, or
/// none, is a bug of the caller and stops the process. Where only a directory can be meant, `""` is the root.
/// No symbolic link is ever followed.
///
/// All calls block and may be made from any thread. What they change is visible to every process when they
/// return, but durable only once it was synced: a file's bytes and length by ``StorageFile/sync()``, the
/// entries of a directory (created, renamed, removed in it) by ``syncDirectory(_:)``.
package protocol Storage: AnyObject, Sendable {
    /// Opens a file. A new one has mode 0600 and is durable after its own sync and one of its directory.
    ///
    /// - Throws: `.notFound`; `.exists` (for `.createNew`); `.isADirectory`; `.tooManyFiles`;
    ///   `.invalid` for anything that is neither a file nor a directory, such as a symbolic link.
    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> any StorageFile

    /// Creates a directory with mode 0700 unless there is one; its parent must exist.
    ///
    /// - Returns: true when it was created: its parent must then be synced before the entry is durable.
    @discardableResult
    func createDirectory(_ path: String) throws(StorageError) -> Bool

    /// The entries of a directory, sorted by name.
    ///
    /// A name that is not UTF-8 comes with replacement characters in it, so it can be reported but not
    /// opened.
    func list(_ path: String) throws(StorageError) -> [DirectoryEntry]

    /// What is known of a file or directory without opening it; `nil` when there is none.
    func attributes(_ path: String) throws(StorageError) -> FileAttributes?

    /// Removes a file. Open handles keep working. Durable after its directory was synced.
    func remove(_ path: String) throws(StorageError)

    /// Removes an empty directory. Durable after its parent was synced.
    func removeDirectory(_ path: String) throws(StorageError)

    /// Renames a file or directory; a file (or an empty directory) at `target` is replaced in the same step.
    /// Durable after the directories of both were synced. Sync a new file's content before renaming it.
    func rename(_ source: String, _ target: String) throws(StorageError)

    /// Makes the entries of a directory durable, but not what the files in it contain.
    func syncDirectory(_ path: String) throws(StorageError)

    /// Takes an exclusive lock without waiting. The file is created when missing, holds the process id of the
    /// holder for others to read, and stays when the lock is released. The lock ends with the process.
    ///
    /// - Throws: `.locked`, naming the process that holds it; also when this process holds it already.
    func lock(_ path: String) throws(StorageError) -> any StorageLock

    /// How many bytes can still be stored. A hint: other processes use the same disk.
    func availableBytes() throws(StorageError) -> UInt64
}

/// An open file. Offsets and counts are bytes.
///
/// All calls block and may be made from any thread at the same time. Two writes to the same bytes at the same
/// time leave either. A handle that nobody closed is closed when the last reference goes.
package protocol StorageFile: AnyObject, Sendable {
    /// Fills `buffer` from `offset` and returns how many bytes there were: fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int

    /// Writes all of `bytes` at `offset`. A gap between the old end and `offset` reads as zeros.
    ///
    /// When it throws, any part of the bytes may have been written. Durable after ``sync()``.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)

    /// Makes durable the length and every byte that was written before the call, through any handle.
    ///
    /// After one failure the handle is poisoned: the system may have dropped the bytes and reported it this
    /// once, so that a second sync that succeeds would prove nothing. Every later write, truncate and sync
    /// throws `.poisoned`.
    func sync() throws(StorageError)

    /// Writes all of `bytes` at `offset` and makes them durable in one call of the system, if it can do that: multiples
    /// of 512 bytes at multiples of 512, up to a mebibyte, where the file has bytes already.
    ///
    /// - Returns: whether it was done. If not, any part of the bytes may have been written, and ``write(_:at:)`` and
    ///   ``sync()`` are the way. Of what was written before, it says nothing.
    /// - Throws: what failed, which may be a sync: the handle is poisoned then, as by ``sync()``.
    func writeSynced(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) -> Bool

    /// Makes the file exactly `byteCount` bytes long, cutting it or appending zeros. Durable after
    /// ``sync()``.
    func truncate(to byteCount: UInt64) throws(StorageError)

    /// The file's length now.
    func byteCount() throws(StorageError) -> UInt64

    /// Closes the handle after the calls in progress; further calls throw `.invalid`. A second close does
    /// nothing.
    func close() throws(StorageError)
}

/// A lock that is held until it is released or the last reference goes.
package protocol StorageLock: AnyObject, Sendable {
    /// Gives the lock up. A second call does nothing.
    func release()
}

/// How to open a file.
package enum OpenMode: Sendable, CaseIterable {
    /// For reading; it must exist.
    case read
    /// For reading and writing; it must exist.
    case readWrite
    /// For reading and writing; created empty when missing.
    case create
    /// For reading and writing; refused with `.exists` when there is one.
    case createNew
}

/// A file or directory, as its directory lists it.
package struct DirectoryEntry: Sendable, Equatable {
    package var name: String
    package var isDirectory: Bool

    package init(name: String, isDirectory: Bool) {
        self.name = name
        self.isDirectory = isDirectory
    }
}

/// What is known of a file without opening it.
package struct FileAttributes: Sendable, Equatable {
    /// The length of a file; without meaning for a directory.
    package var byteCount: UInt64
    package var isDirectory: Bool
    /// Differs between any two files that exist at the same time, and survives a rename (the inode number).
    package var identity: UInt64

    package init(byteCount: UInt64, isDirectory: Bool, identity: UInt64) {
        self.byteCount = byteCount
        self.isDirectory = isDirectory
        self.identity = identity
    }
}
