internal import CCrypto

/// The names of everything in a store.
package enum StoreLayout {
    package static let storeFile = "store.json"
    package static let lockFile = "lock"
    package static let journalFolder = "journal"
    package static let sessionsFolder = "sessions"
    package static let indexFile = "index.json"
    /// The counters of the process that has the store open; no part of what the store holds.
    package static let meterFile = "meter"
    package static let quarantineFolder = "quarantine"
    package static let quarantineManifest = "quarantine/manifest.jsonl"
    /// What an unfinished write leaves behind; never read, removed by the next writer.
    package static let temporarySuffix = ".tmp"

    /// `journal/00000001.journal`.
    package static func journalFile(_ number: UInt64) -> String {
        "\(journalFolder)/\(padded(number)).journal"
    }

    /// `sessions/<2 hex>`: the folder that a session's folder is in.
    package static func sessionShard(_ session: SessionID) -> String {
        let hash = Checksum.of(Array(session.text.utf8))
        return "\(sessionsFolder)/\(hexByte(UInt8(truncatingIfNeeded: hash)))"
    }

    /// `sessions/<2 hex>/<escaped id>`.
    package static func sessionFolder(_ session: SessionID) -> String {
        "\(sessionShard(session))/\(escapedName(session))"
    }

    /// `…/00000001.segment`.
    package static func segmentFile(_ session: SessionID, _ number: UInt32) -> String {
        "\(sessionFolder(session))/\(segmentName(number))"
    }

    /// `00000001.segment`.
    package static func segmentName(_ number: UInt32) -> String { "\(padded(UInt64(number))).segment" }

    /// The number in a journal file's name.
    package static func journalFileNumber(_ name: String) -> UInt64? {
        number(in: name, prefix: "", suffix: ".journal")
    }

    /// The number in a segment's file name.
    package static func segmentNumber(_ name: String) -> UInt32? {
        number(in: name, prefix: "", suffix: ".segment").flatMap(UInt32.init(exactly:))
            .flatMap { $0 < Limits.segmentNumberLimit ? $0 : nil }
    }

    /// `…/snapshot-<sequence>.json.zst`.
    package static func snapshotFile(_ session: SessionID, _ sequence: UInt64) -> String {
        "\(sessionFolder(session))/\(snapshotName(sequence))"
    }

    /// `snapshot-<sequence>.json.zst`.
    package static func snapshotName(_ sequence: UInt64) -> String { "snapshot-\(sequence).json.zst" }

    /// A session's head file, in its folder.
    package static let headName = "head.json"

    /// `…/head.json`.
    package static func headFile(_ session: SessionID) -> String { "\(sessionFolder(session))/\(headName)" }

    /// The sequence in a snapshot's file name.
    package static func snapshotSequence(_ name: String) -> UInt64? {
        number(in: name, prefix: "snapshot-", suffix: ".json.zst")
    }

    /// `index-<generation>.log`.
    package static func indexLog(_ generation: UInt64) -> String { "index-\(generation).log" }

    /// The generation in the name of an index change log.
    package static func indexLogGeneration(_ name: String) -> UInt64? {
        number(in: name, prefix: "index-", suffix: ".log")
    }

    private static func number(in name: String, prefix: String, suffix: String) -> UInt64? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(digits).flatMap { $0 < Limits.numberLimit ? $0 : nil }
    }

    private static func padded(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits
    }

    private static func hexByte(_ byte: UInt8) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
    }

    /// The longest escaped name that is used as it is; file systems allow 255 bytes.
    private static let longestName = 200

    /// A file name that is one component, is not `.` or `..`, and is different for every identifier.
    ///
    /// Letters, digits, `_` and `-` stay, a `.` too unless it is the first; every other byte is `%` and two
    /// hexadecimal digits. A name longer than 200 bytes becomes its first 64 bytes, `%~`, and the SHA-256 of
    /// the identifier.
    package static func escapedName(_ session: SessionID) -> String {
        var name = ""
        for byte in session.text.utf8 {
            if isPlain(byte) || (byte == 46 && !name.isEmpty) {
                name.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                name += "%" + hexByte(byte)
            }
        }
        guard name.utf8.count > longestName else { return name }
        return String(name.prefix(64)) + "%~" + SHA256Digest.hex(Array(session.text.utf8))
    }

    /// The identifier that ``escapedName(_:)`` would turn into `name`; `nil` for a shortened or foreign name.
    package static func session(escapedName name: String) -> SessionID? {
        var bytes: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 37 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let session = bytes.withBytes(SessionID.init(utf8:)), escapedName(session) == name else { return nil }
        return session
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 95: true
        default: false
        }
    }
}

/// SHA-256, from libcrypto.
package enum SHA256Digest {
    /// The digest of `bytes`, 32 bytes.
    package static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        _ = SHA256(bytes, bytes.count, &digest)
        return digest
    }

    /// The digest of `bytes` as 64 hexadecimal digits.
    package static func hex(_ bytes: [UInt8]) -> String { hexText(self.bytes(bytes)) }

    /// A digest as hexadecimal digits.
    package static func hexText(_ digest: [UInt8]) -> String {
        digest.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }

    /// The digest that 64 hexadecimal digits stand for, or `nil`.
    package static func bytes(hexText text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
