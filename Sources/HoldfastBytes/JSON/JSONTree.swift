import CJSON

/// A JSON text that was checked in full, and where its values are.
///
/// The bytes stay as they came: a value is a range of them. A text may be checked in depth and listed only
/// near its root, which is how the engine reads a record's envelope without paying for the message inside it.
/// Immutable, so any number of threads may read it.
package final class JSONTree: Sendable {
    /// How many containers may be inside each other unless the caller says otherwise.
    package static let defaultDepthLimit = 512

    /// The text.
    package let bytes: [UInt8]
    let nodes: [hfjson_node]

    private static let pool = JSONParserPool()

    private init(bytes: [UInt8], nodes: [hfjson_node]) {
        self.bytes = bytes
        self.nodes = nodes
    }

    /// Checks all of `bytes` against RFC 8259 and lists its values down to the depth `detail`.
    ///
    /// The root has depth 0, what it holds depth 1, and so on. What is deeper is checked like the rest but
    /// cannot be reached from the tree; the raw bytes of the value around it can. `depthLimit` is the largest
    /// number of containers inside each other. Keeps `bytes` without a copy. Time and memory are linear in
    /// its length.
    ///
    /// Throws ``JSONError`` for anything that is not exactly one JSON value with whitespace around it.
    package static func parse(
        _ bytes: [UInt8], detail: Int = .max, depthLimit: Int = defaultDepthLimit
    ) throws(JSONError) -> JSONTree {
        let nodes = try pool.withParser { parser throws(JSONError) in
            try parser.nodes(of: bytes, detail: detail, depthLimit: depthLimit)
        }
        return JSONTree(bytes: bytes, nodes: nodes)
    }

    /// As above, with a copy of `bytes`.
    package static func parse(
        _ bytes: ArraySlice<UInt8>, detail: Int = .max, depthLimit: Int = defaultDepthLimit
    ) throws(JSONError) -> JSONTree {
        try parse(Array(bytes), detail: detail, depthLimit: depthLimit)
    }

    /// Whether the value at the node `index` is the string `text`, compared by the bytes of UTF-8.
    func isString(_ index: Int, _ text: String) -> Bool {
        let node = nodes[index]
        guard JSONKind(rawValue: node.kind) == .string else { return false }
        var text = text
        return text.withUTF8 { isString(node, $0) }
    }

    /// The node of the value of the last member `key` of the object at the node `object`; `nil` when it has none.
    ///
    /// Without a value for each key on the way: lists look a dozen times into each of a hundred thousand rows.
    func value(of key: String, in object: Int) -> Int? {
        var key = key
        return key.withUTF8 { name in
            nodes.withUnsafeBufferPointer { nodes in
                var found: Int?
                var place = object + 1
                while place < Int(nodes[object].next) {
                    let value = Int(nodes[place].next)
                    if isString(nodes[place], name) { found = value }
                    place = Int(nodes[value].next)
                }
                return found
            }
        }
    }

    /// Whether the string `node` means `text`.
    private func isString(_ node: hfjson_node, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let content = Int(node.start) + 1..<Int(node.end) - 1
        if Int(node.flags) & HFJSON_FLAG_ESCAPED != 0 {
            return JSONEscapes.decoded(bytes[content], loneSurrogates: .kept).elementsEqual(text)
        }
        guard content.count == text.count else { return false }
        return bytes.withUnsafeBufferPointer { $0[content].elementsEqual(text) }
    }

    /// The value that the whole text is.
    package var root: JSONRef { JSONRef(tree: self, index: 0) }
}
