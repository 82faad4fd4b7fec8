@testable import HoldfastEngine
import HoldfastBytes
import HoldfastStorage
import Testing

/// The dictionary of the frames in segments.
@Suite struct DictionaryTests {
    @Test func `the dictionary is the one of the page`() throws {
        let folder = String(#filePath[..<(try #require(#filePath.firstRange(of: "/Tests/")).lowerBound)]) + "/docs"
        let page = try PosixStorage(root: folder, readOnly: true).readAll("format.md", limit: 1 << 20)
        let section = try #require(String(decoding: page, as: UTF8.self).split(separator: "### Dictionary").last)
        let blocks = section.split(separator: "\n", omittingEmptySubsequences: false)
            .split { !$0.hasPrefix("    ") }
            .map { block in block.map { $0.dropFirst(4) }.joined() }
        let (digits, text) = (Array(blocks[0].utf8), Array(blocks[1].utf8))
        let tables = try stride(from: 0, to: digits.count, by: 2).map {
            try #require(UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16))
        }
        #expect(SegmentDictionary.bytes == tables + text)
        #expect(SegmentDictionary.tablesOnly == tables + text.suffix(7))
        #expect(section.contains("`\(Hex64.text(Checksum.of(SegmentDictionary.bytes)))`"))
    }

    /// What `stream` makes of `payloads`, in one block.
    private func compressed(_ payloads: [[UInt8]], by stream: BlockCompressor) -> [[UInt8]] {
        payloads.map { payload in
            var stored: [UInt8] = []
            #expect(stream.compress(payload, limit: payload.count) { stored = Array($0) })
            return stored
        }
    }

    @Test(arguments: BlockCompressor.Size.allCases)
    func `streams of each size are read with the one dictionary, block after block`(_ size: BlockCompressor.Size) {
        let payloads = (0..<40).map { number in
            Array(#"[{"role":"assistant","content":"I can help with \#(number) and \#(number * 7919)"}]"#.utf8)
        }
        let (stream, reader) = (BlockCompressor(size), BlockDecompressor())
        for _ in 0..<3 {
            stream.restart()
            for (place, stored) in compressed(payloads, by: stream).enumerated() {
                let header = RecordHeader(
                    kind: 3, codec: place == 0 ? .frameStart : .frameContinuation, promisesAllBefore: true,
                    form: .short, time: 0, storedByteCount: UInt32(stored.count),
                    rawByteCount: UInt32(payloads[place].count), sequenceOffset: 0)
                #expect(stored.withUnsafeBytes { reader.payload(of: header, stored: $0) } == payloads[place])
            }
        }
    }

    @Test func `the first record of a session leans on the dictionary`() {
        let question = "The build has been red since noon. Could you look why the parser chokes on empty lines?"
        let message = Array(#"[{"role":"user","content":"\#(question)"}]"#.utf8)
        let large = compressed([message], by: BlockCompressor(.large))[0]
        let small = compressed([message], by: BlockCompressor(.small))[0]
        // Hardly anything in it is there twice: zstd alone makes 103 bytes of its 117, and 95 with the tables.
        #expect(large.count < 87, "\(large.count) bytes of \(message.count)")
        #expect(small.count < 98, "\(small.count) bytes of \(message.count)")
    }
}
