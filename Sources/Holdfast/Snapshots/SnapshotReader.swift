import HoldfastBytes
import HoldfastLog

/// Reads a session's document piece by piece: first the head, then messages or deltas one at a time.
struct SnapshotReader {
    let source: any SnapshotSource

    /// The head, of which the bytes before the messages are read.
    func head() throws(LogError) -> SessionHead {
        var opening: [UInt8] = []
        let start = try find([.messageStates, .messages]) { opening += $0 }
        guard let start else { throw LogError(.damaged, "the snapshot has no messages") }
        let text = opening[..<start.offset] + [UInt8(ascii: "]"), UInt8(ascii: "}")]
        do throws(ContentError) {
            let head = try SessionHead(documentOpening: Array(text))
            guard head.sequence == source.sequence else { throw ContentError("it is of another sequence") }
            return head
        } catch {
            throw LogError(.damaged, "the snapshot: \(error)")
        }
    }

    /// The runs of the messages that the snapshot has.
    func runs() throws(LogError) -> MessageRuns {
        var runs = MessageRuns()
        let head = try head()
        let shared = head.lineage?.shared ?? 0
        let start = try find([.messageStates, .messages])
        guard let start, start.array == .messageStates else {
            runs.add(MessageRuns.Run(source: .parent, first: 0, count: shared))
            runs.add(MessageRuns.Run(source: .snapshot(.messages), first: 0, count: head.messageCount - shared))
            return runs
        }
        var place = 0
        var states = SnapshotElements(self, SnapshotElements.Start(offset: start.offset), 0..<Int.max)
        var counts: [SnapshotArray: Int] = [:]
        while let element = try states.next() {
            do throws(ContentError) {
                var run = try MessageRuns.Run(snapshotState: element)
                if place < shared {
                    var parents = run
                    (parents.source, parents.first, parents.count) = (.parent, place, min(run.count, shared - place))
                    runs.add(parents)
                    place += parents.count
                    run.count -= parents.count
                }
                guard run.count > 0 else { continue }
                // No message takes less than a byte, so more of them are not there, and adding up cannot overflow.
                guard run.count <= source.byteCount else { throw ContentError("a run of too many messages") }
                let array = run.visible == .active ? SnapshotArray.messages : .hiddenMessages
                run.source = .snapshot(array)
                run.first = counts[array, default: 0]
                counts[array, default: 0] += run.count
                runs.add(run)
            } catch {
                throw LogError(.damaged, "the snapshot: \(error)")
            }
        }
        return runs
    }

    /// The elements of `array` in `window`, by their places; none when there is no such array.
    ///
    /// - Parameter known: where an element of it begins. Those before it need not be read when none of them is wanted.
    func elements(
        of array: SnapshotArray, in window: Range<Int>, from known: SnapshotElements.Start? = nil
    ) throws(LogError) -> SnapshotElements {
        if let known, known.place <= window.lowerBound { return SnapshotElements(self, known, window) }
        let start = window.isEmpty ? nil : try find([array])
        return SnapshotElements(self, SnapshotElements.Start(offset: start?.offset ?? source.byteCount), window)
    }

    /// Where the first of `arrays` begins, as the offset behind its bracket; `seen` is given all that is read on
    /// the way.
    private func find(
        _ arrays: [SnapshotArray], _ seen: ([UInt8]) -> Void = { _ in }
    ) throws(LogError) -> (array: SnapshotArray, offset: Int)? {
        var finder = ArrayFinder(arrays)
        var offset = 0
        while offset < source.byteCount {
            let piece = try read(at: offset)
            seen(piece)
            if let end = finder.next(piece), let found = finder.found { return (found, offset + end) }
            offset += piece.count
        }
        return nil
    }

    /// The bytes from `offset` on, to the end of a piece at most: sources hold the document in pieces of this size, and
    /// a whole one is not copied.
    fileprivate func read(at offset: Int) throws(LogError) -> [UInt8] {
        let count = Self.pieceByteCount - offset % Self.pieceByteCount
        let piece = try source.read(at: offset, count: min(count, source.byteCount - offset))
        guard !piece.isEmpty else { throw LogError(.damaged, "the snapshot is shorter than it says") }
        return piece
    }

    private static let pieceByteCount = Limits.snapshotBlock
}

/// Part of an array of a snapshot, element by element, with memory for a piece of the document.
struct SnapshotElements {
    /// Where an element begins.
    struct Start: Sendable {
        /// Its place in the array.
        var place = 0
        /// Where in the document it begins, or the whitespace before it.
        var offset: Int
    }

    private let reader: SnapshotReader
    private var offset: Int
    private var splitter: ElementSplitter
    /// Elements that were read and not taken yet, the next one last, each with where in the document the one behind it
    /// begins.
    private var ready: [(bytes: [UInt8], end: Int?)] = []
    /// The place of the next element.
    private(set) var place: Int
    /// Where the next element begins; `nil` before the first one was taken, and when there is no other.
    private(set) var following: Start?

    /// The elements in `window` of the array of which an element begins at `start`.
    fileprivate init(_ reader: SnapshotReader, _ start: Start, _ window: Range<Int>) {
        self.reader = reader
        offset = start.offset
        splitter = ElementSplitter(window: window, from: start.place)
        place = window.lowerBound
    }

    /// The next element; `nil` at the end.
    mutating func next() throws(LogError) -> [UInt8]? {
        while ready.isEmpty, !splitter.isDone, offset < reader.source.byteCount {
            let piece = try reader.read(at: offset)
            let start = offset
            offset += piece.count
            splitter.next(piece[...]) { element, end in
                ready.append((element, end.map { start + $0 }))
                return true
            }
            ready.reverse()
        }
        guard let element = ready.popLast() else { return nil }
        place += 1
        following = element.end.map { Start(place: place, offset: $0) }
        return element.bytes
    }

    /// The element at `place`, which must not come before the next one.
    mutating func element(at place: Int) throws(LogError) -> [UInt8] {
        while let element = try next() { if self.place > place { return element } }
        throw LogError(.damaged, "the snapshot has fewer messages than it says")
    }
}

// One of the `message_states`: how many messages, and how they stand to the visible list and to the context.
extension MessageRuns.Run {
    func writeState(to writer: inout JSONWriter) {
        writer.beginArray()
        writer.integer(count)
        visible.write(to: &writer)
        context.write(to: &writer)
        writer.endArray()
    }

    fileprivate init(snapshotState element: [UInt8]) throws(ContentError) {
        let state = try JSONTree.parsed(element, detail: 1)
        let parts = state.kind == .array ? Array(state.elements) : []
        guard parts.count >= 3, let count = parts[0].number, let count = Int(exactly: count), count > 0 else {
            throw ContentError("a run of messages without its count")
        }
        self.init(
            source: .snapshot(.messages), first: 0, count: count,
            visible: try MessageRuns.Standing(parts[1]), context: try MessageRuns.Standing(parts[2]))
    }
}

extension MessageRuns.Standing {
    fileprivate func write(to writer: inout JSONWriter) {
        switch self {
        case .absent: writer.null()
        case .active, .compacted: writer.string(state?.rawValue ?? "")
        case .takenBack(let sequence): writer.integer(sequence)
        }
    }

    fileprivate init(_ value: JSONRef) throws(ContentError) {
        if value.isNull {
            self = .absent
        } else if let sequence = value.number {
            self = .takenBack(sequence)
        } else if value.isString(MessageState.active.rawValue) {
            self = .active
        } else if value.isString(MessageState.compacted.rawValue) {
            self = .compacted
        } else {
            throw ContentError("a message in a state that this version does not know")
        }
    }
}
