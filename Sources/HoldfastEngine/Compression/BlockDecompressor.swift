import CZstd
import HoldfastBytes

/// Reads the records of restart blocks, one after the other, in the order of the log.
///
/// For one thread at a time. Its memory is bounded by the largest window that is accepted; nothing before there is a
/// block.
final class BlockDecompressor: @unchecked Sendable {
    /// Made for the first block: it takes some 100 KB, and many a session has short records only.
    private var made: OpaquePointer?
    /// Whether the records so far have been decoded from the block's start without a gap.
    private var isInBlock = false
    /// The records of the block that were passed over: what comes behind them cannot be decoded without them.
    private var passed = Passed()

    private struct Passed {
        var records: [(header: RecordHeader, stored: Range<Int>)] = []
        /// What is stored of them, one behind the other.
        var bytes: [UInt8] = []

        mutating func add(_ header: RecordHeader, _ stored: UnsafeRawBufferPointer) {
            let start = bytes.count
            bytes.append(contentsOf: stored)
            records.append((header, start..<bytes.count))
        }

        mutating func forget() {
            records.removeAll(keepingCapacity: true)
            bytes.removeAll(keepingCapacity: true)
        }
    }

    // Safe because zstd does not write to a dictionary that it has made.
    nonisolated(unsafe) private static let dictionary: OpaquePointer = {
        let bytes = SegmentDictionary.bytes
        guard let made = ZSTD_createDDict(bytes, bytes.count) else {
            fatalError("out of memory for a decompression dictionary")
        }
        return made
    }()

    private var context: OpaquePointer {
        if let made { return made }
        guard let context = ZSTD_createDCtx() else { fatalError("out of memory for a decompression stream") }
        // Windows above 8 MiB are not written; a damaged or hostile frame may not ask for more.
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23)
        let result = ZSTD_DCtx_refDDict(context, Self.dictionary)
        precondition(ZSTD_isError(result) == 0, "zstd takes the dictionary of the format")
        made = context
        return context
    }

    deinit { ZSTD_freeDCtx(made) }

    /// Passes over a record whose header has been checked, and decodes it only when a later one of its block is wanted.
    ///
    /// Memory: the stored bytes of one block.
    func pass(over header: RecordHeader, stored: UnsafeRawBufferPointer) {
        if header.codec == .raw { return }
        if header.codec == .frameStart { passed.forget() }
        passed.add(header, stored)
    }

    /// The payload of a record whose header has been checked, or `nil` when its bytes cannot be decoded.
    ///
    /// Allocates `header.rawByteCount` bytes, which the header check has limited.
    func payload(of header: RecordHeader, stored: UnsafeRawBufferPointer) -> [UInt8]? {
        let byteCount = Int(header.rawByteCount)
        var isWhole = false
        let payload = [UInt8](unsafeUninitializedCapacity: byteCount + 1) { room, count in
            isWhole = decode(header, stored: stored, into: UnsafeMutableRawBufferPointer(room))
            count = isWhole ? byteCount : 0
        }
        return isWhole ? payload : nil
    }

    /// The same at the beginning of `room`, which has at least one byte more than the payload; false when its bytes
    /// cannot be decoded.
    func decode(
        _ header: RecordHeader, stored: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) -> Bool {
        switch header.codec {
        case .raw:
            room.copyMemory(from: stored)
            return true
        case .frameStart:
            passed.forget()
            _ = ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
            isInBlock = true
        case .frameContinuation:
            if !passed.records.isEmpty { decodePassed() }
            guard isInBlock else { return false }
        }
        isInBlock = decode(stored, into: room, byteCount: Int(header.rawByteCount))
        return isInBlock
    }

    private func decodePassed() {
        let before = passed
        passed = Passed()
        for (header, place) in before.records {
            _ = before.bytes.withBytes { payload(of: header, stored: $0.slice(place)) }
        }
    }

    /// Says that records were left out: what continues the block cannot be decoded any more.
    func leaveBlock() {
        isInBlock = false
        passed.forget()
    }

    /// Whether `stored` continues the frame by exactly `byteCount` bytes, for which there is `room` and for one more,
    /// so that a frame that holds more is noticed.
    private func decode(
        _ stored: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer, byteCount: Int
    ) -> Bool {
        let context = context
        var input = ZSTD_inBuffer(src: stored.baseAddress, size: stored.count, pos: 0)
        var target = ZSTD_outBuffer(dst: room.baseAddress, size: byteCount + 1, pos: 0)
        while true {
            let before = (input.pos, target.pos)
            let result = ZSTD_decompressStream(context, &target, &input)
            if ZSTD_isError(result) != 0 { break }
            if (input.pos, target.pos) == before || target.pos > byteCount { break }
        }
        return input.pos == input.size && target.pos == byteCount
    }
}
