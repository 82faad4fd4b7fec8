import CZstd
import HoldfastBytes
import Synchronization

/// One zstd stream that is flushed after every record, so that a record is a decodable part of its block.
///
/// Not thread-safe: ``CompressorPool`` lends it to one writer at a time.
final class BlockCompressor {
    /// What a stream costs and how far back it can look.
    enum Size: Int, Sendable, CaseIterable {
        /// Matches reach 128 KiB back. For short records of sessions that take turns with many others.
        case small
        /// Matches reach 1 MiB back.
        case large

        /// What a stream occupies at most, in bytes: zstd 1.5's sizes, rounded up; a test measures them.
        var memoryByteCount: Int { self == .small ? 220_000 : 1_280_000 }

        /// Restart blocks are as long as the window. Were they longer, zstd's buffer would wrap within one, and matches
        /// behind the wrap are slower to find.
        var blockByteCount: Int { 1 << Int(windowLog) }
        fileprivate var windowLog: Int32 { self == .small ? 17 : 20 }

        /// The longest of zstd's own blocks, for which it keeps buffers. Most records are shorter: with its usual
        /// 128 KiB a small stream would take four times as much, a large one half as much more, for nothing.
        fileprivate var zstdBlockByteCount: Int32 { self == .small ? 8 << 10 : 16 << 10 }

        /// The logarithms of the entries of zstd's two match tables. With the level's own (17 and 16) the streams of
        /// sessions that take turns push each other out of the processor's cache: a third of the speed, for segments
        /// that are 1 % smaller. docs/decisions/0003-compression.md has the figures.
        fileprivate var tableLogs: (long: Int32, short: Int32) { self == .small ? (11, 10) : (14, 13) }
    }

    /// zstd's default level, which decides how matches are searched.
    private static let level: Int32 = 3
    /// Shorter matches than the level's own 5, for with the dictionary's tables they pay.
    private static let shortestMatch: Int32 = 4

    // Safe because zstd does not write to a dictionary that it has made.
    nonisolated(unsafe) private static let dictionary = made(of: SegmentDictionary.bytes)
    /// For small streams: with a text behind them zstd searches in two places, which takes a tenth longer for half a
    /// percent. docs/decisions/0016-dictionary.md has the figures.
    nonisolated(unsafe) private static let tablesOnly = made(of: SegmentDictionary.tablesOnly)

    private static func made(of bytes: [UInt8]) -> OpaquePointer {
        guard let made = ZSTD_createCDict(bytes, bytes.count, level) else {
            fatalError("out of memory for a compression dictionary")
        }
        return made
    }

    let size: Size
    /// Whether it is lent to somebody. Given back without the pool's lock.
    let isLent = Atomic(false)
    private let context: OpaquePointer

    init(_ size: Size) {
        guard let context = ZSTD_createCCtx() else { fatalError("out of memory for a compression stream") }
        self.size = size
        self.context = context
        set(ZSTD_c_compressionLevel, Self.level)
        set(ZSTD_c_windowLog, size.windowLog)
        set(ZSTD_c_hashLog, size.tableLogs.long)
        set(ZSTD_c_chainLog, size.tableLogs.short)
        set(ZSTD_c_minMatch, Self.shortestMatch)
        // Readers know which dictionary it is.
        set(ZSTD_c_dictIDFlag, 0)
        // A zstd that does not know the parameter would search with tables as small as the dictionary, and find less.
        _ = ZSTD_CCtx_setParameter(
            context, ZSTD_cParameter(rawValue: UInt32(hfzstd_attach_dictionary)), hfzstd_load_dictionary)
        let result = ZSTD_CCtx_refCDict(context, size == .large ? Self.dictionary : Self.tablesOnly)
        precondition(ZSTD_isError(result) == 0, "zstd takes the dictionary of the format")
        // A zstd that does not know the parameter takes more memory.
        _ = ZSTD_CCtx_setParameter(
            context, ZSTD_cParameter(rawValue: UInt32(hfzstd_max_block_size)), size.zstdBlockByteCount)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// What the stream occupies now, in bytes.
    var memoryByteCount: Int { ZSTD_sizeof_CCtx(context) }

    /// Forgets everything: the next payload begins a frame.
    func restart() {
        let result = ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        precondition(ZSTD_isError(result) == 0)
    }

    /// Calls `body` with the compressed and flushed `payload`, unless that takes more than `limit` bytes.
    ///
    /// - Returns: false when it did not fit: `body` was not called, and the stream must be restarted.
    func compress(_ payload: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { room in
            let written = payload.withUnsafeBytes { bytes -> Int? in
                var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
                var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                let left = ZSTD_compressStream2(context, &target, &input, ZSTD_e_flush)
                precondition(ZSTD_isError(left) == 0, "zstd refused valid parameters")
                return left == 0 && input.pos == input.size ? target.pos : nil
            }
            guard let written else { return false }
            body(UnsafeRawBufferPointer(rebasing: room[..<written]))
            return true
        }
    }

    private func set(_ parameter: ZSTD_cParameter, _ value: Int32) {
        let result = ZSTD_CCtx_setParameter(context, parameter, value)
        precondition(ZSTD_isError(result) == 0)
    }
}
