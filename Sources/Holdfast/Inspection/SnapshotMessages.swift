package import HoldfastLog

/// The messages in a snapshot of a session, hidden ones too: what is left of records that were dropped.
///
/// For one thread. Memory: a piece of the document.
package final class SnapshotMessages {
    /// The last record that the snapshot includes.
    package let sequence: UInt64
    private var visible: SnapshotElements
    private var hidden: SnapshotElements

    package init(_ source: any SnapshotSource) throws(LogError) {
        let reader = SnapshotReader(source: source)
        sequence = source.sequence
        visible = try reader.elements(of: .messages, in: 0..<Int.max)
        hidden = try reader.elements(of: .hiddenMessages, in: 0..<Int.max)
    }

    /// The next message as it is spelled; `nil` at the end.
    package func next() throws(LogError) -> [UInt8]? {
        if let message = try visible.next() { return message }
        return try hidden.next()
    }
}
