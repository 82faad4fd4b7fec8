import HoldfastBytes
import HoldfastStorage

/// A file that the user wants written: there whole or not at all, private.
struct OutputFile {
    private let folder: any Storage
    private let name: String

    /// Takes `path`, whose folder must exist. A file that is there is replaced.
    ///
    /// - Parameter store: a folder that must not get it, because only the store's own files may be there.
    init(_ path: String, notIn store: String) throws(CommandError) {
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !["", ".", ".."].contains(name) else {
            throw CommandError(.usage, "'\(path)' is not the name of a file.")
        }
        if try NamedPath(parent).isInside(store) {
            throw CommandError(.usage, "'\(path)' is in the store. Name a file elsewhere.")
        }
        do throws(StorageError) {
            folder = try PosixStorage(root: parent)
        } catch {
            throw CommandError(.cannotCreate, error.description)
        }
    }

    /// Writes the file; durable on return.
    func write(_ text: String) throws(CommandError) {
        let temporary = name + StoreLayout.temporarySuffix
        do throws(StorageError) {
            let file = try folder.open(temporary, .create)
            try file.truncate(to: 0)
            try file.write(Array(text.utf8), at: 0)
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
