import HoldfastSimulation

/// Derives seeds: the same words give the same number everywhere.
struct SplitMix64Seed {
    private(set) var value: UInt64

    init(_ text: String) {
        value = text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    mutating func mix(_ word: UInt64) {
        var generator = SplitMix64(seed: value ^ word)
        value = generator.next()
    }
}

/// A seed for what `name` and `words` stand for.
func seed(_ name: String, _ words: UInt64...) -> UInt64 {
    var seed = SplitMix64Seed(name)
    for word in words { seed.mix(word) }
    // Far from the end of the range, so that seeds may be counted up.
    return seed.value >> 2
}
