import CZstd
import HoldfastBytes

/// Makes whole zstd frames, each of which says how long its content is.
///
/// Not thread-safe. Memory: what zstd takes for content of this length and level.
final class FrameCompressor {
    private let context: OpaquePointer

    init(level: Int32) {
        guard let context = ZSTD_createCCtx() else { fatalError("out of memory for a compression context") }
        self.context = context
        let result = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        precondition(ZSTD_isError(result) == 0)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The frame of `content`.
    func frame(of content: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(content.count)) { room, count in
            count = content.withUnsafeBytes {
                ZSTD_compress2(context, room.baseAddress, room.count, $0.baseAddress, $0.count)
            }
            precondition(ZSTD_isError(count) == 0, "zstd refused valid parameters")
        }
    }
}

/// Reads such frames. Not thread-safe.
final class FrameDecompressor {
    private let context: OpaquePointer

    init() {
        guard let context = ZSTD_createDCtx() else { fatalError("out of memory for a decompression context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// The content of `frame`; `nil` unless it is one whole frame of exactly `byteCount` bytes, and says so.
    ///
    /// Allocates no more than `byteCount` bytes, whatever the frame says.
    func content(of frame: [UInt8], byteCount: Int) -> [UInt8]? {
        let isExact = frame.withUnsafeBytes {
            ZSTD_getFrameContentSize($0.baseAddress, $0.count) == UInt64(byteCount)
                && ZSTD_findFrameCompressedSize($0.baseAddress, $0.count) == $0.count
        }
        guard isExact else { return nil }
        var isWhole = false
        let content = [UInt8](unsafeUninitializedCapacity: byteCount) { room, count in
            let written = frame.withUnsafeBytes {
                ZSTD_decompressDCtx(context, room.baseAddress, byteCount, $0.baseAddress, $0.count)
            }
            isWhole = written == byteCount
            count = isWhole ? byteCount : 0
        }
        return isWhole ? content : nil
    }
}
