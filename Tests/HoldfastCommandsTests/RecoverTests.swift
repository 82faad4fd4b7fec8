import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import Testing

@testable import HoldfastCommands

/// `holdfast recover` on stores of which it is known what was done to them.
struct RecoverTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }
    private var saved: String { scratch.at("saved") }

    private func ask(_ path: String, _ lines: String...) {
        let console = TestConsole(input: lines.map { $0 + "\n" }.joined())
        let ran = holdfast("pipe", path, console: console)
        #expect(ran.code == .success && !ran.output.contains(#""ok":false"#), "\(ran.output)")
    }

    /// A session of `count` messages, closed in order. Each was written in an opening of its own, so that none is
    /// compressed together with another.
    private func makeStore(messages count: Int = 12) {
        ask(store, #"{"id":1,"op":"create","session":"s1","fields":{"title":"one"}}"#)
        for number in 1...count { ask(store, Self.appending(number)) }
    }

    private static func appending(_ number: Int) -> String {
        let text = "message \(number) with some words to it"
        return #"{"id":1,"op":"append","session":"s1","messages":[{"role":"user","content":"\#(text)"}]}"#
    }

    private func segment(_ session: String = "s1", in folder: String = "store") -> String {
        "\(folder)/\(SessionID(session).map { StoreLayout.segmentFile($0, 1) } ?? "")"
    }

    /// Every file below a folder.
    private func tree(_ folder: String = "store") -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in scratch.names(folder) {
            let path = "\(folder)/\(name)"
            let below = tree(path)
            files.merge(below) { first, _ in first }
            if below.isEmpty { files[path] = scratch.bytes(path) ?? [] }
        }
        return files
    }

    private func change(_ path: String, _ body: (inout [UInt8]) -> Void) {
        var bytes = scratch.bytes(path) ?? []
        body(&bytes)
        scratch.write(path, bytes)
    }

    /// Where record `sequence` of session `s1` stands.
    private func place(of sequence: Int) -> Range<Int> { place(of: sequence, scratch.bytes(segment()) ?? []) }

    private func place(of sequence: Int, _ bytes: [UInt8]) -> Range<Int> {
        bytes.withUnsafeBytes { view in
            guard let header = try? SegmentHeader(decoding: view) else { return 0..<0 }
            var places: [Int] = []
            RecordHeader.forEachTrusted(in: view, from: header.byteCount) { at, _, _ in places.append(at) }
            places.append(view.count)
            return places[sequence - 1]..<places[sequence]
        }
    }

    private func contents(_ path: String, _ session: String = "s1") -> [Int] {
        holdfast("export", path, session).console.outputLines.compactMap { line in
            line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
    }

    private func part(_ name: String, of json: String) -> Substring? {
        json.firstRange(of: "\"\(name)\":[").map { json[$0.lowerBound...] }?.prefix { $0 != "]" }
    }

    // MARK: In place

    @Test(arguments: ["index", "snapshot", "torn", "payload", "crash"])
    func whatADryRunSaysIsWhatIsDone(_ damage: String) throws {
        try damageStore(damage)
        let before = tree()
        let plan = holdfast("recover", store, "--dry-run", "--json")
        #expect(tree() == before, "a dry run has changed something")
        let done = holdfast("recover", store, "--json")
        #expect(plan.code == done.code)
        for name in ["findings", "steps", "pending"] {
            #expect(part(name, of: plan.output) == part(name, of: done.output), "\(plan.output)\n\(done.output)")
        }
        if damage != "payload" { #expect(part("steps", of: done.output) != "\"steps\":[") }
        let again = holdfast("recover", store)
        #expect(again.code == (damage == "payload" ? .committedDamage : .success), "\(again.output)")
    }

    private func damageStore(_ damage: String) throws {
        switch damage {
        case "index":
            makeStore()
            change("store/index.json") { $0[20] ^= 4 }
        case "snapshot":
            makeStore()
            #expect(holdfast("compact", store).code == .success)
            let path = try #require(tree().keys.first { $0.contains("snapshot-") })
            change(path) { $0[$0.count / 2] ^= 1 }
        case "payload":
            makeStore()
            change(segment()) { bytes in for at in place(of: 5).suffix(20) { bytes[at] = 0 } }
        default:
            var options = EngineOptions()
            options.commitMode = damage == "torn" ? .segment : .journal
            let opened = try HoldfastStore.opened(path: store, engine: options)
            try opened.store.writeBlocking(.create("s1"))
            for number in 0..<3 { try opened.store.writeBlocking(.append(to: "s1", [JSON("{\"n\":\(number)}")])) }
            opened.log.abandon()
            if damage == "torn" { change(segment()) { $0.removeLast(3) } }
        }
    }

    @Test func aDamagedSnapshotIsMadeAgainAndKept() throws {
        try damageStore("snapshot")
        let path = try #require(tree().keys.first { $0.contains("snapshot-") })
        let damaged = tree()[path]
        #expect(holdfast("recover", store).code == .success)
        #expect(tree()[path] != nil && tree()[path] != damaged)
        #expect(tree().contains { $0.key.hasPrefix("store/quarantine/") && $0.value == damaged })
        #expect(holdfast("verify", store).output.contains("No damage."))
        #expect(scratch.mode("store/quarantine/manifest.jsonl") == 0o600)
    }

    /// Of a deleted session none before the newest is kept, so nothing takes the damaged one's place.
    @Test func aDamagedSnapshotOfADeletedSessionGoes() throws {
        makeStore()
        ask(store, #"{"id":1,"op":"delete","session":"s1"}"#)
        #expect(holdfast("compact", store).code == .success)
        let path = try #require(tree().keys.first { $0.contains("snapshot-") })
        let stray = path.split(separator: "/").dropLast().joined(separator: "/") + "/snapshot-5.json.zst"
        scratch.write(stray, tree()[path] ?? [])
        #expect(holdfast("recover", store, "--dry-run").output.contains("make the snapshot again"))
        let ran = holdfast("recover", store)
        #expect(ran.code == .success, "\(ran.output)\(ran.errors)")
        #expect(tree()[path] != nil && tree()[stray] == nil)
        #expect(holdfast("verify", store).output.contains("No damage."))
    }

    /// Its bytes would be written over, wherever they are.
    @Test(arguments: [true, false])
    func whereALinkStandsForTheJournalOrTheLockThereIsNoPlanEither(_ isLock: Bool) {
        makeStore()
        let path = isLock ? "store/lock" : "store/journal/\(scratch.names("store/journal").last ?? "")"
        scratch.write("elsewhere", scratch.bytes(path) ?? [])
        scratch.delete(path)
        #expect(symlink(scratch.at("elsewhere"), scratch.at(path)) == 0)
        for words in [["recover", store, "--dry-run"], ["recover", store]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .cannotOpen)
            #expect(console.errors.contains("'--salvage-to' makes a new store"), "\(console.errors)")
        }
        #expect(contents(store) == Array(1...12))
        #expect(holdfast("recover", store, "--salvage-to", saved).code == (isLock ? .success : .committedDamage))
        #expect(contents(saved) == Array(1...12))
    }

    /// It could not be kept, so it stays.
    @Test func aLinkInThePlaceOfASnapshotIsNotReplaced() throws {
        makeStore()
        #expect(holdfast("compact", store).code == .success)
        ask(store, Self.appending(13))
        let before = Set(tree().keys)
        #expect(holdfast("compact", store).code == .success)
        let path = try #require(tree().keys.first { $0.contains("snapshot-") && !before.contains($0) })
        scratch.delete(path)
        #expect(symlink("/nowhere", scratch.at(path)) == 0)
        let plan = holdfast("recover", store, "--dry-run", "--json")
        let ran = holdfast("recover", store, "--json")
        #expect(plan.code == ran.code, "\(plan.output)\(ran.errors)")
        #expect(part("steps", of: plan.output) == part("steps", of: ran.output), "\(plan.output)\n\(ran.output)")
        #expect(scratch.names("store").contains("store.json") && contents(store) == Array(1...13))
    }

    @Test func whereNothingCanBeSetAsideThereIsNoPlanToDoSo() throws {
        try damageStore("torn")
        scratch.write("store/quarantine", "x")
        #expect(holdfast("recover", store, "--dry-run").code == .cannotOpen)
        #expect(holdfast("recover", store).code == .cannotOpen)
        scratch.delete("store/quarantine")
        #expect(holdfast("recover", store, "--dry-run").code == .tornTail)
    }

    @Test func whereAFolderStandsForTheIndexThereIsNoPlanEither() {
        makeStore()
        scratch.delete("store/index.json")
        scratch.write("store/index.json/x", "")
        for words in [["recover", store, "--dry-run"], ["recover", store]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .cannotOpen && console.errors.contains("'index.json'"))
        }
        #expect(holdfast("recover", store, "--salvage-to", saved).code == .success)
        #expect(contents(saved) == Array(1...12))
    }

    /// Without a witness in the index a session that lost its files would not be missed.
    @Test(arguments: [false, true])
    func anIndexThatWasMadeAnewKnowsWhereItsSessionsEnd(_ isSalvage: Bool) throws {
        makeStore()
        for name in scratch.names("store") where name.hasPrefix("index") {
            #expect(unlink(scratch.at("store/\(name)")) == 0)
        }
        let ran = isSalvage ? holdfast("recover", store, "--salvage-to", saved) : holdfast("recover", store)
        #expect(ran.code == .success, "\(ran.output)\(ran.errors)")
        let folder = isSalvage ? "saved" : "store"
        #expect(holdfast("verify", scratch.at(folder)).code == .success)
        #expect(unlink(scratch.at(segment(in: folder))) == 0)
        let verified = holdfast("verify", scratch.at(folder))
        #expect(verified.code == .committedDamage && verified.output.contains("proves record 13"), "\(verified.output)")
    }

    @Test func nothingIsDoneWhenAskedToStopAtDamage() throws {
        try damageStore("payload")
        let before = tree()
        let ran = holdfast("recover", store, "--on-damage", "stop")
        #expect(ran.code == .committedDamage)
        #expect(tree() == before)
    }

    @Test func aFlippedBitIsToldAndOnRequestTurnedBack() throws {
        makeStore()
        let whole = tree()
        let at = place(of: 7).lowerBound + 50
        change(segment()) { $0[at] ^= 16 }
        let record = Array((scratch.bytes(segment()) ?? [])[place(of: 7)])
        #expect(holdfast("recover", store).code == .committedDamage)
        #expect(scratch.bytes(segment()) != whole[segment()], "nobody asked for it")
        let plan = holdfast("recover", store, "--repair-bits", "--dry-run")
        #expect(plan.code == .success && plan.output.contains("turn one bit back in byte"), "\(plan.output)")
        let ran = holdfast("recover", store, "--repair-bits")
        #expect(ran.code == .success, "\(ran.output)")
        #expect(ran.output.contains("turn one bit back in byte \(Human.count(at)) of"), "\(ran.output)")
        #expect(scratch.bytes(segment()) == whole[segment()])
        #expect(tree().contains { $0.key.hasPrefix("store/quarantine/") && $0.value == record })
        #expect(contents(store) == Array(1...12))
    }

    @Test func aFlippedBitOfASegmentsHeaderIsTurnedBackToo() throws {
        makeStore()
        let whole = scratch.bytes(segment())
        // Magic, version, mode, length and salt, first sequence, chain, tag, number, id, check.
        for at in [1, 4, 6, 7, 12, 16, 30, 35, 40, 48, 52] {
            change(segment()) { $0[at] ^= 4 }
            #expect(holdfast("verify", store).code == .committedDamage)
            let ran = holdfast("recover", store, "--repair-bits")
            #expect(ran.code == .success && ran.output.contains("turn one bit back in byte \(at) of"), "\(ran.output)")
            #expect(scratch.bytes(segment()) == whole)
        }
    }

    // MARK: Prompts

    private func makePrompts() {
        makeStore(messages: 1)
        ask(
            store, #"{"id":1,"op":"begin_turn","session":"s1","turn":"t1","message":{"content":"wait 9 x"}}"#,
            #"{"id":2,"op":"delta","session":"s1","turn":"t1","data":"half"}"#,
            #"{"id":3,"op":"create","session":"s2"}"#,
            #"{"id":4,"op":"enqueue","session":"s2","queued":"q","message":{}}"#,
            #"{"id":5,"op":"claim","session":"s2","queued":"q","owner":"o","lease_ms":60000}"#)
    }

    @Test func promptsAreLeftAndNamed() {
        makePrompts()
        let told = holdfast("recover", store).output
        #expect(told.contains("attempt 1, 1 piece of output, 6 bytes, durable)"), "\(told)")
        #expect(told.contains("session s2: 1 queued message kept"), "\(told)")
        #expect(holdfast("recover", store, "--json").output.contains(#""deltas":1,"delta_bytes":6"#))
    }

    @Test func promptsGoBackIntoTheQueue() {
        makePrompts()
        let before = tree()
        let plan = holdfast("recover", store, "--requeue", "--dry-run").output
        #expect(plan.contains("put the prompt of session s1 back into its queue"), "\(plan)")
        #expect(plan.contains("free a claimed message in the queue of session s2"), "\(plan)")
        #expect(tree() == before)
        let ran = holdfast("recover", store, "--requeue")
        #expect(ran.code == .success, "\(ran.output)\(ran.errors)")
        let after = holdfast("recover", store).output
        #expect(after.contains("session s1: 1 queued message kept"), "\(after)")
        #expect(!after.contains("pending user message"), "\(after)")
        #expect(!holdfast("export", store, "s1").output.contains("wait 9"), "it would be shown twice")
        let queue = TestConsole(input: #"{"id":1,"op":"queue","session":"s2"}"# + "\n")
        _ = holdfast("pipe", store, console: queue)
        #expect(queue.output.contains(#""state":"queued""#), "\(queue.output)")
    }

    @Test func promptsBecomeMessages() {
        makePrompts()
        let ran = holdfast("recover", store, "--materialise")
        #expect(ran.code == .success, "\(ran.output)\(ran.errors)")
        #expect(holdfast("export", store, "s1").output.contains(#""content":"half""#))
        #expect(!holdfast("recover", store).output.contains("pending user message"))
    }

    @Test func aTrialSalvageNamesThemToo() {
        makePrompts()
        for words in [["--dry-run"], []] {
            let console = TestConsole()
            let line = ["recover", store, "--salvage-to", saved, "--requeue"] + words
            #expect(Program.run(line, on: console) == .success)
            let told = console.output
            #expect(told.contains("attempt 1, 1 piece of output"), "\(told)")
            #expect(told.contains("session s2: 1 queued message kept"), "\(told)")
            #expect(told.contains("2 steps \(words.isEmpty ? "" : "to be ")carried out"), "\(told)")
        }
    }

    // MARK: A new store

    @Test func aWholeStoreIsCopiedAndProved() {
        makeStore()
        #expect(holdfast("compact", store).code == .success)
        let before = tree()
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(ran.code == .success, "\(ran.output)\(ran.errors)")
        #expect(ran.output.contains("1 session, 13 records"), "\(ran.output)")
        #expect(ran.output.contains("all 13 were read back"), "\(ran.output)")
        #expect(tree() == before)
        #expect(contents(saved) == Array(1...12))
        #expect(holdfast("verify", saved).output.contains("No damage."))
        #expect(scratch.mode(segment(in: "saved")) == 0o600)
        ask(saved, #"{"id":1,"op":"append","session":"s1","messages":[{"content":"message 13 x"}]}"#)
        #expect(contents(saved) == Array(1...13))
    }

    @Test func recordsBehindDamageAreSavedOnRequest() throws {
        try damageStore("payload")
        let before = tree()
        let cut = holdfast("recover", store, "--salvage-to", saved)
        #expect(cut.code == .committedDamage)
        #expect(cut.output.contains("records 1 to 4: 4 saved; record 5 lost: damaged payload"), "\(cut.output)")
        #expect(cut.output.contains("8 records behind that left out ('--on-damage skip' takes them)"), "\(cut.output)")
        #expect(contents(saved) == [1, 2, 3])
        let other = scratch.at("other")
        let skip = holdfast("recover", store, "--salvage-to", other, "--on-damage", "skip")
        #expect(skip.code == .committedDamage)
        #expect(skip.output.contains("1 empty record in their place"), "\(skip.output)")
        let left = contents(other)
        #expect(left.starts(with: [1, 2, 3]) && !left.contains(4) && left.last == 12, "\(left)")
        #expect(tree() == before)
        let manifest = scratch.read("other/quarantine/manifest.jsonl") ?? ""
        #expect(manifest.contains(#""session":"s1""#) && manifest.contains(#""acknowledged":true"#), "\(manifest)")
        let stop = holdfast("recover", store, "--salvage-to", scratch.at("none"), "--on-damage", "stop")
        #expect(stop.code == .committedDamage && scratch.names("none").isEmpty)
    }

    @Test func aBranchThatLacksWhatItsParentHasLostIsNamed() throws {
        makeStore()
        ask(
            store, #"{"id":1,"op":"branch","session":"s1","new_session":"s2"}"#,
            #"{"id":2,"op":"branch","session":"s2","new_session":"s3"}"#, #"{"id":3,"op":"create","session":"s4"}"#)
        scratch.delete(segment())
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(ran.code == .committedDamage)
        for branch in ["s2", "s3"] {
            #expect(ran.output.contains("session \(branch): the first 12 messages of session"), "\(ran.output)")
        }
        #expect(!ran.output.contains("session s4"), "\(ran.output)")
    }

    @Test func aTrialSalvageMakesNothing() throws {
        try damageStore("payload")
        let ran = holdfast("recover", store, "--salvage-to", saved, "--dry-run")
        #expect(ran.code == .committedDamage && ran.output.contains("record 5 lost"), "\(ran.output)")
        #expect(!scratch.names().contains("saved"))
    }

    @Test func whatCountsLostMessagesIsLeftOut() {
        makeStore()
        ask(store, #"{"id":1,"op":"edit","session":"s1","index":11,"message":{"content":"message 99 x"}}"#)
        change(segment()) { bytes in for at in place(of: 5).suffix(20) { bytes[at] = 0 } }
        change(segment()) { bytes in for at in place(of: 6).suffix(20) { bytes[at] = 0 } }
        let ran = holdfast("recover", store, "--salvage-to", saved, "--on-damage", "skip")
        #expect(ran.output.contains("1 record behind that left out (they count what is lost)"), "\(ran.output)")
        #expect(contents(saved).last == 12)
        #expect(holdfast("verify", saved).code == .success)
    }

    @Test func aSnapshotStandsInForWhatIsLost() throws {
        makeStore()
        #expect(holdfast("compact", store).code == .success)
        change(segment()) { bytes in for at in 0..<bytes.count { bytes[at] = 0 } }
        let ran = holdfast("recover", store, "--salvage-to", saved)
        // The messages are there, and what they were made of is not.
        #expect(ran.code == .committedDamage, "\(ran.output)")
        #expect(ran.output.contains("a snapshot includes what they did"), "\(ran.output)")
        #expect(contents(saved) == Array(1...12))
        ask(saved, #"{"id":1,"op":"append","session":"s1","messages":[{"content":"message 13 x"}]}"#)
        #expect(contents(saved) == Array(1...13))
        #expect(holdfast("verify", saved).code == .success)
    }

    @Test func withoutItsStoreFileAStoreIsSaved() {
        makeStore()
        scratch.write("store/store.json", "")
        let refused = holdfast("recover", store)
        #expect(
            refused.code == .cannotOpen && refused.errors.contains("'--salvage-to' makes a new"), "\(refused.errors)")
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(ran.code == .success && ran.output.contains("store.json"), "\(ran.output)\(ran.errors)")
        #expect(contents(saved) == Array(1...12))
    }

    @Test func aHeaderThatIsMadeAgainIsNamed() {
        makeStore()
        change(segment()) { bytes in for at in 26..<30 { bytes[at] ^= 0x55 } }
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(
            ran.code == .success && ran.output.contains("damaged segment header, which was made again"), "\(ran.output)"
        )
        #expect(!ran.output.contains("No damage.") && contents(saved) == Array(1...12), "\(ran.output)")
        let bits = holdfast("recover", store, "--repair-bits")
        #expect(bits.code == .committedDamage && !bits.output.contains("turn one bit"), "\(bits.output)")
    }

    @Test func aFolderUnderAWrongNameCostsNothing() throws {
        makeStore()
        let folder = "store/" + StoreLayout.sessionFolder(try #require(SessionID("s1")))
        #expect(rename(scratch.at(folder), scratch.at(folder + "-renamed")) == 0)
        #expect(holdfast("verify", store).code == .committedDamage)
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(ran.code == .success && ran.output.contains("all that is in it was found there"), "\(ran.output)")
        #expect(contents(saved) == Array(1...12))
        // Of two copies nobody knows which one is right.
        let file = try #require(scratch.bytes(folder + "-renamed/00000001.segment"))
        scratch.write(segment(), Array(file[..<place(of: 9, file).lowerBound]))
        for name in scratch.names("store") where name.hasPrefix("index") { scratch.delete("store/\(name)") }
        #expect(holdfast("recover", store, "--salvage-to", scratch.at("other")).code == .committedDamage)
    }

    @Test func aSessionWhoseFilesAreGoneComesBackFromTheJournal() throws {
        let opened = try HoldfastStore.opened(path: store)
        try opened.store.writeBlocking(.create("s1"))
        for number in 1...5 { try opened.store.writeBlocking(.append(to: "s1", [JSON("{\"n\": \(number) }")])) }
        // The journal need not keep them any more, and still has them.
        try opened.log.flushToSegments()
        opened.log.abandon()
        #expect(unlink(scratch.at(segment())) == 0)
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(ran.code == .success && ran.output.contains("6 records from the journal"), "\(ran.output)")
        #expect(contents(saved) == Array(1...5))
    }

    @Test func anEarlierPointIsReached() throws {
        makeStore()
        let ran = holdfast("recover", store, "--salvage-to", saved, "--session", "s1", "--until-sequence", "4")
        #expect(ran.code == .success, "\(ran.output)\(ran.errors)")
        #expect(contents(saved) == [1, 2, 3])
        let now = Moment.wall()
        usleep(20_000)
        ask(store, #"{"id":1,"op":"append","session":"s1","messages":[{"content":"message 13 x"}]}"#)
        ask(store, #"{"id":1,"op":"create","session":"late"}"#)
        let then = holdfast("recover", store, "--salvage-to", scratch.at("then"), "--until-time", "@\(now)")
        #expect(then.output.contains("Nothing is kept from before that point of 1 session"), "\(then.output)")
        #expect(contents(scratch.at("then")) == Array(1...12))
    }

    /// Snapshots have times too, and the records before the older one are trimmed.
    @Test func anEarlierPointIsReachedFromTheSnapshotBefore() throws {
        let opened = try HoldfastStore.opened(path: store)
        try opened.store.writeBlocking(.create("s1"))
        var times: [UInt64] = []
        for number in 1...4 {
            try opened.store.writeBlocking(.append(to: "s1", [JSON("{\"n\": \(number) }")]))
            try opened.store.compactBlocking("s1")
            usleep(10_000)
            times.append(Moment.wall())
            usleep(10_000)
        }
        try opened.store.close()
        #expect(tree().keys.filter { $0.contains("snapshot-") }.count == 2, "a store keeps one before the newest")
        for (index, time) in times.enumerated() {
            let then = scratch.at("then\(index)")
            let ran = holdfast("recover", store, "--salvage-to", then, "--until-time", "@\(time)")
            #expect(ran.code == .success, "\(ran.output)")
            // What is older than the older snapshot is gone.
            #expect(contents(then) == (index < 2 ? [] : Array(1...index + 1)), "\(index): \(ran.output)")
            #expect(ran.output.contains("Nothing is kept from before") == (index < 2), "\(ran.output)")
            #expect(holdfast("verify", then).code == .success)
        }
    }

    // MARK: Refusals

    @Test func aStoreInUseIsRefused() throws {
        makeStore()
        let opened = try HoldfastStore.opened(path: store)
        for words in [["recover", store], ["recover", store, "--salvage-to", saved]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .temporary)
            #expect(console.errors.contains("process \(getpid()) holds it"), "\(console.errors)")
        }
        #expect(!scratch.names().contains("saved"))
        try opened.store.close()
    }

    @Test func aPlaceForTheNewStoreMustBeEmptyAndOutside() {
        makeStore()
        scratch.write("saved/mine", "x")
        let ran = holdfast("recover", store, "--salvage-to", saved)
        #expect(ran.code == .cannotCreate && ran.errors.contains("not empty"), "\(ran.errors)")
        #expect(scratch.names("saved") == ["mine"])
        let before = tree()
        #expect(holdfast("recover", store, "--salvage-to", store + "/new").code == .usage)
        #expect(holdfast("recover", store, "--salvage-to", store).code == .usage)
        #expect(tree() == before)
    }

    @Test(
        arguments: [
            ["--on-damage", "skip"], ["--session", "s"], ["--until-time", "2h"], ["--requeue", "--materialise"],
            ["--salvage-to", "x", "--until-sequence", "3"], ["--salvage-to", "x", "--until-time", "soon"],
        ])
    func whatMakesNoSenseIsRefused(_ words: [String]) {
        let console = TestConsole()
        #expect(Program.run(["recover", store] + words, on: console) == .usage)
        #expect(!console.errors.isEmpty)
    }

    @Test func theReportForProgramsIsJSON() throws {
        try damageStore("payload")
        let ran = holdfast("recover", store, "--salvage-to", saved, "--json")
        let root = try JSONTree.parse(Array(ran.output.utf8.dropLast())).root
        let session = try #require(root["damaged"].map { Array($0.elements) }?.first)
        #expect(session["session"]?.string == "s1" && session["left_out"]?.unsigned == 8)
        let lost = try #require(session["lost"].map { Array($0.elements) }?.first)
        #expect(lost["first_sequence"]?.unsigned == 5 && lost["last_sequence"]?.unsigned == 5)
        #expect(lost["offset"]?.unsigned == UInt64(place(of: 5).lowerBound))
        #expect(root["proved_records"]?.unsigned == 4 && root["committed_damage"]?.bool == true)
    }
}
