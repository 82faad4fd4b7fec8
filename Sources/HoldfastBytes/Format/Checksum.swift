internal import CXXHash

/// XXH3, 64 bits: the checksum of every structure on disk.
///
/// It finds accidents, not attacks; what keeps a payload that imitates a record from being taken for one is the
/// random salt of its file, which enters every seed.
package enum Checksum {
    /// The checksum of `bytes` under `seed`.
    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        XXH3_64bits_withSeed(bytes.baseAddress, bytes.count, seed)
    }

    /// The checksum of `bytes` under `seed`.
    package static func of(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { of($0, seed: seed) }
    }
}

/// 64 bits as 16 hexadecimal digits, the way checksums are written in JSON.
package enum Hex64 {
    /// Sixteen lower-case digits.
    package static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    /// The value of exactly sixteen lower-case digits, or `nil`.
    package static func value(_ text: String) -> UInt64? {
        var text = text
        return text.withUTF8 { value(UnsafeRawBufferPointer($0)) }
    }

    /// As above, of their bytes.
    package static func value(_ digits: UnsafeRawBufferPointer) -> UInt64? {
        guard digits.count == 16 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case 48...57: value = value << 4 | UInt64(digit - 48)
            case 97...102: value = value << 4 | UInt64(digit - 87)
            default: return nil
            }
        }
        return value
    }
}

/// The checksum of bytes that come in pieces; equal to ``Checksum/of(_:seed:)`` of all of them.
package final class StreamingChecksum {
    private let state: OpaquePointer

    package init(seed: UInt64 = 0) {
        guard let state = XXH3_createState() else { fatalError("out of memory for a checksum") }
        self.state = state
        XXH3_64bits_reset_withSeed(state, seed)
    }

    deinit { XXH3_freeState(state) }

    /// Adds `bytes` to what has been hashed so far.
    package func add(_ bytes: some ContiguousBytesView) {
        bytes.withView { view in _ = XXH3_64bits_update(state, view.baseAddress, view.count) }
    }

    /// The checksum of everything added so far.
    package var value: UInt64 { XXH3_64bits_digest(state) }
}

/// What a streaming checksum accepts: arrays and slices of bytes.
package protocol ContiguousBytesView {
    func withView(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension Array: ContiguousBytesView where Element == UInt8 {
    package func withView(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes { body($0) } }
}

extension ArraySlice: ContiguousBytesView where Element == UInt8 {
    package func withView(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes { body($0) } }
}
