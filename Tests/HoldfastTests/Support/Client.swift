import Holdfast
import HoldfastBytes
import HoldfastThreads
import Testing

/// A conversation in the protocol, for tests: lines in, lines out.
final class Client: Sendable {
    private let answers = Monitor<[String]>([])
    private let session: ProtocolSession

    init(_ store: HoldfastStore, limits: ProtocolSession.Limits = .init()) throws {
        session = try ProtocolSession(store: store, limits: limits) { [answers] line in
            answers.withLock { $0.append(String(decoding: line.dropLast(), as: UTF8.self)) }
            answers.broadcast()
        }
    }

    /// Sends a line without waiting.
    func send(_ line: String) { session.handle(line: Array(line.utf8)) }

    /// Sends a line and waits for the next answer; for tests that have nothing else under way.
    func call(_ line: String) -> Reply {
        let before = answers.withLock { $0.count }
        send(line)
        return Reply(answers.wait(until: { $0.count > before }) { $0[before] })
    }

    /// All answers so far.
    var received: [String] { answers.withLock { $0 } }

    /// Waits for `count` answers in all.
    func wait(for count: Int) -> [Reply] {
        answers.wait(until: { $0.count >= count }) { $0.map(Reply.init) }
    }

    /// Ends the conversation; gives all answers.
    func finish() -> [Reply] {
        session.finish()
        return received.map(Reply.init)
    }

    func refuseLongLine() { session.refuseLongLine() }
    var lineLimit: Int { session.lineLimit }
}

/// An answer, taken apart.
struct Reply: CustomStringConvertible {
    let description: String
    private let root: JSONRef?

    init(_ line: String) {
        description = line
        root = try? JSONTree.parse(Array(line.utf8)).root
    }

    /// The spelling of a member: `reply["error", "code"]`.
    subscript(_ path: String...) -> String? {
        var value = root
        for name in path { value = value?[name] }
        return value.map { String(decoding: $0.raw, as: UTF8.self) }
    }

    var isOK: Bool { self["ok"] == "true" }

    /// The code of the error.
    var code: String? { root?["error"]?["code"]?.string }

    /// The spellings of an array's elements.
    func list(_ name: String) -> [String] {
        guard let array = root?[name], array.kind == .array else { return [] }
        return array.elements.map { String(decoding: $0.raw, as: UTF8.self) }
    }
}

extension HoldfastStore {
    /// A store on `log` with a clock that stands still unless it is told to move.
    static func testing(
        _ log: MemoryLog, hotSessions: Int = 4096, clock: TestClock = TestClock(), recovering touched: [String] = []
    ) throws -> HoldfastStore {
        var options = StoreOptions()
        options.hotSessions = hotSessions
        options.compactsInBackground = false
        options.now = { clock.now }
        let store = try HoldfastStore(log: log, options: options)
        if !touched.isEmpty { try store.recover(touched.compactMap { SessionID($0) }) }
        return store
    }
}

/// A clock that is set by hand.
final class TestClock: Sendable {
    private let time = Lock<UInt64>(1_000)

    var now: UInt64 {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}

extension RouterStore {
    /// The entry of a session that must have one.
    func known(_ id: String) async throws -> RouterEntry {
        let entry = try await getSession(id)
        return try #require(entry)
    }
}
