/// Where the last record of a session stands, and what proves that it is that record and no other.
package struct LogPlace: Equatable, Sendable {
    /// The last record.
    package var sequence: UInt64
    /// Its segment, and that segment's salt.
    package var segment: UInt32
    package var salt: UInt64
    /// Where the last entry of the segment begins: that record, or a mark behind it.
    package var offset: UInt64
    /// The chain before that entry, and behind it. The one behind depends on every record that the session ever had.
    package var chainBefore: UInt64
    package var chain: UInt64

    package init(
        sequence: UInt64, segment: UInt32, salt: UInt64, offset: UInt64, chainBefore: UInt64, chain: UInt64
    ) {
        self.sequence = sequence
        self.segment = segment
        self.salt = salt
        self.offset = offset
        self.chainBefore = chainBefore
        self.chain = chain
    }
}

/// `head.json`: what the records of a session fold to up to a place, for the next one who appends.
///
/// Derived, and a sealed JSON object. One that is whole may still be old, or of another log: it counts if and only if
/// the entry at its place is valid and has its chain.
package struct HeadFile: Equatable, Sendable {
    package var session: SessionID
    package var storeTag: UInt64
    package var place: LogPlace
    /// A JSON object, which the log does not interpret.
    package var head: [UInt8]

    package init(session: SessionID, storeTag: UInt64, place: LogPlace, head: [UInt8]) {
        self.session = session
        self.storeTag = storeTag
        self.place = place
        self.head = head
    }

    /// The bytes of the file.
    package func encoded() -> [UInt8] {
        var writer = JSONWriter(capacity: head.count + 512)
        writer.beginObject()
        writer.member("format_version", Limits.formatVersion)
        writer.member("session_id", session.text)
        writer.member("store_tag", Hex64.text(storeTag))
        writer.member("sequence", place.sequence)
        writer.member("segment", place.segment)
        writer.member("salt", Hex64.text(place.salt))
        writer.member("offset", place.offset)
        writer.member("chain_before", Hex64.text(place.chainBefore))
        writer.member("chain", Hex64.text(place.chain))
        writer.member("head", raw: head)
        writer.endObject()
        return SealedJSON.sealed(writer.finish().dropLast()) + [10]
    }

    /// Reads the file; `nil` when its seal is broken, or it does not say what it must.
    package init?(decoding bytes: [UInt8]) {
        guard SealedJSON.isIntact(bytes),
            let root = try? JSONTree.parse(bytes, detail: 1, depthLimit: Limits.headDepth).root,
            root["format_version"]?.unsigned == UInt64(Limits.formatVersion),
            let session = root["session_id"]?.string.flatMap({ SessionID($0) }),
            let storeTag = root["store_tag"]?.string.flatMap({ Hex64.value($0) }),
            let place = LogPlace(root), let head = root["head"], head.kind == .object
        else { return nil }
        self.init(session: session, storeTag: storeTag, place: place, head: Array(head.raw))
    }
}

extension LogPlace {
    fileprivate init?(_ root: JSONRef) {
        guard let sequence = root["sequence"]?.unsigned, (1..<Limits.numberLimit).contains(sequence),
            let segment = root["segment"]?.unsigned, (1..<UInt64(Limits.segmentNumberLimit)).contains(segment),
            let offset = root["offset"]?.unsigned, offset < Limits.numberLimit,
            let salt = root["salt"]?.string.flatMap({ Hex64.value($0) }),
            let chainBefore = root["chain_before"]?.string.flatMap({ Hex64.value($0) }),
            let chain = root["chain"]?.string.flatMap({ Hex64.value($0) })
        else { return nil }
        self.init(
            sequence: sequence, segment: UInt32(segment), salt: salt, offset: offset, chainBefore: chainBefore,
            chain: chain)
    }
}
