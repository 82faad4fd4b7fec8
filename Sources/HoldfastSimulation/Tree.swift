import Glibc
import HoldfastStorage

/// What a directory entry leads to (an inode).
enum Node: Hashable, Sendable {
    case file(UInt64)
    case directory(UInt64)

    var isDirectory: Bool {
        if case .directory = self { true } else { false }
    }

    var identity: UInt64 {
        switch self {
        case .file(let identity), .directory(let identity): identity
        }
    }
}

/// Where an entry is: a directory and a name in it.
struct Place: Hashable, Sendable {
    var directory: Node
    var name: String
}

/// Directories and files as they are at one moment. A value: copies are cheap.
struct Tree: Sendable {
    static let root = Node.directory(0)

    private(set) var entries: [Node: [String: Node]] = [root: [:]]
    /// Where each node is. There are no hard links: a node has one name or none.
    private var places: [Node: Place] = [:]
    var contents: [Node: FileContent] = [:]

    /// What is at a place, if anything.
    subscript(place: Place) -> Node? {
        entries[place.directory]?[place.name]
    }

    /// Brings one change about. One that no longer fits, because an earlier one was lost, does what it can.
    mutating func apply(_ change: Change) {
        switch change {
        case .write(let file, let offset, let bytes):
            contents[file, default: FileContent()].write(bytes[...], at: offset)
        case .resize(let file, let byteCount):
            contents[file, default: FileContent()].resize(to: byteCount)
        case .add(let node, let place):
            set(place, node)
        case .remove(let node, let place):
            if self[place] == node { clear(place) }
        case .rename(let node, _, let target, _):
            set(target, node)
        }
    }

    /// Forgets the content of a node that nothing leads to any more.
    mutating func discard(_ node: Node) {
        contents[node] = nil
        entries[node] = nil
    }

    /// Forgets everything that cannot be reached from the root.
    mutating func discardUnreachable() {
        var reachable: Set<Node> = []
        var waiting = [Self.root]
        while let node = waiting.popLast() {
            guard reachable.insert(node).inserted else { continue }
            waiting += (entries[node] ?? [:]).values
        }
        contents = contents.filter { reachable.contains($0.key) }
        entries = entries.filter { reachable.contains($0.key) }
        places = places.filter { reachable.contains($0.key) }
    }

    private mutating func set(_ place: Place, _ node: Node) {
        if let former = places[node] { clear(former) }
        clear(place)
        entries[place.directory, default: [:]][place.name] = node
        places[node] = place
        if node.isDirectory {
            entries[node] = entries[node] ?? [:]
        } else {
            contents[node] = contents[node] ?? FileContent()
        }
    }

    private mutating func clear(_ place: Place) {
        if let node = entries[place.directory]?.removeValue(forKey: place.name) { places[node] = nil }
    }
}

// MARK: Paths

extension Tree {
    /// The directory that `names` lead to from the root.
    func directory(
        _ names: [String], _ operation: String, _ path: String
    ) throws(StorageError) -> Node {
        var node = Self.root
        for name in names {
            guard let next = self[Place(directory: node, name: name)] else {
                throw StorageError(errno: ENOENT, operation, path)
            }
            guard next.isDirectory else { throw StorageError(errno: ENOTDIR, operation, path) }
            node = next
        }
        return node
    }

    /// The place that a path names, whether or not there is anything; its directory must exist.
    func locate(_ path: String, _ operation: String) throws(StorageError) -> Place {
        var names = pathComponents(path)
        let name = names.removeLast()
        return Place(directory: try directory(names, operation, path), name: name)
    }

    /// Whether `node` is `directory` or somewhere below it.
    func isInside(_ node: Node, _ directory: Node) -> Bool {
        if node == directory { return true }
        return (entries[directory] ?? [:]).values.contains { $0.isDirectory && isInside(node, $0) }
    }
}
