import HoldfastBytes
import HoldfastLog
import HoldfastStorage
import HoldfastThreads

/// The writing end of one claimed session.
final class SessionWriter: Sendable {
    struct State {
        var encoder: SegmentEncoder
        /// The end of what has been acknowledged; where the encoder goes back to after a failure.
        var durable: SegmentTail
        /// Set when an append failed: everything later of the claim fails as well.
        var failure: LogError?
        var isFenced = false
        var isReleased = false
        /// Whether the journal names the segment as one that is written directly.
        var directSegment: UInt32?
        var inFlightCount = 0
        /// A place in the log that was proved when the session was claimed, or since.
        var place: LogPlace?
        /// The head of that place, until somebody asks for it.
        var keptHead: HeadFile?
        /// Where the record stands, or is going to, whose head is about to be kept.
        var nextHeadPlace: LogPlace?
    }

    let session: SessionID
    /// The same number for each writer of the session.
    let key: Int
    let epoch: UInt64
    let state: Lock<State>

    init(session: SessionID, epoch: UInt64, encoder: SegmentEncoder) {
        self.session = session
        key = session.hashValue
        self.epoch = epoch
        state = Lock(State(encoder: encoder, durable: encoder.tail))
    }

    /// Records that everything up to `tail` is durable.
    func acknowledge(_ tail: SegmentTail) {
        state.withLock { state in
            state.inFlightCount -= 1
            if tail.sequence >= state.durable.sequence { state.durable = tail }
        }
    }

    /// Records that an append failed: nothing after the last acknowledged record counts.
    func fail(_ error: LogError) {
        state.withLock { state in
            state.inFlightCount -= 1
            state.failure = state.failure ?? error
            state.encoder.revert(to: state.durable)
        }
    }
}

/// One append on its way to the disk.
struct Commit: Sendable {
    var writer: SessionWriter
    var output: SegmentEncoder.Output
    /// The session's tail when this is durable.
    var tail: SegmentTail
    /// Nobody waits for it, so whoever flushes next must hear of its failure.
    var isSoft = false
    /// Tells the journal first that the segment is written directly.
    var announcesSegment = false
    /// A mark that ends direct writing: nothing of the segment is unproved after it.
    var sealsSegment = false
    /// Whether the session had others on their way when it was queued.
    var isBehindOthers = true
    var completion: @Sendable (LogError?) -> Void

    var key: SegmentKey { SegmentKey(session: writer.session, number: output.number) }
    var extent: Extent { Extent(offset: output.offset, bytes: output.bytes) }
}

extension [Commit] {
    /// What is copied to one allocation. Less than what the system would be asked for each time.
    private static let gatheredByteCount = 64 << 10

    /// The extent of each commit, with the bytes of short ones copied to allocations that they share.
    ///
    /// Extents stay in memory until they are flushed. If each kept the memory into which it was encoded, whoever
    /// encodes the next record would get memory that is not in the processor's cache, often from the system. This way
    /// it is the memory of a record that was committed a moment ago.
    func gatheredExtents() -> [Extent] {
        var extents: [Extent] = []
        extents.reserveCapacity(count)
        while extents.count < count {
            let begin = extents.count
            var (end, byteCount) = (begin, 0)
            while end < count, byteCount + self[end].output.bytes.count <= Self.gatheredByteCount {
                byteCount += self[end].output.bytes.count
                end += 1
            }
            if end <= begin + 1 {
                extents.append(self[begin].extent)
            } else {
                gather(begin..<end, byteCount, to: &extents)
            }
        }
        return extents
    }

    private func gather(_ range: Range<Int>, _ byteCount: Int, to extents: inout [Extent]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for commit in self[range] {
            commit.output.bytes.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        }
        var rest = bytes[...]
        for commit in self[range] {
            let part = rest.prefix(commit.output.bytes.count)
            extents.append(Extent(offset: commit.output.offset, bytes: part))
            rest = rest[part.endIndex...]
        }
    }
}
