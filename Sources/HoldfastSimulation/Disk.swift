/// What programs see, what is on the platters, and the steps from one to the other, oldest first.
///
/// `current` is `durable` after all of `unsynced`, except for what failed syncs have lost: `current` shows it
/// still.
struct Disk: Sendable {
    private(set) var current = Tree()
    private(set) var durable = Tree()
    private(set) var unsynced: [Change] = []
    /// Grows with everything that can make a difference to a power cut.
    private(set) var changeCount: UInt64 = 0
    private var lastIdentity: UInt64 = 0

    mutating func makeIdentity() -> UInt64 {
        lastIdentity += 1
        return lastIdentity
    }

    /// Does what a program asks for, visibly but not durably.
    mutating func apply(_ change: Change) {
        changeCount += 1
        current.apply(change)
        unsynced.append(change)
    }

    /// Frees the space of a file that has neither a name nor an open handle.
    mutating func discard(_ node: Node) {
        current.discard(node)
    }

    /// Makes what was written to a file durable, but not its name.
    mutating func sync(file: Node) {
        settle(unsynced.indices.filter { unsynced[$0].file == file }, durably: true)
    }

    /// Makes the entries of a directory durable, but not the content of what they name.
    mutating func sync(directory: Node) {
        settle(changesToCommit(with: directory), durably: true)
    }

    /// A sync that failed: the system takes the changes for written, goes on showing them, and never writes
    /// them.
    mutating func failSync(file: Node) {
        settle(unsynced.indices.filter { unsynced[$0].file == file }, durably: false)
    }

    /// The disk that a power cut leaves.
    func afterPowerCut(_ policy: CrashPolicy) -> Disk {
        var fates = Fates(policy)
        var tree = durable
        for (index, change) in unsynced.enumerated() {
            fates.apply(change, index, to: &tree)
        }
        tree.discardUnreachable()
        var disk = self
        disk.current = tree
        disk.durable = tree
        disk.unsynced = []
        return disk
    }

    /// The changes of a directory; and where one of them is a rename from or to another directory, all
    /// earlier ones of that directory too, since file systems keep the order in which they changed a
    /// directory.
    private func changesToCommit(with directory: Node) -> [Int] {
        var directories: Set<Node> = [directory]
        var indices: [Int] = []
        for index in unsynced.indices.reversed() {
            let touched = unsynced[index].directories
            if directories.isDisjoint(with: touched) { continue }
            directories.formUnion(touched)
            indices.append(index)
        }
        return indices.reversed()
    }

    private mutating func settle(_ indices: [Int], durably: Bool) {
        if indices.isEmpty { return }
        changeCount += 1
        let changes = indices.map { unsynced[$0] }
        let settled = Set(indices)
        unsynced = unsynced.indices.filter { !settled.contains($0) }.map { unsynced[$0] }
        if !durably { return }
        for change in changes {
            durable.apply(change)
            if let unlinked = change.unlinked { discardDurably(unlinked) }
        }
    }

    private mutating func discardDurably(_ node: Node) {
        durable.discard(node)
        unsynced.removeAll { $0.file == node }
    }
}
