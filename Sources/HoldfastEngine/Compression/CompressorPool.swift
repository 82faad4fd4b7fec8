import HoldfastStorage
import HoldfastThreads
import Synchronization

/// All compression streams of a store, under one memory limit, lent to the sessions that are written most recently.
///
/// A session keeps its stream from record to record until another session needs it more; then it starts a new
/// block with whatever stream it gets next. Safe to use from any thread.
final class CompressorPool: Sendable {
    /// A session's hold on a stream. It ends without notice when the stream is given to another session.
    struct Lease: Sendable {
        /// What the stream is like.
        let size: BlockCompressor.Size
        fileprivate let slot: Int
        fileprivate let generation: UInt64
        /// When it was used last, counted in uses of any stream.
        fileprivate let lastUse: UInt64
    }

    private struct Slot {
        let compressor: BlockCompressor
        var generation: UInt64 = 0
        var lastUse: UInt64 = 0
    }

    /// The streams of one size.
    private struct Shelf {
        let size: BlockCompressor.Size
        var slots: [Slot] = []
        var hand = 0

        /// What its streams take at most, in bytes.
        var memoryByteCount: Int { slots.count * size.memoryByteCount }

        /// How many streams are compared when one is taken: all large ones, usually, and few of many small ones. When
        /// more sessions than there are streams take turns, some keep theirs that way; if the one that was quiet
        /// longest had to go each time, none would.
        private var mostCompared: Int { size == .large ? 64 : 5 }
        /// After so many uses of others, whoever has a stream does not need it any more: no new one is made then.
        private static let restingUseCount: UInt64 = 4096

        /// A stream that nobody needs, a new one, or, when there are `limit` of them, another that has been quiet for
        /// at least `quiet` uses of any stream. Streams beyond the limit stay with whoever has them, and are not lent
        /// to others.
        mutating func free(quietFor quiet: UInt64, at now: UInt64, limit: Int) -> Int? {
            let oldest = quietest(of: min(slots.count, limit))
            let rest = oldest.map { now - slots[$0].lastUse } ?? 0
            if rest < Self.restingUseCount, slots.count < limit {
                if let resting = firstResting(at: now) { return resting }
                slots.append(Slot(compressor: BlockCompressor(size)))
                return slots.count - 1
            }
            return rest >= quiet ? oldest : nil
        }

        /// Any stream that has been quiet for long. All are looked at before one is made: those that are compared may
        /// all be in use by chance, and with sessions that come and go there would be ever more.
        private func firstResting(at now: UInt64) -> Int? {
            slots.indices.first { place in
                now - slots[place].lastUse >= Self.restingUseCount
                    && !slots[place].compressor.isLent.load(ordering: .acquiring)
            }
        }

        /// Of the streams that are compared, the one that has been quiet longest.
        private mutating func quietest(of count: Int) -> Int? {
            var oldest: Int?
            for _ in 0..<min(count, mostCompared) {
                hand = (hand + 1) % count
                guard !slots[hand].compressor.isLent.load(ordering: .acquiring) else { continue }
                if let other = oldest, slots[other].lastUse <= slots[hand].lastUse { continue }
                oldest = hand
            }
            return oldest
        }
    }

    private struct State {
        let memoryLimit: Int
        var large = Shelf(size: .large)
        var small = Shelf(size: .small)
        var uses: UInt64 = 0
        /// How many uses there were between two of the same session lately, on average, times 64. Until some dozens of
        /// uses have told, as if rather many sessions took turns.
        var turns: UInt64 = 40 * 64

        /// For how many uses a large stream must have been quiet before it is taken from its session: for longer than
        /// sessions that take turns have to wait, or they would take the few there are from each other all the time.
        var quiet: UInt64 { max(128, 4 * turns / 64) }

        /// How many large streams are lent. Few sessions that take turns may have one each, and one more for each
        /// that has ended and keeps its own until it counts as quiet. Dozens in use at the same time would push each
        /// other out of the processor's cache.
        var largeLimit: Int {
            let wanted = isOfFew ? min(2 * reservedForLarge, memoryLimit / 2) : 0
            let room = memoryLimit - small.memoryByteCount
            return max(reservedForLarge, min(wanted, room)) / BlockCompressor.Size.large.memoryByteCount
        }

        /// How many small streams there may be: as many as large ones leave room for, and at least one.
        var smallLimit: Int {
            let room = memoryLimit - max(large.memoryByteCount, reservedForLarge)
            return max(1, room / BlockCompressor.Size.small.memoryByteCount)
        }

        /// What small streams leave to large ones: half of a small memory, a twelfth of a large one; nothing where that
        /// is less than one takes.
        private var reservedForLarge: Int {
            let reserved = max(min(memoryLimit / 2, CompressorPool.memoryOfManyTurns), memoryLimit / 12)
            return reserved < BlockCompressor.Size.large.memoryByteCount ? 0 : reserved
        }

        /// Whether few sessions take turns, so that each may have a large stream. Of many, those with long records do.
        var isOfFew: Bool { turns / 64 <= CompressorPool.fewTurns }

        /// For how long a large stream must have been quiet to be taken for a payload; `nil` when a small one will do.
        ///
        /// With long payloads, too, those who take turns must not take streams from each other. But whoever has missed
        /// its turn has ended, usually.
        func quietForLarge(_ payloadByteCount: Int) -> UInt64? {
            if payloadByteCount > BlockCompressor.Size.small.blockByteCount { return 0 }
            if payloadByteCount > CompressorPool.longPayloadByteCount { return 2 * turns / 64 }
            return isOfFew ? quiet : nil
        }

