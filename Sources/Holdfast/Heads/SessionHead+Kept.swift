import HoldfastBytes
import HoldfastLog

// A session's head as the log keeps it for the next use of the session:
//
//     {"payload_bytes":…,"snapshot_bytes":…,"document":{<the session's document without its messages>}}
extension SessionHead {
    /// The head of session `id` with its load, to be kept; `nil` when it would not come back as it is, or need not be
    /// kept.
    func kept(_ id: SessionID, _ load: CompactionLoad) -> [UInt8]? {
        // Of a deleted session nothing stays but the tombstone.
        guard sequence > 0, !isDeleted else { return nil }
        let document = documentOpening(id) + [UInt8(ascii: "}")]
        // Reading all records again is better than going on from another state than theirs.
        guard let back = try? SessionHead(documentOpening: document), back == self else { return nil }
        var writer = JSONWriter(capacity: document.count + 64)
        writer.beginObject()
        writer.member("payload_bytes", load.payloadBytes)
        writer.member("snapshot_bytes", load.snapshotBytes)
        writer.member("document", raw: document)
        writer.endObject()
        return writer.finish()
    }
}

extension LoadedHead {
    /// What ``SessionHead/kept(_:_:)`` said; `nil` when `kept` is nothing of the kind.
    init?(_ kept: KeptHead) {
        do throws(ContentError) {
            let root = try JSONTree.parsed(kept.content, detail: 1)
            payloadBytes = try root.count("payload_bytes")
            snapshotBytes = try root.count("snapshot_bytes")
            head = try SessionHead(documentOpening: try root.object("document"))
        } catch {
            return nil
        }
        guard head.sequence == kept.sequence else { return nil }
    }
}
