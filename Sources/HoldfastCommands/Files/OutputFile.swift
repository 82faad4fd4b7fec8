import Glibc
import HoldfastBytes
import HoldfastStorage

/// A file that the user wants written: there whole or not at all, readable by its owner only.
struct OutputFile {
    private let folder: any Storage
    private let name: String

    /// Takes `path`, whose folder must exist. A file or a link that is there is replaced; a device, a pipe or a folder
    /// is not.
    ///
    /// - Parameter store: a folder that must not get it, because only the store's own files may be there.
    init(_ path: String, notIn store: String) throws(CommandError) {
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !["", ".", ".."].contains(name) else {
            throw CommandError(.usage, "'\(path)' is not the name of a file.")
        }
        do throws(StorageError) {
            folder = try PosixStorage(root: parent)
        } catch {
            throw CommandError(.cannotCreate, error.description)
        }
        let place = try NamedPath(parent)
        if place.isInside(store) {
            throw CommandError(.usage, "'\(path)' is in the store. Name a file elsewhere.")
        }
        // A link is replaced, and nothing is written through it; but not that of a device, such as /dev/stdout.
        guard place.resolved != "/dev", isFileOrLink() else {
            throw CommandError(.cannotCreate, "'\(path)' is no file, and nothing is written in its place.")
        }
    }

    /// Whether there is a file, a link or nothing.
    private func isFileOrLink() -> Bool {
        do throws(StorageError) {
            _ = try folder.open(name, .read)
            return true
        } catch {
            return !error.isOfKind || error.errno == ELOOP
        }
    }

    /// Writes the file; durable on return.
    func write(_ bytes: [UInt8]) throws(CommandError) {
        let temporary = name + StoreLayout.temporarySuffix
        do throws(StorageError) {
            let file = try folder.open(temporary, .create)
            try file.truncate(to: 0)
            try file.write(bytes, at: 0)
            try file.sync()
            try file.close()
            try folder.rename(temporary, name)
            try folder.syncDirectory("")
        } catch {
            try? folder.remove(temporary)
            throw CommandError(.cannotCreate, error.description)
        }
    }
}
