import CJSON

/// What a JSON value is.
package enum JSONKind: UInt8, Sendable {
    case null, bool, number, string, array, object
}

/// One value (or one key) of a ``JSONTree``.
///
/// Keeps the whole tree alive; copy ``raw`` to keep only the value. Reaching into a container that lies at
/// the depth `detail` of its tree traps: the caller asked for less than it uses.
package struct JSONRef: Sendable {
    package let tree: JSONTree
    let index: Int

    var node: hfjson_node { tree.nodes[index] }

    /// What the value is.
    package var kind: JSONKind {
        guard let kind = JSONKind(rawValue: node.kind) else { preconditionFailure("a node of unknown kind") }
        return kind
    }

    /// Where the value is in the tree's bytes, in bytes, without the whitespace around it.
    package var range: Range<Int> { Int(node.start)..<Int(node.end) }

    /// The value as it is spelled, quotes included.
    package var raw: ArraySlice<UInt8> { tree.bytes[range] }

    /// Whether what the container holds can be reached; false at the depth `detail` of the tree.
    package var isListed: Bool { !hasFlag(HFJSON_FLAG_CLOSED) }

    /// The members of an object, in the order of the text, duplicates included.
    package var members: JSONMembers {
        precondition(kind == .object, "members of a JSON value that is no object")
        return JSONMembers(children: children)
    }

    /// The elements of an array. Traps when the value is none.
    package var elements: JSONElements {
        precondition(kind == .array, "elements of a JSON value that is no array")
        return JSONElements(children: children)
    }

    /// The number of members or elements. Linear in it.
    package var count: Int {
        var count = 0
        var walk = children
        while walk.next() != nil { count += 1 }
        return kind == .object ? count / 2 : count
    }

    /// The value of the member called `key`, the last one of several; `nil` when there is none or this is no
    /// object.
    ///
    /// Keys are compared decoded and byte for byte. Linear in the number of members.
    package subscript(_ key: String) -> JSONRef? {
        guard kind == .object else { return nil }
        precondition(isListed, Self.tooLittleDetail)
        return tree.value(of: key, in: index).map { JSONRef(tree: tree, index: $0) }
    }

    func hasFlag(_ flag: Int) -> Bool { Int(node.flags) & flag != 0 }

    private static let tooLittleDetail = "the JSON was parsed with too little detail to reach into this value"

    private var children: JSONChildren {
        precondition(kind == .object || kind == .array, "a JSON value that holds nothing")
        precondition(isListed, Self.tooLittleDetail)
        return JSONChildren(tree: tree, index: index + 1, end: Int(node.next))
    }
}

/// Walks the nodes that a container holds: elements, or keys and values in turn.
struct JSONChildren: IteratorProtocol {
    let tree: JSONTree
    var index: Int
    let end: Int

    mutating func next() -> JSONRef? {
        guard index < end else { return nil }
        defer { index = Int(tree.nodes[index].next) }
        return JSONRef(tree: tree, index: index)
    }
}

/// The members of an object, in the order of the text.
package struct JSONMembers: Sequence, IteratorProtocol {
    var children: JSONChildren

    package mutating func next() -> (key: JSONRef, value: JSONRef)? {
        guard let key = children.next(), let value = children.next() else { return nil }
        return (key, value)
    }
}

/// The elements of an array, in the order of the text.
package struct JSONElements: Sequence, IteratorProtocol {
    var children: JSONChildren

    package mutating func next() -> JSONRef? { children.next() }
}
