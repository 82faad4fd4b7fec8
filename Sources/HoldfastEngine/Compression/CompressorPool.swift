import HoldfastStorage
import HoldfastThreads

/// All compression streams of a store, under one memory limit, lent to the sessions that are written most recently.
///
/// A session keeps its stream from record to record until another session needs it more; then it starts a new
/// block with whatever stream it gets next. Safe to use from any thread.
final class CompressorPool: Sendable {
    /// A session's hold on a stream. It ends without notice when the stream is given to another session.
    struct Lease: Sendable {
        fileprivate var slot: Int
        fileprivate var generation: UInt64
    }

    private struct Slot {
        let size: BlockCompressor.Size
        let compressor: BlockCompressor
        var generation: UInt64 = 0
        var isLent = false
        var lastUse: UInt64 = 0

        init(_ size: BlockCompressor.Size) {
            self.size = size
            compressor = BlockCompressor(size)
        }
    }

    private struct State {
        var slots: [Slot] = []
        var uses: UInt64 = 0
    }

    /// A large stream is taken from its session when that has been quiet for so many appends of others.
    private static let quietAppendCount: UInt64 = 128

    private let limits: [BlockCompressor.Size: Int]
    // Safe because a compressor is used only between taking and returning it, by one thread.
    private let state: Lock<State>

    /// - Parameter memoryLimit: for all streams together, in bytes; at least one small stream is always had.
    init(memoryLimit: Int) {
        // Half for each size: what is left of the one with the fewer streams goes to the other.
        let large = memoryLimit / 2 / BlockCompressor.Size.large.memoryByteCount
        let left = memoryLimit - large * BlockCompressor.Size.large.memoryByteCount
        let small = max(1, left / BlockCompressor.Size.small.memoryByteCount)
        limits = [.large: large, .small: small]
        state = Lock(State())
    }

    /// What all streams occupy now, in bytes.
    var memoryByteCount: Int {
        state.withLock { $0.slots.reduce(0) { $0 + $1.compressor.memoryByteCount } }
    }

    /// Runs `body` with a stream for the holder of `lease`, which is renewed.
    ///
    /// A payload of `byteCount` bytes that is longer than a small stream's window always gets a large one.
    ///
    /// `body` gets the stream and whether it still is where the holder left it; if not, it has been restarted.
    /// It gets `nil` when every stream is in use at this moment.
    func withStream<R>(_ lease: inout Lease?, byteCount: Int, _ body: (BlockCompressor?, Bool) -> R) -> R {
        let held = lease
        let isLong = byteCount > BlockCompressor.Size.small.blockByteCount
        let taken = state.withLock { state in
            Self.take(held, isLong: isLong, from: &state, limits: limits).map(Loan.init)
        }
        guard let loan = taken?.loan else {
            lease = nil
            return body(nil, false)
        }
        lease = loan.lease
        if !loan.continues { loan.compressor.restart() }
        let result = body(loan.compressor, loan.continues)
        state.withLock { $0.slots[loan.lease.slot].isLent = false }
        return result
    }

    // Safe because the stream in it belongs to the thread that took it until it is returned.
    private struct Loan: @unchecked Sendable {
        var loan: (lease: Lease, compressor: BlockCompressor, continues: Bool)
    }

    private static func take(
        _ held: Lease?, isLong: Bool, from state: inout State, limits: [BlockCompressor.Size: Int]
    ) -> (lease: Lease, compressor: BlockCompressor, continues: Bool)? {
        state.uses += 1
        if let held, state.slots[held.slot].generation == held.generation,
            !isLong || state.slots[held.slot].compressor.size == .large || limits[.large] == 0
        {
            state.slots[held.slot].isLent = true
            state.slots[held.slot].lastUse = state.uses
            return (held, state.slots[held.slot].compressor, true)
        }
        guard
            let index = free(.large, in: &state, limits, quietFor: isLong ? 0 : quietAppendCount)
                ?? free(.small, in: &state, limits, quietFor: 0)
                ?? free(.large, in: &state, limits, quietFor: 0)
        else { return nil }
        state.slots[index].generation += 1
        state.slots[index].isLent = true
        state.slots[index].lastUse = state.uses
        let slot = state.slots[index]
        return (Lease(slot: index, generation: slot.generation), slot.compressor, false)
    }

    /// A slot of `size`: a new one while there is room, else the one that has been quiet longest.
    private static func free(
        _ size: BlockCompressor.Size, in state: inout State, _ limits: [BlockCompressor.Size: Int],
        quietFor quiet: UInt64
    ) -> Int? {
        var count = 0
        var oldest: (slot: Int, lastUse: UInt64)?
        for (index, slot) in state.slots.enumerated() where slot.size == size {
            count += 1
            if !slot.isLent, slot.lastUse < oldest?.lastUse ?? .max { oldest = (index, slot.lastUse) }
        }
        if count < limits[size, default: 0] {
            state.slots.append(Slot(size))
            return state.slots.count - 1
        }
        guard let oldest, state.uses - oldest.lastUse >= quiet else { return nil }
        return oldest.slot
    }
}
