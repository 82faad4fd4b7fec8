import HoldfastBytes
import HoldfastThreads

/// What a router of model requests knows about its sessions, durably: pins to models, tiers, strikes, cost, cache
/// pins.
///
/// The methods are those of the package `session` of DOSRouter. Each entry is part of the session of the same id:
/// what changes it is a record there, answered when it is durable, and a restart finds it. ``touchSession(_:)``
/// alone is not: a session's touches are written at most once per ``RouterConfig/touchInterval``, with durability
/// `soon`, or along with its next other event, so that a crash can make ``RouterEntry/lastUsedAt`` older by one
/// interval. Entries expire by the wall clock, also while no process runs.
///
/// A value without state of its own: any number of them may work on one store, from any thread. Reads show what was
/// written, durable or not, and cost no sync. An empty id, and a router that is not enabled, find nothing and
/// change nothing.
public struct RouterStore: Sendable {
    /// Where the sessions are.
    public let store: HoldfastStore
    /// How sessions are kept.
    public let config: RouterConfig

    /// The router of the sessions in `store`.
    public init(_ store: HoldfastStore, config: RouterConfig = RouterConfig()) {
        self.store = store
        self.config = config
    }

    private func isKept(_ id: String) -> Bool { config.isEnabled && !id.isEmpty }
}

// The events.
extension RouterStore {
    /// Pins the session to `model`. A known session keeps its tier unless the model changes, and stays a user's
    /// choice once it was one. A session that the store does not have is made.
    public func setSession(
        _ id: String, model: String, tier: RouterTier, isUserExplicit: Bool = false
    ) async throws(HoldfastError) {
        _ = try await write(.set(model: model, tier: tier, isUserExplicit: isUserExplicit), to: id)
    }

    /// Notes that the session is in use. Expired entries come to life again. No record, but for one per
    /// ``RouterConfig/touchInterval``.
    public func touchSession(_ id: String) async throws(HoldfastError) { _ = try await write(.touch, to: id) }

    /// Adds the hash of a request and answers how many strikes the session has: one for each request that was equal
    /// to the one before it. 0 for an unknown session.
    @discardableResult
    public func recordRequestHash(_ id: String, _ hash: String) async throws(HoldfastError) -> Int {
        try await write(.requestHash(hash), to: id)?.strikes ?? 0
    }

    /// Raises the session's tier by one, unless a user chose the model. Nothing else calls this: how many strikes
    /// are too many is the caller's to say.
    public func escalateSession(_ id: String) async throws(HoldfastError) { _ = try await write(.escalate, to: id) }

    /// Adds to the session's cost, in millionths of a dollar; a negative number takes some back.
    public func addSessionCost(_ id: String, micros: Int64) async throws(HoldfastError) {
        _ = try await write(.cost(micros: micros), to: id)
    }

    /// Pins the session to the cache of `provider`. The first call counts.
    public func setCacheSticky(_ id: String, provider: String) async throws(HoldfastError) {
        _ = try await write(.cacheSticky(provider: provider), to: id)
    }

    /// Drops the session's entry, also when the router is not enabled. The session itself stays.
    public func clearSession(_ id: String) async throws(HoldfastError) {
        if !id.isEmpty { try await submitting(.router(id, .clear)) }
    }

    /// Drops every entry. Looks at every session of the store.
    public func clearAll() async throws(HoldfastError) {
        for row in try await store.onWorker({ (store) throws(HoldfastError) in try store.routerRows() }) {
            var clear = Mutation.router(row.session, .clear)
            clear.durability = .soon
            try await submitting(clear)
        }
        try await store.flush()
    }

    /// Writes the touches that have no record yet, with durability `soon`. The store stays open, and this too may
    /// be used again.
    public func close() { store.settleTouches() }

    private func write(_ event: RouterEvent, to id: String) async throws(HoldfastError) -> WriteResult? {
        isKept(id) ? try await submitting(.router(id, event)) : nil
    }

