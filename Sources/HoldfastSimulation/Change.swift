/// One step by which a program changes a tree, as far as a power cut can tell steps apart.
enum Change: Sendable {
    case write(Node, offset: Int, bytes: [UInt8])
    case resize(Node, byteCount: Int)
    case add(Node, Place)
    case remove(Node, Place)
    /// Atomic, also between two directories. The last value is what was at the target before.
    case rename(Node, from: Place, to: Place, replacing: Node?)

    /// The file whose sync makes the change durable, or `nil` when it takes a directory's.
    var file: Node? {
        switch self {
        case .write(let file, _, _), .resize(let file, _): file
        case .add, .remove, .rename: nil
        }
    }

    /// Whether the change is one of the content or of the name of `node`.
    func concerns(_ node: Node) -> Bool {
        switch self {
        case .write(let changed, _, _), .resize(let changed, _), .add(let changed, _), .remove(let changed, _):
            changed == node
        case .rename(let moved, _, _, let replaced): moved == node || replaced == node
        }
    }

    /// The directories whose sync makes the change durable.
    var directories: [Node] {
        switch self {
        case .write, .resize: []
        case .add(_, let place), .remove(_, let place): [place.directory]
        case .rename(_, let source, let target, _): [source.directory, target.directory]
        }
    }

    /// What nothing leads to after the change.
    var unlinked: Node? {
        switch self {
        case .write, .resize, .add: nil
        case .remove(let node, _): node
        case .rename(_, _, _, let replaced): replaced
        }
    }
}

extension Change: CustomStringConvertible {
    var description: String {
        switch self {
        case .write(let file, let offset, let bytes):
            "write \(bytes.count) bytes at \(offset) of file \(file.identity)"
        case .resize(let file, let byteCount): "resize file \(file.identity) to \(byteCount)"
        case .add(let node, let place): "add \(place.name) (\(node.identity))"
        case .remove(let node, let place): "remove \(place.name) (\(node.identity))"
        case .rename(let node, let source, let target, _):
            "rename \(source.name) to \(target.name) (\(node.identity))"
        }
    }
}
