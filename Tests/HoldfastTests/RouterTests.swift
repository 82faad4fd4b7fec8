import Holdfast
import Testing

/// What needs no store.
@Suite struct RouterFunctionTests {
    @Test(arguments: [
        ("", [], "e3b0c44298fc1c149afbf4c8996fb924"), ("hello", [], "2cf24dba5fb0a30e26e83b2ac5b9e29e"),
        ("hello", ["read_file", "write_file"], "7fa1f6531ce7d2c88243148ad80c6124"),
        ("hello   world\n\tfoo", [], "d72210edc4d0e7771ef9a835e07ee4eb"),
        ("  hello world foo \n", [], "43e514827182845c1c519a921b089ef5"),
        (" e ion", [], "0ebdff1c4cfb8f56b50324a4733d3619"), ("pas", [], "ab4a57d6b51bd3349b5fa1eb3b68c96e"),
        (String(repeating: "a", count: 500), [], "69206a472a1f384259f2c387211f123d"),
        (String(repeating: "a", count: 504), ["t"], "1f3e6b67daa8cc011edde126a5d7606c"),
        (String(repeating: "日", count: 200), [], "4f8cb980d95ab1396f193a3cef7c6b8c"),
        ("\u{200B}hello", [], "02970d4c03ed2ae17010cf60b154fc18"),
        ("\u{85}hello\u{3000}", [], "2cf24dba5fb0a30e26e83b2ac5b9e29e"),
    ])
    func requestsAreHashedAsElsewhere(_ content: String, _ tools: [String], _ hash: String) {
        #expect(Router.hashRequestContent(content, tools: tools) == hash)
    }

    @Test func theIntendedHashTakesWhiteSpaceForOneSpace() {
        let hash = { Router.hashRequestContentByWhitespace($0) }
        #expect(hash("hello   world\n\tfoo") == hash(" hello world\u{2003}foo"))
        #expect(hash("session") != hash(" e ion"))
        // Without an s the two agree on a text whose spaces are single.
        #expect(hash("hello world foo") == Router.hashRequestContent("hello world foo"))
    }

    @Test func providersAndTheirTimes() {
        let providers = ["free/llama-4-maverick", "vllm/x", "a/", "", "anthropic/claude-sonnet-4.6"]
            .map(Router.providerFromModel)
        #expect(providers == ["free", "vllm", "a", "default", "anthropic"])
        #expect(["vllm", "Anthropic", "default"].map(Router.cacheTTLForProvider) == [600_000, 300_000, 300_000])
    }

    @Test func whatIsWorthACacheIsCountedInBytes() {
        let sticky = { (sizes: [Int]) in Router.shouldCacheSticky(sizes.map { String(repeating: "x", count: $0) }) }
        #expect(!sticky([]) && !sticky([8999]) && !sticky([8999, 6000]) && !sticky([5000, 5000, 4999]))
        #expect(!sticky([7500, 7499]) && sticky([8999, 8999]) && sticky([9000]))
        #expect(!Router.shouldCacheSticky([String(repeating: "日", count: 2999)]))
    }

    @Test func theSessionStandsInAHeader() {
        #expect(Router.getSessionID(headers: ["X-Session-Id": ["abc"]], name: "X-SESSION-ID") == "abc")
        #expect(Router.getSessionID(headers: ["X-Session-Id": ["", "b"]]) == "")
        #expect(Router.getSessionID(headers: ["X-My": ["q"]], name: "x-my") == "q")
        #expect(Router.getSessionID(headers: ["X-Session-Id": ["  abc "]]) == "  abc ")
        #expect(Router.getSessionID(headers: ["not a header": ["x"]], name: "not a header") == "x")
    }
}

/// The rules of the entries, through a store.
@Suite struct RouterRuleTests {
    private let clock = TestClock()
    private let log = MemoryLog()
    private let router: RouterStore

    init() throws {
        clock.now = 1_700_000_000_000
        router = RouterStore(try HoldfastStore.testing(log, clock: clock))
    }

    private func line(_ id: String) async throws -> String? { try await router.getSession(id)?.description }

    @Test func aPinKeepsItsTierUntilTheModelChanges() async throws {
        try await router.setSession("s", model: "m1", tier: .simple, isUserExplicit: true)
        try await router.setSession("s", model: "m1", tier: .complex)
        #expect(try await line("s") == "model=m1 tier=SIMPLE reqs=2 strikes=0 explicit=true cost=$0.000000")
        try await router.setSession("s", model: "m2", tier: .complex)
        try await router.touchSession("s")
        try await router.addSessionCost("s", micros: 1_234_567)
        try await router.addSessionCost("s", micros: -1)
        #expect(try await line("s") == "model=m2 tier=COMPLEX reqs=4 strikes=0 explicit=true cost=$1.234566")
        #expect(try await router.getSessionCostUSD("s") == 1.234566)
    }

    @Test func onlySetMakesAnEntry() async throws {
        try await router.addSessionCost("new", micros: 5)
        try await router.touchSession("new")
        try await router.escalateSession("new")
        try await router.setCacheSticky("new", provider: "vllm")
        #expect(try await router.recordRequestHash("new", "a") == 0)
        #expect(try await router.getSession("new") == nil)
        #expect(log.records(of: "new").isEmpty)
        #expect(try await router.getSessionCostUSD("new") == 0)
        #expect(try await router.getStats().count == 0)
    }

