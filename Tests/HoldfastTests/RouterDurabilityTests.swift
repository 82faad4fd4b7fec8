import Holdfast
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import Testing

/// What of the router survives, and what its writes cost.
@Suite struct RouterDurabilityTests {
    private let clock = TestClock()

    init() { clock.now = 1_700_000_000_000 }

    @Test(arguments: [false, true])
    func everyEventSurvivesARestart(afterCompaction: Bool) async throws {
        let log = MemoryLog()
        let store = try HoldfastStore.testing(log, clock: clock)
        let router = RouterStore(store)
        try await store.write(.create("s", fields: #"{"title":"T"}"#))
        try await router.setSession("s", model: "anthropic/m", tier: .simple, isUserExplicit: false)
        for hash in ["a", "a", "b"] { try await router.recordRequestHash("s", hash) }
        try await router.escalateSession("s")
        try await router.addSessionCost("s", micros: -42)
        try await router.setCacheSticky("s", provider: "anthropic")
        let before = try await router.known("s")
        #expect(before.strikes == 1 && before.tier == .medium && before.recentHashes == ["a", "a", "b"])
        if afterCompaction { try await store.compact("s") }
        let restarted = RouterStore(try HoldfastStore.testing(log.afterCrash(), clock: clock))
        #expect(try await restarted.getSession("s") == before)
        #expect(try await restarted.recordRequestHash("s", "b") == 2)
        #expect(try await restarted.store.get("s").fields == #"{"title":"T"}"#)
        try await restarted.clearSession("s")
        #expect(try await restarted.getSession("s") == nil)
    }

    @Test func whatExpiredWhileNoProcessRanIsGone() async throws {
        let log = MemoryLog()
        let router = RouterStore(try HoldfastStore.testing(log, clock: clock))
        try await router.setSession("old", model: "m", tier: .simple)
        clock.now += 1_000
        try await router.setSession("new", model: "m", tier: .simple)
        clock.now += router.config.timeout
        let restarted = RouterStore(try HoldfastStore.testing(log.afterCrash(), clock: clock))
        #expect(try await restarted.getSessionCostUSD("old") == 0)
        #expect(try await restarted.getStats().sessions.map(\.id) == ["new"])
        // Not brought back by a touch either: it was gone before.
        try await restarted.touchSession("old")
        #expect(try await restarted.getSession("old") == nil)
        try await restarted.setSession("old", model: "m2", tier: .complex)
        #expect(try await restarted.getSession("old")?.requestCount == 1)
    }

    @Test func touchesShareRecords() async throws {
        let log = MemoryLog()
        let store = try HoldfastStore.testing(log, clock: clock)
        let router = RouterStore(store)
        try await router.setSession("s", model: "m", tier: .simple)
        for _ in 0..<600 {
            clock.now += 500
            try await router.touchSession("s")
        }
        #expect(try await router.getSession("s")?.requestCount == 601)
        #expect(try await router.getSession("s")?.lastUsedAt == clock.now)
        try await store.flush()
        // 300 seconds are ten intervals; the first touch of each is written.
        #expect(log.records(of: "s").count == 1 + 10)
        try store.close()
        let restarted = RouterStore(try HoldfastStore.testing(log.afterCrash(), clock: clock))
        #expect(try await restarted.getSession("s")?.requestCount == 601)
        #expect(try await restarted.getSession("s")?.lastUsedAt == clock.now)
    }

    @Test func aCrashTakesNoMoreThanOneIntervalOfTouches() async throws {
        let log = MemoryLog()
        let router = RouterStore(try HoldfastStore.testing(log, clock: clock))
        try await router.setSession("s", model: "m", tier: .simple)
        for _ in 0..<100 {
            clock.now += 1_000
            try await router.touchSession("s")
        }
        try await router.store.flush()
        let restarted = RouterStore(try HoldfastStore.testing(log.afterCrash(), clock: clock))
        let entry = try await restarted.known("s")
        #expect(clock.now - entry.lastUsedAt < router.config.touchInterval)
        #expect(entry.requestCount == 1 + 90)
    }

    @Test func idleSessionsLeaveNoTouchesBehind() async throws {
        let log = MemoryLog()
        let router = RouterStore(try HoldfastStore.testing(log, clock: clock))
        for n in 0..<200 { try await router.setSession("s\(n)", model: "m", tier: .simple) }
        clock.now += 1
        for n in 0..<200 { try await router.touchSession("s\(n)") }
        #expect((0..<200).allSatisfy { log.records(of: "s\($0)").count == 1 })
        clock.now += router.config.touchInterval
        // So many that each part of the table is swept: of 200, one in 20 runs would miss one.
        for n in 0..<1_000 { try await router.touchSession("t\(n)") }
        try await router.store.flush()
        #expect((0..<200).allSatisfy { log.records(of: "s\($0)").count == 2 })
    }

    @Test func otherEventsTakeTheTouchesAlong() async throws {
        let log = MemoryLog()
        let router = RouterStore(try HoldfastStore.testing(log, clock: clock))
        try await router.setSession("s", model: "m", tier: .simple)
        clock.now += 10
        for _ in 0..<5 { try await router.touchSession("s") }
        try await router.addSessionCost("s", micros: 1)
        let restarted = RouterStore(try HoldfastStore.testing(log.afterCrash(), clock: clock))
        let entry = try await restarted.known("s")
        #expect(entry.requestCount == 6 && entry.lastUsedAt == clock.now && entry.costMicros == 1)
    }

    @Test func touchesCostNoSyncEach() async throws {
        let storage = CountingStorage(SimulatedStorage())
        var engine = EngineOptions()
        engine.flushInterval = 3_600_000
        var options = StoreOptions()
        options.compactsInBackground = false
        options.now = { [clock] in clock.now }
        let store = try HoldfastStore.opened(in: storage, engine: engine, options: options).store
        let router = RouterStore(store)
        try await router.setSession("s", model: "m", tier: .simple)
        storage.counters.reset()
        for _ in 0..<50 { try await router.addSessionCost("s", micros: 1) }
        let perEvent = storage.counters.reset().syncs
        for _ in 0..<5_000 {
            clock.now += 60
            try await router.touchSession("s")
            _ = try await router.getSession("s")
        }
        try await store.flush()
        let touching = storage.counters.reset().syncs
        #expect(perEvent >= 50)
        // 300 seconds are ten intervals with a record each, and the flush is one more sync.
        #expect(touching <= 10 + 1)
        try store.close()
    }

    @Test func writersOnManyTasksLoseNothing() async throws {
        let log = MemoryLog()
        let router = RouterStore(try HoldfastStore.testing(log, hotSessions: 2, clock: clock))
        for n in 0..<4 { try await router.setSession("s\(n)", model: "m", tier: .simple) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<400 {
                group.addTask {
                    try await router.addSessionCost("s\(n % 4)", micros: 1)
                    try await router.touchSession("s\(n % 4)")
                }
            }
            try await group.waitForAll()
        }
        router.close()
        for n in 0..<4 {
            let entry = try await router.known("s\(n)")
            #expect(entry.costMicros == 100 && entry.requestCount == 101)
        }
    }

    @Test func anEventOfAnEarlierAttemptAtATurnIsRefused() throws {
        let client = try Client(try HoldfastStore.testing(MemoryLog(), clock: clock))
        _ = client.call(#"{"op":"create","session":"s"}"#)
        _ = client.call(#"{"op":"begin_turn","session":"s","turn":"t","message":{}}"#)
        _ = client.call(#"{"op":"begin_turn","session":"s","turn":"t","resume":true}"#)
        let set = #"{"op":"router","session":"s","event":"set","model":"m","turn":"t","attempt":"#
        #expect(client.call(set + "1}").code == "stale_turn")
        #expect(client.call(set + "2}").isOK)
    }

    @Test func theProtocolHasTheSameOperations() throws {
        let client = try Client(try HoldfastStore.testing(MemoryLog(), clock: clock))
        let set = client.call(
            #"{"id":1,"op":"router","session":"s","event":"set","model":"vllm/m","tier":"SIMPLE"}"#)
        #expect(set.isOK && set["sequence"] == "1", "\(set)")
        for _ in 0..<2 {
            let strike = client.call(#"{"op":"router","session":"s","event":"hash","hash":"h","key":"k"}"#)
            #expect(strike["strikes"] == "0" && strike["sequence"] == "2", "\(strike)")
        }
        #expect(client.call(#"{"op":"router","session":"s","event":"hash","hash":"h"}"#)["strikes"] == "1")
        #expect(client.call(#"{"op":"router","session":"s","event":"cost","micros":-7}"#).isOK)
        #expect(client.call(#"{"op":"router","session":"s","event":"sticky","provider":"vllm"}"#).isOK)
        #expect(client.call(#"{"op":"router","session":"s","event":"escalate"}"#).isOK)
        clock.now += 1
        for _ in 0..<2 {
            let touched = client.call(#"{"op":"router","session":"s","event":"touch"}"#)
            #expect(touched["durable"] == "false" && touched["strikes"] == "1")
        }
        let entry = client.call(#"{"op":"router_get","session":"s"}"#)
        #expect(entry["router", "tier"] == "\"MEDIUM\"" && entry["router", "request_count"] == "3", "\(entry)")
        #expect(entry["router", "cache_sticky_now"] == "true" && entry["router", "session_cost_micros"] == "-7")
        let stats = client.call(#"{"op":"router_stats"}"#)
        #expect(stats["count"] == "1" && stats["sessions"] == #"[{"id":"s","model":"vllm/m","age":0}]"#, "\(stats)")
        #expect(client.call(#"{"op":"router","session":"s","event":"expire"}"#).isOK)
        #expect(client.call(#"{"op":"router","session":"s","event":"clear"}"#).isOK)
        #expect(client.call(#"{"op":"router_get","session":"s"}"#)["router"] == "null")
        #expect(client.call(#"{"op":"router","session":"s","event":"fly"}"#).code == "bad_request")
        #expect(client.call(#"{"op":"router","session":"s","event":"touch","model":"m"}"#).code == "bad_request")
        #expect(client.call(#"{"op":"router_get"}"#).code == "bad_request")
    }
}
