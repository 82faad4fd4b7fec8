import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import Testing

@testable import HoldfastCommands

/// One flipped bit in a batch of the journal that no segment has the bytes of yet.
struct FlippedBitTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }
    private var saved: String { scratch.at("saved") }
    /// The file in use.
    private var journal: String { "store/journal/\(scratch.names("store/journal").last ?? "")" }

    /// Leaves the store as a killed process would, with four messages of which the journal alone has any.
    private func crash() throws {
        var options = EngineOptions()
        options.flushInterval = 1_000_000
        let opened = try HoldfastStore.opened(path: store, engine: options)
        try opened.store.writeBlocking(.create("s1"))
        for number in 1...4 {
            try opened.store.writeBlocking(.append(to: "s1", [JSON("{\"n\": \(number) }")]))
        }
        opened.log.abandon()
    }

    /// Where the batches stand in the journal, without their padding.
    private var batches: [Range<Int>] {
        let bytes = scratch.bytes(journal) ?? []
        return bytes.withUnsafeBytes { view in
            let sector = JournalHeader.sectorByteCount
            guard let file = try? JournalHeader(decoding: view) else { return [] }
            return stride(from: sector, to: view.count - sector, by: sector).compactMap { at in
                let rest = UnsafeRawBufferPointer(rebasing: view[at...])
                let header = try? BatchHeader(decoding: rest, offset: UInt64(at), salt: file.salt)
                return header.map { at..<at + BatchHeader.byteCount + Int($0.bodyByteCount) }
            }
        }
    }

    private func flip(_ offsets: Int...) {
        var bytes = scratch.bytes(journal) ?? []
        for at in offsets { bytes[at] ^= 8 }
        scratch.write(journal, bytes)
    }

    private func messages(_ path: String) -> String { holdfast("export", path, "s1").output }

    private var all: String { (1...4).map { "{\"n\": \($0) }\n" }.joined() }

    /// In the batch of the third message: magic, count, number, mark, length, flags, time, chain, check, header check,
    /// body.
    @Test(arguments: [1, 4, 9, 17, 24, 28, 33, 41, 50, 60, 70, 90])
    func aBatchIsToldToHaveOneAndReadWithItTurnedBack(_ place: Int) throws {
        try crash()
        let batch = try #require(batches.dropLast().last)
        flip(batch.lowerBound + place)
        let damaged = scratch.contents("store")
        let aside = Array((scratch.bytes(journal) ?? [])[batch])
        let hint = "batches 5 to 5 cannot be read, one bit of it has flipped"
        for words in [["verify", store], ["recover", store, "--dry-run"]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .committedDamage)
            #expect(
                console.output.contains("\(hint) ('holdfast recover --repair-bits' turns it back)"), "\(console.output)"
            )
        }
        for words in [["inspect", "gaps", store], ["inspect", "journal", store]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .committedDamage)
            #expect(console.output.contains(hint), "\(console.output)")
        }
        let plan = holdfast("recover", store, "--repair-bits", "--dry-run", "--json")
        #expect(scratch.contents("store") == damaged, "a dry run has changed something")
        let ran = holdfast("recover", store, "--repair-bits", "--json")
        #expect(plan.code == .success && ran.code == .success, "\(plan.output)\(ran.output)")
        #expect(ran.output.contains(#""step":"repair_bit","file":"journal/"#))
        let steps = { (json: String) in json.firstRange(of: "\"steps\":[").map { json[$0.lowerBound...] } }
        #expect(steps(plan.output) == steps(ran.output), "\(plan.output)\n\(ran.output)")
        #expect(messages(store) == all)
        #expect(scratch.contents("store/quarantine").contains { $0.value == aside })
        #expect(holdfast("verify", store).output.contains("No damage."))
    }

    /// It looks like a write that was never acknowledged.
    @Test func soIsTheLastBatchOfAll() throws {
        try crash()
        flip(try #require(batches.last).upperBound - 3)
        let plan = holdfast("recover", store, "--dry-run")
        #expect(plan.code == .tornTail && plan.output.contains("one bit of it has flipped"), "\(plan.output)")
        #expect(holdfast("recover", store, "--repair-bits").code == .success)
        #expect(messages(store) == all)
    }

    @Test func severalBatchesHaveOneEach() throws {
        try crash()
        for batch in batches.dropFirst() { flip(batch.upperBound - 3) }
        #expect(holdfast("verify", store).output.contains("one bit of it has flipped"))
        #expect(holdfast("recover", store, "--repair-bits").code == .success)
        #expect(messages(store) == all)
    }

    @Test func twoInOneBatchAreNotMended() throws {
        try crash()
        let batch = try #require(batches.dropLast().last)
        flip(batch.upperBound - 3, batch.upperBound - 5)
        let verified = holdfast("verify", store)
        #expect(verified.code == .committedDamage && !verified.output.contains("flipped"), "\(verified.output)")
        let ran = holdfast("recover", store, "--repair-bits")
        #expect(ran.code == .committedDamage && !ran.output.contains("flipped"), "\(ran.output)")
    }

    /// Without leave the batch is lost, and the report says what would have saved it.
    @Test func withoutLeaveNothingIsTurnedBack() throws {
        try crash()
        flip(try #require(batches.dropLast().last).upperBound - 3)
        let ran = holdfast("recover", store)
        #expect(ran.code == .committedDamage)
        #expect(ran.output.contains("'holdfast recover --repair-bits' would have turned it back"), "\(ran.output)")
    }

    @Test func aSalvageReadsItToo() throws {
        try crash()
        let batch = try #require(batches.dropLast().last)
        flip(batch.lowerBound + 9)
        let before = scratch.contents("store")
        let told = holdfast("recover", store, "--salvage-to", scratch.at("without"))
        #expect(told.code == .committedDamage)
        #expect(told.output.contains("one bit of it has flipped ('--repair-bits' turns it back)"), "\(told.output)")
        let ran = holdfast("recover", store, "--salvage-to", saved, "--repair-bits")
        #expect(ran.code == .success, "\(ran.output)")
        let bit = "bit 3 of byte \(batch.lowerBound + 9) had flipped and was turned back"
        #expect(ran.output.contains(bit), "\(ran.output)")
        #expect(messages(saved) == all)
        #expect(scratch.contents("store") == before)
    }

    /// What the recovery names by itself is looked at by the check behind it.
    @Test func soDoesARecoveryThatReplaysTheSession() throws {
        try crash()
        #expect(holdfast("recover", store).code == .success)
        let opened = try HoldfastStore.opened(path: store)
        try opened.store.writeBlocking(.append(to: "s1", [JSON("{\"n\":5}")]))
        opened.log.abandon()
        let segment = try #require(scratch.contents("store").keys.first { $0.hasSuffix(".segment") })
        var bytes = try #require(scratch.bytes(segment))
        bytes[bytes.count / 2] ^= 8
        scratch.write(segment, bytes)
        for words in [["verify", store], ["recover", store, "--dry-run"], ["recover", store]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .committedDamage)
            #expect(console.output.contains("('holdfast recover --repair-bits' turns it back)"), "\(console.output)")
        }
        #expect(holdfast("recover", store, "--repair-bits").code == .success)
    }

    @Test func aLookNamesTheOneOfASegmentsHeader() throws {
        try crash()
        #expect(holdfast("recover", store).code == .success)
        let segment = try #require(scratch.contents("store").keys.first { $0.hasSuffix(".segment") })
        var bytes = try #require(scratch.bytes(segment))
        bytes[20] ^= 8
        scratch.write(segment, bytes)
        for words in [["inspect", "log", store, "s1"], ["inspect", "gaps", store]] {
            let console = TestConsole()
            _ = Program.run(words, on: console)
            #expect(console.output.contains("damaged segment header, one bit of it has flipped"), "\(console.output)")
        }
    }

    /// Of a segment this is told without being asked for, too.
    @Test func aCheckNamesTheOneOfARecord() throws {
        try crash()
        #expect(holdfast("recover", store).code == .success)
        let segment = try #require(scratch.contents("store").keys.first { $0.hasSuffix(".segment") })
        var bytes = try #require(scratch.bytes(segment))
        bytes[bytes.count - 3] ^= 8
        scratch.write(segment, bytes)
        for words in [["verify", store], ["recover", store], ["recover", store, "--dry-run"]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .committedDamage)
            let hint = "at record 5, one bit of it has flipped ('holdfast recover --repair-bits' turns it back)"
            #expect(console.output.contains(hint), "\(console.output)")
        }
        for words in [["inspect", "log", store, "s1"], ["inspect", "gaps", store]] {
            let console = TestConsole()
            _ = Program.run(words, on: console)
            #expect(console.output.contains("at record 5, one bit of it has flipped"), "\(console.output)")
        }
        #expect(
            holdfast("verify", store, "--json").output.contains(#""flipped_bit":{"byte":\#(bytes.count - 3),"bit":3}"#))
    }
}
