import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
@testable import HoldfastCommands
import Testing

/// Every command line that only looks at the store `path`; `receipt` is a receipt of it.
private func readOnlyCommands(_ path: String, _ session: String, receipt: String, newReceipt: String) -> [[String]] {
    [
        ["inspect", path], ["inspect", path, "--json"], ["inspect", "log", path, session],
        ["inspect", "log", path, session, "--json", "--payload"], ["inspect", "log", path, session, "--hex"],
        ["inspect", "gaps", path, "--trimmed"], ["inspect", "journal", path, "--batches"],
        ["cat", path, session], ["cat", path, session, "--at", "2", "--json"], ["diff", path, session, "--from", "2"],
        ["blame", path, session], ["grep", path, "message"], ["grep", path, "[a-z]+", "--regex", "--json"],
        ["verify", path, "--deep"], ["verify", path, "--receipt", receipt],
        ["verify", path, "--write-receipt", newReceipt],
        ["ls", path], ["show", path, session], ["export", path, session], ["recover", path, "--dry-run"],
    ]
}

extension Scratch {
    /// Copies a folder with all below it.
    func copy(_ folder: String, to copy: String) {
        mkdir(at(copy), 0o755)
        var status = stat()
        for name in names(folder) where stat(at("\(folder)/\(name)"), &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR {
                self.copy("\(folder)/\(name)", to: "\(copy)/\(name)")
            } else {
                write("\(copy)/\(name)", bytes("\(folder)/\(name)") ?? [])
            }
        }
    }
}

/// A store with two sessions of twenty messages and a few segments each, made without a pipe.
private func makeSegments(
    _ path: String, mode: SegmentHeader.CommitMode = .journal, closing: Bool = true
) throws {
    var engine = EngineOptions()
    engine.segmentByteCount = 350
    engine.commitMode = mode
    let opened = try HoldfastStore.opened(path: path, engine: engine)
    for session in ["a", "b"] {
        try opened.store.writeBlocking(.create(session))
        for number in 0..<20 {
            let message = JSON(
                "{\"role\":\"user\",\"content\":\"message \(number) of \(session), and some more text\"}")
            try opened.store.writeBlocking(.append(to: session, [message]))
        }
    }
    if closing { try opened.store.close() } else { opened.log.abandon() }
}

struct ReadOnlyTests {
    /// How a store is treated before it is looked at.
    enum Treatment: String, CaseIterable, Sendable {
        case whole, crashed, segment, header, lostSegment, journal, index, snapshot, noIndex, foreign
    }

    @Test(arguments: Treatment.allCases)
    func noByteOfAStoreIsChangedByAnythingThatLooksAtIt(_ treatment: Treatment) throws {
        let scratch = Scratch()
        let path = scratch.at("store")
        try makeSegments(path)
        #expect(holdfast("compact", path, "b").code == .success)
        let receipt = scratch.at("first.receipt")
        #expect(holdfast("verify", path, "--write-receipt", receipt).code == .success)
        try treat(treatment, scratch)
        let before = scratch.contents("store")
        let commands = readOnlyCommands(path, "a", receipt: receipt, newReceipt: scratch.at("second.receipt"))
        for words in commands {
            _ = Program.run(words, on: TestConsole())
            #expect(scratch.contents("store") == before, "\(words)")
        }
        #expect(commands.count >= 20)
    }

    private func treat(_ treatment: Treatment, _ scratch: Scratch) throws {
        let id = try #require(SessionID("a"))
        let segment = "store/\(StoreLayout.segmentFile(id, 2))"
        switch treatment {
        case .whole: break
        case .crashed:
            let opened = try HoldfastStore.opened(path: scratch.at("store"))
            try opened.store.writeBlocking(.append(to: "a", ["{\"role\":\"user\",\"content\":\"message last\"}"]))
            opened.log.abandon()
        case .segment: flip(segment, at: 120, scratch)
        case .header: flip(segment, at: 10, scratch)
        case .lostSegment: unlink(scratch.at(segment))
        case .journal: for name in scratch.names("store/journal") { flip("store/journal/\(name)", at: 530, scratch) }
        case .index: flip("store/index.json", at: 40, scratch)
        case .noIndex: unlink(scratch.at("store/index.json"))
        case .snapshot:
            let folder = "store/\(StoreLayout.sessionFolder(try #require(SessionID("b"))))"
            let name = try #require(scratch.names(folder).first { $0.hasPrefix("snapshot") })
            flip("\(folder)/\(name)", at: 60, scratch)
        case .foreign: scratch.write("store/journal/notes.txt", "not ours")
        }
    }

