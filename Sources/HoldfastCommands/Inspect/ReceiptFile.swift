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
        if NamedPath.leads(path, into: store) {
            throw CommandError(.cannotCreate, "Keep the receipt outside of the store: '\(path)' is in it.")
        }
        try OutputFile(path, notIn: store).write(receipt.bytes)
    }
}
