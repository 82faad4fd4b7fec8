import HoldfastBytes
import HoldfastLog

extension ViewReader {
    /// Writes the session's document without its last brace, in pieces of at least a mebibyte.
    func writeDocument(to sink: any SnapshotSink) throws(LogError) {
        let output = DocumentOutput(sink)
        output.add(view.head.documentOpening(view.session))
        output.beginArray(",\"messages\":[")
        try messages(in: 0..<view.head.messageCount) { (message) throws(LogError) in
            try output.addElement(message)
        }
        output.endArray()
        if let count = view.head.outputs.last?.deltas.upperBound, count > 0 {
            output.beginArray(",\"deltas\":[")
            try deltas(in: 0..<count) { (data) throws(LogError) in try output.addElement(data) }
            output.endArray()
        }
        try output.flush()
    }
}

/// Gathers what is written, and puts each element of an array on a line of its own.
private final class DocumentOutput {
    private let sink: any SnapshotSink
    private var bytes: [UInt8] = []
    private var isFirstElement = true

    init(_ sink: any SnapshotSink) { self.sink = sink }

    func add(_ more: [UInt8]) { bytes += more }

    func beginArray(_ opening: String) {
        bytes += opening.utf8
        isFirstElement = true
    }

    func endArray() { bytes += "\n]".utf8 }

    /// Adds an element and answers `true`, for more.
    func addElement(_ element: [UInt8]) throws(LogError) -> Bool {
        bytes += (isFirstElement ? "\n" : ",\n").utf8
        isFirstElement = false
        bytes += element
        if bytes.count >= 1 << 20 { try flush() }
        return true
    }

    func flush() throws(LogError) {
        try sink.write(bytes)
        bytes.removeAll(keepingCapacity: bytes.capacity <= 4 << 20)
    }
}
