import HoldfastBytes
import HoldfastLog

// The output that a session keeps: that of `runs`, oldest first, and then of the open turn, as one list.
extension ViewReader {
    /// Calls `body` with the number and the data of each delta of the turn `id` after the number `number`, until
    /// it answers `false`. There are none when the output of the turn is not kept.
    func deltas(
        of id: Label, after number: UInt64, _ body: (UInt64, [UInt8]) throws(LogError) -> Bool
    ) throws(LogError) {
        guard let output = view.head.output(of: id), number < UInt64(output.deltas.count) else { return }
        var current = number
        let first = output.deltas.lowerBound + Int(clamping: number)
        try deltas(in: first..<output.deltas.upperBound) { (data) throws(LogError) in
            current += 1
            return try body(current, data)
        }
    }

    /// Calls `body` with the deltas in `wanted`, by their places among all that are kept.
    func deltas(in wanted: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool) throws(LogError) {
        guard !wanted.isEmpty else { return }
        let outputs = view.head.outputs
        let snapshot = try usableSnapshot()
        var place = 0
        var first = outputs.first?.sequence ?? 0
        if let earlier = try earlierOutput(than: first, snapshot) {
            let count = earlier.outputs.last?.deltas.upperBound ?? 0
            let dropped = earlier.outputs.first { $0.id == outputs.first?.id }?.deltas.lowerBound ?? count
            (place, first) = (count - dropped, snapshot?.source.sequence ?? 0)
            var goesOn = true
            let stored = dropped + min(wanted.lowerBound, place)..<dropped + min(wanted.upperBound, place)
            try earlier.deltas(in: stored) { (data) throws(LogError) in
                goesOn = try body(data)
                return goesOn
            }
            guard goesOn, wanted.upperBound > place else { return }
        }
        // Turns come one after the other, so those before the wanted one need not be read.
        if let output = outputs.last(where: { $0.deltas.lowerBound <= wanted.lowerBound }), output.sequence > first {
            (place, first) = (output.deltas.lowerBound, output.sequence)
        }
        let kept = Set(outputs.map(\.id))
        try records(from: first + 1) { (content, _) throws(LogError) in
            guard case .delta(let data) = content.change, let turn = content.turn, kept.contains(turn) else {
                return true
            }
            place += 1
            guard wanted.contains(place - 1) else { return true }
            return try body(data) && place < wanted.upperBound
        }
    }
}

/// Output that is not in the records that are read: that of a snapshot, or of the session before its rotation.
private enum EarlierOutput {
    case snapshot(SnapshotReader, [TurnOutput])
    case parent(ViewReader)

    var outputs: [TurnOutput] {
        switch self {
        case .snapshot(_, let outputs): outputs
        case .parent(let reader): reader.view.head.outputs
        }
    }

    func deltas(in stored: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool) throws(LogError) {
        switch self {
        case .snapshot(let reader, _):
            var elements = try reader.elements(of: .deltas, in: stored)
            while let data = try elements.next() { if try !body(data) { return } }
        case .parent(let reader): try reader.deltas(in: stored, body)
        }
    }
}

extension ViewReader {
    /// Where output is that began at the record `first` or before, 0 for output that came along with a rotation.
    private func earlierOutput(
        than first: Sequence, _ snapshot: SnapshotReader?
    ) throws(LogError) -> EarlierOutput? {
        if let snapshot, snapshot.source.sequence > first { return .snapshot(snapshot, try snapshot.head().outputs) }
        guard first == 0, let lineage = view.head.lineage else { return nil }
        return .parent(try parent(lineage, whatFor: "the output of earlier turns"))
    }
}
