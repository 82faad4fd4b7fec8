import CPosix
import Glibc

/// Makes a system call again for as long as signals interrupt it, and throws what it fails with.
///
/// The simulated storage makes its calls through this too, so that its faults try this very loop.
package func systemCall<Value: FixedWidthInteger>(
    _ operation: String, _ path: String, _ call: () -> Value
) throws(StorageError) -> Value {
    while true {
        let result = call()
        if result != -1 { return result }
        if errno != EINTR { throw StorageError(errno: errno, operation, path) }
    }
}

/// Moves `byteCount` bytes by calls that may each move fewer, which is no failure: `call` is told how many are done and
/// answers how many more it moved. Ends early when a call moves none; answers how many bytes were moved.
package func transfer(
    _ byteCount: Int, _ call: (_ done: Int) throws(StorageError) -> Int
) throws(StorageError) -> Int {
    var done = 0
    while done < byteCount {
        let count = try call(done)
        if count == 0 { break }
        done += count
    }
    return done
}

/// The offset as the system's type.
func systemOffset(_ offset: UInt64, _ operation: String, _ path: String) throws(StorageError) -> off_t {
    guard let value = off_t(exactly: offset) else { throw StorageError(errno: EFBIG, operation, path) }
    return value
}

/// A file descriptor with one owner, who closes it by letting go.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Takes ownership of an open descriptor.
    init(owning number: Int32) {
        self.number = number
    }

    /// Opens `name` in an open directory, or relative to the working directory when there is none.
    ///
    /// Never follows a symbolic link at `name`, is not inherited by child processes, and does not wait
    /// for the other end when somebody has put a pipe there.
    init(
        _ name: String, in directory: borrowing Descriptor, flags: Int32, operation: String, path: String
    ) throws(StorageError) {
        let parent = directory.number
        number = try systemCall(operation, path) {
            openat(parent, name, flags | Self.careful, Self.mode)
        }
    }

    /// The same for a path of several names, none of which may be a link: throws `.invalid` with `ELOOP` then.
    init(
        beneath directory: borrowing Descriptor, _ names: String, flags: Int32, operation: String, path: String
    ) throws(StorageError) {
        let parent = directory.number
        number = try systemCall(operation, path) {
            holdfast_open_beneath(parent, names, flags | Self.careful, Self.mode)
        }
    }

    private static let careful = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    private static let mode: mode_t = 0o600

    deinit {
        _ = Glibc.close(number)
    }

    /// Closes it, and tells what only the close can tell (a delayed write that failed).
    ///
    /// Not repeated when a signal interrupts: the number is released by then, and may be another file's.
    consuming func close(_ path: String) throws(StorageError) {
        let number = self.number
        discard self
        if Glibc.close(number) == -1 && errno != EINTR { throw StorageError(errno: errno, "close", path) }
    }

    /// What the system knows of the open file.
    func status(_ operation: String, _ path: String) throws(StorageError) -> stat {
        var status = stat()
        _ = try systemCall(operation, path) { fstat(number, &status) }
        return status
    }
}

extension stat {
    var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
    var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }

    var attributes: FileAttributes {
        FileAttributes(byteCount: UInt64(max(0, st_size)), isDirectory: isDirectory, identity: UInt64(st_ino))
    }
}
