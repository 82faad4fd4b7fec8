import CPosix
import Glibc

/// Why the storage refused or failed: which operation, on what, and what the system said.
package struct StorageError: Error, Sendable, Equatable {
    /// What a caller may want to tell apart.
    package enum Code: String, Sendable, CaseIterable {
        case notFound = "not found"
        case exists = "exists already"
        /// The disk, the quota or the largest allowed file is full.
        case noSpace = "no space left"
        case tooManyFiles = "too many open files"
        case readOnly = "read-only"
        case permission = "permission denied"
        /// The device failed. What was being written may be lost.
        case io = "input/output error"
        /// Somebody else holds the lock.
        case locked = "locked"
        case notADirectory = "not a directory"
        case isADirectory = "is a directory"
        /// The request makes no sense for what is there: a link, a closed handle, a file above a limit.
        case invalid = "invalid"
        /// An earlier sync of this handle failed, so nothing it says can be trusted.
        case poisoned = "an earlier sync failed"
        case other = "failed"
    }

    package var code: Code
    /// The system's error number, or 0 when the refusal is our own.
    package var errno: Int32
    /// The verb of a sentence: "open", "write", "sync".
    package var operation: String
    /// The path below the root, `""` for the root itself.
    package var path: String
    /// What else is known, such as who holds a lock.
    package var detail: String

    /// A refusal of our own.
    package init(_ code: Code, _ operation: String, _ path: String, detail: String = "") {
        self.code = code
        self.errno = 0
        self.operation = operation
        self.path = path
        self.detail = detail
    }

    /// A failed system call.
    package init(errno: Int32, _ operation: String, _ path: String, detail: String = "") {
        self.init(Code(errno: errno), operation, path, detail: detail)
        self.errno = errno
    }
}

extension StorageError {
    /// Whether it is this file or folder that cannot be used, as by its rights or its kind. Not what may pass, such as
    /// an error of the device, or a limit of the process.
    package var isOfFile: Bool { code == .permission || isOfKind }

    /// Whether something else stands there: a link, a pipe, a folder for a file, a file for a folder.
    package var isOfKind: Bool {
        switch code {
        case .invalid, .isADirectory, .notADirectory: true
        default: false
        }
    }
}

extension StorageError.Code {
    /// The one table from the system's error numbers to ours.
    package init(errno: Int32) {
        switch errno {
        case ENOENT: self = .notFound
        case EEXIST, ENOTEMPTY: self = .exists
        case ENOSPC, EDQUOT, EFBIG: self = .noSpace
        case EMFILE, ENFILE: self = .tooManyFiles
        case EROFS: self = .readOnly
        case EACCES, EPERM: self = .permission
        case EIO, ENXIO, ENODEV, ESTALE: self = .io
        case EWOULDBLOCK: self = .locked
        case ENOTDIR: self = .notADirectory
        case EISDIR: self = .isADirectory
        case EINVAL, ENAMETOOLONG, ELOOP, EXDEV, EBADF, EOVERFLOW: self = .invalid
        default: self = .other
        }
    }

    /// What a person can do about it, as a sentence, or `""`.
    fileprivate var advice: String {
        switch self {
        case .noSpace: "Free disk space, or raise the disk quota or the file size limit (ulimit -f)."
        case .tooManyFiles: "Raise the limit of open files (ulimit -n) or lower the store's own limit."
        case .permission: "The files must belong to the user that runs this process; check owner and mode."
        case .readOnly: "Mount the file system for writing, or open the store for reading only."
        default: ""
        }
    }
}

extension StorageError {
    /// What failed and why, without advice, to stand within a sentence.
    package var clause: String {
        let subject = path.isEmpty ? "the store's directory" : "'\(path)'"
        return "cannot \(operation) \(subject): \(reason)" + (detail.isEmpty ? "" : ": \(detail)")
    }
}

extension StorageError: CustomStringConvertible {
    /// A sentence for people: what failed, why, and what to do where we know.
    package var description: String {
        var text = clause + "."
        if !code.advice.isEmpty { text += " " + code.advice }
        return text
    }

    private var reason: String {
        if errno == 0 { return code.rawValue }
        let sentence = String(cString: holdfast_errno_text(errno))
        let name = String(cString: holdfast_errno_name(errno))
        return "\(sentence) (\(name))"
    }
}
