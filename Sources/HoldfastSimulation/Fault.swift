import Glibc
package import HoldfastStorage

/// What a storage can be asked to do.
package enum OperationKind: String, Sendable, CaseIterable {
    case open
    case createDirectory = "create directory"
    case list
    case attributes
    case remove
    case removeDirectory = "remove directory"
    case rename
    case syncDirectory = "sync directory"
    case lock
    case availableBytes = "available bytes"
    case read
    case write
    case sync
    case truncate
    case byteCount = "byte count"
    case close

    /// Whether the operation can change what a crash leaves. Between two others all crashes are the same.
    package var changesDisk: Bool {
        switch self {
        case .open, .createDirectory, .remove, .removeDirectory, .rename, .lock: true
        case .write, .truncate, .sync, .syncDirectory: true
        case .list, .attributes, .availableBytes, .read, .byteCount, .close: false
        }
    }
}

/// What an operation was asked for besides its path.
package enum OperationDetail: Sendable, Hashable, CustomStringConvertible {
    case none
    case mode(OpenMode)
    case bytes(count: Int, offset: UInt64)
    case length(UInt64)
    case target(String)

    package var description: String {
        switch self {
        case .none: ""
        case .mode(let mode): "\(mode)"
        case .bytes(let count, let offset): "\(count) bytes at \(offset)"
        case .length(let byteCount): "to \(byteCount)"
        case .target(let path): "to \(path)"
        }
    }
}

/// One operation that was asked for.
package struct SimulatedOperation: Sendable, Hashable, CustomStringConvertible {
    /// Its number, from 0, among all operations of the storage.
    package let index: Int
    package let kind: OperationKind
    package let path: String
    /// What else was asked for, such as how many bytes.
    package let detail: OperationDetail

    /// Whether it reads or writes one of `bytes`.
    func touches(_ bytes: Range<UInt64>) -> Bool {
        guard case .bytes(let count, let offset) = detail else { return false }
        return bytes.overlaps(offset..<offset + UInt64(count))
    }

    package var description: String {
        detail == .none ? "\(kind.rawValue) \(path)" : "\(kind.rawValue) \(path) \(detail)"
    }
}

/// Something that is going to go wrong.
package struct Fault: Sendable {
    /// What happens to an operation that is struck.
    package enum Effect: Sendable, Hashable {
        /// It fails with this error number of the system. With `EINTR` it has only been interrupted, and is called
        /// again.
        case failure(Int32)
        /// A read or write does less than it was asked for, which is no failure: half of it, at least one byte.
        case shortCount
    }

    package var effect: Effect
    /// Which operations count; `nil` for all.
    package var kinds: Set<OperationKind>?
    /// Only operations on this path and below it count; `""` for all.
    package var path: String
    /// Only reads and writes that touch these bytes of a file count, as of a bad sector; `nil` for any.
    package var bytes: Range<UInt64>?
    /// Which of the operations that count is struck; 1 is the next.
    package var occurrence: Int
    /// Whether all later ones are struck too; of interruptions every second, or nothing would ever be done.
    package var isLasting: Bool
    /// How many of its bytes a failing write writes all the same; `nil` for the first half.
    package var bytesWritten: Int?
    /// Whether a failing sync leaves its bytes marked as written, so that they never reach the disk, as Linux does.
    /// Else they stay dirty, and may reach it or not, as on other systems.
    package var losesBytes = true

    package init(
        _ effect: Effect, on kind: OperationKind? = nil, path: String = "", occurrence: Int = 1,
        isLasting: Bool = false, bytesWritten: Int? = nil
    ) {
        precondition(occurrence >= 1, "1 is the next operation")
        self.effect = effect
        kinds = kind.map { [$0] }
        self.path = path
        self.occurrence = occurrence
        self.isLasting = isLasting
        self.bytesWritten = bytesWritten
    }

    /// A failure that is reported as `code`.
    package init(
        _ code: StorageError.Code, on kind: OperationKind? = nil, path: String = "", occurrence: Int = 1,
        isLasting: Bool = false, bytesWritten: Int? = nil
    ) {
        self.init(
            .failure(code.usualNumber), on: kind, path: path, occurrence: occurrence, isLasting: isLasting,
            bytesWritten: bytesWritten)
    }

    /// Counts an operation; answers whether it is struck.
    mutating func strikes(_ operation: SimulatedOperation) -> Bool {
        if let kinds, !kinds.contains(operation.kind) { return false }
        if effect == .shortCount && operation.kind != .read && operation.kind != .write { return false }
        if !path.isEmpty && operation.path != path && !operation.path.hasPrefix(path + "/") { return false }
        if let bytes, !operation.touches(bytes) { return false }
        occurrence -= 1
        if effect == .failure(EINTR) { return occurrence == 0 || (isLasting && occurrence < 0 && occurrence % 2 == 0) }
        return occurrence == 0 || (isLasting && occurrence < 0)
    }

    /// What the operation throws; `nil` when it is only a short count.
    func error(_ operation: String, _ path: String) -> StorageError? {
        guard case .failure(let number) = effect else { return nil }
        return StorageError(errno: number, operation, path)
    }
}

extension StorageError.Code {
    /// The best known of the system's error numbers that mean this.
    fileprivate var usualNumber: Int32 {
        switch self {
        case .notFound: ENOENT
        case .exists: EEXIST
        case .noSpace: ENOSPC
        case .tooManyFiles: EMFILE
        case .readOnly: EROFS
        case .permission: EACCES
        case .io: EIO
        case .locked: EWOULDBLOCK
        case .notADirectory: ENOTDIR
        case .isADirectory: EISDIR
        case .invalid: EINVAL
        case .poisoned, .other: ENOTSUP
        }
    }
}
