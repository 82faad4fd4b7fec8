import Glibc
import HoldfastStorage

/// Runs `body` and turns what the file system refused into the end of the command.
func filing<Result>(_ body: () throws(StorageError) -> Result) throws(CommandError) -> Result {
    do throws(StorageError) { return try body() } catch { throw CommandError(error) }
}

extension CommandError {
    /// What the file system refused, in the user's terms.
    init(_ error: StorageError) {
        let code: ExitCode =
            switch error.code {
            case .notFound, .notADirectory: .noInput
            case .permission, .readOnly: .permission
            case .locked: .temporary
            default: .inputOutput
            }
        self.init(code, error.description)
    }
}

/// A file or folder that the user named, with the links in its path resolved.
struct NamedPath {
    /// The folder itself, or the one that the file is in; opened for reading only.
    let folder: any Storage
    /// The file's name in the folder; `nil` when the user named a folder.
    let fileName: String?
    /// The path from the root of the file system.
    let resolved: String

    /// Finds `path`.
    ///
    /// - Throws: ``ExitCode/noInput`` when there is nothing, ``ExitCode/permission``, ``ExitCode/inputOutput``.
    init(_ path: String) throws(CommandError) {
        guard let full = Self.resolved(path) else {
            throw CommandError(StorageError(errno: errno, "open", path))
        }
        resolved = full
        do throws(StorageError) {
            folder = try PosixStorage(root: full, readOnly: true)
            fileName = nil
            return
        } catch {
            guard error.code == .notADirectory else { throw CommandError(error) }
        }
        let slash = full.lastIndex(of: "/") ?? full.startIndex
        let parent = slash == full.startIndex ? "/" : String(full[..<slash])
        folder = try filing { () throws(StorageError) in try PosixStorage(root: parent, readOnly: true) }
        fileName = String(full[full.index(after: slash)...])
    }

    /// Whether this is the folder `path` or something below it; not when there is no such folder.
    func isInside(_ path: String) -> Bool {
        guard let folder = Self.resolved(path) else { return false }
        return resolved == folder || resolved.hasPrefix(folder == "/" ? folder : folder + "/")
    }

    /// Whether `path`, which need not be there yet, leads into the folder `folder`.
    static func leads(_ path: String, into folder: String) -> Bool {
        let place = (try? NamedPath(path)) ?? (try? NamedPath(parent(of: path)))
        return place?.isInside(folder) ?? false
    }

    /// The folder that a new folder `path` would be made in.
    private static func parent(of path: String) -> String {
        let trimmed = String(path.reversed().drop { $0 == "/" }.reversed())
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
