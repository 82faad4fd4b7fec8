/// Counts values in buckets that get wider with them, so that a percentile is at most an eighth too high. Pure; its
/// memory is fixed.
struct LogHistogram {
    /// Larger values are counted as this one.
    private static let largest: UInt64 = (1 << 40) - 1
    private var counts: [UInt32]
    private(set) var count = 0
    /// The largest value, as it was.
    private(set) var maximum: UInt64 = 0

    init() { counts = Array(repeating: 0, count: Self.bucket(Self.largest) + 1) }

    mutating func add(_ value: UInt64) {
        counts[Self.bucket(min(value, Self.largest))] &+= 1
        count += 1
        maximum = max(maximum, value)
    }

    /// A value that `percent` of all values do not exceed; 0 when there is none.
    func percentile(_ percent: Int) -> UInt64 {
        var left = (count * percent + 99) / 100
        for (bucket, count) in counts.enumerated() where left > 0 {
            left -= Int(count)
            if left <= 0 { return min(Self.upperBound(bucket), maximum) }
        }
        return maximum
    }

    /// Forgets all values and keeps the memory.
    mutating func reset() {
        for bucket in counts.indices { counts[bucket] = 0 }
        count = 0
        maximum = 0
    }

    /// Eight buckets between each power of two and the next; below 8 one for each value.
    private static func bucket(_ value: UInt64) -> Int {
        guard value >= 8 else { return Int(value) }
        let exponent = UInt64.bitWidth - 1 - value.leadingZeroBitCount
        return (exponent - 2) * 8 + Int(value >> UInt64(exponent - 3) & 7)
    }

    private static func upperBound(_ bucket: Int) -> UInt64 {
        guard bucket >= 8 else { return UInt64(bucket) }
        let shift = UInt64(bucket / 8 - 1)
        return ((UInt64(bucket % 8) + 9) << shift) - 1
    }
}
