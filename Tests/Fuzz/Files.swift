import HoldfastBytes
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage

/// The store tag in every input: that of the hand-made fixtures.
let storeTag: UInt64 = 0x0011_2233_4455_6677

/// `store.json` of a store with that tag.
let storeFile = SealedJSON.sealed(
    Array(
        ("{\"format_version\":\(Limits.formatVersion),\"store_id\":\"00112233445566778899aabbccddeeff\","
            + "\"created_at\":1700000000000").utf8))

/// Puts `files` into a simulated storage, durable.
func storage(_ files: [(path: String, bytes: [UInt8])]) throws -> SimulatedStorage {
    let storage = SimulatedStorage()
    for file in files {
        for slash in file.path.indices.filter({ file.path[$0] == "/" }) {
            let folder = String(file.path[..<slash])
            try storage.createDirectory(folder)
            try storage.syncDirectory(folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? "")
        }
        let handle = try storage.open(file.path, .create)
        try handle.write(file.bytes, at: 0)
        try handle.sync()
    }
    for folder in Set(files.map { file in file.path.lastIndex(of: "/").map { String(file.path[..<$0]) } ?? "" }) {
        try storage.syncDirectory(folder)
    }
    return storage
}

/// A snapshot in memory.
final class Document: SnapshotSource {
    let sequence: Sequence
    let bytes: [UInt8]
    var byteCount: Int { bytes.count }

    init(_ bytes: [UInt8], sequence: Sequence) {
        self.bytes = bytes
        self.sequence = sequence
    }

    func read(at offset: Int, count: Int) throws(LogError) -> [UInt8] {
        require(offset >= 0 && count >= 0, "a place in the document")
        return Array(bytes.dropFirst(offset).prefix(count))
    }
}
