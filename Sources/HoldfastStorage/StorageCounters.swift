import HoldfastThreads

/// How many times each kind of operation was asked for, whether or not it succeeded.
package struct StorageCounts: Sendable, Equatable {
    package var opens = 0
    package var reads = 0
    package var writes = 0
    package var bytesWritten = 0
    package var truncates = 0
    package var syncs = 0
    package var directorySyncs = 0
    package var directoriesCreated = 0
    package var directoriesListed = 0
    package var renames = 0
    /// Files and directories.
    package var removes = 0

    package init() {}
}

/// Running totals that any number of threads add to.
package final class StorageCounters: Sendable {
    private let totals = Lock(StorageCounts())

    /// The totals now.
    package var counts: StorageCounts {
        totals.withLock { $0 }
    }

    /// Starts again from zero and returns the totals until now.
    @discardableResult
    package func reset() -> StorageCounts {
        totals.withLock { totals in
            defer { totals = StorageCounts() }
            return totals
        }
    }

    func add(_ count: Int = 1, to counter: WritableKeyPath<StorageCounts, Int>) {
        totals.withLock { $0[keyPath: counter] += count }
    }
}
