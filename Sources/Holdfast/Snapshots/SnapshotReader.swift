import HoldfastBytes
import HoldfastLog

/// Reads a session's document piece by piece: first the head, then messages or deltas one at a time.
struct SnapshotReader {
    private static let pieceByteCount = 1 << 20
    let source: any SnapshotSource

    /// The head, of which the bytes before the messages are read.
    func head() throws(LogError) -> SessionHead {
        var finder = ArrayFinder(name: "messages")
        var opening: [UInt8] = []
        let end = try find(&finder) { opening += $0 }
        guard let end else { throw LogError(.damaged, "the snapshot has no messages") }
        let text = opening[..<end] + [UInt8(ascii: "]"), UInt8(ascii: "}")]
        do throws(ContentError) {
            let head = try SessionHead(documentOpening: Array(text))
            guard head.sequence == source.sequence else { throw ContentError("it is of another sequence") }
            return head
        } catch {
            throw LogError(.damaged, "the snapshot: \(error)")
        }
    }

    /// Calls `body` with the messages in `window`, by their places, until it answers `false`.
    func messages(
        in window: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool
    ) throws(LogError) {
        try elements(of: "messages", in: window, body)
    }

    /// Calls `body` with the deltas in `window`, by their places, until it answers `false`.
    func deltas(in window: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool) throws(LogError) {
        try elements(of: "deltas", in: window, body)
    }

    private func elements(
        of name: StaticString, in window: Range<Int>, _ body: ([UInt8]) throws(LogError) -> Bool
    ) throws(LogError) {
        var splitter = ElementSplitter(window: window)
        var finder = ArrayFinder(name: name)
        guard !splitter.isDone, var offset = try find(&finder, { _ in }) else { return }
        while !splitter.isDone, offset < source.byteCount {
            let piece = try read(at: offset)
            offset += piece.count
            try splitter.next(piece[...], body)
        }
    }

    /// Where the array begins, as the offset behind its bracket; `seen` is given all that is read on the way.
    private func find(_ finder: inout ArrayFinder, _ seen: ([UInt8]) -> Void) throws(LogError) -> Int? {
        var offset = 0
        while offset < source.byteCount {
            let piece = try read(at: offset)
            seen(piece)
            if let found = finder.next(piece) { return offset + found }
            offset += piece.count
        }
        return nil
    }

    private func read(at offset: Int) throws(LogError) -> [UInt8] {
        let piece = try source.read(at: offset, count: min(Self.pieceByteCount, source.byteCount - offset))
        guard !piece.isEmpty else { throw LogError(.damaged, "the snapshot is shorter than it says") }
        return piece
    }
}
