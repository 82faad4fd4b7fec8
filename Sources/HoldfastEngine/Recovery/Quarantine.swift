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

    /// Keeps `bytes`, which need not come from the store, under a name made of their digest: setting the same bytes
    /// aside twice keeps one copy.
    func setAside(_ finding: RecoveryReport.Finding, _ bytes: [UInt8]) throws(LogError) -> RecoveryReport.Finding {
        var kept = finding
        let path = "\(StoreLayout.quarantineFolder)/\(SHA256Digest.hex(bytes).prefix(32)).bytes"
        kept.quarantine = path
        let isKept = try storing { () throws(StorageError) in try storage.attributes(path) != nil }
        if isKept { return kept }
        try storing { () throws(StorageError) in
            try storage.createDirectory(StoreLayout.quarantineFolder)
            let file = try storage.open(path, .create)
            try file.write(bytes, at: 0)
            try file.sync()
            try file.close()
            try appendToManifest(kept)
            try storage.syncDirectory(StoreLayout.quarantineFolder)
            try storage.syncDirectory("")
        }
        return kept
    }

    private func appendToManifest(_ finding: RecoveryReport.Finding) throws(StorageError) {
        let line = SealedJSON.sealed(Array(entry(finding).dropLast())) + [10]
        let manifest = try storage.open(StoreLayout.quarantineManifest, .create)
        try manifest.write(line, at: try manifest.byteCount())
        try manifest.sync()
        try manifest.close()
    }

    private func entry(_ finding: RecoveryReport.Finding) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("time")
        writer.integer(clock.wallMilliseconds())
        finding.writeMembers(to: &writer)
        writer.endObject()
        return writer.finish()
    }
}

extension RecoveryReport.Finding {
    /// The finding's members, inside an object that the caller has begun.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.key("kind")
        writer.string(kind.rawValue)
        if let session {
            writer.key("session")
            writer.string(session.text)
        }
        writer.key("file")
        writer.string(path)
        writer.key("offset")
        writer.integer(offset)
        writer.key("bytes")
        writer.integer(byteCount)
        if let firstSequence {
            writer.key("first_sequence")
            writer.integer(firstSequence)
        }
        if let lastSequence {
            writer.key("last_sequence")
            writer.integer(lastSequence)
        }
        writer.key("acknowledged")
        writer.bool(kind != .tornTail)
        writer.key("reason")
        writer.string(reason)
        if let quarantine {
            writer.key("quarantine")
            writer.string(quarantine)
        }
    }
}
