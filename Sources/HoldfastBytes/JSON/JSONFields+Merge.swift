extension JSONFields {
    /// Applies the JSON merge patch `patch` (RFC 7396), an object.
    ///
    /// A `null` removes the field, an object is merged into the field's object, anything else replaces it.
    /// What the patch does not name keeps its place and its spelling, at every level; new members go to the
    /// end. Nothing is changed when this throws, which it does (``JSONError``, `.depth`) only when a value on
    /// either side is nested deeper than `depthLimit`. Linear in the patch and in the values of the fields
    /// that it names; as deep in the stack as the patch is nested.
    package mutating func merge(
        patch: JSONRef, depthLimit: Int = JSONTree.defaultDepthLimit
    ) throws(JSONError) {
        precondition(patch.kind == .object, "a merge patch of fields that is no object")
        var changes: [(name: JSONRef, raw: [UInt8]?)] = []
        for (key, (name, value)) in JSONMemberList(patch).members {
            switch value.kind {
            case .null: changes.append((name, nil))
            case .object:
                changes.append((name, try Self.merged(list[key]?.rawValue, with: value, depthLimit)))
            default: changes.append((name, Array(value.raw)))
            }
        }
        for (name, raw) in changes { set(name, raw: raw) }
    }

    /// The value that an object in the patch makes of the spelling `target`.
    private static func merged(
        _ target: [UInt8]?, with patch: JSONRef, _ depthLimit: Int
    ) throws(JSONError) -> [UInt8] {
        // Listed anew in full: the tree of the patch may have been parsed for its first level only.
        let patch = try JSONTree.parse(patch.raw, depthLimit: depthLimit).root
        var object: JSONRef?
        if let target, target.first == UInt8(ascii: "{") {
            object = try JSONTree.parse(target, depthLimit: depthLimit).root
        }
        var writer = JSONWriter(capacity: patch.range.count + (target?.count ?? 0))
        writer.merge(object, with: patch)
        return writer.finish()
    }
}

extension JSONWriter {
    /// Writes the object that `patch` makes of `target`. Recursive; both trees were checked against a depth
    /// limit.
    fileprivate mutating func merge(_ target: JSONRef?, with patch: JSONRef) {
        var changes = JSONMemberList(patch)
        beginObject()
        if let target, target.kind == .object {
            for (key, old) in JSONMemberList(target).members {
                let change = changes[key]
                changes[key] = nil
                member(old.name, old.value, changedBy: change?.value)
            }
        }
        for (_, new) in changes.members { member(new.name, nil, changedBy: new.value) }
        endObject()
    }

    /// Writes one member after its change, or nothing when the change removes it.
    private mutating func member(_ name: JSONRef, _ old: JSONRef?, changedBy change: JSONRef?) {
        guard let value = change ?? old, change?.kind != .null else { return }
        key(raw: name.raw)
        if let change, change.kind == .object {
            merge(old, with: change)
        } else {
            raw(value.raw)
        }
    }
}

extension JSONMemberList<(name: JSONRef, value: JSONRef)> {
    /// The distinct members of `object`; of a key that is there twice the last one, at the place of the
    /// first.
    init(_ object: JSONRef) {
        for (name, value) in object.members { self[name.keyBytes] = (name, value) }
    }
}
