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

/// One operation that was asked for.
package struct SimulatedOperation: Sendable, CustomStringConvertible {
    /// Its number, from 0, among all operations of the storage.
    package let index: Int
    package let kind: OperationKind
    package let path: String
    /// What else was asked for, such as how many bytes.
    package let detail: String

    package var description: String {
        detail.isEmpty ? "\(kind.rawValue) \(path)" : "\(kind.rawValue) \(path) \(detail)"
    }
}

/// A failure that is going to happen.
package struct Fault: Sendable {
    /// The failure to report.
    package var code: StorageError.Code
    /// Which operations count; `nil` for all.
    package var kind: OperationKind?
    /// Only operations on this path and below it count; `""` for all.
    package var path: String
    /// Which of the operations that count fails; 1 is the next.
    package var occurrence: Int
    /// Whether all later ones fail too.
    package var isLasting: Bool
    /// How many of its bytes a failing write writes all the same; `nil` for the first half.
    package var bytesWritten: Int?

    package init(
        _ code: StorageError.Code, on kind: OperationKind? = nil, path: String = "", occurrence: Int = 1,
        isLasting: Bool = false, bytesWritten: Int? = nil
    ) {
        precondition(occurrence >= 1, "1 is the next operation")
        self.code = code
        self.kind = kind
        self.path = path
        self.occurrence = occurrence
        self.isLasting = isLasting
        self.bytesWritten = bytesWritten
    }

    /// Counts an operation; answers whether it fails.
    mutating func strikes(_ operation: SimulatedOperation) -> Bool {
        if let kind, kind != operation.kind { return false }
        if !path.isEmpty && operation.path != path && !operation.path.hasPrefix(path + "/") { return false }
        occurrence -= 1
        return occurrence == 0 || (isLasting && occurrence < 0)
    }
}
