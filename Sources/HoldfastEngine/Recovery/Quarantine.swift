package import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// Where damaged bytes go: copied, named in a manifest, never deleted.
struct Quarantine {
    let storage: any Storage
    let clock: any Clock

    /// Copies the bytes of `finding` into the quarantine and adds it to the manifest; both are durable on return.
    ///
    /// - Returns: the finding with the name of the copy.
    func setAside(_ finding: RecoveryReport.Finding) throws(LogError) -> RecoveryReport.Finding {
        let bytes = try storing { () throws(StorageError) in
            try storage.createDirectory(StoreLayout.quarantineFolder)
            let file = try storage.open(finding.path, .read)
            return try file.read(
                count: Int(min(finding.byteCount, UInt64(Limits.largestPayloadLimit))), at: finding.offset)
        }
        return try setAside(finding, bytes)
    }

    /// Keeps `bytes`, which need not come from the store, under a name made of their digest. The copy and its
    /// line in the manifest are durable on return; a line that is there already is not repeated.
    func setAside(_ finding: RecoveryReport.Finding, _ bytes: [UInt8]) throws(LogError) -> RecoveryReport.Finding {
        var kept = finding
        let path = Self.path(of: bytes)
        kept.quarantine = path
        try storing { () throws(StorageError) in
            try storage.createDirectory(StoreLayout.quarantineFolder)
            let isNew = try !holds(bytes, path)
            if isNew { try copy(bytes, to: path) }
            let isNamed = isNew ? false : try manifestNames(kept)
            if !isNamed { try appendToManifest(kept) }
            try storage.syncDirectory(StoreLayout.quarantineFolder)
            try storage.syncDirectory("")
        }
        return kept
    }

    /// The name under which `bytes` are kept.
    static func path(of bytes: [UInt8]) -> String {
        "\(StoreLayout.quarantineFolder)/\(SHA256Digest.hex(bytes).prefix(32)).bytes"
    }

    /// Whether `path`, which comes from a manifest, is the name of a copy and leads nowhere else.
    static func isName(_ path: String) -> Bool {
        let prefix = "\(StoreLayout.quarantineFolder)/"
        guard path.hasPrefix(prefix), path.hasSuffix(".bytes") else { return false }
        let digits = path.dropFirst(prefix.count).dropLast(".bytes".count).utf8
        return digits.count == 32 && digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// A crash may have left a part of a copy under this name.
    private func holds(_ bytes: [UInt8], _ path: String) throws(StorageError) -> Bool {
        guard let attributes = try storage.attributes(path), attributes.byteCount == UInt64(bytes.count) else {
            return false
        }
        return try storage.readAll(path, limit: bytes.count) == bytes
    }

    private func copy(_ bytes: [UInt8], to path: String) throws(StorageError) {
        let temporary = path + StoreLayout.temporarySuffix
        let file = try storage.open(temporary, .create)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        try file.sync()
        try file.close()
        try storage.rename(temporary, path)
    }

    private func manifestNames(_ finding: RecoveryReport.Finding) throws(StorageError) -> Bool {
        guard let attributes = try storage.attributes(StoreLayout.quarantineManifest),
            attributes.byteCount <= UInt64(Limits.metadataByteCount)
        else { return false }
        let manifest = try storage.readAll(StoreLayout.quarantineManifest, limit: Limits.metadataByteCount)
        let members = Self.members(of: finding)
        return manifest.split(separator: 10).contains { line in
            guard let start = line.firstIndex(of: UInt8(ascii: ",")) else { return false }
            return line[(start + 1)...].starts(with: members)
        }
    }

    private func appendToManifest(_ finding: RecoveryReport.Finding) throws(StorageError) {
        let line = SealedJSON.sealed(Array(entry(finding).dropLast())) + [10]
        let manifest = try storage.open(StoreLayout.quarantineManifest, .create)
        let end = try manifest.byteCount()
        // A crash may have cut the last line off; this one must not become a part of it.
        let isCut = end == 0 ? false : try manifest.read(count: 1, at: end - 1) != [10]
        try manifest.write((isCut ? [10] : []) + line, at: end)
        try manifest.sync()
        try manifest.close()
    }

    /// The members of the finding's line behind the time, and without the brace.
    private static func members(of finding: RecoveryReport.Finding) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        finding.writeMembers(to: &writer)
        writer.endObject()
        return Array(writer.finish().dropFirst().dropLast())
    }

    private func entry(_ finding: RecoveryReport.Finding) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("time", clock.wallMilliseconds())
        finding.writeMembers(to: &writer)
        writer.endObject()
        return writer.finish()
    }
}

extension RecoveryReport.Finding {
    /// The finding's members, inside an object that the caller has begun.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member("kind", kind.rawValue)
        writer.member("session", session?.text)
        writer.member("file", path)
        writer.member("offset", offset)
        writer.member("bytes", byteCount)
        if let firstSequence {
            writer.member("first_sequence", firstSequence)
        }
        if let lastSequence {
            writer.member("last_sequence", lastSequence)
        }
        writer.member("acknowledged", kind != .tornTail)
        writer.member("reason", reason)
        writer.member("quarantine", quarantine)
        if let bit {
            writer.object("flipped_bit") { writer in
                bit.writeMembers(to: &writer)
            }
        }
    }
}
