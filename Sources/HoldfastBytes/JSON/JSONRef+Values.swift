import CJSON

// What a value means. Each accessor answers `nil` when the value is of another kind or does not fit the type;
// the spelling is always there as `raw`.
extension JSONRef {
    /// Whether the value is `null`.
    package var isNull: Bool { kind == .null }

    /// The value of `true` and `false`.
    package var bool: Bool? { kind == .bool ? raw.first == UInt8(ascii: "t") : nil }

    /// The value of a number without fraction and exponent that fits. `-0` is 0.
    package var int: Int64? { integer() }

    /// As ``int``, for numbers that are not negative.
    package var unsigned: UInt64? { integer() }

    /// The nearest double of a number, whatever its spelling; `nil` when it is beyond the finite ones.
    ///
    /// Also `nil` for a number spelled with more than 4096 bytes, which bounds the cost.
    package var double: Double? {
        guard kind == .number, range.count <= 4096 else { return nil }
        guard let value = Double(String(decoding: raw, as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    /// The decoded string; a surrogate without its partner becomes U+FFFD.
    package var string: String? {
        guard let content else { return nil }
        guard hasFlag(HFJSON_FLAG_ESCAPED) else { return String(decoding: content, as: UTF8.self) }
        return String(decoding: JSONEscapes.decoded(content, loneSurrogates: .replaced), as: UTF8.self)
    }

    /// The decoded string in UTF-8, except that a surrogate without its partner keeps its own three bytes
    /// (WTF-8).
    ///
    /// So two strings have the same bytes here exactly when they are the same JSON string: use it for
    /// identity.
    package var stringBytes: [UInt8]? {
        guard let content else { return nil }
        guard hasFlag(HFJSON_FLAG_ESCAPED) else { return Array(content) }
        return JSONEscapes.decoded(content, loneSurrogates: .kept)
    }

    /// Whether the value is the string `text`, compared by the bytes of UTF-8.
    package func isString(_ text: String) -> Bool { tree.isString(index, text) }

    /// What is between the quotes.
    private var content: ArraySlice<UInt8>? { kind == .string ? raw.dropFirst().dropLast() : nil }

    private func integer<Value: FixedWidthInteger>() -> Value? {
        guard kind == .number else { return nil }
        let negative = raw.first == UInt8(ascii: "-")
        var value: Value = 0
        for byte in negative ? raw.dropFirst() : raw {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let digit = Value(byte - UInt8(ascii: "0"))
            let (scaled, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (next, beyond) =
                negative
                ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
            if tooLarge || beyond { return nil }
            value = next
        }
        return value
    }
}
