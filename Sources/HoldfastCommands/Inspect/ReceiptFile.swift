import HoldfastBytes
import HoldfastStorage

/// Receipts as files, which the user keeps where they please.
enum ReceiptFile {
    /// Reads the receipt in the file `path`.
    static func read(_ path: String) throws(CommandError) -> Receipt {
        let place = try NamedPath(path)
        guard let name = place.fileName else { throw CommandError(.noInput, "'\(path)' is a folder.") }
        let bytes = try filing { () throws(StorageError) in
            try place.folder.readAll(name, limit: Receipt.byteLimit)
        }
        do throws(CommandError) {
            return try Receipt(bytes)
        } catch {
            throw CommandError(error.code, "'\(path)': \(error.message)")
        }
    }

    /// Writes the file `path`, whole or not at all, readable by its owner only; durable on return.
    ///
    /// - Throws: with ``ExitCode/cannotCreate`` also for a place in the store that the receipt is of.
    static func write(_ receipt: Receipt, to path: String, notInto store: String) throws(CommandError) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !name.isEmpty, name != ".", name != ".." else {
            throw CommandError(.cannotCreate, "'\(path)' is no name for a file.")
        }
        guard try !NamedPath(folder).isInside(store) else {
            throw CommandError(.cannotCreate, "Keep the receipt outside of the store: '\(path)' is in it.")
        }
        do throws(StorageError) {
            let storage = try PosixStorage(root: folder, create: false)
            let temporary = name + StoreLayout.temporarySuffix
            let file = try storage.open(temporary, .create)
            try file.truncate(to: 0)
            try file.write(receipt.bytes, at: 0)
            try file.sync()
            try file.close()
            try storage.rename(temporary, name)
            try storage.syncDirectory("")
        } catch {
            throw CommandError(.cannotCreate, error.description)
        }
    }
}
