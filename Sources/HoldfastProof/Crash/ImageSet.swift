import HoldfastThreads

/// Which disk images have been judged. Any thread may ask.
final class ImageSet: Sendable {
    private struct State {
        var images: Set<UInt64> = []
        /// Images together with what had been promised when they were taken.
        var cases: Set<UInt64> = []
    }

    private let state = Lock(State())

    /// How many images there have been that differ from one another.
    var count: Int { state.withLock { $0.images.count } }

    /// Notes an image; answers whether there was none like it, and whether it has to be judged: an image that was
    /// judged before has to be judged again when more had been promised.
    func insert(_ image: UInt64, _ ledger: UInt64) -> (isNew: Bool, isDue: Bool) {
        state.withLock { state in
            let isNew = state.images.insert(image).inserted
            return (isNew, state.cases.insert(image ^ (ledger &* 0x9E37_79B9_7F4A_7C15)).inserted)
        }
    }
}
