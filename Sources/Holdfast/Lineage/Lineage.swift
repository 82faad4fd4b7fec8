import HoldfastBytes
import HoldfastLog

/// What a session was made from.
///
/// The messages at the front may be those of the parent at its record `sequence`, and are read there. They are not
/// copied, so that making a session writes the same however long the other one is.
struct Lineage: Sendable, Equatable {
    var kind: Fork.Kind
    var parent: SessionID
    /// The parent's last record before the one that made this session.
    var sequence: Sequence
    /// How many messages at the front are the parent's, and how many of those stand in the visible list.
    var shared: Int
    var sharedVisible: Int
    /// How many other sessions a reader of this one may have to read.
    var depth: Int
    /// Of a rotation: the id that the session had at first, before this and earlier rotations.
    var root: SessionID?

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("kind", kind.rawValue)
        writer.member("parent", parent.text)
        writer.member("sequence", sequence)
        writer.member("shared", shared)
        writer.member("shared_visible", sharedVisible)
        writer.member("depth", depth)
        if let root { writer.member("root", root.text) }
        writer.endObject()
    }

    init(_ value: JSONRef) throws(ContentError) {
        guard value.kind == .object, let kind = value["kind"]?.string.flatMap(Fork.Kind.init(rawValue:)) else {
            throw ContentError("a lineage without its kind")
        }
        self.kind = kind
        parent = try value.session("parent")
        sequence = try value.unsigned("sequence")
        shared = try value.count("shared")
        sharedVisible = try value.count("shared_visible")
        depth = try value.count("depth")
        if value["root"] != nil { root = try value.session("root") }
    }

    init(
        kind: Fork.Kind, parent: SessionID, sequence: Sequence, shared: [SharedRun], depth: Int, root: SessionID?
    ) {
        self.kind = kind
        self.parent = parent
        self.sequence = sequence
        self.shared = shared.count(of: nil)
        sharedVisible = shared.count(of: .visible)
        self.depth = depth
        self.root = root
    }
}

/// A session that was made from this one and may have to be read in it: what it needs is not trimmed.
struct Pin: Sendable, Equatable {
    var child: SessionID
    /// The record up to which the child reads.
    var sequence: Sequence
}

extension SessionHead {
    /// Whether a reader of this session may need its parent: for messages at the front, for the output of turns that
    /// came along, or for sessions made from this one before it was whole by itself.
    var needsParent: Bool {
        guard let lineage else { return false }
        if !pins.isEmpty { return true }
        return !isDeleted && (lineage.shared > 0 || hasMovedOutput)
    }

    /// Whether there is output of turns that began under an earlier id, where it is.
    var hasMovedOutput: Bool { outputs.first?.sequence == 0 }

    /// Writes what is known about other sessions as members of an open object.
    func writeLineage(to writer: inout JSONWriter) {
        if let lineage {
            writer.key("lineage")
            lineage.write(to: &writer)
        }
        if let rotatedTo { writer.member("rotated_to", rotatedTo.text) }
        guard !pins.isEmpty else { return }
        writer.key("pins")
        writer.beginArray()
        for pin in pins {
            writer.beginArray()
            writer.string(pin.child.text)
            writer.integer(pin.sequence)
            writer.endArray()
        }
        writer.endArray()
    }

    /// Reads what ``writeLineage(to:)`` wrote.
    mutating func readLineage(_ state: JSONRef) throws(ContentError) {
        if let lineage = state["lineage"] { self.lineage = try Lineage(lineage) }
        if state["rotated_to"] != nil { rotatedTo = try state.session("rotated_to") }
        guard let list = state["pins"] else { return }
        guard list.kind == .array else { throw ContentError("the pins are not an array") }
        for element in list.elements {
            let parts = element.kind == .array ? Array(element.elements) : []
            guard parts.count >= 2, let child = parts[0].text.flatMap(SessionID.init),
                let sequence = parts[1].unsigned
            else { throw ContentError("a pin without its session") }
            pins.append(Pin(child: child, sequence: sequence))
        }
    }
}
