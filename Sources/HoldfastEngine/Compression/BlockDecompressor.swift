import CZstd
import HoldfastBytes

/// Reads the records of restart blocks, one after the other, in the order of the log.
///
/// Not thread-safe. Its memory is bounded by the largest window that is accepted; nothing before there is a block.
final class BlockDecompressor {
    /// Made for the first block: it takes some 100 KB, and many a session has short records only.
    private var made: OpaquePointer?
    /// Whether the records so far have been decoded from the block's start without a gap.
    private var isInBlock = false
    /// The records of the block that were passed over: what comes behind them cannot be decoded without them.
    private var passed: [(header: RecordHeader, stored: [UInt8])] = []

    private var context: OpaquePointer {
        if let made { return made }
        guard let context = ZSTD_createDCtx() else { fatalError("out of memory for a decompression stream") }
        // Windows above 8 MiB are not written; a damaged or hostile frame may not ask for more.
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23)
        made = context
        return context
    }

    deinit { ZSTD_freeDCtx(made) }

    /// Passes over a record whose header has been checked, and decodes it only when a later one of its block is wanted.
    ///
    /// Memory: the stored bytes of one block.
    func pass(over header: RecordHeader, stored: UnsafeRawBufferPointer) {
        switch header.codec {
        case .raw: return
        case .frameStart: passed = [(header, [UInt8](stored))]
        case .frameContinuation: passed.append((header, [UInt8](stored)))
        }
    }

    /// The payload of a record whose header has been checked, or `nil` when its bytes cannot be decoded.
    ///
    /// Allocates `header.rawByteCount` bytes, which the header check has limited.
    func payload(of header: RecordHeader, stored: UnsafeRawBufferPointer) -> [UInt8]? {
        switch header.codec {
        case .raw:
            return [UInt8](stored)
        case .frameStart:
            passed = []
            _ = ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
            isInBlock = true
        case .frameContinuation:
            decodePassed()
            guard isInBlock else { return nil }
        }
        guard let payload = decode(stored, byteCount: Int(header.rawByteCount)) else {
            isInBlock = false
            return nil
        }
        return payload
    }

    private func decodePassed() {
        let before = passed
        passed = []
        for (header, stored) in before { _ = stored.withBytes { payload(of: header, stored: $0) } }
    }

    /// Says that records were left out: what continues the block cannot be decoded any more.
    func leaveBlock() {
        isInBlock = false
        passed = []
    }

    private func decode(_ stored: UnsafeRawBufferPointer, byteCount: Int) -> [UInt8]? {
        var isWhole = false
        // One byte more than promised, so that a frame that holds more is noticed.
        var payload = [UInt8](unsafeUninitializedCapacity: byteCount + 1) { room, count in
            var input = ZSTD_inBuffer(src: stored.baseAddress, size: stored.count, pos: 0)
            var target = ZSTD_outBuffer(dst: room.baseAddress, size: byteCount + 1, pos: 0)
            while true {
                let before = (input.pos, target.pos)
                let result = ZSTD_decompressStream(context, &target, &input)
                if ZSTD_isError(result) != 0 { break }
                if (input.pos, target.pos) == before || target.pos > byteCount { break }
            }
            isWhole = input.pos == input.size && target.pos == byteCount
            count = min(target.pos, byteCount)
        }
        if !isWhole { payload = [] }
        return isWhole ? payload : nil
    }
}
