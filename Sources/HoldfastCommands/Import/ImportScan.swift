import HoldfastBytes
import HoldfastStorage

/// Finds the files to import below the paths that the user named. Reads no file.
///
/// What a store keeps below its folder is the store's own: no file of it is taken for a session.
struct ImportScan {
    /// The folder of the store that the files are for; it need not be there yet.
    let store: String
    /// The files, each folder's in the order of their names.
    private(set) var files: [ImportFile] = []
    /// What looks like a session and cannot be imported, as sentences.
    private(set) var problems: [String] = []
    /// What is left out for a good reason, as sentences.
    private(set) var notes: [String] = []
    /// Files and folders that are no sessions.
    private(set) var skippedCount = 0

    init(into store: String) { self.store = store }

    /// The bytes of all files.
    var byteCount: Int { files.reduce(0) { $0 + Int($1.byteCount) } }

    /// Adds what is at `path`: a file, or a folder with everything below it.
    ///
    /// - Throws: ``ExitCode/noInput`` when there is nothing; ``ExitCode/usage`` when it is a file of another kind
    ///   or belongs to the store.
    mutating func add(_ path: String) throws(CommandError) {
        let place = try NamedPath(path)
        if place.isInside(store) {
            throw CommandError(.usage, "'\(path)' belongs to the store '\(store)'. Name files outside of it.")
        }
        guard let name = place.fileName else {
            return addFolder("", of: place.folder, shownAs: path, depth: 0)
        }
        guard ImportFile.meaning(of: name) != nil else {
            throw CommandError(
                .usage,
                "'\(path)' is no session: a file must be named '<session>.jsonl', '<session>.json' or 'state.db'.")
        }
        let beside = (try? place.folder.list("")).map { WebUIFolder($0, at: "", of: place.folder) }
        addFile(name, name: name, of: place.folder, shownAs: path, beside: beside)
    }

    private mutating func addFolder(
        _ path: String, of folder: any Storage, shownAs shownPath: String, depth: Int
    ) {
        guard depth < ImportLimits.folderDepth else {
            problems.append("'\(shownPath)' is nested too deeply and was left out.")
            return
        }
        do throws(StorageError) {
            let entries = try folder.list(path)
            let names = Set(entries.map(\.name))
            guard !names.isSuperset(of: [StoreLayout.storeFile, StoreLayout.journalFolder]) else {
                problems.append("'\(shownPath)' is a store and was left out; 'holdfast export' writes its sessions.")
                return
            }
            let folderOfWebUI = WebUIFolder(entries, at: path, of: folder)
            problems += folderOfWebUI.problems
            for entry in entries {
                let below = path.isEmpty ? entry.name : "\(path)/\(entry.name)"
                add(entry, below, of: folder, shownAs: joined(shownPath, entry.name), depth: depth, folderOfWebUI)
            }
            addOrphans(of: folderOfWebUI, entries, folder, path, shownPath)
            for list in folderOfWebUI.tombstonePaths { addTombstones(list, of: folder, shownAs: shownPath) }
        } catch {
            problems.append(error.description)
        }
    }

    private mutating func add(
        _ entry: DirectoryEntry, _ path: String, of folder: any Storage, shownAs shownPath: String, depth: Int,
        _ beside: WebUIFolder
    ) {
        if beside.ownNames.contains(entry.name) { return }
        if entry.isDirectory, !entry.name.hasPrefix("_"), !entry.name.hasPrefix(".") {
            addFolder(path, of: folder, shownAs: shownPath, depth: depth + 1)
        } else if !entry.isDirectory, ImportFile.meaning(of: entry.name) != nil {
            addFile(path, name: entry.name, of: folder, shownAs: shownPath, beside: beside)
        } else {
            skippedCount += 1
        }
    }

    private mutating func addFile(
        _ path: String, name: String, of folder: any Storage, shownAs shownPath: String, beside: WebUIFolder?
    ) {
        guard let meaning = ImportFile.meaning(of: name), let session = SessionID(meaning.session) else {
            problems.append("'\(shownPath)': the name is no session id (1 to 255 bytes of UTF-8).")
            return
        }
        do throws(StorageError) {
            let attributes = try folder.attributes(path)
            guard let attributes else {
                // What lists a file and then does not have it has a name that is not UTF-8.
                problems.append("'\(shownPath)': the name is not UTF-8, or the file has just gone.")
                return
            }
            var file = ImportFile(
                session: session, shape: meaning.shape, folder: folder, path: path, shownPath: shownPath,
                byteCount: attributes.byteCount)
            if meaning.shape == .document {
                file.companions = beside?.companions[String(name.dropLast(5))] ?? WebUIFolder.Companions()
            }
            files.append(file)
        } catch {
            problems.append(error.description)
        }
    }

    /// Adds the backups whose own files are missing, unless their sessions were deleted.
    private mutating func addOrphans(
        of beside: WebUIFolder, _ entries: [DirectoryEntry], _ folder: any Storage, _ path: String,
        _ shownPath: String
    ) {
        let names = Set(entries.map(\.name))
        for (stem, companions) in beside.companions.sorted(by: { $0.key < $1.key }) {
            if names.contains("\(stem).json") || beside.tombstones.contains(stem) && companions.backup == nil {
                continue
            }
            guard let backup = companions.backup else {
                notes.append(
                    "'\(companions.journals.first ?? stem)' is of a session that is not here, and was left out.")
                continue
            }
            let shown = joined(shownPath, "\(stem).json.bak")
            guard let session = SessionID(ImportFile.session(named: stem)), !beside.tombstones.contains(stem) else {
                notes.append("'\(shown)' is what is left of a deleted session, and was left out.")
                continue
            }
            let byteCount = (try? folder.attributes(backup))??.byteCount ?? 0
            files.append(
                ImportFile(
                    session: session, shape: .backup, folder: folder, path: backup, shownPath: shown,
                    byteCount: byteCount, companions: companions))
        }
    }

    private mutating func addTombstones(_ path: String, of folder: any Storage, shownAs shownFolder: String) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let session = SessionID(name) else { return }
        let byteCount = (try? folder.attributes(path))??.byteCount ?? 0
        files.append(
            ImportFile(
                session: session, shape: .tombstones, folder: folder, path: path,
                shownPath: joined(shownFolder, name), byteCount: byteCount))
    }

    private func joined(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }
}