    @discardableResult
    private func submitting(_ mutation: Mutation) async throws(HoldfastError) -> WriteResult {
        let result = await withCheckedContinuation { continuation in
            let submit: @Sendable () -> Void = {
                self.submit(mutation) { continuation.resume(returning: $0) }
            }
            if store.sessions.isReady(mutation.session) { submit() } else { store.workers.run(submit) }
        }
        return try result.get()
    }
}

// The reads.
extension RouterStore {
    /// The session's entry; `nil` when there is none, or when it has been idle for longer than the timeout, and
    /// then it is gone. Does not count as use.
    public func getSession(_ id: String) async throws(HoldfastError) -> RouterEntry? {
        try await reading(id) { (router) throws(HoldfastError) in try router.currentEntry(of: id) }.entry
    }

    /// What the session has cost, in dollars; 0 when it is unknown. Does not ask whether it has expired.
    public func getSessionCostUSD(_ id: String) async throws(HoldfastError) -> Double {
        try await reading(id) { (router) throws(HoldfastError) in try router.knownEntry(of: id)?.costUSD ?? 0 }
    }

    /// Whether the session is pinned to a provider that is likely to have its prompt cached still.
    public func isCacheSticky(_ id: String) async throws(HoldfastError) -> Bool {
        try await reading(id) { (router) throws(HoldfastError) in
            try router.knownEntry(of: id)?.isCacheSticky(now: router.store.options.now()) ?? false
        }
    }

    /// The entries of all sessions. Looks at every session of the store.
    public func getStats() async throws(HoldfastError) -> RouterStats {
        try await store.onWorker { (_) throws(HoldfastError) in try currentStats() }
    }

    /// Runs `body` at once when nothing must be read from disk for it, else on a thread that may block.
    private func reading<Value: Sendable>(
        _ id: String, _ body: @escaping @Sendable (RouterStore) throws(HoldfastError) -> Value
    ) async throws(HoldfastError) -> Value {
        if store.sessions.isReady(id) { return try body(self) }
        return try await store.onWorker { (_) throws(HoldfastError) in try body(self) }
    }
}

// The same, blocking.
extension RouterStore {
    /// An entry, and when it was looked at.
    struct Current: Sendable {
        var entry: RouterEntry?
        var now: UInt64
    }

    /// The session's entry unless it has expired; one that has is dropped.
    func currentEntry(of id: String) throws(HoldfastError) -> Current {
        let now = store.options.now()
        guard let entry = try knownEntry(of: id) else { return Current(now: now) }
        guard entry.isExpired(now: now, timeout: config.timeout) else { return Current(entry: entry, now: now) }
        var expire = Mutation.router(id, .expire)
        expire.durability = .soon
        submit(expire) { _ in }
        return Current(now: now)
    }

    /// The session's entry, expired or not, unless it was cleaned up.
    func knownEntry(of id: String) throws(HoldfastError) -> RouterEntry? {
        guard isKept(id) else { return nil }
        let session = try HoldfastStore.sessionID(id)
        return try store.operate { () throws(HoldfastError) in
            try store.touches.withTouches(of: session) { (touches) throws(HoldfastError) in
                try store.sessions.view(of: session).head.router
                    .entry(after: touches, horizon: horizon(store.options.now()))
            }
        }
    }