    @Test(arguments: [
        ("a", [0]), ("aa", [0, 1]), ("aaaaa", [0, 1, 2, 3, 4]), ("abab", [0, 0, 0, 0]), ("aabb", [0, 1, 1, 2]),
        ("aabaa", [0, 1, 1, 1, 2]), ("aabcaaa", [0, 1, 1, 1, 1, 2, 3]),
    ])
    func equalRequestsAreStrikes(_ hashes: String, _ strikes: [Int]) async throws {
        try await router.setSession("s", model: "m", tier: .simple)
        var counted: [Int] = []
        for hash in hashes { counted.append(try await router.recordRequestHash("s", String(hash))) }
        #expect(counted == strikes)
        #expect(try await router.getSession("s")?.recentHashes == hashes.suffix(3).map(String.init))
    }

    @Test func tiersAreRaisedToTheHighest() async throws {
        for (tier, next) in [("SIMPLE", "MEDIUM"), ("", "COMPLEX"), ("FOO", "COMPLEX"), ("REASONING", "REASONING")] {
            try await router.clearSession("s")
            try await router.setSession("s", model: "m", tier: RouterTier(rawValue: tier))
            try await router.escalateSession("s")
            let entry = try await router.known("s")
            #expect(entry.tier.rawValue == next && entry.isEscalated && entry.model == "m")
        }
        try await router.setSession("user", model: "m", tier: .simple, isUserExplicit: true)
        try await router.escalateSession("user")
        #expect(try await router.getSession("user")?.isEscalated == false)
    }

    @Test func aCachePinLastsAsLongAsItsProviderKeepsTheCache() async throws {
        try await router.setSession("s", model: "m", tier: .simple)
        try await router.setCacheSticky("s", provider: "anthropic")
        let since = clock.now
        clock.now += 300_000
        #expect(try await router.isCacheSticky("s"))
        clock.now += 1
        #expect(try await !router.isCacheSticky("s"))
        try await router.touchSession("s")
        try await router.setCacheSticky("s", provider: "vllm")
        #expect(try await router.isCacheSticky("s"))
        let entry = try await router.known("s")
        #expect(entry.provider == "anthropic" && entry.cachePinnedAt == since)
    }

    @Test func idleSessionsExpireWhenAskedForOrCleanedUp() async throws {
        let timeout = router.config.timeout
        try await router.setSession("s", model: "m", tier: .simple)
        try await router.addSessionCost("s", micros: 1_234_566)
        clock.now += timeout
        #expect(try await router.getSession("s") != nil)
        clock.now += 5
        #expect(try await router.getSessionCostUSD("s") == 1.234566)
        #expect(try await router.getStats().count == 1)
        #expect(try await router.getSession("s") == nil)
        #expect(try await router.getSessionCostUSD("s") == 0)
        try await router.setSession("s", model: "m", tier: .simple)
        #expect(try await router.getSession("s")?.requestCount == 1)
        // Nobody asks; the cleanup every five minutes takes it.
        clock.now += timeout + router.config.cleanupInterval
        #expect(try await router.getStats().count == 0)
        #expect(try await router.getSessionCostUSD("s") == 0)
        // A touch in time brings an expired one back.
        try await router.setSession("s", model: "m", tier: .simple)
        clock.now += timeout + 1
        try await router.touchSession("s")
        #expect(try await router.getSession("s")?.requestCount == 2)
    }

    @Test func statisticsCutLongIds() async throws {
        for id in ["k", "0123456789abcdef", "12345678"] {
            try await router.setSession(id, model: "m-\(id)", tier: .simple)
        }
        clock.now += 61_999
        let stats = try await router.getStats()
        #expect(stats.count == 3 && stats.sessions.map(\.id) == ["01234567...", "12345678", "k"])
        #expect(stats.sessions.map(\.age) == [61, 61, 61] && stats.sessions.last?.model == "m-k")
        try await router.clearAll()
        #expect(try await router.getStats() == RouterStore(router.store).getStats())
        #expect(try await router.getStats().sessions.isEmpty)
    }

    @Test func aDisabledRouterAndAnEmptyIdDoNothing() async throws {
        let off = RouterStore(router.store, config: .dosRouterDefault)
        try await off.setSession("s", model: "m", tier: .simple)
        #expect(try await off.getStats().count == 0)
        try await router.setSession("", model: "m", tier: .simple)
        #expect(try await router.getSession("") == nil)
        #expect(try await router.getStats().count == 0)
        try await router.setSession("s", model: "m", tier: .simple)
        #expect(try await off.getSession("s") == nil)
        try await off.clearSession("s")
        #expect(try await router.getSession("s") == nil)
    }

    @Test func anEntryGoesWithItsSession() async throws {
        try await router.setSession("s", model: "m", tier: .simple)
        try await router.store.write(.delete("s"))
        #expect(try await router.getSession("s") == nil)
        await #expect(throws: HoldfastError.self) {
            try await router.setSession("s", model: "m", tier: .simple)
        }
    }
}
