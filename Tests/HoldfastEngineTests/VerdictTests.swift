@testable import HoldfastEngine
import HoldfastBytes
import Testing

@Suite struct VerdictTests {
    /// Every combination of evidence, against the table of docs/format.md written out a second time.
    @Test func `the decision table holds for all evidence`() {
        for finding in DamageEvidence.Finding.allCases {
            for mode in [SegmentHeader.CommitMode.journal, .segment] {
                for isBeingWritten in [false, true] {
                    for isPromised in [false, true] {
                        let evidence = DamageEvidence(
                            finding: finding, mode: mode, isBeingWritten: isBeingWritten, isPromised: isPromised)
                        #expect(DamageVerdict.decide(evidence) == expected(evidence), "\(evidence)")
                    }
                }
            }
        }
    }

    private func expected(_ evidence: DamageEvidence) -> DamageVerdict {
        if evidence.finding == .unreadable { return .mediaError }
        if evidence.finding == .end && !evidence.isPromised { return .end }
        let mayBeTorn = evidence.finding == .invalid && evidence.mode == .segment && evidence.isBeingWritten
        return mayBeTorn && !evidence.isPromised ? .tornTail : .committedDamage
    }

    /// What the split of the pool's memory is computed with.
    @Test func `streams take no more memory than the pool assumes`() {
        let payload = [UInt8](repeating: 65, count: 100_000)
        for size in BlockCompressor.Size.allCases {
            let stream = BlockCompressor(size)
            #expect(stream.compress(payload, limit: payload.count) { _ in })
            #expect(stream.memoryByteCount <= size.memoryByteCount)
            #expect(
                stream.memoryByteCount > size.memoryByteCount * 9 / 10, "\(size): room for more streams is given away")
        }
    }

    @Test func `all streams together stay under the limit`() {
        let pool = CompressorPool(memoryLimit: 64 << 20)
        var leases = [CompressorPool.Lease?](repeating: nil, count: 300)
        for round in 0..<3 {
            for index in leases.indices {
                let payload = [UInt8](repeating: UInt8(index % 256), count: round == 1 ? 200_000 : 500)
                pool.withStream(&leases[index], byteCount: payload.count) { stream, _ in
                    stream?.restart()
                    #expect(stream?.compress(payload, limit: payload.count) { _ in } == true)
                }
            }
        }
        #expect(pool.memoryByteCount <= 64 << 20)
        #expect(pool.memoryByteCount > 32 << 20)
    }
}
