/// One message to append.
struct InputRecord: Sendable {
    let session: UInt32
    let json: [UInt8]
}

/// The records of a benchmark, and which client appends which.
struct Input: Sendable {
    /// For each client its records, in the order of the file.
    let dealt: [[InputRecord]]
    /// One more than the highest number of a session.
    let sessionCount: UInt32

    /// Reads the records that tools/lib/bench/shapes.py wrote: session and byte count (u32, little endian), then the
    /// bytes. Session `s` belongs to client `s` modulo `clientCount`.
    init(_ path: String, clientCount: Int) {
        guard let bytes = readFile(path), clientCount > 0 else { fail("'\(path)' cannot be read") }
        var dealt = [[InputRecord]](repeating: [], count: clientCount)
        var sessionCount: UInt32 = 0
        var place = 0
        func number() -> UInt32 {
            defer { place += 4 }
            return (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) }
        }
        while place + 8 <= bytes.count {
            let session = number()
            let end = Int(number()) + place
            guard end <= bytes.count else { fail("'\(path)' ends in the middle of a record") }
            dealt[Int(session) % clientCount].append(InputRecord(session: session, json: Array(bytes[place..<end])))
            sessionCount = max(sessionCount, session + 1)
            place = end
        }
        guard dealt.allSatisfy({ !$0.isEmpty }) else { fail("there are more clients than sessions in '\(path)'") }
        self.dealt = dealt
        self.sessionCount = sessionCount
    }
}