    /// What ``getStats()`` answers.
    func currentStats() throws(HoldfastError) -> RouterStats {
        let now = store.options.now()
        let horizon = horizon(now)
        var sessions: [RouterStats.Session] = []
        for row in try store.routerRows() {
            let touches = store.touches.withTouches(of: row.id) { $0 }
            let lastUsedAt = touches.count > 0 ? touches.lastAt : row.lastUsedAt
            guard lastUsedAt >= horizon else { continue }
            let age = (now - min(now, row.createdAt)) / 1_000
            sessions.append(RouterStats.Session(id: Self.cut(row.session), model: row.model, age: age))
        }
        sessions.sort { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        return RouterStats(count: sessions.count, sessions: sessions)
    }

    private static func cut(_ id: String) -> String {
        id.utf8.count > 8 ? String(decoding: id.utf8.prefix(8), as: UTF8.self) + "..." : id
    }
}

// How an event becomes a record, or waits for one.
extension RouterStore {
    /// Makes the change `mutation`, which is the router's, and calls `completion` exactly once.
    func submit(_ mutation: Mutation, _ completion: @escaping HoldfastStore.Completion) {
        // Not while the session's touches are locked: whoever is answered may come back.
        let answer = HeldAnswer(completion)
        do throws(HoldfastError) {
            let mutation = try mutation.checked()
            guard case .router(let change) = mutation.change, let request = change.request else {
                preconditionFailure("a mutation that is not the router's")
            }
            try store.operate { () throws(HoldfastError) in
                try perform(request, mutation, on: try HoldfastStore.sessionID(mutation.session), answer)
            }
        } catch {
            answer.give(.failure(error))
        }
        answer.letGo()
    }

    private func perform(
        _ request: RouterRequest, _ mutation: Mutation, on id: SessionID, _ answer: HeldAnswer
    ) throws(HoldfastError) {
        let now = store.options.now()
        if request.event == .touch {
            store.touches.sweep(near: id, now: now, interval: config.touchInterval) { store.record($1, of: $0) }
        }
        try store.touches.withTouches(of: id) { (touches) throws(HoldfastError) in
            if mutation.isPlainTouch, let result = try store.postponedTouch(of: id, touches, at: now, config) {
                touches = RouterTouches(count: touches.count + 1, lastAt: now)
                return answer.give(.success(result))
            }
            if mutation.key != nil, touches.count > 0 {
                // A retry changes nothing, and would take them with it.
                store.record(touches, of: id)
                touches = RouterTouches()
            }
            var request = request
            (request.now, request.touches) = (now, touches)
            request.horizon = request.event == .expire ? now - min(now, config.timeout) : horizon(now)
            try store.perform(mutation.asking(request), on: id) { answer.give($0) }
            touches = RouterTouches()
        }
    }

    private func horizon(_ now: UInt64) -> UInt64 { config.horizon(now: now, openedAt: store.openedAt) }
}

/// The answer to a write, which waits until it may be given.
private final class HeldAnswer: Sendable {
    private enum State {
        case held(Result<WriteResult, HoldfastError>?)
        case free
    }

    private let state = Lock(State.held(nil))
    private let completion: HoldfastStore.Completion

    init(_ completion: @escaping HoldfastStore.Completion) { self.completion = completion }

    /// Takes the answer, on any thread, and gives it unless it is held.
    func give(_ result: Result<WriteResult, HoldfastError>) {
        let isFree = state.withLock { state in
            guard case .held = state else { return true }
            state = .held(result)
            return false
        }
        if isFree { completion(result) }
    }

    /// From now on answers are given at once.
    func letGo() {
        let held = state.withLock { state in
            defer { state = .free }
            guard case .held(let result) = state else { return nil as Result<WriteResult, HoldfastError>? }
            return result
        }
        if let held { completion(held) }
    }
}

extension Mutation {
    /// An event of the router of model requests; see ``RouterStore``. Durability is `.soon` for a touch.
    public static func router(_ session: String, _ event: RouterEvent) -> Mutation {
        var mutation = Mutation(session, .router(RouterChange(RouterRequest(event: event))))
        if event == .touch { mutation.durability = .soon }
        return mutation
    }

    /// Whether this is a touch that need not have a record.
    fileprivate var isPlainTouch: Bool {
        guard case .router(let change) = self.change, change.request?.event == .touch else { return false }
        return durability == .soon && key == nil && turn == nil && ifSequence == nil
    }

    /// The same with another request of the router.
    fileprivate func asking(_ request: RouterRequest) -> Mutation {
        var asking = self
        asking.change = .router(RouterChange(request))
        return asking
    }
}
