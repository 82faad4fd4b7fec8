import HoldfastBytes
import HoldfastLog

extension ViewReader {
    /// Writes the session's document, in pieces of at least a mebibyte.
    ///
    /// Messages at the front that are another session's stay there, unless the document is to stand `alone`.
    func writeDocument(to sink: any SnapshotSink, alone: Bool) throws(LogError) {
        let output = DocumentOutput(sink)
        let found = try runs()
        let runs = found.runs
        let shared = alone ? [] : found.leftToParent
        output.add(view.head.documentOpening(view.session, sharing: shared))
        let own = runs[shared.count...]
        let hidden = own.filter { $0.visible != .active }
        if runs.contains(where: { $0.visible != .active }) || runs.contains(where: { $0.context != .active }) {
            output.begin(.messageStates)
            for state in runs.mergedStates { _ = try output.addElement(state) }
            output.endArray()
        }
        output.begin(.messages)
        try write(own.filter { $0.visible == .active }, to: output)
        output.endArray()
        if !hidden.isEmpty {
            output.begin(.hiddenMessages)
            try write(hidden, to: output)
            output.endArray()
        }
        if let count = view.head.outputs.last?.deltas.upperBound, count > 0 {
            output.begin(.deltas)
            try deltas(in: 0..<count) { (data) throws(LogError) in try output.addElement(data) }
            output.endArray()
        }
        output.add(Array("}\n".utf8))
        try output.flush()
    }

    private func write(_ runs: [MessageRuns.Run], to output: DocumentOutput) throws(LogError) {
        try messages(of: runs) { (message, _) throws(LogError) in try output.addElement(message) }
    }
}

extension [MessageRuns.Run] {
    /// The spelling of each state, for as many messages that follow each other as have it.
    fileprivate var mergedStates: [[UInt8]] {
        var merged: [MessageRuns.Run] = []
        for run in self {
            if let last = merged.last, last.visible == run.visible, last.context == run.context {
                merged[merged.count - 1].count += run.count
            } else {
                merged.append(run)
            }
        }
        return merged.map { run in
            var writer = JSONWriter(capacity: 32)
            run.writeState(to: &writer)
            return writer.finish()
        }
    }
}

/// Gathers what is written, and puts each element of an array on a line of its own.
private final class DocumentOutput {
    private let sink: any SnapshotSink
    private var bytes: [UInt8] = []
    private var isFirstElement = true

    init(_ sink: any SnapshotSink) { self.sink = sink }

    func add(_ more: [UInt8]) { bytes += more }

    func begin(_ array: SnapshotArray) {
        bytes += ",\"\(array.rawValue)\":[".utf8
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
