import HoldfastSimulation
import HoldfastStorage
import Testing

/// Power cuts that tear.
@Suite struct RandomCrashTests {
    private static let old = [UInt8](repeating: 0xAA, count: 4_096)
    private static let new = [UInt8](repeating: 0xBB, count: 1_500)
    private static let offset = 700

    /// A synced file of 4,096 bytes and an unsynced write of 1,500 at 700.
    private func overwrite() throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        try storage.put("a", Self.old, sync: true)
        try storage.syncDirectory("")
        try storage.open("a", .readWrite).write(Self.new, at: UInt64(Self.offset))
        return storage
    }

    @Test func onlyBytesOfTheWriteChange() throws {
        let storage = try overwrite()
        let range = Self.offset..<Self.offset + Self.new.count
        for seed in 0..<300 {
            let content = try storage.crash(.random(seed: UInt64(seed))).get("a")
            #expect(content.count == Self.old.count)
            #expect(content[..<range.lowerBound].allSatisfy { $0 == 0xAA })
            #expect(content[range.upperBound...].allSatisfy { $0 == 0xAA })
        }
    }

    @Test func everyFateOccurs() throws {
        let storage = try overwrite()
        let sector = 1_024..<1_536
        var seen: Set<String> = []
        for seed in 0..<300 {
            let content = try storage.crash(.random(seed: UInt64(seed))).get("a")
            let bytes = content[sector]
            switch Set(bytes) {
            case [0xAA]: seen.insert("dropped")
            case [0xBB]: seen.insert("kept")
            case [0]: seen.insert("zeroed")
            case [0xAA, 0xBB]: seen.insert(bytes.first == 0xBB && bytes.last == 0xAA ? "torn" : "disordered")
            default: seen.insert("garbage")
            }
        }
        #expect(seen == ["dropped", "kept", "zeroed", "torn", "garbage"])
    }

    @Test func newSpaceMayHoldWhatAnotherFileHeld() throws {
        let storage = try overwrite()
        try storage.put("b", [UInt8](repeating: 0xCC, count: 600), sync: true)
        try storage.put("new", [UInt8](repeating: 0xDD, count: 1_024))
        try storage.syncDirectory("")
        let images = (0..<300).map { storage.crash(.random(seed: UInt64($0))) }
        let stale = [UInt8](repeating: 0xCC, count: 50)[...]
        #expect(images.contains { ($0.contents["new"] ?? []).contains(stale) })
        #expect(!images.contains { ($0.contents["a"] ?? []).contains(stale) }, "an overwrite takes no new space")
    }

    @Test func twoSectorsMayChangePlaces() throws {
        let storage = SimulatedStorage()
        try storage.put("a", Self.old, sync: true)
        try storage.syncDirectory("")
        let sectors = (1...4).map { [UInt8](repeating: $0, count: 512) }
        try storage.open("a", .readWrite).write(Array(sectors.joined()), at: 0)
        let swapped = (0..<300).filter { seed in
            let content = (try? storage.crash(.random(seed: UInt64(seed))).get("a")) ?? []
            return (0..<4).contains { Array(content[$0 * 512..<($0 + 1) * 512]) != sectors[$0] }
                && (0..<4).contains { place in
                    (0..<4).contains { $0 != place && Array(content[place * 512..<(place + 1) * 512]) == sectors[$0] }
                }
        }
        #expect(!swapped.isEmpty)
    }

    @Test func everySubsetOfTheSectorsOfTheLastWriteIsTried() throws {
        let storage = try overwrite()
        let policies = storage.sectorPolicies()
        #expect(policies.count == 16, "bytes 700 to 2,200 touch four sectors")
        let contents = try policies.map { try storage.crash($0).get("a") }
        #expect(Set(contents).count == 16)
        let new = try storage.get("a")
        #expect(contents.contains(Self.old) && contents.contains(new))
        #expect(storage.sectorPolicies(limit: 3).isEmpty)
        // The length is a matter of its own.
        try storage.open("a", .readWrite).write([UInt8](repeating: 1, count: 600), at: 4_000)
        let lengths = try storage.sectorPolicies().map { try storage.crash($0).get("a").count }
        #expect(Set(lengths) == [4_096, 4_600] && lengths.count == 8)
    }

    @Test func imagesThatDifferHaveOtherFingerprints() throws {
        let storage = try overwrite()
        let images = (0..<200).map { storage.crash(.random(seed: UInt64($0))) }
        let contents = Set(images.map { $0.contents["a"] })
        #expect(Set(images.map { $0.fingerprint() }).count == contents.count)
        #expect(images[0].fingerprint { $0 != "a" } == images[1].fingerprint { $0 != "a" })
        // What was written as zeros and what was never written reads the same.
        let (written, hole) = (SimulatedStorage(), SimulatedStorage())
        try written.put("a", [UInt8](repeating: 0, count: 5_000))
        try hole.open("a", .create).truncate(to: 5_000)
        #expect(written.fingerprint() == hole.fingerprint())
        try hole.rename("a", "b")
        #expect(written.fingerprint() != hole.fingerprint())
    }

    @Test func lengthAndBytesAreIndependent() throws {
        let storage = SimulatedStorage()
        let file = try storage.open("a", .create)
        try storage.syncDirectory("")
        try file.write(Self.new, at: 0)
        var lengths: Set<Int> = []
        var kept = 0
        for seed in 0..<200 {
            let content = try storage.crash(.random(seed: UInt64(seed))).get("a")
            lengths.insert(content.count)
            if content.contains(0xBB) { kept += 1 }
        }
        #expect(lengths == [0, Self.new.count])
        #expect(kept > 0 && kept < 200)
    }

    @Test func bytesMaySurviveWithoutTheNewLength() throws {
        let storage = SimulatedStorage()
        try storage.put("a", Self.old, sync: true)
        try storage.syncDirectory("")
        try storage.open("a", .readWrite).write(Self.new, at: 3_584)
        let contents = try (0..<200).map { try storage.crash(.random(seed: UInt64($0))).get("a") }
        let lengths = contents.filter { $0[3_584] == 0xBB }.map(\.count)
        #expect(Set(lengths) == [4_096, 3_584 + Self.new.count])
    }

    @Test func theSameSeedDoesTheSame() throws {
        let storage = try overwrite()
        let contents = try (0..<50).map { try storage.crash(.random(seed: UInt64($0))).get("a") }
        let again = try (0..<50).map { try storage.crash(.random(seed: UInt64($0))).get("a") }
        #expect(contents == again)
        #expect(Set(contents).count > 10)
    }

    @Test func whatWasSyncedSurvivesEverySeed() throws {
        var generator = SplitMix64(seed: 42)
        for seed in 0..<100 {
            let storage = SimulatedStorage()
            let file = try storage.open("a", .create)
            try storage.syncDirectory("")
            let synced = (0..<10).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            try file.write(synced, at: 0)
            try file.sync()
            try file.write([1, 2, 3], at: 10)
            try storage.put("b", [1])
            let content = try storage.crash(.random(seed: UInt64(seed))).get("a")
            #expect(content.starts(with: synced))
        }
    }

    @Test func theGeneratorIsFixedForEver() {
        var generator = SplitMix64(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
    }
}
