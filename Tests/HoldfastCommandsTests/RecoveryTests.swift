import Glibc
import Holdfast
@testable import HoldfastCommands
import HoldfastBytes
import HoldfastEngine
import Testing

struct RecoveryTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    private func makeStore() {
        let lines = [
            #"{"id":1,"op":"create","session":"s1"}"#,
            #"{"id":2,"op":"append","session":"s1","messages":[{"role":"user","content":"hello"}]}"#,
            #"{"id":3,"op":"begin_turn","session":"s1","turn":"t1","message":{"role":"user","content":"wait"}}"#,
        ]
        let console = TestConsole(input: lines.map { $0 + "\n" }.joined())
        #expect(holdfast("pipe", store, console: console).code == .success)
    }

    private var segment: String {
        let shard = scratch.names("store/sessions")[0]
        return "store/sessions/\(shard)/s1/00000001.segment"
    }

    /// Changes the byte at `offset` from the end of the segment.
    private func damageSegment(fromEnd offset: Int) {
        guard let file = fopen(scratch.at(segment), "r+") else { return }
        defer { fclose(file) }
        fseek(file, -offset, SEEK_END)
        let byte = fgetc(file)
        fseek(file, -offset, SEEK_END)
        fputc(byte ^ 1, file)
    }

    @Test func aWholeStoreIsCleanAndItsPendingPromptIsNamed() {
        makeStore()
        let verified = holdfast("verify", store)
        #expect(verified.code == .success, "\(verified.output)")
        #expect(verified.output.hasPrefix("Checked 1 session, 3 records in 1 segment"))
        for words in [["recover", store], ["recover", store, "--dry-run"]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .success)
            #expect(console.output.contains("The store was closed in order"))
            #expect(console.output.contains("session s1: 1 pending user message kept (begun just now, attempt 1)"))
        }
        let json = holdfast("recover", store, "--json").output
        #expect(json.contains(#""closed_cleanly":true,"committed_damage":false"#))
        #expect(json.contains(#""pending":[{"session":"s1","turn":"t1""#))
    }

    @Test func queuedMessagesAreNamedToo() {
        makeStore()
        let line = #"{"id":1,"op":"enqueue","session":"s1","message":{}}"# + "\n"
        let other = #"{"id":1,"op":"create","session":"s2"}"# + "\n" + line.replacing("s1", with: "s2")
        #expect(holdfast("pipe", store, console: TestConsole(input: line + line + other)).code == .success)
        let told = holdfast("recover", store).output
        #expect(told.contains("(begun just now, attempt 1); 2 queued messages kept"), "\(told)")
        #expect(told.contains("session s2: 1 queued message kept"), "\(told)")
        #expect(holdfast("recover", store, "--json").output.contains(#"{"session":"s2","queued":1}"#))
        let listed = holdfast("ls", store, "--pending").output
        #expect(listed.contains("pending, 2 queued") && listed.contains("1 queued"), "\(listed)")
    }

    @Test func damageOfAcknowledgedRecordsIsToldAndHasItsExitCode() {
        makeStore()
        damageSegment(fromEnd: 3)
        let verified = holdfast("verify", store)
        #expect(verified.code == .committedDamage)
        #expect(verified.output.contains("session s1: acknowledged data is damaged"), "\(verified.output)")
        #expect(holdfast("verify", store, "--json").output.contains(#""committed_damage":true"#))
        #expect(holdfast("recover", store, "--dry-run").code == .committedDamage)
        #expect(holdfast("recover", store).code == .committedDamage)
        #expect(holdfast("show", store, "s1").code == .data)
    }

    @Test func whatACrashLeavesIsReplayedAndATornEndIsCut() throws {
        try crash(writing: 3)
        #expect(holdfast("recover", store, "--dry-run").output.contains("to replay"))
        // The last batch gets a wrong byte, as from a write that the crash cut short.
        let journal = "store/journal/\(try #require(scratch.names("store/journal").last))"
        var bytes = try #require(scratch.bytes(journal))
        // The last sector repeats the file's header.
        let last = try #require(bytes.dropLast(512).lastIndex { $0 != 0 })
        bytes[last] ^= 1
        scratch.write(journal, bytes)
        #expect(holdfast("recover", store, "--dry-run").code == .tornTail)
        let recovered = holdfast("recover", store)
        #expect(recovered.code == .tornTail)
        #expect(recovered.output.contains("never acknowledged"), "\(recovered.output)")
        #expect(recovered.errors.isEmpty)
        #expect(holdfast("export", store, "s1").output == "{\"n\":0}\n{\"n\":1}\n")
        let again = holdfast("recover", store)
        #expect(again.code == .success && again.output.contains("closed in order"), "\(again.output)")
    }

    @Test func aTornRecordIsSetAsideAndTheWholeOnesAreCounted() throws {
        var options = EngineOptions()
        options.commitMode = .segment
        try crash(writing: 3, options)
        let bytes = try #require(scratch.bytes(segment))
        scratch.write(segment, Array(bytes.dropLast(3)))
        let recovered = holdfast("recover", store)
        #expect(recovered.code == .tornTail)
        #expect(recovered.output.contains("session s1: a torn end of"), "\(recovered.output)")
        #expect(recovered.output.contains("set aside in 'quarantine/"), "\(recovered.output)")
        #expect(recovered.output.contains("; 3 records fine\n"), "\(recovered.output)")
        #expect(holdfast("recover", store).code == .success)
    }

    /// Leaves the store as a killed process would, after so many appends.
    private func crash(writing count: Int, _ options: EngineOptions = EngineOptions()) throws {
        let opened = try HoldfastStore.opened(path: store, engine: options)
        try opened.store.writeBlocking(.create("s1"))
        for number in 0..<count { try opened.store.writeBlocking(.append(to: "s1", [JSON("{\"n\":\(number)}")])) }
        opened.log.abandon()
    }

    @Test func whatCannotBeOpenedIsThree() {
        #expect(holdfast("verify", scratch.at("missing")).code == .cannotOpen)
        #expect(holdfast("recover", scratch.path).code == .cannotOpen)
        #expect(holdfast("recover", "--dry-run", scratch.path).code == .cannotOpen)
        #expect(scratch.names().isEmpty)
        makeStore()
        scratch.write("store/store.json", "{}")
        #expect(holdfast("recover", "--dry-run", store).code == .cannotOpen)
        // What only looks goes on: the other files say which store it is.
        #expect(holdfast("verify", store).code == .committedDamage)
    }

    @Test func compactingWritesSnapshotsOnce() {
        makeStore()
        #expect(holdfast("compact", store).output == "1 snapshot written, 1 session.\n")
        #expect(holdfast("compact", store).output == "0 snapshots written, 1 session.\n")
        #expect(holdfast("compact", store, "nobody").code == .noInput)
        #expect(holdfast("verify", store).code == .success)
        #expect(holdfast("export", store, "s1").output.contains("hello"))
    }
}

