/// The names a path is made of. Stops the process when the path breaks the rules of ``Storage``, because
/// such a path can only be a bug of ours, and could reach outside the store.
package func pathComponents(_ path: String) -> [String] {
    let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for name in names {
        precondition(!name.isEmpty && !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8), path)
        precondition(!name.contains(0), "a path contains a zero byte")
    }
    return names.map { String(Substring($0)) }
}

/// The names of a directory's path, where `""` is the root.
package func directoryComponents(_ path: String) -> [String] {
    path.isEmpty ? [] : pathComponents(path)
}
