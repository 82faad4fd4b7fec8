import Holdfast
import HoldfastLog
import HoldfastThreads
import Testing

@Suite struct AgentCacheTests {
    private let log = MemoryLog()
    private let store: HoldfastStore
    private let cache: AgentCache<String>
    private let dropped = Lock<[String]>([])
    private let clock = TestClock()

    init() throws {
        store = try HoldfastStore.testing(log)
        cache = AgentCache(of: store, letGo: { [dropped] agent in dropped.withLock { $0.append(agent) } })
        for id in ["a", "b"] {
            try store.writeBlocking(.create(id))
            try store.writeBlocking(.append(to: id, [#"{"role":"user"}"#]))
        }
    }

    private func put(_ agent: String, _ session: String, key: String = "k") {
        cache.put(agent, for: key, signature: "sig", baseline: cache.baseline(of: session))
    }

    private func agent(_ session: String, key: String = "k") -> String? {
        cache.agent(for: key, signature: "sig", session: session)
    }

    private func write(to session: String) throws {
        try store.writeBlocking(.append(to: session, [#"{"role":"assistant"}"#]))
    }

    @Test func aForeignWriteToTheSameSessionInvalidates() throws {
        put("agent", "a")
        #expect(agent("a") == "agent")
        try write(to: "a")
        #expect(agent("a") == nil)
        #expect(cache.entry(for: "k") == nil && dropped.withLock { $0 } == ["agent"])
    }

    @Test func anOwnTurnIsTakenIntoAccountAtItsEnd() throws {
        put("agent", "a")
        try write(to: "a")
        cache.refresh("k", session: "a")
        #expect(agent("a") == "agent")
    }

    @Test func switchingSessionsReusesAndTheOtherSessionIsNoGuard() throws {
        put("agent", "a")
        #expect(agent("b") == "agent")
        // A turn of the other session: its count is not this agent's baseline.
        try write(to: "b")
        cache.refresh("k", session: "b")
        #expect(cache.entry(for: "k")?.baseline == AgentBaseline(session: "a", messageCount: 1))
        #expect(agent("b") == "agent" && agent("a") == "agent")
        try write(to: "a")
        #expect(agent("b") == "agent" && agent("a") == nil)
    }

    @Test func anAgentOfAnEndedSessionIsNotTakenAlong() throws {
        put("agent", "a")
        try store.writeBlocking(.delete("a"))
        #expect(agent("b") == nil)
        #expect(cache.entry(for: "k") == nil)
    }

    @Test func anotherSignatureNeedsAnotherAgent() {
        put("agent", "a")
        #expect(cache.agent(for: "k", signature: "other", session: "a") == nil)
        #expect(agent("a") == nil)
    }

    @Test func whatIsMissingIsReusedAndWhatCannotBeReadIsNot() throws {
        cache.put("early", for: "k", signature: "sig", baseline: cache.baseline(of: "new"))
        #expect(cache.entry(for: "k")?.baseline == AgentBaseline(session: "new", messageCount: nil))
        #expect(agent("new") == "early")
        put("agent", "a", key: "k2")
        cache.put("unguarded", for: "k3", signature: "sig", baseline: AgentBaseline())
        try store.close()
        cache.refresh("k2", session: "a")
        #expect(cache.entry(for: "k2")?.baseline.messageCount == 1)
        #expect(agent("a", key: "k2") == nil)
        #expect(agent("b", key: "k") == nil)
        #expect(agent("a", key: "k3") == "unguarded")
    }

    @Test func oneThreadBuildsAndTheOthersSeeThat() {
        #expect(cache.beginBuilding("k", signature: "sig", baseline: cache.baseline(of: "a")))
        #expect(!cache.beginBuilding("k", signature: "sig"))
        #expect(agent("a") == nil && cache.count == 1)
        cache.cancelBuilding("k")
        #expect(cache.count == 0 && cache.beginBuilding("k", signature: "sig"))
        put("agent", "a")
        cache.cancelBuilding("k")
        #expect(agent("a") == "agent")
    }

    @Test func theAgentsUsedLongestAgoGo() {
        let small = AgentCache<String>(
            capacity: 2, idleTimeout: 1_000, letGo: { [dropped] agent in dropped.withLock { $0.append(agent) } },
            status: { _ in .known(messageCount: 0) }, now: { [clock] in clock.now })
        let put = { small.put($0, for: $0, signature: "s", baseline: AgentBaseline(session: "x", messageCount: 0)) }
        let get = { small.agent(for: $0, signature: "s", session: "x") }
        put("1")
        put("2")
        #expect(get("1") == "1")
        small.beginBuilding("building", signature: "s")
        put("3")
        #expect(get("2") == nil && get("1") == nil && get("3") == "3")
        #expect(dropped.withLock { $0 } == ["2", "1"] && small.count == 2)
        clock.now += 1_000
        #expect(get("3") == "3")
        clock.now += 1_000
        small.move("3", to: "4")
        #expect(get("3") == nil && get("4") == "4" || get("4") == "3")
        clock.now += 1_001
        #expect(get("4") == nil && small.count == 0)
        #expect(dropped.withLock { $0 } == ["2", "1", "3"])
        put("5")
        small.remove("5")
        #expect(small.count == 0 && dropped.withLock { $0.last } == "5")
    }

    @Test func manyThreadsNeverGetAStaleAgent() async throws {
        let count = Lock(0)
        let cache = AgentCache<Int>(capacity: 4) { _ in .known(messageCount: count.withLock { $0 }) }
        await withTaskGroup(of: Void.self) { group in
            for n in 0..<200 {
                group.addTask {
                    let key = "k\(n % 6)"
                    let before = count.withLock { $0 }
                    if let agent = cache.agent(for: key, signature: "s", session: "x") { #expect(agent >= before) }
                    let baseline = cache.baseline(of: "x")
                    cache.put(baseline.messageCount ?? -1, for: key, signature: "s", baseline: baseline)
                    if n % 10 == 0 { count.withLock { $0 += 1 } }
                }
            }
        }
        #expect(cache.count <= 4)
    }
}

/// The outputs of the program whose guard this is.
@Suite(.enabled(if: AgentCacheVectors.lines != nil, "HOLDFAST_VECTORS names no folder with agent_cache_guard.txt"))
struct AgentCacheVectorTests {
    private struct Case {
        var baseline: AgentBaseline?
        var agent: String? = "AGENT"
        var session: String? = "sA"
        /// How the entry is spelled: how many elements its tuple has.
        var elements: Int
    }

    private let cases: [String: Case] = [
        "4-tuple same sid": Case(baseline: .init(session: "sA", messageCount: 0), elements: 4),
        "4-tuple other sid": Case(baseline: .init(session: "sA", messageCount: 0), session: "sB", elements: 4),
        "3-tuple": Case(baseline: .init(messageCount: 0), elements: 3),
        "2-tuple": Case(baseline: .init(), elements: 2),
        "pending 3-tuple": Case(baseline: .init(messageCount: 0), agent: nil, elements: 3),
        "4-tuple sid None arg": Case(baseline: .init(session: "sA", messageCount: 0), session: nil, elements: 4),
        "4-tuple sid unknown": Case(baseline: .init(session: "zz", messageCount: 0), session: "zz", elements: 4),
        "4-tuple cached sid None": Case(baseline: .init(messageCount: 0), elements: 3),
        "missing key": Case(baseline: nil, elements: 0),
    ]

    @Test func refreshDoesWhatItDoesElsewhere() throws {
        let lines = AgentCacheVectors.lines ?? []
        #expect(lines.count == cases.count)
        for line in lines {
            let cut = line.firstIndex { $0 == "(" || $0 == "{" } ?? line.endIndex
            let name = line[..<cut].drop { $0 == " " }
            let trimmed = String(name.reversed().drop { $0 == " " }.reversed())
            guard let vector = cases[trimmed] else {
                Issue.record("a case that is not known: \(trimmed)")
                continue
            }
            let cache = AgentCache<String> { $0 == "sA" ? .known(messageCount: 1) : .missing }
            if let baseline = vector.baseline {
                if let agent = vector.agent {
                    cache.put(agent, for: "k", signature: "sig", baseline: baseline)
                } else {
                    cache.beginBuilding("k", signature: "sig", baseline: baseline)
                }
            }
            cache.refresh("k", session: vector.session)
            #expect(spelled(cache.entry(for: "k"), vector.elements) == line[cut...], "\(trimmed)")
        }
    }

    private func spelled(_ entry: AgentCacheEntry<String>?, _ elements: Int) -> String {
        guard let entry else { return "{}" }
        var parts = ["'\(entry.agent ?? "PENDING")'", "'\(entry.signature)'"]
        if elements > 2 { parts.append(entry.baseline.messageCount.map { "\($0)" } ?? "None") }
        if elements > 3 { parts.append(entry.baseline.session.map { "'\($0)'" } ?? "None") }
        return "(" + parts.joined(separator: ", ") + ")"
    }
}

private enum AgentCacheVectors {
    static let lines = TextFile.vectors("agent_cache_guard.txt").flatMap(TextFile.read).map {
        $0.split(separator: "\n")
    }
}
