import HoldfastProof
import HoldfastThreads
import Testing

@Suite struct TortureProgramTests {
    @Test(arguments: [[], ["nonsense"], ["--count", "1"]])
    func `a command line that names no campaign is answered with the list of them`(words: [String]) {
        let notes = Lock<[String]>([])
        let status = TortureProgram.run(words, output: { _ in }, notes: { note in notes.withLock { $0.append(note) } })
        #expect(status == 64)
        #expect(notes.withLock { $0 }.joined().contains("Usage: holdfast-torture"))
    }

    @Test func `what is done in parallel is answered in order`() throws {
        #expect(try inParallel(1_000, threadCount: 4) { $0 * 2 } == (0..<1_000).map { $0 * 2 })
    }
}