    private func flip(_ file: String, at offset: Int, _ scratch: Scratch) {
        guard var bytes = scratch.bytes(file), bytes.count > offset else { return }
        bytes[offset] ^= 0x10
        scratch.write(file, bytes)
    }
}

struct GapTests {
    /// Where each record of a session stands.
    private struct Place {
        var sequence: Int
        var file: String
        var range: Range<Int>
    }

    private func places(_ path: String, _ session: String) throws -> [Place] {
        try holdfast("inspect", "log", path, session, "--json").console.outputLines.map { line in
            let root = try JSONTree.parse(Array(line.utf8)).root
            let offset = Int(try #require(root["offset"]?.int))
            let count = try ["header_bytes", "stored_bytes"].reduce(0) { $0 + Int(try #require(root[$1]?.int)) }
            return Place(
                sequence: Int(try #require(root["sequence"]?.int)), file: try #require(root["file"]?.string),
                range: offset..<offset + count)
        }
    }

    @Test func whateverByteIsChangedTheGapHasItsRecordAndNoOtherSession() throws {
        let scratch = Scratch()
        try makeSegments(scratch.at("store"))
        let whole = try places(scratch.at("store"), "a")
        #expect(whole.count == 21 && Set(whole.map(\.file)).count > 2)
        for place in whole {
            for offset in [place.range.lowerBound, place.range.lowerBound + 21, place.range.upperBound - 1] {
                let file = "store/\(place.file)"
                let right = try #require(scratch.bytes(file))
                var wrong = right
                wrong[offset] ^= 4
                scratch.write(file, wrong)
                try expectGap(of: place.sequence, at: offset, scratch.at("store"))
                scratch.write(file, right)
            }
        }
        #expect(holdfast("inspect", "gaps", scratch.at("store")).code == .success)
        #expect(holdfast("inspect", "gaps", scratch.at("store")).output.isEmpty)
    }

    private func expectGap(of sequence: Int, at offset: Int, _ path: String) throws {
        let gaps = holdfast("inspect", "gaps", path, "--json")
        #expect(gaps.code == .committedDamage)
        var named: Set<Int> = []
        var places: [Range<Int>] = []
        for line in gaps.console.outputLines {
            let root = try JSONTree.parse(Array(line.utf8)).root
            #expect(root["session"]?.string == "a")
            let gap = try #require(root["unreadable"])
            guard let first = gap["first_sequence"]?.int, let last = gap["last_sequence"]?.int else { continue }
            named.formUnion(Int(first)...Int(last))
            let start = Int(try #require(gap["offset"]?.int))
            places.append(start..<start + Int(try #require(gap["bytes"]?.int)))
        }
        #expect(
            named.contains(sequence) && places.contains { $0.contains(offset) }, "record \(sequence): \(gaps.output)")
        // What is not named is what the log still shows, each record once.
        let shown = holdfast("inspect", "log", path, "a", "--json", "--payload").console.outputLines
        let whole = try shown.compactMap { line -> Int? in
            let root = try JSONTree.parse(Array(line.utf8)).root
            return root["payload"] == nil ? nil : root["sequence"]?.int.map { Int($0) }
        }
        #expect(named.union(whole) == Set(1...21) && named.intersection(whole).isEmpty)
        let overview = holdfast("inspect", path, "--json")
        #expect(overview.code == .committedDamage && overview.output.contains(#""damaged":true"#))
        #expect(holdfast("inspect", path).output.contains("damage    1 session: a"))
    }

    @Test func lostSegmentsAndHeadersAreGapsOfTheirRecords() throws {
        for isLost in [true, false] {
            let scratch = Scratch()
            try makeSegments(scratch.at("store"))
            let whole = try places(scratch.at("store"), "a")
            let file = whole[10].file
            let own = whole.filter { $0.file == file }.map(\.sequence)
            if isLost { unlink(scratch.at("store/\(file)")) } else { scratch.write("store/\(file)", "rubbish") }
            let gap = holdfast("inspect", "gaps", scratch.at("store"), "--json").output
            #expect(gap.contains("\"first_sequence\":\(own[0]),\"last_sequence\":\(own[own.count - 1])"), "\(gap)")
        }
    }
}

struct OverviewTests {
    @Test func theSumsAreThoseOfTheRecords() throws {
        let store = InspectedStore(conversation: ())
        let document = holdfast("inspect", store.path, "--json")
        #expect(document.code == .success)
        let root = try JSONTree.parse(Array(document.output.utf8)).root
        #expect(root["session_count"]?.int == 2 && root["records"]?.int == 10 && root["open_turns"]?.int == 0)
        var raw: Int64 = 0
        var stored: Int64 = 0
        for session in ["s1", "s2"] {
            for line in holdfast("inspect", "log", store.path, session, "--json").console.outputLines {
                let record = try JSONTree.parse(Array(line.utf8)).root
                raw += record["bytes"]?.int ?? 0
                stored += record["stored_bytes"]?.int ?? 0
            }
        }
        #expect(root["payload_bytes"]?.int == raw && root["stored_payload_bytes"]?.int == stored)
        #expect(root["types"]?["append"]?.int == 2 && root["types"]?["branch"]?.int == 1)
        let sizes = try #require(root["sizes"]).elements.reduce(0) { $0 + ($1["records"]?.int ?? 0) }
        #expect(sizes == 10)
    }

    @Test func barsAreForTerminals() {
        let store = InspectedStore(conversation: ())
        store.write(#"{"id":1,"op":"begin_turn","session":"s2","turn":"t","message":{}}"#)
        let plain = holdfast("inspect", store.path).output
        #expect(!plain.contains("█") && plain.contains("sessions  2, 1 with an open turn"), "\(plain)")
        let console = TestConsole(columns: 80)
        #expect(Program.run(["inspect", store.path], on: console) == .success)
        #expect(console.output.contains("█"))
        #expect(console.outputLines.allSatisfy { $0.count <= 80 })
    }

    @Test func theJournalSaysWhatWaits() throws {
        let scratch = Scratch()
        try makeSegments(scratch.at("store"), closing: false)
        let journal = holdfast("inspect", "journal", scratch.at("store"), "--json").output
        let root = try JSONTree.parse(Array(journal.utf8)).root
        let waiting = try #require(root["waiting_writes"]?.int)
        let told = holdfast("recover", scratch.at("store"), "--dry-run", "--json").output
        #expect(told.contains("\"replayed_writes\":\(waiting),"), "\(told)")
        #expect(waiting > 0 && root["closed_in_order"]?.bool == false)
        #expect(
            holdfast("inspect", "journal", scratch.at("store"), "--batches").output.contains("session a, segment 1"))
        #expect(holdfast("recover", scratch.at("store")).code == .success)
        #expect(holdfast("inspect", "journal", scratch.at("store")).output.contains("State: closed in order"))
    }
}

struct ReceiptTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }
    private var receipt: String { scratch.at("store.receipt") }

    private func makeReceipt() throws {
        try makeSegments(store)
        let written = holdfast("verify", store, "--write-receipt", receipt)
        #expect(written.code == .success && written.output.contains("Receipt of 2 sessions, 42 records"))
        #expect(scratch.mode("store.receipt") == 0o600)
    }

    private func append(_ text: String, to session: String = "a") throws {
        let opened = try HoldfastStore.opened(path: store)
        try opened.store.writeBlocking(.append(to: session, [JSON("{\"content\":\"\(text)\"}")]))
        try opened.store.close()
    }

    @Test func appendingAfterwardsIsFine() throws {
        try makeReceipt()
        try append("more")
        let other = try HoldfastStore.opened(path: store)
        try other.store.writeBlocking(.create("c"))
        try other.store.close()
        let proof = holdfast("verify", store, "--receipt", receipt)
        #expect(proof.code == .success, "\(proof.output)")
        #expect(proof.output.contains("2 sessions of 2 unaltered (42 records)."))
        #expect(proof.output.contains("1 session not covered"))
        #expect(
            holdfast("verify", store, "--receipt", receipt, "--json").output.contains(#""altered":false,"proved":true"#)
        )
    }

    @Test func anotherHistoryIsFound() throws {
        try makeReceipt()
        // An older copy, which then went another way: every check of its own is right.
        scratch.copy("store", to: "copy")
        try append("one way")
        #expect(holdfast("verify", store, "--write-receipt", receipt).code == .success)
        #expect(rename(store, scratch.at("aside")) == 0 && rename(scratch.at("copy"), store) == 0)
        let short = holdfast("verify", store, "--receipt", receipt)
        #expect(short.code == .committedDamage && short.output.contains("session a: ALTERED: it ends at record 21"))
        try append("the other")
        let proof = holdfast("verify", store, "--receipt", receipt)
        #expect(proof.code == .committedDamage)
        #expect(proof.output.contains("No damage."))
        #expect(proof.output.contains("session a: ALTERED: record 22 is another one"), "\(proof.output)")
        #expect(!proof.output.contains("session b"))
    }

    @Test func whatIsMissingIsFound() throws {
        try makeReceipt()
        let folder = "store/\(StoreLayout.sessionFolder(try #require(SessionID("b"))))"
        for name in scratch.names(folder) { unlink(scratch.at("\(folder)/\(name)")) }
        rmdir(scratch.at(folder))
        let proof = holdfast("verify", store, "--receipt", receipt)
        #expect(proof.code == .committedDamage && proof.output.contains("session b: ALTERED"), "\(proof.output)")
    }

    @Test func whatCompactionHasReplacedIsNotCalledProved() throws {
        try makeReceipt()
        for number in 0..<3 {
            try append("more \(number)")
            #expect(holdfast("compact", store, "a").code == .success)
        }
        let proof = holdfast("verify", store, "--receipt", receipt)
        #expect(proof.code == .unproved, "\(proof.output)")
        #expect(proof.output.contains("1 session of 2 unaltered (21 records)."))
        #expect(proof.output.contains("session a: "), "\(proof.output)")
        #expect(proof.output.contains("cannot prove any more") || proof.output.contains("cannot be proved any more"))
        #expect(holdfast("verify", store, "--receipt", receipt, "--json").output.contains(#""proved":false"#))
    }

    @Test func aReceiptIsProtectedToo() throws {
        try makeReceipt()
        let text = try #require(scratch.read("store.receipt"))
        scratch.write("changed.receipt", text.replacing("\"last\":21", with: "\"last\":20"))
        #expect(holdfast("verify", store, "--receipt", scratch.at("changed.receipt")).code == .data)
        #expect(holdfast("verify", store, "--receipt", scratch.at("nothing")).code == .noInput)
        #expect(holdfast("verify", store, "--write-receipt", scratch.at("store/r")).code == .cannotCreate)
        #expect(holdfast("verify", store, "--write-receipt", scratch.at("no/r")).code != .success)
        try makeSegments(scratch.at("other"))
        let other = holdfast("verify", scratch.at("other"), "--receipt", receipt)
        #expect(other.code == .data && other.errors.contains("of another store"))
    }

    @Test func damageGetsNoReceipt() throws {
        try makeSegments(store)
        let file = "store/\(StoreLayout.segmentFile(try #require(SessionID("a")), 1))"
        var bytes = try #require(scratch.bytes(file))
        bytes[100] ^= 1
        scratch.write(file, bytes)
        #expect(holdfast("verify", store, "--write-receipt", receipt).code == .committedDamage)
        #expect(scratch.read("store.receipt") == nil)
    }

    @Test func aSnapshotThatSaysSomethingElseIsFoundByTheDeepCheck() throws {
        try makeSegments(store)
        #expect(holdfast("compact", store, "a").code == .success)
        #expect(holdfast("verify", store, "--deep").output.contains("2 sessions folded"))
        let id = try #require(SessionID("a"))
        let opened = try HoldfastStore.opened(path: store)
        let source = try #require(try opened.log.snapshot(id, through: 21))
        let text = String(decoding: try source.read(at: 0, count: source.byteCount), as: UTF8.self)
        let forged = text.replacing("message 3 of a", with: "message 4 of a")
        #expect(forged != text)
        // Written as the format says, so that only the records contradict.
        try opened.log.putSnapshot(id, through: 21) { (sink) throws(LogError) in try sink.write(Array(forged.utf8)) }
        try opened.store.close()
        #expect(holdfast("verify", store).code == .success)
        let deep = holdfast("verify", store, "--deep")
        #expect(deep.code == .committedDamage)
        #expect(deep.output.contains("session a: snapshot 21 has other messages than its records"), "\(deep.output)")
    }
}
