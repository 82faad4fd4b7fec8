import Testing

@testable import HoldfastEngine

struct CompressorPoolTests {
    private let short = [UInt8](repeating: 65, count: 500)
    private let long = [UInt8](repeating: 65, count: 10_000)

    /// Compresses once for the holder of `lease`; answers whether the stream was where the holder left it.
    @discardableResult
    private func use(
        _ lease: inout CompressorPool.Lease?, of pool: CompressorPool, isLong: Bool = false, mayChange: Bool = false
    ) -> Bool {
        let payload = isLong ? long : short
        return pool.withStream(&lease, byteCount: payload.count, mayChange: mayChange) { stream, isWhereItWas in
            #expect(stream?.compress(payload, limit: payload.count) { _ in } == true)
            return isWhereItWas
        }
    }

    @Test func `1,024 sessions that take turns keep their streams`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 1024)
        for _ in 0..<3 {
            for index in leases.indices { use(&leases[index], of: pool) }
        }
        for index in leases.indices { #expect(use(&leases[index], of: pool)) }
        #expect(pool.memoryByteCount <= EngineOptions().compressionMemory)
    }

    @Test func `memory that has no room for a large stream is all for small ones`() {
        let pool = CompressorPool(memoryLimit: 2_200_000)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 10)
        for _ in 0..<3 {
            for index in leases.indices { use(&leases[index], of: pool) }
        }
        for index in leases.indices { #expect(use(&leases[index], of: pool)) }
        #expect(pool.memoryByteCount <= 2_200_000)
    }

    @Test func `a stream that nobody has used for long is used again before another is made`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        for _ in 0..<2_000 {
            var lease: CompressorPool.Lease?
            for _ in 0..<16 { use(&lease, of: pool) }
        }
        #expect(pool.memoryByteCount < EngineOptions().compressionMemory / 2)
    }

    @Test func `with sessions that come and go there are not ever more streams`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 80)
        for round in 0..<2_500 {
            for client in leases.indices {
                // Clients begin at different times.
                if (round + 5 * client) % 400 == 0 { leases[client] = nil }
                use(&leases[client], of: pool)
            }
        }
        // One for each, and for each of the ten that have ended during the last 4,096 uses.
        #expect(pool.memoryByteCount < 100 * 220_000)
    }

    @Test func `when more sessions than there are streams take turns, some keep theirs`() {
        let pool = CompressorPool(memoryLimit: 64 << 20)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 250)
        var kept = 0
        for _ in 0..<20 {
            for index in leases.indices where use(&leases[index], of: pool) { kept += 1 }
        }
        #expect(kept > 500)
    }

    /// Uses of new sessions by so many clients, one after the other, `each` times; answers how many of the last 200
    /// sessions ended with a large stream.
    private func largeStreams(of pool: CompressorPool, clientCount: Int, each: Int) -> Int {
        var leases = [CompressorPool.Lease?](repeating: nil, count: clientCount)
        var sizes: [BlockCompressor.Size?] = []
        for round in 0..<each * 400 / clientCount {
            for client in leases.indices {
                // Clients begin at different times.
                if (round + client) % each == 0 {
                    sizes.append(leases[client]?.size)
                    leases[client] = nil
                }
                use(&leases[client], of: pool)
            }
        }
        return sizes.suffix(200).count { $0 == .large }
    }

    @Test func `a few sessions that take turns, and end, have large streams`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        #expect(largeStreams(of: pool, clientCount: 16, each: 17) == 200)
    }

    @Test(arguments: [false, true])
    func `of many sessions that take turns those with long records have large streams`(afterFew: Bool) {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        if afterFew { _ = largeStreams(of: pool, clientCount: 16, each: 17) }
        var leases = [CompressorPool.Lease?](repeating: nil, count: 64)
        for round in 0..<40 {
            // The first ones took turns with few.
            if round == 20 { for index in leases.indices { leases[index] = nil } }
            for index in leases.indices { use(&leases[index], of: pool, isLong: index % 8 == 0, mayChange: true) }
        }
        for index in leases.indices { #expect(leases[index]?.size == (index % 8 == 0 ? .large : .small)) }
    }

    @Test func `many sessions with long records do not take large streams from each other`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 64)
        var kept = 0
        for _ in 0..<40 {
            for index in leases.indices where use(&leases[index], of: pool, isLong: true) { kept += 1 }
        }
        #expect(kept > 38 * 64)
        #expect(leases.count { $0?.size == .large } == 17)
    }

    @Test func `a large stream is given back at the end of a block when many sessions have come to take turns`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 64)
        for _ in 0..<100 { use(&leases[0], of: pool, mayChange: true) }
        #expect(leases[0]?.size == .large)
        for _ in 0..<20 {
            for index in leases.indices { use(&leases[index], of: pool) }
        }
        #expect(leases[0]?.size == .large, "in the middle of a block")
        use(&leases[0], of: pool, mayChange: true)
        #expect(leases[0]?.size == .small)
    }

    @Test func `one session that comes back after long leaves few sessions few`() {
        let pool = CompressorPool(memoryLimit: EngineOptions().compressionMemory)
        var (lone, late): (CompressorPool.Lease?, CompressorPool.Lease?)
        use(&late, of: pool)
        for _ in 0..<50_000 { use(&lone, of: pool) }
        use(&late, of: pool)
        var new: CompressorPool.Lease?
        use(&new, of: pool)
        #expect(new?.size == .large)
    }

    /// There is room for one large stream.
    @Test func `at the end of a block a session gets a large stream that nobody needs`() {
        let pool = CompressorPool(memoryLimit: 4 << 20)
        var (first, second): (CompressorPool.Lease?, CompressorPool.Lease?)
        use(&first, of: pool, isLong: true)
        #expect(first?.size == .large)
        for _ in 0..<100 {
            use(&second, of: pool, mayChange: true)
            #expect(second?.size == .small)
        }
        for _ in 0..<100 { use(&second, of: pool) }
        #expect(second?.size == .small, "in the middle of a block")
        use(&second, of: pool, mayChange: true)
        #expect(second?.size == .large)
        #expect(!use(&first, of: pool))
    }
}
