import HoldfastBytes
import HoldfastLog

/// What a session was imported from, as far as it came: what was taken over once is not taken over again, whatever
/// became of it here.
///
/// It goes with the record that brings the messages, so that no crash comes between the two.
package struct Imported: Sendable, Hashable {
    /// Messages of the source, and a hash over them in order.
    package struct List: Sendable, Hashable {
        package var count: Int
        package var hash: UInt64

        package init(count: Int, hash: UInt64) {
            self.count = count
            self.hash = hash
        }
    }

    /// The visible messages of the source that the session was given.
    package var visible: List
    /// The model's messages of the source, when they were others.
    package var context: List?
    /// Whether the source has more that is not here yet.
    package var isUnfinished = false
    /// The record that said so last; of a session only.
    package internal(set) var sequence: UInt64 = 0
    /// When the session was made where it comes from, used last, and given its last message; and when the turn began
    /// that is open. Of a record only, in milliseconds since 1970.
    package var times = Times()

    /// Times of the source that take the place of the record's.
    package struct Times: Sendable, Hashable {
        package var createdAt: UInt64?
        package var updatedAt: UInt64?
        package var lastMessageAt: UInt64?
        package var begunAt: UInt64?

        package init() {}
    }

    package init(visible: List, context: List? = nil, isUnfinished: Bool = false) {
        self.visible = visible
        self.context = context
        self.isUnfinished = isUnfinished
    }
}

// In JSON: {"messages":3,"hash":"…"[,"context_messages":2,"context_hash":"…"][,"unfinished":true]
//           [,"created_at":…][,"updated_at":…][,"last_message_at":…][,"begun_at":…][,"sequence":9]}
extension Imported {
    func write(to writer: inout JSONWriter) {
        writer.object("imported") { writer in
            writer.member("messages", visible.count)
            writer.member("hash", Hex64.text(visible.hash))
            if let context {
                writer.member("context_messages", context.count)
                writer.member("context_hash", Hex64.text(context.hash))
            }
            if isUnfinished { writer.member("unfinished", true) }
            for (name, time) in times.named {
                guard let time else { continue }
                precondition(time < Limits.numberLimit, "a time that no reader takes")
                writer.member(name, time)
            }
            if sequence > 0 { writer.member("sequence", sequence) }
        }
    }

    /// What ``write(to:)`` wrote into `root`; `nil` when that is nothing.
    init?(in root: JSONRef) throws(ContentError) {
        guard let member = root["imported"] else { return nil }
        let value = try JSONTree.parsed(Array(member.raw), detail: 1)
        guard value.kind == .object else { throw ContentError("what was imported is not an object") }
        visible = try List(value, "messages", "hash")
        context = value["context_messages"] == nil ? nil : try List(value, "context_messages", "context_hash")
        isUnfinished = value["unfinished"]?.bool ?? false
        if value["created_at"] != nil { times.createdAt = try value.unsigned("created_at") }
        if value["updated_at"] != nil { times.updatedAt = try value.unsigned("updated_at") }
        if value["last_message_at"] != nil { times.lastMessageAt = try value.unsigned("last_message_at") }
        if value["begun_at"] != nil { times.begunAt = try value.unsigned("begun_at") }
        if value["sequence"] != nil { sequence = try value.unsigned("sequence") }
    }
}

extension Imported.Times {
    fileprivate var named: [(name: StaticString, time: UInt64?)] {
        [
            ("created_at", createdAt), ("updated_at", updatedAt), ("last_message_at", lastMessageAt),
            ("begun_at", begunAt),
        ]
    }
}

extension Imported.List {
    fileprivate init(_ value: JSONRef, _ count: String, _ hash: String) throws(ContentError) {
        guard let bits = value[hash]?.string.flatMap(Hex64.value) else {
            throw ContentError("the member '\(hash)' is not a hash")
        }
        self.init(count: try value.count(count), hash: bits)
    }
}

extension SessionHead {
    /// Notes what a record at `time` brought from elsewhere, with the times that it had there.
    mutating func note(_ imported: Imported, at time: Milliseconds) {
        let times = imported.times
        createdAt = times.createdAt ?? createdAt
        updatedAt = times.updatedAt ?? updatedAt
        lastMessageAt = times.lastMessageAt ?? lastMessageAt
        if let begunAt = times.begunAt { turn?.begunAt = begunAt }
        recordedAt = time == updatedAt ? nil : time
        self.imported = imported
        self.imported?.times = Imported.Times()
        self.imported?.sequence = sequence
    }
}