struct RecoveryStoryTests {
    private func finding(_ kind: RecoveryReport.Finding.Kind, _ session: String?) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: kind, session: session.flatMap { SessionID($0) }, path: "sessions/00/x/00000001.segment",
            offset: 4096, byteCount: 812, reason: "its checksum is wrong")
    }

    private func story(_ findings: RecoveryReport.Finding...) -> RecoveryStory {
        var report = RecoveryReport()
        report.findings = findings
        report.replayedWriteCount = 2
        report.replayedByteCount = 2048
        return RecoveryStory(recovery: report)
    }

    @Test func aTornEndIsToldInOneLinePerSession() {
        var torn = finding(.tornTail, "x")
        torn.quarantine = "quarantine/ab.bytes"
        var story = story(torn)
        if let session = SessionID("x") { story.recordCounts[session] = 3412 }
        #expect(story.hasTornTail && !story.hasCommittedDamage)
        #expect(
            story.text().hasSuffix(
                "session x: a torn end of 812 bytes at offset 4,096 of 'sessions/00/x/00000001.segment', never "
                    + "acknowledged, set aside in 'quarantine/ab.bytes'; 3,412 records fine\n"), "\(story.text())")
        #expect(story.text().hasPrefix("The store was not closed in order: 2 writes (2.0 KiB) of 0 sessions replayed"))
    }

    @Test func damageNamesItsRecords() {
        var lost = finding(.committedDamage, "x")
        lost.firstSequence = 3
        lost.lastSequence = 5
        #expect(story(lost).text().contains("acknowledged data is damaged: records 3 to 5, 812 bytes at offset"))
        #expect(story(finding(.derived, nil)).text().contains("store: 'sessions/00/x/00000001.segment': its checksum"))
        #expect(RecoveryStory.oneLine(story(lost).recovery)?.contains("run 'holdfast recover'") == true)
    }

    @Test func aSessionIDCannotForgeALine() {
        #expect(!story(finding(.tornTail, "a\nsession b: fine")).text().contains("\nsession b"))
    }

    @Test func nothingToTellIsNothingInALog() {
        var clean = RecoveryReport()
        clean.wasClosedCleanly = true
        #expect(RecoveryStory.oneLine(clean) == nil)
    }
}