        mutating func noteTurn(of lease: Lease) {
            turns += min(uses - lease.lastUse, CompressorPool.longestTurn)
            turns -= turns / 64
        }

        func isHeld(_ lease: Lease) -> Bool { self[lease.size].slots[lease.slot].generation == lease.generation }

        /// Nobody needs the stream any more.
        mutating func giveBack(_ lease: Lease) { self[lease.size].slots[lease.slot].lastUse = 0 }

        mutating func freeLarge(quietFor quiet: UInt64) -> Int? {
            large.free(quietFor: quiet, at: uses, limit: largeLimit)
        }

        mutating func freeSmall(quietFor quiet: UInt64) -> Int? {
            small.free(quietFor: quiet, at: uses, limit: smallLimit)
        }

        subscript(size: BlockCompressor.Size) -> Shelf {
            get { size == .large ? large : small }
            _modify { if size == .large { yield &large } else { yield &small } }
        }
    }

    /// When somebody comes back after more uses than this, that does not say that so many take turns.
    private static let longestTurn: UInt64 = 1024
    /// A payload of more bytes has use for large tables, and takes so long that their cold memory hardly shows. See
    /// docs/decisions/0003-compression.md.
    private static let longPayloadByteCount = 8 << 10
    /// What large streams take when many sessions take turns: there are 17 then.
    private static let memoryOfManyTurns = 21 << 20
    /// So many sessions that take turns are few.
    private static let fewTurns: UInt64 = 32

    // Safe because a compressor is used only between taking and returning it, by one thread.
    private let state: Lock<State>

    /// - Parameter memoryLimit: for all streams together, in bytes; at least one small stream is always had.
    init(memoryLimit: Int) { state = Lock(State(memoryLimit: memoryLimit)) }

    /// What all streams occupy now, in bytes.
    var memoryByteCount: Int {
        state.withLock { ($0.large.slots + $0.small.slots).reduce(0) { $0 + $1.compressor.memoryByteCount } }
    }

    /// Runs `body` with a stream for the holder of `lease`, which is renewed.
    ///
    /// Long payloads, of more than 8 KiB, get a large stream that is free or whose holder has missed its turn; those
    /// that are longer than a small stream's window get any. While few sessions take turns short ones get a large
    /// stream that nobody needs, too. With `mayChange`, at the end of a block, a stream may be changed for one of the
    /// other size.
    ///
    /// `body` gets the stream and whether it still is where the holder left it; if not, it has been restarted.
    /// It gets `nil` when every stream is in use at this moment.
    func withStream<R>(
        _ lease: inout Lease?, byteCount: Int, mayChange: Bool = false, _ body: (BlockCompressor?, Bool) -> R
    ) -> R {
        let held = lease
        let taken = state.withLock { state in
            Self.take(held, byteCount, mayChange: mayChange, from: &state).map(Loan.init)
        }
        guard let loan = taken?.loan else {
            lease = nil
            return body(nil, false)
        }
        lease = loan.lease
        if !loan.continues { loan.compressor.restart() }
        let result = body(loan.compressor, loan.continues)
        loan.compressor.isLent.store(false, ordering: .releasing)
        return result
    }

    // Safe because the stream in it belongs to the thread that took it until it is returned.
    private struct Loan: @unchecked Sendable {
        var loan: (lease: Lease, compressor: BlockCompressor, continues: Bool)
    }

    private static func take(
        _ held: Lease?, _ byteCount: Int, mayChange: Bool, from state: inout State
    ) -> (lease: Lease, compressor: BlockCompressor, continues: Bool)? {
        state.uses += 1
        if let held { state.noteTurn(of: held) }
        let own = held.flatMap { state.isHeld($0) ? $0 : nil }
        let quiet = state.quietForLarge(byteCount)
        let isLong = byteCount > longPayloadByteCount
        if let own, (own.size == .large) == (quiet != nil) || !(mayChange || isLong) {
            return lend(own.size, own.slot, continues: true, in: &state)
        }
        if let quiet, let slot = state.freeLarge(quietFor: quiet) {
            if let own { state.giveBack(own) }
            return lend(.large, slot, continues: false, in: &state)
        }
        if let own, own.size == .small { return lend(.small, own.slot, continues: true, in: &state) }
        if let own { state.giveBack(own) }
        // One that nobody needs, of either size; else one that somebody does.
        for quiet in [state.quiet, 0] {
            if let slot = state.freeSmall(quietFor: quiet) { return lend(.small, slot, continues: false, in: &state) }
            if let slot = state.freeLarge(quietFor: quiet) { return lend(.large, slot, continues: false, in: &state) }
        }
        return nil
    }

    /// Lends a stream to whoever has it or, when nothing continues, to somebody else: then whoever had it loses it.
    private static func lend(
        _ size: BlockCompressor.Size, _ slot: Int, continues: Bool, in state: inout State
    ) -> (lease: Lease, compressor: BlockCompressor, continues: Bool) {
        state[size].slots[slot].generation += continues ? 0 : 1
        state[size].slots[slot].compressor.isLent.store(true, ordering: .relaxed)
        state[size].slots[slot].lastUse = state.uses
        let lent = state[size].slots[slot]
        let lease = Lease(size: size, slot: slot, generation: lent.generation, lastUse: state.uses)
        return (lease, lent.compressor, continues)
    }
}
