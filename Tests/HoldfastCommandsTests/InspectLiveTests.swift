import Glibc
import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastCommands
import HoldfastThreads
import Synchronization
import Testing

/// Looking at a store while another thread appends, rotates segments, recycles the journal and compacts.
struct InspectLiveTests {
    private let scratch = Scratch()

    @Test(arguments: [SegmentHeader.CommitMode.journal, .segment])
    func everyVerbWorksBesideAWriter(_ mode: SegmentHeader.CommitMode) throws {
        let path = scratch.at("store")
        var engine = EngineOptions()
        engine.commitMode = mode
        engine.segmentByteCount = 4_000
        engine.flushInterval = 5
        engine.journalByteCounts = 16_384...65_536
        let opened = try HoldfastStore.opened(path: path, engine: engine)
        try opened.store.writeBlocking(.create("s"))
        try append(0, opened.store)
        let writer = try Writer(opened.store)
        let commands = [
            ["inspect", path, "--json"], ["inspect", "log", path, "s", "--json"], ["inspect", "gaps", path],
            ["inspect", "journal", path], ["cat", path, "s", "--json"], ["diff", path, "s", "s"],
            ["blame", path, "s"],
            ["grep", path, "message"], ["grep", path, "message 0,", "--sessions"], ["ls", path], ["show", path, "s"],
        ]
        for round in 0..<3 {
            for words in commands {
                let before = writer.acknowledged.load(ordering: .acquiring)
                let console = TestConsole()
                let code = Program.run(words, on: console)
                // Between the two sides the writer may have written more.
                let isRight = code == .success || (words[0] == "diff" && code == .different)
                #expect(isRight, "\(round) \(words): \(console.errors)\(console.output.suffix(300))")
                #expect(!console.output.contains("unreadable"), "\(words)")
                if words[0] == "grep", words.count == 3 {
                    #expect(console.outputLines.count >= before, "\(console.outputLines.count) of \(before)")
                }
                if words[0] == "cat" {
                    let root = try JSONTree.parse(Array(console.output.utf8)).root
                    #expect(try #require(root["messages"]).count >= before)
                }
            }
        }
        writer.stop()
        try opened.store.close()
        let last = writer.acknowledged.load(ordering: .acquiring)
        #expect(last > 30 && holdfast("grep", path, "message", "--count").output == "s:\(last)\n")
    }
}

/// Appends until it is stopped, and compacts now and then.
private final class Writer: Sendable {
    /// How many messages were answered.
    let acknowledged = Atomic(1)
    private let isStopping = Atomic(false)

    private let thread = Lock<Thread?>(nil)

    init(_ store: HoldfastStore) throws {
        let thread = try Thread.start(name: "writer") { self.run(store) }
        self.thread.withLock { $0 = thread }
    }

    private func run(_ store: HoldfastStore) {
        do {
            var number = 1
            while !isStopping.load(ordering: .acquiring) {
                try append(number, store)
                number += 1
                acknowledged.store(number, ordering: .releasing)
                if number % 60 == 0 { try store.compactBlocking("s") }
                // Ten compactions a second are more than any policy asks for; without a pause it would be hundreds.
                usleep(1_000)
            }
        } catch {
            Issue.record(error)
        }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        thread.withLock { $0.take() }?.join()
    }
}

private func append(_ number: Int, _ store: HoldfastStore) throws {
    let filler = String(repeating: "filler ", count: number % 40)
    let message = JSON("{\"role\":\"user\",\"content\":\"message \(number), \(filler)\"}")
    try store.writeBlocking(.append(to: "s", [message]))
}
