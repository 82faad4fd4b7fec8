import HoldfastBytes
import HoldfastLog
import HoldfastStorage

/// What one session's folder holds.
struct SessionFolder {
    var session: SessionID
    /// Segment numbers, ascending.
    var segments: [UInt32] = []
    /// The sequences of the snapshots, ascending.
    var snapshots: [UInt64] = []
    /// Whether there is a head file.
    var hasHead = false
    /// What an interrupted write left behind.
    var leftovers: [String] = []

    var isEmpty: Bool { segments.isEmpty && snapshots.isEmpty }

    /// Reads the folder; a folder that does not exist is empty.
    ///
    /// `also` names segments that exist in the journal only.
    init(_ session: SessionID, in storage: any Storage, also unflushed: [UInt32] = []) throws(LogError) {
        self.session = session
        var numbers = Set(unflushed)
        for entry in try Self.entries(of: session, in: storage) where !entry.isDirectory {
            if let number = StoreLayout.segmentNumber(entry.name) {
                numbers.insert(number)
            } else if let sequence = StoreLayout.snapshotSequence(entry.name) {
                snapshots.append(sequence)
            } else if entry.name == StoreLayout.headName {
                hasHead = true
            } else if entry.name.hasSuffix(StoreLayout.temporarySuffix) {
                leftovers.append(entry.name)
            }
        }
        segments = numbers.sorted()
        snapshots.sort()
    }

    private init(_ session: SessionID, only unflushed: [UInt32]) {
        self.session = session
        segments = Set(unflushed).sorted()
    }

    /// The same for those who go on without the folder when it cannot be read: then as if it were empty, and why.
    static func orNothing(
        _ session: SessionID, in storage: any Storage, also unflushed: [UInt32] = []
    ) -> (folder: SessionFolder, refusal: LogError?) {
        do throws(LogError) {
            return (try SessionFolder(session, in: storage, also: unflushed), nil)
        } catch {
            return (SessionFolder(session, only: unflushed), error)
        }
    }

    private static func entries(
        of session: SessionID, in storage: any Storage
    ) throws(LogError) -> [DirectoryEntry] {
        do throws(StorageError) {
            return try storage.list(StoreLayout.sessionFolder(session))
        } catch {
            if error.code == .notFound { return [] }
            guard error.isOfKind else { throw LogError(error) }
            throw LogError(
                .damaged,
                "Session '\(session)' cannot be read: \(error.clause). Something else stands in the place of its "
                    + "folder: move that away, and put the folder back from a backup. No other session is concerned.")
        }
    }
}
